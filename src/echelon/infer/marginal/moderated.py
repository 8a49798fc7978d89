"""The effect of one predictor as a function of another: what a Johnson-Neyman analysis is of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.errors import DataError
from echelon.formula.values import level_text
from echelon.infer.marginal.derivatives import (
    any_predictor,
    is_straight,
    numeric_predictor,
    partners,
    slope_rows,
)
from echelon.infer.marginal.estimable import estimable
from echelon.infer.marginal.grid import At, Grid, reference_grid, values_given
from echelon.infer.marginal.levels import levels_of, number_categories
from echelon.infer.marginal.means import averaging
from echelon.infer.marginal.names import difference
from echelon.infer.marginal.remarks import listed
from echelon.model.fit import LmmFit, OlsFit

Array = NDArray[np.float64]
Rows = Callable[[Array], Array]
_WHERE = "johnson_neyman()"


def moderated_effect(
    fit: LmmFit | OlsFit, focal: str, moderator: str, at: At | None
) -> tuple[Rows, str]:
    """The effect as linear functions (m, p) of the fixed effects at moderator values (m,).

    Returns
    -------
    the function, and the effect in words: "slope of cses", "Catholic - Public"

    Raises
    ------
    UnknownColumn : a name that is no predictor of the fixed part
    DataError : the two do not interact; a moderator or a focal predictor that is a factor; an
        effect that cannot be estimated
    """
    given = values_given(at)
    levels = _check(fit, focal, moderator, given)
    rows = _Curve(fit, focal, moderator, given, bool(levels))
    words = difference(levels[1], levels[0]) if levels else f"slope of {focal}"
    if not is_straight(fit, moderator) or moderator == focal:
        return rows, words
    zero, one = rows(np.array([0.0, 1.0]))
    return _Line(zero, one - zero), words


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """An effect that is a straight line in the moderator."""

    zero: Array
    slope: Array

    def __call__(self, m: Array) -> Array:
        return np.asarray(self.zero + np.asarray(m)[:, None] * self.slope)


@dataclass(frozen=True, slots=True, eq=False)
class _Curve:
    """The effect at any values, averaged over the rest of the grid with equal weights."""

    fit: LmmFit | OlsFit
    focal: str
    moderator: str
    given: Mapping[str, object]
    categories: bool

    def __call__(self, m: Array) -> Array:
        fit, focal, moderator = self.fit, self.focal, self.moderator
        if not len(m):
            return np.empty((0, len(fit.names)))
        grid = reference_grid(fit, {**self.given, moderator: m})
        if self.categories:
            L, lost = _contrast(grid, focal, moderator)
        else:
            D, unseen = slope_rows(fit, focal, grid.columns)
            K = averaging(grid, (moderator,), "equal")
            L, lost = K @ D, K @ unseen
        if not estimable(lost).all():
            raise DataError(
                f"The effect of {focal!r} cannot be estimated: columns of the model were dropped "
                f"because the data cannot tell them apart ({', '.join(fit.dropped)})."
            )
        return L


def _contrast(grid: Grid, focal: str, moderator: str) -> tuple[Array, Array]:
    """The second level of a factor less the first, at each value of the moderator."""
    K = averaging(grid, (focal, moderator), "equal")
    low, high = K[::2], K[1::2]
    return (high - low) @ grid.X, (high - low) @ grid.lost


def _check(fit: LmmFit | OlsFit, focal: str, moderator: str, at: At | None) -> tuple[str, ...]:
    """The two levels of a focal factor, () for a number; raises where there is no such analysis."""
    column = any_predictor(fit, focal, _WHERE)
    own = any_predictor(fit, moderator, _WHERE)
    counted = number_categories(fit)
    both = levels_of(own, moderator in counted)
    if both is not None:
        raise DataError(
            f"The moderator {moderator!r} has categories, no range to look along. The effect at "
            f'each of them: fit.slopes("{focal}", by="{moderator}").'
        )
    if moderator in (at or {}):
        raise DataError(f"at= gives a value of the moderator {moderator!r}, which is to vary.")
    _check_interaction(fit, focal, moderator)
    if column.levels is None and focal not in counted:
        numeric_predictor(fit, focal, _WHERE)
        return ()
    found = levels_of(column, every=True)
    values = () if found is None else found.values.tolist()
    texts = [level_text(v if column.levels is None else column.levels[int(v)]) for v in values]
    if len(texts) != 2:
        raise DataError(
            f"{focal!r} has {len(texts)} levels, and there is one region for each pair of them. "
            f'Compare the means at chosen values instead: fit.emmeans("{focal}", at='
            f'{{"{moderator}": [...]}}, by="{moderator}").contrasts().'
        )
    return tuple(texts)


def _check_interaction(fit: LmmFit | OlsFit, focal: str, moderator: str) -> None:
    found = partners(fit, focal)
    if moderator in found:
        return
    others = [name for name in found if name != focal]
    there = f" It interacts with {listed(others)}." if others else ""
    if moderator == focal:
        raise DataError(
            f"The slope of {focal!r} does not depend on {focal!r} itself in this model.{there}"
        )
    raise DataError(
        f"{focal!r} and {moderator!r} do not interact in this model, so the effect of {focal!r} is "
        f"the same at every {moderator!r}.{there} Add {focal}:{moderator} to the formula for a "
        "Johnson-Neyman analysis."
    )
