"""`fit.ranks()`: the groups in order, with the ranks that the data allow each of them."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Self

from echelon.api.options import known_options
from echelon.api.shown import Shown
from echelon.effects.joint import Of
from echelon.model.fit import LmmFit
from echelon.multilevel.ranks import Best, Ranks, Rng, rank_values, ranks_frame
from echelon.plot.league import league_of

if TYPE_CHECKING:
    from echelon.show.table import Table

_LISTED = 40  # groups that a shell or a notebook shows in full


def _ranks_table(ranks: Ranks, *, most: int | None = None, digits: int = 2) -> Table:
    """The ranks as a `Table`; with more than `most` groups, only both ends."""
    from echelon.show.league import ranks_table

    return ranks_table(ranks, most=most, digits=digits)


class RanksResult(Shown, Ranks):
    """Ranks of groups with their uncertainty; see `Ranks` for their values."""

    __slots__ = ()

    @classmethod
    def of_values(cls, values: Ranks) -> Self:
        """The same values with the methods of the public surface."""
        return cls(**{f.name: getattr(values, f.name) for f in fields(Ranks)})

    frame = ranks_frame
    table = _ranks_table
    plot = league_of

    def __repr__(self) -> str:
        return _ranks_table(self, most=_LISTED).to_text()

    def _repr_html_(self) -> str:
        return _ranks_table(self, most=_LISTED).to_html(styled=True)


@known_options
def ranks(
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
) -> RanksResult:
    """Rank the groups, with the ranks that the data allow each of them.

    Parameters
    ----------
    factor : name of the grouping factor; may be left out when there is one
    term : random coefficient, e.g. "ses"; None for the first
    n : draws from the joint law of the groups' coefficients
    rng : seed or generator of the draws; the same seed, and so the same numbers, if none is given
    top : share of the groups that counts as the top, and as the bottom: 0.1 for a tenth
    level : coverage of the intervals of the ranks
    of : "effect" ranks what a group is beyond its prediction from the fixed effects, as value-added
        league tables do; "coefficient" ranks prediction and effect together: with predictors of
        the groups, what a member meets there, whatever the reason. Without such predictors
        the two are the same
    best : what rank 1 is: "highest" or "lowest"

    Returns
    -------
    RanksResult : print it; `.frame()` in the caller's dataframe library (estimate, std_error, rank
        of the estimate, mean_rank, median_rank, rank_low, rank_high, p_top, p_bottom, p_above the
        average of the groups), `.table()`, `.plot()`

    Raises
    ------
    UnknownColumn, UnknownOption, UnknownArgument, DataError : an option that makes no sense
    NotIdentified : the variance between groups is zero: nothing to rank
    NotYetSupported : the fit was made by the iterative method

    Notes
    -----
    The draws count the uncertainty of the groups' effects and of the fixed effects, and how they
    hang together; not that of the variances. With several factors the effects of the others are
    left out. `rank-draws`, `rank-summaries`; laird1989, goldstein1996, lin2006. Monte Carlo
    standard errors are at most 0.5 / sqrt(n) in a probability. Cost O(n J log J); memory does not
    grow with n.

    Examples
    --------
    >>> import echelon as ec
    >>> timss = ec.datasets.load("timss", quiet=True)
    >>> fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    >>> found = fit.ranks().frame()
    >>> found[["idschool", "rank", "rank_low", "rank_high"]].iloc[9:11].values.tolist()
    [[5049.0, 10.0, 6.0, 15.0], [5036.0, 11.0, 7.0, 14.0]]
    """
    found = rank_values(fit, factor, term, n=n, rng=rng, top=top, level=level, of=of, best=best)
    return RanksResult.of_values(found)
