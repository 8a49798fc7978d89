"""Johnson-Neyman regions: where along a moderator a simple slope differs from zero."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from echelon import tolerances
from echelon.data import Values, to_native
from echelon.errors import DataError
from echelon.infer.choose import uncertainty
from echelon.infer.estimates import Estimates, estimates
from echelon.infer.marginal.crossings import crossings, excess, line_crossings
from echelon.infer.marginal.derivatives import is_straight, partners, spread_of, value_said
from echelon.infer.marginal.grid import At, predictors, reference_grid
from echelon.infer.marginal.levels import mean_of, row_weights
from echelon.infer.marginal.moderated import Rows, moderated_effect
from echelon.infer.marginal.names import number_text
from echelon.infer.marginal.remarks import listed
from echelon.infer.uncertainty import Uncertainty
from echelon.linalg.distributions import check_level
from echelon.model.fit import LmmFit, OlsFit

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch of the moderator.

    Attributes
    ----------
    low, high : its ends; -inf and inf where it has none
    sign : 1 where the effect is above zero, -1 where below, 0 where it does not differ from zero
    rows : rows of the data inside;  groups : groups inside, None for a moderator of the rows
    """

    low: float
    high: float
    sign: int
    rows: int
    groups: int | None


@dataclass(frozen=True, slots=True, eq=False)
class JohnsonNeyman:
    """Where the effect of a predictor differs from zero along a moderator.

    Attributes
    ----------
    focal, moderator : the two predictors;  response : as typed
    effect : what is tested, in words: "slope of cses", "Catholic - Public"
    given : the values of other predictors asked for, as "sector = Catholic"
    boundaries : (k,) values of the moderator at which p = 1 - level exactly, in order
    regions : the stretches between them, from the lowest to the highest
    observed : (n,) the moderator in the rows
    factor : the groups within which it is constant, "" if it varies within all
    by_group : (J,) the moderator of these groups; the rows' where there are none
    level : 1 - level is the significance level;  method : of the degrees of freedom
    notes : what a reader should know, one sentence each
    rows : the effect as linear functions (m, p) of the fixed effects at moderator values (m,)
    beta, known : the fixed effects and how well they are known
    backend : the library in which tables come back
    """

    focal: str
    moderator: str
    response: str
    effect: str
    given: tuple[str, ...]
    boundaries: Array
    regions: tuple[Region, ...]
    observed: Array
    factor: str
    by_group: Array
    level: float
    method: str
    notes: tuple[str, ...]
    rows: Rows
    beta: Array
    known: Uncertainty
    backend: str

    def at(self, values: ArrayLike) -> Estimates:
        """The effect (m,) with its inference at one value of the moderator or several."""
        try:
            m = np.atleast_1d(np.asarray(values, dtype=np.float64))
        except (TypeError, ValueError):
            m = np.array([np.nan])
        if m.ndim != 1 or not np.isfinite(m).all():
            raise DataError(f"at() takes finite values of {self.moderator!r}, not {values!r}.")
        names = [f"{self.moderator} {number_text(v)}" for v in m.tolist()]
        return estimates(names, self.rows(m), self.beta, self.known, level=self.level)


def johnson_neyman_values(
    fit: LmmFit | OlsFit,
    focal: str,
    moderator: str,
    *,
    at: At | None = None,
    df: str | None = None,
    known: Uncertainty | None = None,
    level: float = 0.95,
) -> JohnsonNeyman:
    """The Johnson-Neyman regions of one effect along one moderator.

    Parameters
    ----------
    focal : a numeric predictor, or a factor with two levels, whose difference takes its place
    at : values of other predictors
    df : method of the degrees of freedom;  known : a covariance to use instead of the model's

    Raises
    ------
    UnknownColumn, DataError : see `moderated_effect`

    Notes
    -----
    `johnson-neyman`, `johnson-neyman-df`; johnson1936, bauer2005.
    """
    check_level(level)
    rows, effect = moderated_effect(fit, focal, moderator, at)
    beta = fit.beta if isinstance(fit, OlsFit) else fit.optimum.beta
    known = uncertainty(fit, df) if known is None else known
    column = predictors(fit)[moderator]
    x = column.values.astype(np.float64)
    straight = moderator != focal and is_straight(fit, moderator)
    middle, spread = mean_of(column, fit), spread_of(column, fit)
    if straight:
        zero, one = rows(np.array([0.0, 1.0]))
        cuts = line_crossings(zero, one - zero, beta, known, level, middle, spread)
        ends = np.array([-np.inf, *cuts, np.inf])
    else:
        scan = np.linspace(x.min(), x.max(), tolerances.CROSSING_POINTS)
        cuts = crossings(lambda m: excess(rows(m), beta, known, level), scan)
        ends = np.array([x.min(), *cuts, x.max()])
    factor, by_group = _by_group(fit, x)
    places = _inside(ends, spread)
    above = excess(rows(places), beta, known, level) > 0
    signs = np.where(above, np.sign(rows(places) @ beta), 0).astype(int)
    weight = row_weights(fit) if fit.source.kind == "summaries" else None
    return JohnsonNeyman(
        focal=focal,
        moderator=moderator,
        response=fit.response,
        effect=effect,
        given=_given(fit, at),
        boundaries=cuts,
        regions=_regions(ends, signs, (x, weight), by_group if factor else None),
        observed=x,
        factor=factor,
        by_group=by_group,
        level=level,
        method=known.method,
        notes=tuple(_notes(fit, (focal, moderator), at, straight, (x, cuts))),
        rows=rows,
        beta=beta,
        known=known,
        backend=fit.source.backend,
    )


