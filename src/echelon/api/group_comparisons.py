"""`fit.comparison_intervals()` and `fit.compare_groups()`: which groups differ."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Self

from echelon.api.options import known_options
from echelon.api.shown import Shown
from echelon.effects.joint import Of
from echelon.model.fit import LmmFit
from echelon.multilevel.compare_groups import GroupComparison, comparison_row, group_comparison
from echelon.multilevel.comparison_intervals import (
    Adjustment,
    ComparisonIntervals,
    Estimator,
    comparison_frame,
    comparison_values,
)
from echelon.multilevel.ranks import Rng
from echelon.plot.comparisons import comparison_plot

if TYPE_CHECKING:
    from echelon.show.table import Table

_LISTED = 40  # groups that a shell or a notebook shows in full


def _comparison_table(
    found: ComparisonIntervals, *, most: int | None = None, digits: int = 2
) -> Table:
    """The intervals as a `Table`; with more than `most` groups, only both ends."""
    from echelon.show.league import comparison_table

    return comparison_table(found, most=most, digits=digits)


def _two_table(found: GroupComparison, *, digits: int = 2) -> Table:
    """The comparison as a `Table`."""
    from echelon.show.league import group_comparison_table

    return group_comparison_table(found, digits=digits)


class ComparisonIntervalsResult(Shown, ComparisonIntervals):
    """Comparison intervals of groups; see `ComparisonIntervals` for their values."""

    __slots__ = ()

    @classmethod
    def of_values(cls, values: ComparisonIntervals) -> Self:
        """The same values with the methods of the public surface."""
        return cls(**{f.name: getattr(values, f.name) for f in fields(ComparisonIntervals)})

    frame = comparison_frame
    table = _comparison_table
    plot = comparison_plot

    def __repr__(self) -> str:
        return _comparison_table(self, most=_LISTED).to_text()

    def _repr_html_(self) -> str:
        return _comparison_table(self, most=_LISTED).to_html(styled=True)


class GroupComparisonResult(Shown, GroupComparison):
    """Two groups compared; see `GroupComparison` for the values."""

    __slots__ = ()

    @classmethod
    def of_values(cls, values: GroupComparison) -> Self:
        """The same values with the methods of the public surface."""
        return cls(**{f.name: getattr(values, f.name) for f in fields(GroupComparison)})

    frame = comparison_row
    table = _two_table


@known_options
def comparison_intervals(
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
) -> ComparisonIntervalsResult:
    """Intervals of groups to be compared by eye: two that do not overlap differ.

    Confidence intervals do not serve for that: two 95% intervals may well overlap although the
    groups differ at the 5% level. These are narrower, about 1.39 comparative standard errors to
    each side.

    Parameters
    ----------
    factor : name of the grouping factor; may be left out when there is one
    term : random coefficient, e.g. "ses"; None for the first
    level : 1 - level is the level of the comparisons
    adjust : "none": on average over all pairs the level is right for a pair chosen in advance.
        "bonferroni", "sidak", "simultaneous": for all pairs at once; the last is exact but for
        simulation, and the narrowest
    of : "effect", what a group is beyond its prediction, or "coefficient", prediction and effect
    estimator : "eb" for empirical Bayes estimates, "ols" for each group's own estimate with its
        sampling error; of one grouping factor only
    n, rng : draws and seed for "simultaneous"

    Returns
    -------
    ComparisonIntervalsResult : print it; `.frame()` in the caller's dataframe library (estimate,
        comparative_se, comparison_low, comparison_high), `.width` in comparative SE, `.pair_levels`
        the lowest and highest level of a pair, `.differing()` the number of pairs that do not
        overlap, `.table()`, `.plot()`

    Raises
    ------
    UnknownColumn, UnknownOption, UnknownArgument, DataError : an option that makes no sense
    NotIdentified : the variance between groups is zero
    NotYetSupported : the fit was made by the iterative method

    Notes
    -----
    The comparative standard errors are those of independent errors that come closest to the errors
    of all differences; what groups share, as the error of the grand mean, cancels.
    `comparison-level`, `comparison-interval`, `quasi-variance`, `comparison-adjusted`;
    goldstein1995, firth2004, afshartous2010.

    Examples
    --------
    >>> import echelon as ec
    >>> timss = ec.datasets.load("timss", quiet=True)
    >>> fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    >>> found = fit.comparison_intervals()
    >>> round(found.width, 2), found.differing(), found.pairs
    (1.39, 129, 190)
    """
    found = comparison_values(
        fit, factor, term, level=level, adjust=adjust, of=of, estimator=estimator, n=n, rng=rng
    )
    return ComparisonIntervalsResult.of_values(found)


@known_options
def compare_groups(
    fit: LmmFit,
    a: object,
    b: object,
    factor: str | None = None,
    term: str | None = None,
    *,
    of: Of = "effect",
    level: float = 0.95,
) -> GroupComparisonResult:
    """Compare two groups by name: their difference, and how probable it is that a is above b.

    Parameters
    ----------
    a, b : labels of two groups; numbers may be typed as text
    factor : name of the grouping factor; may be left out when only one has both groups
    term : random coefficient, e.g. "ses"; None for the first
    of : "effect", what a group is beyond its prediction, or "coefficient", prediction and effect
    level : coverage of the interval of the difference

    Returns
    -------
    GroupComparisonResult : print it; `.difference`, `.std_error`, `.conf_low`, `.conf_high`,
        `.p_above`; `.frame()` in the caller's dataframe library, `.table()`

    Raises
    ------
    DataError : no such group; the same group twice
    UnknownColumn, UnknownOption, UnknownArgument : an option that is not known
    NotIdentified : the variance between groups is zero
    NotYetSupported : the fit was made by the iterative method

    Notes
    -----
    `group-difference`; goldstein1996. The standard error counts the covariance of the two
    estimates. A pair that was chosen because it stands out is no pair chosen in advance.

    Examples
    --------
    >>> import echelon as ec
    >>> timss = ec.datasets.load("timss", quiet=True)
    >>> fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    >>> found = fit.compare_groups("5036", "5112")
    >>> round(found.difference, 1), round(found.std_error, 1)
    (104.2, 16.4)
    """
    found = group_comparison(fit, a, b, factor, term, of=of, level=level)
    return GroupComparisonResult.of_values(found)
