"""`fit.check()` and the diagnostics behind it."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Self

from echelon.api.options import known_options
from echelon.api.shown import Shown
from echelon.diagnose.checks.run import Check, check_frame, check_values
from echelon.diagnose.collinearity import (
    Collinearity,
    collinearity_frame,
    collinearity_values,
)
from echelon.diagnose.contextual import Contextual, contextual_frame, contextual_values
from echelon.diagnose.homogeneity import Homogeneity, homogeneity_frame, homogeneity_values
from echelon.diagnose.linearity import Linearity, linearity_frame, linearity_values
from echelon.model.fit import LmmFit, OlsFit
from echelon.plot.check import check_plot

if TYPE_CHECKING:
    from echelon.show.table import Table


def _check_table(found: Check, *, fine: bool = True) -> Table:
    """The findings as a `Table`; fine=False for problems and what is worth a look only."""
    from echelon.show.diagnostics import check_table

    return check_table(found, fine=fine)


def _homogeneity_table(found: Homogeneity, *, digits: int = 3) -> Table:
    """The tests as a `Table`."""
    from echelon.show.diagnostics import homogeneity_table

    return homogeneity_table(found, digits=digits)


def _collinearity_table(found: Collinearity, *, digits: int = 2) -> Table:
    """The terms as a `Table`."""
    from echelon.show.diagnostics import collinearity_table

    return collinearity_table(found, digits=digits)


def _linearity_table(found: Linearity, *, digits: int = 3) -> Table:
    """The tests as a `Table`."""
    from echelon.show.diagnostics import linearity_table

    return linearity_table(found, digits=digits)


def _contextual_table(found: Contextual, *, digits: int = 3) -> Table:
    """The slopes as a `Table`."""
    from echelon.show.diagnostics import contextual_table

    return contextual_table(found, digits=digits)


class CheckResult(Shown, Check):
    """What was checked of a fit; see `Check` for its values."""

    __slots__ = ()

    @classmethod
    def of(cls, values: Check) -> Self:
        """The same values with the methods of the public surface."""
        return cls(**{f.name: getattr(values, f.name) for f in fields(Check)})

    frame = check_frame
    table = _check_table
    plot = check_plot


class HomogeneityResult(Shown, Homogeneity):
    """Tests of equal level-1 variances; see `Homogeneity` for their values."""

    __slots__ = ()

    @classmethod
    def of(cls, values: Homogeneity) -> Self:
        """The same values with the methods of the public surface."""
        return cls(**{f.name: getattr(values, f.name) for f in fields(Homogeneity)})

    frame = homogeneity_frame
    table = _homogeneity_table


class CollinearityResult(Shown, Collinearity):
    """Variance inflation of the fixed part; see `Collinearity` for its values."""

    __slots__ = ()

    @classmethod
    def of(cls, values: Collinearity) -> Self:
        """The same values with the methods of the public surface."""
        return cls(**{f.name: getattr(values, f.name) for f in fields(Collinearity)})

    frame = collinearity_frame
    table = _collinearity_table


class LinearityResult(Shown, Linearity):
    """Tests of curvature; see `Linearity` for their values."""

    __slots__ = ()

    @classmethod
    def of(cls, values: Linearity) -> Self:
        """The same values with the methods of the public surface."""
        return cls(**{f.name: getattr(values, f.name) for f in fields(Linearity)})

    frame = linearity_frame
    table = _linearity_table


class ContextualResult(Shown, Contextual):
    """Slopes within and between groups; see `Contextual` for their values."""

    __slots__ = ()

    @classmethod
    def of(cls, values: Contextual) -> Self:
        """The same values with the methods of the public surface."""
        return cls(**{f.name: getattr(values, f.name) for f in fields(Contextual)})

    frame = contextual_frame
    table = _contextual_table


@known_options
def check(fit: LmmFit | OlsFit) -> CheckResult:
    """Check a fit: assumptions, data, search; for each a verdict, the evidence and a remedy.

    Returns
    -------
    CheckResult : print it; `.problems` and `.looks` the findings that are not fine, `.frame()` in
        the caller's library, `.table()` for Word, PowerPoint, HTML, `.plot()` the main pictures

    Notes
    -----
    A verdict needs evidence (one clean model in 100 has a look of a kind, one in 1,000 a problem)
    and a size that matters; thresholds and measured rates are in docs/theory/diagnostics.md. Cost:
    some passes over the rows.

    Examples
    --------
    >>> import echelon as ec
    >>> hsb = ec.datasets.load("hsb", quiet=True)
    >>> found = ec.lmer("mathach ~ ses + (1 | school)", hsb).check()
    >>> [one.check for one in found.problems]
    ['Same slope within and between groups of school']
    >>> found.problems[0].code.splitlines()[0]
    'data = ec.group_mean(data, "ses", by="school")'
    """
    return CheckResult.of(check_values(fit))


@known_options
def variance_homogeneity(
    fit: LmmFit, by: str | None = None, *, least: int = 10
) -> HomogeneityResult:
    """Test whether the residual variance is the same in all groups, or in all categories.

    Parameters
    ----------
    by : a grouping factor (None for the only one) for HLM's test of homogeneity of level-1
        variance; or a categorical predictor of the model
    least : residual degrees of freedom that a group must have to take part in H, ten in HLM

    Returns
    -------
    HomogeneityResult : print it; `.frame()`, `.table()`; `.variances` the groups' own, `.spread`
        how far residual SDs vary beyond chance

    Raises
    ------
    UnknownColumn : `by` is no factor or predictor of the model
    DataError : several factors and none named; too few groups of the size; a numeric predictor
    NeedsRows : the fit was made from summaries
    NotYetSupported : correlated residuals

    Notes
    -----
    `homogeneity-h`, `homogeneity-exact`, `brown-forsythe`; raudenbush2002, p. 264. For a predictor,
    also the likelihood ratio of `residual="by(...)"`.

    Examples
    --------
    >>> import echelon as ec
    >>> hsb = ec.datasets.load("hsb", quiet=True)
    >>> found = ec.lmer("mathach ~ cses + (cses | school)", hsb).variance_homogeneity()
    >>> round(found.tests[0].statistic, 2), found.tests[0].df1, round(found.spread, 2)
    (246.12, 159, 0.08)
    """
    return HomogeneityResult.of(homogeneity_values(fit, by, least=least))


@known_options
def collinearity(fit: LmmFit | OlsFit) -> CollinearityResult:
    """Variance inflation factors of the fixed part, tolerances and condition numbers.

    Returns
    -------
    CollinearityResult : print it; `.frame()`, `.table()`; `.vif`, `.gvif`, `.condition`

    Raises
    ------
    DataError : fewer than two predictors

    Notes
    -----
    `gvif` (fox1992), as R's car::vif; `condition-number` (belsley1980). No rows are needed.

    Examples
    --------
    >>> import echelon as ec
    >>> hsb = ec.datasets.load("hsb", quiet=True)
    >>> found = ec.lmer("mathach ~ ses + meanses + sector + (1 | school)", hsb).collinearity()
    >>> dict(zip(found.terms, found.gvif.round(3).tolist()))
    {'ses': 1.099, 'meanses': 1.244, 'sector': 1.145}
    """
    return CollinearityResult.of(collinearity_values(fit))


@known_options
def linearity(fit: LmmFit | OlsFit) -> LinearityResult:
    """Test the square of every numeric predictor, and of the fixed part as a whole.

    Returns
    -------
    LinearityResult : print it; `.frame()`, `.table()`

    Raises
    ------
    NeedsRows : the fit was made from summaries

    Notes
    -----
    `added-column`, `reset` (ramsey1969), at the variances of the fit: no refitting.

    Examples
    --------
    >>> import echelon as ec
    >>> sleep = ec.datasets.load("sleepstudy", quiet=True)
    >>> test = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep).linearity().tests[0]
    >>> test.predictor, round(test.p_value, 2)
    ('Days', 0.2)
    """
    return LinearityResult.of(linearity_values(fit))


@known_options
def contextual(fit: LmmFit) -> ContextualResult:
    """Compare the slopes of level-1 predictors within and between groups (Mundlak, Hausman).

    Returns
    -------
    ContextualResult : print it; `.frame()`, `.table()`; `.whole` the test of all predictors at once

    Raises
    ------
    NeedsRows : the fit was made from summaries

    Notes
    -----
    The group mean of each predictor is added at the variances of the fit (`mundlak`; mundlak1978).
    A difference says that the random effects go with the predictor.

    Examples
    --------
    >>> import echelon as ec
    >>> hsb = ec.datasets.load("hsb", quiet=True)
    >>> found = ec.lmer("mathach ~ ses + (1 | school)", hsb).contextual().terms[0]
    >>> round(float(found.within[0]), 2), round(float(found.difference[0]), 2)
    (2.19, 3.69)
    """
    return ContextualResult.of(contextual_values(fit))
