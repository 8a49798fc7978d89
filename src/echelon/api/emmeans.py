"""`fit.emmeans(...)`: estimated marginal means, their comparisons, and a figure of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Self

from echelon.api.options import known_options
from echelon.api.shown import Shown
from echelon.infer.marginal.comparisons import Comparisons, Method, comparisons, comparisons_frame
from echelon.infer.marginal.grid import At
from echelon.infer.marginal.means import Means, marginal_means, means_frame
from echelon.infer.robust.clusters import Cluster
from echelon.model.fit import LmmFit, OlsFit
from echelon.plot.emmeans import means_plot

if TYPE_CHECKING:
    from echelon.show.table import Table


def _means_table(means: Means, *, digits: int = 3) -> Table:
    """The means as a `Table`: write it with `to_docx`, `to_pptx`, `to_html`, `to_latex`."""
    from echelon.show.emmeans import means_table

    return means_table(means, digits=digits)


def _comparisons_table(found: Comparisons, *, digits: int = 3, stars: bool = True) -> Table:
    """The comparisons as a `Table`: write it with `to_docx`, `to_pptx`, `to_html`, `to_latex`."""
    from echelon.show.emmeans import comparisons_table

    return comparisons_table(found, digits=digits, stars=stars)


class MeanComparisons(Shown, Comparisons):
    """Comparisons of marginal means; see `Comparisons` for their values."""

    __slots__ = ()

    @classmethod
    def of(cls, values: Comparisons) -> Self:
        """The same values with the methods of the public surface."""
        return cls(**{f.name: getattr(values, f.name) for f in fields(Comparisons)})

    frame = comparisons_frame
    table = _comparisons_table


@known_options
def contrasts(
    means: Means,
    method: Method = "pairwise",
    adjust: str | None = None,
    *,
    ref: object = None,
    by: str | Sequence[str] | None = None,
    level: float | None = None,
) -> MeanComparisons:
    """Compare marginal means, within each level of `by`.

    Parameters
    ----------
    method : "pairwise" (all pairs), "revpairwise", "reference" (each with one: also "dunnett"),
        "effects" (each with their average), "consecutive", "polynomial", or weights of one's own:
        a mapping {"name": weights} with one weight a mean, or a matrix with one row a comparison
    adjust : "tukey", "dunnett", "mvt" (the largest of the statistics, given their correlations),
        "holm", "bonferroni", "sidak", "fdr", "none"; None for tukey with pairs, dunnett with a
        reference, fdr with effects, mvt with consecutive ones, none with others
    ref : the level to compare with in "reference"; the first without
    by : variables of the means within whose levels to compare; None for the means' own, () for
        none
    level : coverage of the intervals; None for that of the means

    Returns
    -------
    MeanComparisons : `.frame()` in the caller's library (contrast, estimate, std_error, df,
        statistic, p_value, conf_low, conf_high), `.table()`; p-values and limits are adjusted
        within each level of `by`, as the notes say

    Raises
    ------
    UnknownOption, UnknownColumn, DataError : what is not known, or does not fit

    Notes
    -----
    `comparison`, `tukey`, `largest`; lenth2023, hsu1996. Dunnett's and the multivariate t's
    p-values are exact (emmeans' "dunnettx" is an approximation).

    Examples
    --------
    >>> import echelon as ec
    >>> sleep = ec.datasets.load("sleepstudy", quiet=True)
    >>> fit = ec.lmer("Reaction ~ factor(Days) + (1 | Subject)", sleep)
    >>> means = fit.emmeans("Days", at={"Days": [0, 4, 9]})
    >>> found = means.contrasts()
    >>> found.values.names, found.values.estimate.round(1).tolist()
    (('Days 0 - Days 4', 'Days 0 - Days 9', 'Days 4 - Days 9'), [-32.0, -94.2, -62.2])
    """
    return MeanComparisons.of(
        comparisons(means, method, adjusted=adjust, ref=ref, by=by, level=level)
    )


class MarginalMeans(Shown, Means):
    """Estimated marginal means; see `Means` for their values."""

    __slots__ = ()

    @classmethod
    def of(cls, values: Means) -> Self:
        """The same values with the methods of the public surface."""
        return cls(**{f.name: getattr(values, f.name) for f in fields(Means)})

    contrasts = contrasts
    frame = means_frame
    table = _means_table
    plot = means_plot


@known_options
def emmeans(
    fit: LmmFit | OlsFit,
    specs: str | Sequence[str] = (),
    *,
    by: str | Sequence[str] | None = None,
    at: At | None = None,
    weights: str = "equal",
    df: str | None = None,
    robust: str | None = None,
    cluster: Cluster = None,
    level: float = 0.95,
    adjust: str = "none",
) -> MarginalMeans:
    """Estimated marginal means (least-squares means) of the levels of factors.

    Parameters
    ----------
    specs : predictors of the fixed part whose combinations get a mean each: "a", ["a", "b"], or
        "a | b" for a within b; none for the overall mean
    by : further predictors, within whose levels means are compared
    at : values of predictors by name, e.g. {"age": [8, 14]}. Without it, factors and numeric
        predictors with two values (0/1) are taken at all of them, other numeric ones at their mean
        over the rows used
    weights : how the combinations of the other factors are averaged: "equal", "proportional" to
        their rows, "observed" (by the rows of each cell; emmeans' "cells"), "outer"
    df : "satterthwaite", "kenward-roger", "between-within", "none"; None for the fit's own
    robust, cluster : cluster-robust standard errors ("CR2" and others), as in `coefficients`
    level : coverage of the intervals
    adjust : "none", "bonferroni", "sidak", "mvt", "holm", "fdr" for the means themselves

    Returns
    -------
    MarginalMeans : print it; `.contrasts()` compares them; `.frame()` in the caller's library (the
        predictors, estimate, std_error, df, statistic, p_value, conf_low, conf_high), `.table()`,
        `.plot()`. Means that the data cannot tell (empty cells) are nan, and a note says so.

    Raises
    ------
    UnknownColumn, UnknownOption, DataError : what is not known, or not in the data
    NeedsRows : the fit was made from moments, without a table

    Notes
    -----
    `grid`, `marginal-mean`, `estimable`; searle1980, lenth2023. As emmeans in R.

    Examples
    --------
    >>> import echelon as ec
    >>> eclsk = ec.datasets.load("eclsk", quiet=True)
    >>> fit = ec.lmer("g1rscore ~ sector + schmeansesc + (1 | schid)", eclsk)
    >>> fit.emmeans("sector").frame().round(2)[["sector", "estimate", "std_error"]]
       sector  estimate  std_error
    0     0.0     95.15       0.27
    1     1.0     97.03       0.87
    """
    return MarginalMeans.of(
        marginal_means(
            fit,
            specs,
            by=by,
            at=at,
            weights=weights,
            df=df,
            robust=robust,
            cluster=cluster,
            level=level,
            adjusted=adjust,
        )
    )
