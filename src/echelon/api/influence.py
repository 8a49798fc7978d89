"""`fit.influence()`: what single rows, or whole groups, do to the estimates."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Self

import numpy as np

from echelon.api.options import known_options
from echelon.api.shown import Shown
from echelon.diagnose.influence import (
    GroupInfluence,
    RowInfluence,
    group_influence_values,
    linear_without_rows,
    row_influence_values,
    row_refits,
    without_rows,
)
from echelon.diagnose.influence.frames import group_frame, row_frame, row_labels
from echelon.errors import DataError, nearest_hint
from echelon.model.fit import LmmFit, OlsFit
from echelon.plot.influence import group_influence_plot, row_influence_plot

if TYPE_CHECKING:
    from echelon.api.results import LMM, OLS
    from echelon.show.table import Table

_GROUP = 'Groups are named by the first argument: fit.influence("school").'
_ROWS = "Rows are left out by fit.influence() without a name."
_HABITS = {
    "group": _GROUP,
    "groups": _GROUP,
    "level": _GROUP,
    "obs": _ROWS,
    "approx": "Variance parameters are held with refit=False, estimated again with refit=True.",
    "data": "A fit keeps what it needs of its data; by= takes labels one a row.",
    "delete": 'One group left out: fit.influence("school").without("5036").',
}


def _row_table(found: RowInfluence, *, top: int | None = 10, digits: int = 3) -> Table:
    """The most influential rows as a `Table`; `top` None for all."""
    from echelon.show.influence import row_influence_table

    return row_influence_table(found, top=top, digits=digits)


def _group_table(found: GroupInfluence, *, top: int | None = 10, digits: int = 3) -> Table:
    """The most influential groups as a `Table`; `top` None for all."""
    from echelon.show.influence import group_influence_table

    return group_influence_table(found, top=top, digits=digits)


def without_row(found: RowInfluence, row: object) -> LMM | OLS:
    """The same model without one row, as a fit.

    Parameters
    ----------
    row : as `.frame()` calls it: its label in a pandas table, or its number from 0
    """
    labels = row_labels(found)
    if row not in labels:
        hint = nearest_hint(str(row), [str(label) for label in labels], "There are")
        raise DataError(f"No row {row!r} among those used.{hint}")
    return _refitted(found.fit, np.arange(found.n) != labels.index(row))


def without_group(found: GroupInfluence, label: object) -> LMM | OLS:
    """The same model without one group, as a fit.

    Parameters
    ----------
    label : of the group, as a number or as text
    """
    return _refitted(found.fit, found.units.codes != found.units.place(label))


def _refitted(fit: LmmFit | OlsFit, keep: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> LMM | OLS:
    from echelon.api.results import LMM, OLS

    if isinstance(fit, OlsFit):
        return OLS.of(linear_without_rows(fit, keep))
    return LMM.of(without_rows(fit, keep))


class RowInfluenceResult(Shown, RowInfluence):
    """Influence of single rows; see `RowInfluence` for its values."""

    __slots__ = ()

    @classmethod
    def of(cls, values: RowInfluence) -> Self:
        """The same values with the methods of the public surface."""
        return cls(**{f.name: getattr(values, f.name) for f in fields(RowInfluence)})

    frame = row_frame
    table = _row_table
    plot = row_influence_plot
    without = without_row


class GroupInfluenceResult(Shown, GroupInfluence):
    """Influence of groups; see `GroupInfluence` for its values."""

    __slots__ = ()

    @classmethod
    def of(cls, values: GroupInfluence) -> Self:
        """The same values with the methods of the public surface."""
        return cls(**{f.name: getattr(values, f.name) for f in fields(GroupInfluence)})

    frame = group_frame
    table = _group_table
    plot = group_influence_plot
    without = without_group


def _influence(
    fit: LmmFit | OlsFit, by: object = None, *, refit: bool | str | None = None
) -> RowInfluenceResult | GroupInfluenceResult:
    """Leave out every row, or every group, in turn: what do the estimates owe to it?

    Parameters
    ----------
    by : None for single rows. For groups the name of a grouping factor or of a variable of the
        model, or one label a row, as data["district"]
    refit : None for what is exact and affordable: rows with the variance parameters held (in closed
        form), groups refitted, in models of one factor and very many groups by one Newton step, in
        models of several and very many groups with variances held. True for exact refits, False for
        variance parameters held, "one-step"

    Returns
    -------
    RowInfluenceResult or GroupInfluenceResult : print it (the most influential first); `.frame()`
        in the caller's library, `.table(top=...)`, `.plot()`, `.without(label)` the fit without
        one; attributes `cooks`, `dfbetas`, `covratio`, `leverage` (rows), `beta` (groups, the
        estimates themselves) and others

    Raises
    ------
    NeedsRows : rows of a fit from summaries
    DataError, NotIdentified : a name that is not known; labels that do not match; two groups
    UnknownOption, UnknownArgument : an option that does not exist
    NotYetSupported : a fit by the iterative method

    Notes
    -----
    `deletion-row`, `deletion-refit`, `cook`, `dfbetas`, `covratio`; christensen1992,
    demidenko2005. With one grouping factor all refits are one batch: subtracting a group from the
    cross-products costs nothing, and the searches share every pass over the groups.

    Examples
    --------
    >>> import echelon as ec
    >>> sleep = ec.datasets.load("sleepstudy", quiet=True)
    >>> fit = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep)
    >>> found = fit.influence("Subject")
    >>> found.frame()[["Subject", "cooks", "dfbetas_Days"]].round(3).head(2)
      Subject  cooks  dfbetas_Days
    0     308  0.092         0.449
    1     309  0.149        -0.310
    >>> found.without("308").fixef().round(2).tolist()
    [251.83, 9.8]
    """
    if by is not None:
        return GroupInfluenceResult.of(group_influence_values(fit, by, refit=refit))
    if refit in (None, False) or isinstance(fit, OlsFit):
        return RowInfluenceResult.of(row_influence_values(fit))
    return GroupInfluenceResult.of(row_refits(fit, refit=refit))


influence = known_options(_influence, "influence", _HABITS)
"""See `_influence`."""
