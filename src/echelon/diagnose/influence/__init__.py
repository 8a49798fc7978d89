"""Influence: what single rows and whole groups do to the estimates."""

from __future__ import annotations

from echelon.diagnose.influence.choose import group_influence_values, row_refits
from echelon.diagnose.influence.groups import GroupInfluence, component_names, components_of
from echelon.diagnose.influence.rows import RowInfluence, row_influence_values
from echelon.diagnose.influence.single import linear_without_rows, without_rows
from echelon.diagnose.influence.units import Units, units_of

__all__ = [
    "GroupInfluence",
    "RowInfluence",
    "Units",
    "component_names",
    "components_of",
    "group_influence_values",
    "linear_without_rows",
    "row_influence_values",
    "row_refits",
    "units_of",
    "without_rows",
]