def _inside(ends: Array, spread: float) -> Array:
    """A value inside each stretch."""
    low, high = ends[:-1], ends[1:]
    if len(ends) == 2 and np.isinf(ends).all():
        return np.zeros(1)
    low = np.where(np.isinf(low), high - 2 * spread, low)
    high = np.where(np.isinf(high), low + 2 * spread, high)
    return np.asarray(0.5 * (low + high))


def _regions(
    ends: Array, signs: NDArray[np.int_], counted: tuple[Array, Array | None], groups: Array | None
) -> tuple[Region, ...]:
    x, weight = counted

    def share(values: Array, weight: Array | None) -> list[int]:
        place = np.clip(np.searchsorted(ends, values, side="left") - 1, 0, len(ends) - 2)
        counts = np.bincount(place, weight, len(ends) - 1)
        return [round(count) for count in counts.tolist()]

    rows = share(x, weight)
    own = [None] * len(rows) if groups is None else share(groups, None)
    return tuple(
        Region(float(low), float(high), int(sign), n, J)
        for low, high, sign, n, J in zip(ends[:-1], ends[1:], signs, rows, own, strict=True)
    )


def _by_group(fit: LmmFit | OlsFit, x: Array) -> tuple[str, Array]:
    """The factor of fewest groups within which x is constant, and its values there."""
    if isinstance(fit, OlsFit) or fit.built is None:
        return "", x
    for factor in sorted(fit.built.design.factors, key=lambda f: len(f.levels)):
        value = np.full(len(factor.levels), np.nan)
        value[factor.codes] = x
        if (value[factor.codes] == x).all() and len(value) < len(x):
            return factor.factor, value[np.isfinite(value)]
    return "", x


def _given(fit: LmmFit | OlsFit, at: At | None) -> tuple[str, ...]:
    """The values asked for that touch anything, in words; none of several at once."""
    grid = reference_grid(fit, at)
    return tuple(value_said(grid, n) for n in at or () if len(grid.levels[n].values) == 1)


def _notes(
    fit: LmmFit | OlsFit,
    names: tuple[str, str],
    at: At | None,
    straight: bool,
    found: tuple[Array, Array],
) -> Iterator[str]:
    focal, moderator = names
    x, cuts = found
    low, high = float(x.min()), float(x.max())
    yield f"In the data {moderator} goes from {number_text(low)} to {number_text(high)}."
    outside = int(((cuts < low) | (cuts > high)).sum())
    if outside:
        which = "1 boundary lies" if outside == 1 else f"{outside} boundaries lie"
        yield f"{which} beyond the data, where the line is an extrapolation."
    if not straight:
        yield f"The effect is no straight line in {moderator}: looked at within the data only."
    grid = reference_grid(fit, at)
    others = [n for n in partners(fit, focal) if n != moderator and len(grid.levels[n].values) > 1]
    held = [n for n in partners(fit, focal) if n not in (moderator, *others)]
    if others:
        yield f"Averaged over {listed(others)} with equal weights."
    if held:
        yield f"At {listed([value_said(grid, n) for n in held])}."


def johnson_neyman_frame(found: JohnsonNeyman) -> object:
    """The regions as a table in the caller's dataframe library."""
    total = sum(region.rows for region in found.regions)
    columns: dict[str, Values] = {
        "low": [region.low for region in found.regions],
        "high": [region.high for region in found.regions],
        "significant": [region.sign != 0 for region in found.regions],
        "sign": [region.sign for region in found.regions],
        "rows": [region.rows for region in found.regions],
        "share": [region.rows / total for region in found.regions],
    }
    if found.factor:
        columns["groups"] = [region.groups for region in found.regions]
    return to_native(columns, found.backend)
