"""`fit.slopes(...)` and `fit.johnson_neyman(...)`: simple slopes, where they are not zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Self

from echelon.api.emmeans import MeanComparisons
from echelon.api.options import known_options
from echelon.api.shown import Shown
from echelon.errors import DataError
from echelon.infer.choose import uncertainty
from echelon.infer.marginal.comparisons import Comparisons, Method, comparisons
from echelon.infer.marginal.grid import At
from echelon.infer.marginal.johnson_neyman import (
    JohnsonNeyman,
    johnson_neyman_frame,
    johnson_neyman_values,
)
from echelon.infer.marginal.slopes import Slopes, simple_slopes, slopes_frame
from echelon.infer.robust.clusters import Cluster
from echelon.model.fit import LmmFit, OlsFit
from echelon.plot.johnson_neyman import regions_plot

if TYPE_CHECKING:
    from echelon.show.table import Table


def _slopes_table(slopes: Slopes, *, digits: int = 3, stars: bool = True) -> Table:
    """The slopes as a `Table`: write it with `to_docx`, `to_pptx`, `to_html`, `to_latex`."""
    from echelon.show.slopes import slopes_table

    return slopes_table(slopes, digits=digits, stars=stars)


def _regions_table(found: JohnsonNeyman, *, digits: int = 3) -> Table:
    """The regions as a `Table`: write it with `to_docx`, `to_pptx`, `to_html`, `to_latex`."""
    from echelon.show.johnson_neyman import regions_table

    return regions_table(found, digits=digits)


def _differences_table(found: Comparisons, *, digits: int = 3, stars: bool = True) -> Table:
    """The comparisons as a `Table`: write it with `to_docx`, `to_pptx`, `to_html`, `to_latex`."""
    from echelon.show.emmeans import comparisons_table

    table = comparisons_table(found, digits=digits, stars=stars)
    return replace(table, title=f"Comparisons of slopes of {found.response}")


class SlopeComparisons(MeanComparisons):
    """Comparisons of slopes; see `Comparisons` for their values."""

    __slots__ = ()

    table = _differences_table


@known_options
def contrasts(
    slopes: Slopes,
    method: Method = "pairwise",
    adjust: str | None = None,
    *,
    ref: object = None,
    by: str | Sequence[str] | None = None,
    level: float | None = None,
) -> SlopeComparisons:
    """Compare slopes with each other; the arguments are those of `emmeans(...).contrasts()`.

    Raises
    ------
    DataError : there is one slope only

    Notes
    -----
    `comparison`; lenth2023.

    Examples
    --------
    >>> import echelon as ec
    >>> hsb = ec.datasets.load("hsb", quiet=True)
    >>> fit = ec.lmer("mathach ~ ses * sector + (ses | school)", hsb)
    >>> found = fit.slopes("ses", by="sector").contrasts("revpairwise")
    >>> found.values.names, found.values.estimate.round(3).tolist()
    (('Catholic - Public',), [-1.313])
    """
    if len(slopes.values.names) < 2:
        raise DataError(
            "There is one slope, and nothing to compare it with. Ask for several: "
            f'fit.slopes("{slopes.variable}", by="a moderator").'
        )
    return SlopeComparisons.of(
        comparisons(slopes, method, adjusted=adjust, ref=ref, by=by, level=level)
    )


class SimpleSlopes(Shown, Slopes):
    """Simple slopes; see `Slopes` for their values."""

    __slots__ = ()

    @classmethod
    def of(cls, values: Slopes) -> Self:
        """The same values with the methods of the public surface."""
        return cls(**{f.name: getattr(values, f.name) for f in fields(Slopes)})

    contrasts = contrasts
    frame = slopes_frame
    table = _slopes_table


class JohnsonNeymanResult(Shown, JohnsonNeyman):
    """Johnson-Neyman regions; see `JohnsonNeyman` for their values."""

    __slots__ = ()

    @classmethod
    def of(cls, values: JohnsonNeyman) -> Self:
        """The same values with the methods of the public surface."""
        return cls(**{f.name: getattr(values, f.name) for f in fields(JohnsonNeyman)})

    frame = johnson_neyman_frame
    table = _regions_table
    plot = regions_plot


@known_options
def slopes(
    fit: LmmFit | OlsFit,
    variable: str,
    *,
    by: str | Sequence[str] | None = None,
    at: At | None = None,
    average: bool = False,
    weights: str = "equal",
    df: str | None = None,
    robust: str | None = None,
    cluster: Cluster = None,
    level: float = 0.95,
    adjust: str = "none",
) -> SimpleSlopes:
    """Slopes of a numeric predictor at chosen values of its moderators (simple slopes).

    Parameters
    ----------
    variable : a numeric predictor of the fixed part
    by : the moderators. A factor, or a number with two values (0/1), is taken at all of them;
        another number at its mean and one SD below and above it (over the rows used)
    at : values of predictors by name, e.g. {"meanses": [-0.5, 0, 0.5]}; those with several values
        have a row each. What is not named is at its mean, factors averaged over their levels
    average : True for the average slope over the rows of the data, within the values of `by` (which
        may be a grouping factor), instead of slopes at chosen values
    weights : how the levels of other factors are averaged: "equal", "proportional", "observed",
        "outer", as in `emmeans`
    df : "satterthwaite", "kenward-roger", "between-within", "none"; None for the fit's own
    robust, cluster : cluster-robust standard errors, as "CR2", and the groups they are of
    level : coverage of the intervals
    adjust : "none", "bonferroni", "sidak", "mvt", "holm", "fdr" for the slopes themselves

    Returns
    -------
    SimpleSlopes : print it; `.contrasts()` compares them; `.frame()` in the caller's library
        (variable, the moderators, estimate, std_error, df, statistic, p_value, conf_low,
        conf_high), `.table()`

    Raises
    ------
    UnknownColumn : a name that is no predictor of the fixed part
    DataError : `variable` is a factor, or has no derivative at these values
    UnknownOption, NeedsRows : as `emmeans`

    Notes
    -----
    `simple-slope`, `slope-design`, `average-slope`; aiken1991, bauer2005. The derivative of the
    fixed part is exact for products; where the variable is squared or transformed it is taken at
    its mean, or at `at`. As emtrends in R.

    Examples
    --------
    >>> import echelon as ec
    >>> hsb = ec.datasets.load("hsb", quiet=True)
    >>> fit = ec.lmer("mathach ~ ses * sector + (ses | school)", hsb)
    >>> found = fit.slopes("ses", by="sector")
    >>> found.frame()[["sector", "estimate", "std_error"]].round(3)
         sector  estimate  std_error
    0    Public     2.958      0.143
    1  Catholic     1.644      0.161
    """
    known = uncertainty(fit, df, robust=robust, cluster=cluster)
    return SimpleSlopes.of(
        simple_slopes(
            fit,
            variable,
            by=by,
            at=at,
            average=average,
            weights=weights,
            known=known,
            level=level,
            adjusted=adjust,
        )
    )


@known_options
def johnson_neyman(
    fit: LmmFit | OlsFit,
    focal: str,
    moderator: str,
    *,
    at: At | None = None,
    df: str | None = None,
    robust: str | None = None,
    cluster: Cluster = None,
    level: float = 0.95,
) -> JohnsonNeymanResult:
    """Where along a moderator the effect of a predictor differs from zero (Johnson-Neyman).

    Parameters
    ----------
    focal : a numeric predictor, or a factor with two levels, whose difference takes its place
    moderator : a numeric predictor that it interacts with; of any level
    at : values of other predictors, e.g. {"sector": "Public"}; factors are averaged over otherwise
    df, robust, cluster : as in `slopes`
    level : 1 - level is the significance level

    Returns
    -------
    JohnsonNeymanResult : `.boundaries`, `.regions`; print it; `.plot()`; `.at(values)` the effect
        at any values; `.frame()` (low, high, significant, sign, rows, share, groups), `.table()`

    Raises
    ------
    UnknownColumn : a name that is no predictor of the fixed part
    DataError : the two do not interact; the moderator is a factor (use `slopes`); the focal
        predictor has more than two levels

    Notes
    -----
    `johnson-neyman`, `johnson-neyman-df`; johnson1936, bauer2005. All boundaries are found, within
    the data and beyond; degrees of freedom that change along the moderator are followed. The tests
    are at each value by itself, without adjustment for looking at many (esarey2018).

    Examples
    --------
    >>> import echelon as ec
    >>> hsb = ec.datasets.load("hsb", quiet=True)
    >>> fit = ec.lmer("mathach ~ ses * meanses + (ses | school)", hsb)
    >>> found = fit.johnson_neyman("ses", "meanses")
    >>> [(round(r.low, 2), round(r.high, 2), r.sign, r.groups) for r in found.regions]
    [(-inf, -2.98, 0, 0), (-2.98, 5.36, 1, 160), (5.36, inf, 0, 0)]
    """
    known = uncertainty(fit, df, robust=robust, cluster=cluster)
    return JohnsonNeymanResult.of(
        johnson_neyman_values(fit, focal, moderator, at=at, known=known, level=level)
    )
