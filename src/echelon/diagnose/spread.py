"""Tests that the spread of residuals is the same everywhere."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from echelon.data import Column
from echelon.design.residual_layout import residual_design
from echelon.errors import DataError, UnknownColumn
from echelon.formula import ResidualSpec, parse_residual
from echelon.infer.criteria import criteria
from echelon.linalg.distributions import chi2_upper, f_upper
from echelon.model.fit import LmmFit, OlsFit
from echelon.model.residual_fit import fit_residual
from echelon.moments.residual import residual_moments

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

_MOST_CODES = 6
"""Distinct whole numbers up to which a number counts as categories."""
_MOST_LEVELS = 30
"""Levels above which a category is taken for a grouping."""


@dataclass(frozen=True, slots=True)
class SpreadTest:
    """One test of equal variances.

    Attributes
    ----------
    name : of the test
    statistic : chi-square, or F where there is a `df2`
    df1, df2 : degrees of freedom; df2 nan for chi-square
    p_value : upper tail area
    groups : groups or categories compared
    """

    name: str
    statistic: float
    df1: int
    df2: float
    p_value: float
    groups: int


def brown_forsythe(standard: Array, codes: Codes) -> SpreadTest:
    """Brown and Forsythe's test: analysis of variance of distances from the groups' medians.

    Groups of one or two rows are left out: their distances are equal whatever the variance.

    Notes
    -----
    `brown-forsythe`; brownforsythe1974. Cost O(n log n).
    """
    J = int(codes.max()) + 1
    good = np.isfinite(standard)
    count = np.bincount(codes[good], minlength=J)
    good &= count[codes] >= 3
    z, group = standard[good], np.unique(codes[good], return_inverse=True)[1]
    n = np.bincount(group)
    N, K = len(z), len(n)
    if K < 2 or N <= K:
        return SpreadTest("Brown-Forsythe", np.nan, max(K - 1, 0), np.nan, np.nan, K)
    distance = np.abs(z - _medians(z, group, n)[group])
    mean = np.bincount(group, distance) / n
    between = float(n @ (mean - distance.mean()) ** 2)
    within = float(np.square(distance - mean[group]).sum())
    F = between / (K - 1) / (within / (N - K))
    return SpreadTest("Brown-Forsythe", F, K - 1, float(N - K), f_upper(F, K - 1, N - K), K)


def _medians(z: Array, group: Codes, n: Codes) -> Array:
    ordered = z[np.lexsort((z, group))]
    start = np.cumsum(n) - n
    middle: Array = (ordered[start + (n - 1) // 2] + ordered[start + n // 2]) / 2
    return middle


def categories(fit: LmmFit | OlsFit) -> dict[str, Column]:
    """The predictors of a fit that divide its rows into a few categories."""
    if fit.built is None:
        return {}
    found = {}
    for name, column in fit.built.columns.items():
        if column.levels is not None:
            if 2 <= len(column.levels) <= _MOST_LEVELS:
                found[name] = column
            continue
        values = np.unique(column.values)
        if 2 <= len(values) <= _MOST_CODES and (values == np.rint(values)).all():
            codes = np.searchsorted(values, column.values).astype(np.intp)
            labels = tuple(int(v) for v in values)
            found[name] = replace(column, values=codes, levels=labels)
    return found


def strata_of(fit: LmmFit | OlsFit, name: str) -> tuple[Codes, tuple[object, ...]]:
    """Category of each row, and the categories.

    Raises
    ------
    UnknownColumn : no predictor of the model
    DataError : a predictor with many values
    """
    found = categories(fit)
    if name in found:
        levels = found[name].levels
        assert levels is not None
        return found[name].values.astype(np.intp), levels
    known = () if fit.built is None else tuple(fit.built.columns)
    if name in known:
        raise DataError(
            f"{name!r} has many values, and variances are compared between categories. See "
            f"fit.plot.scale_location() for variances along a scale."
        )
    factors = fit.factors if isinstance(fit, LmmFit) else ()
    raise UnknownColumn(name, (*factors, *known), "variance_homogeneity()")


def likelihood_ratio(fit: LmmFit, name: str) -> SpreadTest:
    """Likelihood ratio of a residual variance for each category of a predictor against one.

    The model is fitted again, by the fit's own criterion, with residual="by(name)".

    Raises
    ------
    NotYetSupported : the fit has a residual structure
    NotIdentified : a category without residual variance

    Notes
    -----
    `lrt`; pinheiro2000, ch. 5. Cost: about ten fits.
    """
    fit.require_plain("A likelihood ratio of residual variances")
    built = fit.rows("Residual variances by category")
    column = categories(fit)[name]
    spec: ResidualSpec = parse_residual(f"by({_ticked(name)})", (name,))
    layout = residual_design(spec, {name: column}, None, built.design.factors)
    larger = fit_residual(
        residual_moments(built.design, layout),
        fit.spec,
        reml=fit.reml,
        df=fit.df_method,
        source=replace(fit.source, seconds=()),
        built=built,
    )
    statistic = max(criteria(fit).deviance - criteria(larger).deviance, 0.0)
    df = len(layout.labels) - 1
    return SpreadTest(
        f'likelihood ratio, residual="by({name})"',
        statistic,
        df,
        np.nan,
        chi2_upper(statistic, df),
        df + 1,
    )


def _ticked(name: str) -> str:
    return name if name.isidentifier() else f"`{name}`"
