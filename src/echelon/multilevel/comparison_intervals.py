"""Intervals of groups that may be compared by eye: two that do not overlap differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from echelon.data import Values, to_native
from echelon.effects.joint import GroupCoefficients, Of
from echelon.errors import DataError, UnknownOption
from echelon.linalg.distributions import check_level
from echelon.model.fit import LmmFit
from echelon.multilevel.factors import check_one_factor, place_of
from echelon.multilevel.groups import group_values
from echelon.multilevel.named_groups import check_draws, compared
from echelon.multilevel.overlap import (
    Pairs,
    all_or_even_pairs,
    mean_width,
    quasi_variances,
    simultaneous_width,
)
from echelon.multilevel.ranks import Rng

Array = NDArray[np.float64]
Estimator = Literal["eb", "ols"]
Adjustment = Literal["none", "bonferroni", "sidak", "simultaneous"]


@dataclass(frozen=True, slots=True, eq=False)
class ComparisonIntervals:
    """Estimates of groups -/+ width x comparative SE: no overlap means that two of them differ.

    Attributes
    ----------
    fit : the fit
    factor, term, levels : grouping factor, coefficient, J labels
    of : "effect" (beyond the prediction) or "coefficient" (prediction + effect)
    estimator : "eb" or "ols"
    adjust, level : adjustment for all pairs; 1 - level is the level of the comparisons
    count : (J,) rows a group
    estimate : (J,) nan where a group alone has no least-squares estimate
    comparative_se : (J,) roots of the quasi-variances: variances of independent errors that come
        closest to the variances of all differences
    low, high : (J,) the comparison intervals
    width : half-width of the intervals in comparative standard errors
    width_mcse : its Monte Carlo standard error for adjust="simultaneous", else 0
    pairs : all pairs of groups
    pairs_used : those over which the level is averaged
    pair_levels : lowest and highest level of a pair
    """

    fit: LmmFit
    factor: str
    term: str
    levels: tuple[object, ...]
    of: Of
    estimator: Estimator
    adjust: Adjustment
    level: float
    count: NDArray[np.intp]
    estimate: Array
    comparative_se: Array
    low: Array
    high: Array
    width: float
    width_mcse: float
    pairs: int
    pairs_used: int
    pair_levels: tuple[float, float]

    @property
    def J(self) -> int:
        """Groups."""
        return len(self.levels)

    def differing(self) -> int:
        """How many of all pairs have intervals that do not overlap. Cost O(J log J)."""
        known = np.isfinite(self.low)
        ends = np.sort(self.high[known])
        return int(np.searchsorted(ends, self.low[known], side="left").sum())


def comparison_values(
    fit: LmmFit,
    factor: str | None = None,
    term: str | None = None,
    *,
    level: float = 0.95,
    adjust: Adjustment = "none",
    of: Of = "effect",
    estimator: Estimator = "eb",
    n: int = 10_000,
    rng: Rng = 0,
) -> ComparisonIntervals:
    """Comparison intervals of the groups of a factor.

    Notes
    -----
    `comparison-interval`, `quasi-variance`, `comparison-adjusted`; goldstein1995, firth2004,
    afshartous2010.
    """
    check_level(level)
    check_draws(n)
    _check_option("adjust", adjust, get_args(Adjustment))
    _check_option("estimator", estimator, get_args(Estimator))
    place = place_of(fit, factor, "comparison_intervals()")
    given = compared(fit, place, term, of)
    estimate, se, known, pairs, ratio = _compared(given, estimator)
    count = len(known) * (len(known) - 1) // 2
    if adjust == "simultaneous":
        width, error = simultaneous_width(given, se, known, level, n, rng, own=estimator == "ols")
    else:
        width, error = mean_width(ratio, _pair_level(adjust, 1 - level, count)), 0.0
    group = fit.moments.groups[place]
    return ComparisonIntervals(
        fit=fit,
        factor=group.factor,
        term=group.effects[given.at],
        levels=group.levels,
        of=of,
        estimator=estimator,
        adjust=adjust,
        level=level,
        count=group.count,
        estimate=estimate,
        comparative_se=se,
        low=estimate - width * se,
        high=estimate + width * se,
        width=width,
        width_mcse=error,
        pairs=count,
        pairs_used=len(pairs),
        pair_levels=_range(pairs, ratio, width),
    )


def _check_option(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UnknownOption(name, value, choices)


def _compared(
    given: GroupCoefficients, estimator: str
) -> tuple[Array, Array, NDArray[np.intp], Pairs, Array]:
    """Estimates, comparative standard errors, groups that have them, pairs and their ratios."""
    if estimator == "ols":
        estimate, se = _least_squares(given)
        known = np.flatnonzero(np.isfinite(se) & (se > 0))
        pairs = all_or_even_pairs(known)
        apart: Array = np.hypot(se[pairs.j], se[pairs.k])
    else:
        estimate, known = given.estimate, np.arange(given.J)
        pairs = all_or_even_pairs(known)
        apart = given.difference_se(pairs.j, pairs.k)
        se = np.sqrt(quasi_variances(pairs, apart**2, given.J))
    return estimate, se, known, pairs, (se[pairs.j] + se[pairs.k]) / apart


def _pair_level(adjust: str, alpha: float, pairs: int) -> float:
    """The mean level of a pair that keeps the level of the family (`comparison-adjusted`)."""
    if adjust == "bonferroni":
        return alpha / pairs
    return float(-np.expm1(np.log1p(-alpha) / pairs)) if adjust == "sidak" else alpha


def _range(pairs: Pairs, ratio: Array, width: float) -> tuple[float, float]:
    levels = pairs.level(np.array([ratio.max(), ratio.min()]), width)
    return float(levels[0]), float(levels[1])


def _least_squares(given: GroupCoefficients) -> tuple[Array, Array]:
    """Each group's own estimate, or what it is beyond the prediction, with its standard error."""
    fit = given.fit
    check_one_factor(
        fit,
        "The standard error of a group's own estimate",
        'Use estimator="eb".',
    )
    values = group_values(fit, fit.factors[given.place])
    own, V = values.ols[:, given.at], values.V[:, given.at]
    if np.count_nonzero(np.isfinite(V)) < 2:
        raise DataError(
            f"No two groups of {values.factor!r} have a least-squares estimate of "
            f'{values.effects[given.at]}: their rows are too few. Use estimator="eb".'
        )
    shift = values.predicted[:, given.at] if given.of == "effect" else 0.0
    return own - shift, np.sqrt(V)


def comparison_frame(found: ComparisonIntervals, *, sort: bool = True) -> object:
    """The intervals as a table in the caller's dataframe library.

    Parameters
    ----------
    sort : highest estimate first; False keeps the groups in the order of the data

    Returns
    -------
    the factor's label, n, estimate, comparative_se, comparison_low, comparison_high
    """
    order = np.argsort(-found.estimate, kind="stable") if sort else np.arange(found.J)
    columns: dict[str, Values] = {
        found.factor: [found.levels[j] for j in order],
        "n": found.count[order],
        "estimate": found.estimate[order],
        "comparative_se": found.comparative_se[order],
        "comparison_low": found.low[order],
        "comparison_high": found.high[order],
    }
    return to_native(columns, found.fit.source.backend)
