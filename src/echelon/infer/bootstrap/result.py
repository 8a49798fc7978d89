"""Bootstrap replicates of a fit, and what is read from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from echelon.data import Values, to_native
from echelon.errors import DataError, UnknownOption
from echelon.infer.bootstrap.draws import Kind
from echelon.infer.bootstrap.intervals import (
    Interval,
    acceleration,
    basic,
    bca,
    needed,
    percentile,
)
from echelon.infer.bootstrap.jackknife import jackknife
from echelon.infer.bootstrap.parameters import selected, squared
from echelon.infer.bootstrap.statistic import Statistic
from echelon.infer.intervals import Intervals
from echelon.linalg.distributions import check_level
from echelon.model.fit import LmmFit

Array = NDArray[np.float64]
Scale = Literal["sd", "variance"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Bootstrap:
    """n bootstrap replicates of m numbers of a fit.

    Attributes
    ----------
    fit : the fit that was replicated
    kind : "parametric", "case" or "residual"
    terms : m names: the fixed effects, then SDs and correlations of random effects by the names of
        `Refits.component_names`, then "sigma"; or the names of the statistic
    fixed : how many of them, the first ones, are fixed effects; 0 for a statistic
    estimate : (m,) of the fit itself
    replicates : (n, m) nan in replicates that failed; a correlation is nan too where a variance is
        zero
    status : (n,) "converged", "boundary" (a variance of zero, or a correlation of +1 or -1) or
        "failed"
    reasons : why replicates failed, with how often, most frequent first
    statistic : what was computed of each replicate; None for the parameters
    """

    fit: LmmFit
    kind: Kind
    terms: tuple[str, ...]
    fixed: int
    estimate: Array
    replicates: Array
    status: NDArray[np.str_]
    reasons: tuple[tuple[str, int], ...]
    statistic: Statistic | None

    def __post_init__(self) -> None:
        n, m = self.replicates.shape
        if self.status.shape != (n,) or self.estimate.shape != (m,) or len(self.terms) != m:
            raise ValueError(f"{len(self.terms)} names do not fit replicates {(n, m)}")

    def __len__(self) -> int:
        return len(self.status)

    @property
    def counts(self) -> dict[str, int]:
        """How many replicates converged, ended on the boundary, failed."""
        kinds = ("converged", "boundary", "failed")
        return {kind: int(np.count_nonzero(self.status == kind)) for kind in kinds}

    @property
    def bias(self) -> Array:
        """(m,) mean of the replicates less the estimate (`bootstrap-moments`)."""
        return np.array([x.mean() for x in self._known()]) - self.estimate

    @property
    def std_error(self) -> Array:
        """(m,) standard deviations of the replicates (`bootstrap-moments`)."""
        return np.array([x.std(ddof=1) if len(x) > 1 else np.nan for x in self._known()])

    def _known(self) -> list[Array]:
        """Replicates of each term that are numbers."""
        return [x[np.isfinite(x)] if np.isfinite(x).any() else x[:1] for x in self.replicates.T]


def bootstrap_intervals(
    result: Bootstrap,
    *,
    level: float = 0.95,
    interval: Interval = "percentile",
    parameters: str | Sequence[str] | None = None,
    scale: Scale = "sd",
) -> Intervals:
    """Intervals from the replicates.

    Parameters
    ----------
    level : coverage, between 0 and 1
    interval : "percentile": quantiles of the replicates; "basic": twice the estimate less them;
        "bca": quantiles moved for bias and acceleration, which needs one fit more for each group
        left out
    parameters : some of the terms by name; "fixed" or "variance" for all of a kind
    scale : "sd", or "variance" for variances in the place of standard deviations

    Raises
    ------
    UnknownOption : an interval, scale or parameter that does not exist
    NotYetSupported, NeedsRows, NotIdentified : "bca" without independent groups to leave out

    Notes
    -----
    `percentile-interval`, `basic-interval`, `bca-interval`; davison1997, efron1987.
    """
    check_level(level)
    if interval not in get_args(Interval):
        raise UnknownOption("interval", interval, get_args(Interval))
    kept = selected(result.terms, parameters, result.fixed)
    shown = rescaled(result, scale)
    skew = np.zeros(len(result.terms))
    if interval == "bca":
        left = jackknife(result.fit, result.statistic)
        skew = np.array([acceleration(x) for x in _squared(left, result.terms, scale, result).T])
    ends = [
        _interval(shown.replicates[:, i], float(shown.estimate[i]), float(skew[i]), interval, level)
        for i in kept
    ]
    low, high = np.array(ends, dtype=np.float64).reshape(-1, 2).T
    return Intervals(
        names=tuple(shown.terms[i] for i in kept),
        estimate=shown.estimate[kept],
        low=low,
        high=high,
        method=interval,
        level=level,
        notes=_notes(result, kept, (low, high), level),
    )


def bootstrap_frame(
    result: Bootstrap,
    *,
    level: float = 0.95,
    interval: Interval = "percentile",
    parameters: str | Sequence[str] | None = None,
    scale: Scale = "sd",
) -> object:
    """Estimates, bias, standard errors and intervals in the caller's dataframe library.

    Returns
    -------
    one row a term: term, estimate, bias (mean of the replicates less the estimate), std_error
    (their standard deviation), conf_low, conf_high. Options as for `intervals`.
    """
    found = bootstrap_intervals(
        result, level=level, interval=interval, parameters=parameters, scale=scale
    )
    kept, shown = selected(result.terms, parameters, result.fixed), rescaled(result, scale)
    columns: dict[str, Values] = {
        "term": list(found.names),
        "estimate": found.estimate,
        "bias": shown.bias[kept],
        "std_error": shown.std_error[kept],
        "conf_low": found.low,
        "conf_high": found.high,
    }
    return to_native(columns, result.fit.source.backend)


def rescaled(result: Bootstrap, scale: Scale) -> Bootstrap:
    """The same with variances in the place of standard deviations, if asked for."""
    if scale not in get_args(Scale):
        raise UnknownOption("scale", scale, get_args(Scale))
    if scale == "sd":
        return result
    if result.statistic is not None:
        raise DataError('scale="variance" is for parameters; this bootstrap is of a statistic.')
    return replace(
        result,
        terms=tuple(squared(name, i >= result.fixed) for i, name in enumerate(result.terms)),
        estimate=_squared(result.estimate[None], result.terms, scale, result)[0],
        replicates=_squared(result.replicates, result.terms, scale, result),
    )


def _squared(values: Array, terms: tuple[str, ...], scale: Scale, result: Bootstrap) -> Array:
    """Standard deviations squared where variances are asked for."""
    if scale == "sd":
        return values
    sd = [squared(name, i >= result.fixed) != name for i, name in enumerate(terms)]
    return np.where(sd, values**2, values)


def _interval(
    replicates: Array, estimate: float, skew: float, interval: Interval, level: float
) -> tuple[float, float]:
    known = replicates[np.isfinite(replicates)]
    if not len(known) or not np.isfinite(estimate):
        return np.nan, np.nan
    if interval == "percentile":
        return percentile(known, level)
    if interval == "basic":
        return basic(known, estimate, level)
    return bca(known, estimate, skew, level)


def _notes(
    result: Bootstrap, kept: NDArray[np.intp], ends: tuple[Array, Array], level: float
) -> tuple[str, ...]:
    """What a reader of the intervals should know."""
    notes = []
    whole = len(result) - result.counts["failed"]
    if result.counts["failed"]:
        notes.append(f"{failures(result)} They are left out.")
    for place, i in enumerate(kept):
        name, known = result.terms[i], int(np.count_nonzero(np.isfinite(result.replicates[:, i])))
        if known < whole:
            notes.append(
                f"{name} does not exist in {whole - known:,} replicates, where a variance is zero: "
                "the interval is that of the others."
            )
        if np.isnan(ends[0][place]):
            notes.append(
                f"No interval for {name}: the estimate is at the edge of what the replicates give."
            )
    if whole < needed(level):
        notes.append(
            f"{whole:,} replicates are too few for a level of {level:g}: the ends are the most "
            f"extreme replicates. Use at least {needed(level):,}, better 1,000."
        )
    return tuple(notes)


def failures(result: Bootstrap) -> str:
    """How many replicates failed and why, in words."""
    failed = result.counts["failed"]
    shown = [f"{reason} ({count:,})" for reason, count in result.reasons[:2]]
    why = f": {'; '.join(shown)}" if shown else ""
    more = "; ..." if len(result.reasons) > 2 else ""
    return f"{failed:,} of {len(result):,} replicates failed{why}{more}."
