"""Ranks of groups with their uncertainty: how little a league table says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from echelon.data import Values, to_native
from echelon.effects.joint import Of, draws
from echelon.errors import DataError, UnknownOption
from echelon.linalg.distributions import check_level
from echelon.linalg.generators import generator
from echelon.model.fit import LmmFit
from echelon.multilevel.factors import place_of
from echelon.multilevel.named_groups import check_draws, compared
from echelon.multilevel.rank_counts import RankCounts, counted, ranks_of

Array = NDArray[np.float64]
Best = Literal["highest", "lowest"]
Rng = int | np.random.Generator


@dataclass(frozen=True, slots=True, eq=False)
class Ranks:
    """Ranks of the groups of a factor by one coefficient; arrays are (J,), groups as in the data.

    Attributes
    ----------
    fit : the fit
    factor, term, levels : grouping factor, coefficient, labels
    of : "effect" (beyond the prediction) or "coefficient" (prediction + effect)
    best : what rank 1 is, "highest" or "lowest"
    level : coverage of the intervals
    n : draws from the joint law of the coefficients
    count : (J,) rows a group
    estimate, std_error : empirical Bayes estimates and their standard errors, of effects given the
        fixed effects
    rank : of the estimate; equal estimates share their mean rank
    mean_rank, median_rank : over the draws
    rank_low, rank_high : interval of the rank
    p_top, p_bottom : probability of being among the best and the last `top_count`
    p_above : probability of being above the average of the groups (below it for best="lowest")
    top, top_count : the share asked for, and how many groups that is
    coarse : ranks a cell of the count holds at most; 1 up to a few thousand groups
    mean_rank_mcse : Monte Carlo standard error of `mean_rank`
    """

    fit: LmmFit
    factor: str
    term: str
    levels: tuple[object, ...]
    of: Of
    best: Best
    level: float
    n: int
    count: NDArray[np.intp]
    estimate: Array
    std_error: Array
    rank: Array
    mean_rank: Array
    median_rank: Array
    rank_low: Array
    rank_high: Array
    p_top: Array
    p_bottom: Array
    p_above: Array
    top: float
    top_count: int
    coarse: int
    mean_rank_mcse: Array

    @property
    def J(self) -> int:
        """Groups."""
        return len(self.levels)

    def mcse(self, probability: Array) -> Array:
        """Monte Carlo standard errors of probabilities."""
        return np.sqrt(probability * (1 - probability) / self.n)

    @property
    def undecided(self) -> NDArray[np.bool_]:
        """(J,) groups whose interval of the rank holds the middle: no better, no worse."""
        middle = (self.J + 1) / 2
        inside: NDArray[np.bool_] = (self.rank_low <= middle) & (self.rank_high >= middle)
        return inside


def rank_values(
    fit: LmmFit,
    factor: str | None = None,
    term: str | None = None,
    *,
    n: int = 10_000,
    rng: Rng = 0,
    top: float = 0.1,
    level: float = 0.95,
    of: Of = "effect",
    best: Best = "highest",
) -> Ranks:
    """Ranks of the groups of a factor over draws from the joint law of their coefficients.

    Notes
    -----
    `rank-draws`, `rank-summaries`; goldstein1996, laird1989, lin2006.
    """
    check_level(level)
    check_draws(n)
    _check(top, best)
    place = place_of(fit, factor, "ranks()")
    given = compared(fit, place, term, of)
    group, J = fit.moments.groups[place], given.J
    size = int(np.clip(round(top * J), 1, J))
    lowest = best == "lowest"
    made = draws(given, n, generator(rng))
    found = counted(made, J, (size, J - size), lowest=lowest)
    cells = found.quantiles(((1 - level) / 2, 0.5, (1 + level) / 2))
    return Ranks(
        fit=fit,
        factor=group.factor,
        term=group.effects[given.at],
        levels=group.levels,
        of=of,
        best=best,
        level=level,
        n=found.n,
        count=group.count,
        estimate=given.estimate,
        std_error=given.std_error,
        rank=ranks_of(given.estimate, lowest=lowest),
        mean_rank=found.mean(),
        median_rank=found.middle[cells[:, 1]],
        rank_low=found.first[cells[:, 0]].astype(np.float64),
        rank_high=found.last[cells[:, 2]].astype(np.float64),
        p_top=found.share(1, size),
        p_bottom=found.share(J - size + 1, J),
        p_above=found.above / found.n,
        top=top,
        top_count=size,
        coarse=_coarse(found),
        mean_rank_mcse=np.sqrt(found.variance() / found.n),
    )


def _coarse(found: RankCounts) -> int:
    return int((found.last - found.first).max()) + 1


def _check(top: float, best: str) -> None:
    if best not in get_args(Best):
        raise UnknownOption("best", best, get_args(Best))
    if not (isinstance(top, int | float | np.floating) and 0 < top <= 0.5):
        raise DataError(f"top={top!r} must lie between 0 and 0.5, as in top=0.1 for a tenth.")


def ranks_frame(ranks: Ranks, *, sort: bool = True) -> object:
    """The ranks as a table in the caller's dataframe library.

    Parameters
    ----------
    sort : best estimate first; False keeps the groups in the order of the data

    Returns
    -------
    the factor's label, n, estimate, std_error, rank, mean_rank, median_rank, rank_low, rank_high,
    p_top, p_bottom, p_above, mean_rank_mcse
    """
    order = np.argsort(ranks.rank, kind="stable") if sort else np.arange(ranks.J)
    columns: dict[str, Values] = {ranks.factor: [ranks.levels[j] for j in order]}
    columns["n"] = ranks.count[order]
    for name in _COLUMNS:
        columns[name] = getattr(ranks, name)[order]
    return to_native(columns, ranks.fit.source.backend)


_COLUMNS = (
    "estimate",
    "std_error",
    "rank",
    "mean_rank",
    "median_rank",
    "rank_low",
    "rank_high",
    "p_top",
    "p_bottom",
    "p_above",
    "mean_rank_mcse",
)
