"""Tables of any library: columns, files, complete cases and centring."""

from __future__ import annotations

from echelon.data.centering import center, group_mean
from echelon.data.column import Column
from echelon.data.complete import Missing, check_finite, complete_cases
from echelon.data.frame import Frame
from echelon.data.native import Values, named, to_native
from echelon.data.readers import read
from echelon.data.writers import write

__all__ = [
    "Column",
    "Frame",
    "Missing",
    "Values",
    "center",
    "check_finite",
    "complete_cases",
    "group_mean",
    "named",
    "read",
    "to_native",
    "write",
]
