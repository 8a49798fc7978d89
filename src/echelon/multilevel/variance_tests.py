"""Chi-square tests of the variance components, as the HLM program prints them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.data import to_native
from echelon.linalg.distributions import chi2_upper
from echelon.model.fit import LmmFit
from echelon.model.own import own_part
from echelon.multilevel.factors import check_one_factor
from echelon.multilevel.groups import group_values

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class VarianceTests:
    """Tests that a random coefficient has no variance left between groups.

    Attributes
    ----------
    factor, terms : grouping factor and its q random coefficients
    variance : (q,) estimated variances, response units squared per unit of z squared
    chi_square, df, p_value : (q,) the tests; nan where df < 1
    groups_used : groups whose own least-squares estimate exists
    """

    factor: str
    terms: tuple[str, ...]
    variance: Array
    chi_square: Array
    df: NDArray[np.intp]
    p_value: Array
    groups_used: int


def variance_test_values(fit: LmmFit) -> VarianceTests:
    """Chi-square tests of a fit, from moments alone; see `variance_tests`."""
    check_one_factor(
        fit,
        "The chi-square test of a variance",
        "It compares estimates that each group gives by itself, and here the groups share the "
        "effects of the other factors. Compare the log-likelihoods of the model with and without "
        "the term, which have the same fixed effects.",
    )
    values, split = group_values(fit), own_part(fit)
    able = split.estimable
    gap = (values.ols - values.predicted)[able]
    df = int(able.sum()) - split.predictors()
    Q = np.where(df > 0, (gap**2 / values.V[able]).sum(axis=0), np.nan)
    p = [chi2_upper(x, d) if d > 0 else np.nan for x, d in zip(Q, df, strict=True)]
    return VarianceTests(
        factor=fit.factor,
        terms=fit.effects,
        variance=np.diagonal(fit.optimum.covariance).copy(),
        chi_square=Q,
        df=df,
        p_value=np.array(p),
        groups_used=int(able.sum()),
    )


def variance_tests(fit: LmmFit) -> object:
    """Test each variance component: do the groups differ beyond the model and sampling error?

    Returns
    -------
    table in the caller's dataframe library, one row a random coefficient: group (the factor), term,
    variance, chi_square, df, p_value, groups_used

    Raises
    ------
    DataError : several grouping factors: the groups' own estimates are not independent there

    Notes
    -----
    Q_q = sum_j (ols_qj - predicted_qj)^2 / V_qqj over the groups whose own least-squares estimate
    exists, against chi-square with df = groups used - fixed effects that act on coefficient q
    (`variance-chi-square`; raudenbush2002, ch. 3). The reference distribution is exact but for
    the estimation of sigma^2 and beta; it uses no estimate of tau, so no boundary is in the way.
    In a balanced one-way design Q = (J - 1) F.

    Examples
    --------
    >>> import echelon as ec
    >>> timss = ec.datasets.load("timss", quiet=True)
    >>> fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    >>> fit.variance_tests()[["term", "chi_square", "df"]].round(1).values.tolist()
    [['(Intercept)', 468.3, 19]]
    """
    values = variance_test_values(fit)
    q = len(values.terms)
    return to_native(
        {
            "group": [values.factor] * q,
            "term": list(values.terms),
            "variance": values.variance,
            "chi_square": values.chi_square,
            "df": values.df,
            "p_value": values.p_value,
            "groups_used": [values.groups_used] * q,
        },
        fit.source.backend,
    )
