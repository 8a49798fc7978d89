"""Planned studies with what can be made of them."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Self

from echelon.api.power_columns import power_columns
from echelon.api.power_simulated import simulate
from echelon.api.shown import Shown
from echelon.data import to_native
from echelon.plot.power import power_plot
from echelon.study.powers import Powers

if TYPE_CHECKING:
    from echelon.show.table import Table


def _table(found: Powers, *, digits: int = 3) -> Table:
    """The plans as a `Table`: one row a plan, or rows by columns where two things vary."""
    from echelon.show.power import power_table

    return power_table(found, digits=digits)


def _frame(found: Powers, *, backend: str = "pandas") -> object:
    """One row a plan, in pandas, polars or pyarrow."""
    return to_native(power_columns(found), backend)


class PowerResult(Shown, Powers):
    """Planned studies with their power; see `Powers` for their values."""

    __slots__ = ()

    @classmethod
    def of(cls, values: Powers) -> Self:
        """The same values with the methods of the public surface."""
        return cls(**{f.name: getattr(values, f.name) for f in fields(Powers)})

    frame = _frame
    table = _table
    plot = power_plot
    simulate = simulate
