"""Are residual variances the same in all groups? Raudenbush and Bryk's H, and robust companions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.data import Values, to_native
from echelon.diagnose.group_variances import GroupVariances, group_variances
from echelon.diagnose.level1 import RowResiduals, row_residuals
from echelon.diagnose.spread import SpreadTest, brown_forsythe, likelihood_ratio, strata_of
from echelon.errors import DataError, NotIdentified, NotYetSupported
from echelon.linalg.distributions import chi2_upper, log_mean_square
from echelon.model.fit import LmmFit
from echelon.model.iterative import probes_used
from echelon.multilevel.factors import place_of

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Homogeneity:
    """Tests of equal level-1 variances.

    Attributes
    ----------
    by : the grouping factor, or the variable whose categories are compared
    tests : the tests, one row each
    variances : the groups' own variances; None where a variable was compared
    spread : SD between groups of the log residual SD, beyond chance: 0.1 is about 10 percent
    mean_kurtosis : excess kurtosis of the residuals within groups, that the tests hang on
    backend : the caller's dataframe library
    """

    by: str
    tests: tuple[SpreadTest, ...]
    variances: GroupVariances | None
    spread: float
    mean_kurtosis: float
    backend: str


def homogeneity_frame(found: Homogeneity) -> object:
    """The tests as a table in the caller's dataframe library.

    Returns
    -------
    table: test, statistic, df1, df2 (missing for chi-square), p_value, groups
    """
    tests = found.tests
    columns: dict[str, Values] = {
        "test": [t.name for t in tests],
        "statistic": np.array([t.statistic for t in tests]),
        "df1": np.array([t.df1 for t in tests]),
        "df2": np.array([t.df2 for t in tests]),
        "p_value": np.array([t.p_value for t in tests]),
        "groups": [t.groups for t in tests],
    }
    return to_native(columns, found.backend)


def group_homogeneity(
    fit: LmmFit,
    factor: str | None = None,
    *,
    least: int = 10,
    rows: RowResiduals | None = None,
) -> Homogeneity:
    """Compare the residual variances of the groups of one factor.

    Parameters
    ----------
    least : degrees of freedom that a group must have to take part in H
    rows : residuals of the rows, where they are known already

    Raises
    ------
    DataError : fewer than two groups have that many
    NeedsRows : the fit was made from summaries
    NotYetSupported : correlated residuals

    Notes
    -----
    d_j = (ln S_j^2 - mean) / sqrt(2 / f_j), H = sum d_j^2 on J - 1 df (`homogeneity-h`;
    raudenbush2002, p. 264; snijders2012, ch. 10), the mean weighted by f_j. The second row takes
    the exact mean and variance of ln S_j^2 under normality (`homogeneity-exact`); the third is
    Brown and Forsythe's, which does not need it (`brown-forsythe`).
    """
    if fit.residual is not None and fit.residual.correlation is not None:
        raise NotYetSupported(
            f"residual={fit.residual.structure!r} correlates the rows of a group, so that its own "
            "residual variance is not a mean of independent squares."
        )
    if isinstance(least, bool) or not isinstance(least, int | np.integer) or least < 1:
        raise DataError(f"least={least!r}: a whole number of degrees of freedom, at least 1.")
    place = place_of(fit, factor, "variance_homogeneity()")
    rows = row_residuals(fit) if rows is None else rows
    found, kurtosis = group_variances(fit, place, rows, least=least)
    codes = fit.rows("Residual variances").design.factors[place].codes.astype(np.intp)
    robust = brown_forsythe(rows.standard, codes)
    K = len(found.df)
    if K < 2:
        fewer = max(1, min(3, least - 1))
        raise DataError(
            f"H compares groups with {least} or more residual degrees of freedom, and {K} groups "
            f"of {found.factor!r} have as many. Give a smaller least=, as in least={fewer}, or "
            "compare the categories of a predictor, by its name."
        )
    logs, weight = np.log(found.variance), found.df / 2
    plain = _chi_square(logs, weight)
    bias, variance = log_mean_square(found.df)
    exact = _chi_square(logs - bias, 1 / variance)
    tests = (
        SpreadTest("H (HLM)", plain, K - 1, np.nan, chi2_upper(plain, K - 1), K),
        SpreadTest("H, exact moments", exact, K - 1, np.nan, chi2_upper(exact, K - 1), K),
        robust,
    )
    own = 1 / variance
    excess = (exact - (K - 1)) / (own.sum() - (own**2).sum() / own.sum())
    return Homogeneity(
        by=found.factor,
        tests=tests,
        variances=found,
        spread=float(np.sqrt(max(excess, 0.0))) / 2,
        mean_kurtosis=kurtosis,
        backend=fit.source.backend,
    )


def _chi_square(values: Array, weight: Array) -> float:
    """Weighted sum of squares about the weighted mean."""
    return float(weight @ (values - np.average(values, weights=weight)) ** 2)


def homogeneity_values(fit: LmmFit, by: str | None = None, *, least: int = 10) -> Homogeneity:
    """Compare residual variances between groups of a factor, or categories of a predictor."""
    if by is None or by in fit.factors:
        return group_homogeneity(fit, by, least=least)
    return variable_homogeneity(fit, by)


def variable_homogeneity(fit: LmmFit, name: str) -> Homogeneity:
    """Compare the residual variances of the categories of a predictor.

    Raises
    ------
    UnknownColumn : no such predictor of the model
    DataError : a scale, or one category

    Notes
    -----
    `brown-forsythe` on standardised residuals (brownforsythe1974), and the likelihood ratio of a
    variance for each category, `residual="by(...)"`, where the fit has one variance.
    """
    codes, labels = strata_of(fit, name)
    standard = row_residuals(fit).standard
    good = np.isfinite(standard)
    squares = np.bincount(codes[good], standard[good] ** 2, len(labels))
    mean = squares / np.bincount(codes[good], minlength=len(labels))
    return Homogeneity(
        by=name,
        tests=(brown_forsythe(standard, codes), *_ratio(fit, name)),
        variances=GroupVariances(
            name, labels, mean, np.bincount(codes[good]).astype(np.float64), 0, ()
        ),
        spread=float(np.ptp(np.log(mean))) / 2,
        mean_kurtosis=float(np.mean(standard[good] ** 4) / np.mean(standard[good] ** 2) ** 2 - 3),
        backend=fit.source.backend,
    )


def _ratio(fit: LmmFit, name: str) -> tuple[SpreadTest, ...]:
    """The likelihood ratio, where the model can be fitted with a variance for each category."""
    if fit.residual is not None or probes_used(fit) is not None:
        return ()
    try:
        return (likelihood_ratio(fit, name),)
    except (NotIdentified, NotYetSupported):
        return ()
