"""What R's summary.lm prints below the coefficients: R squared, adjusted R squared, F."""

from __future__ import annotations

from dataclasses import dataclass

from echelon.linalg.distributions import f_upper
from echelon.model.fit import OlsFit


@dataclass(frozen=True, slots=True)
class FTest:
    """F test that all coefficients but the constant are zero.

    Attributes
    ----------
    statistic : F
    df1 : numerator degrees of freedom, the coefficients tested
    df2 : denominator degrees of freedom, n - p
    p_value : upper tail area
    """

    statistic: float
    df1: int
    df2: int
    p_value: float


def r_squared(fit: OlsFit) -> float:
    """Share of the response's sum of squares explained, 1 - RSS / TSS.

    TSS is about the mean when the model has a constant and about zero when it has none, as in R.
    """
    return 1 - fit.rss / fit.tss


def adjusted_r_squared(fit: OlsFit) -> float:
    """R squared with both sums of squares divided by their degrees of freedom."""
    constant = int(fit.moments.intercept)
    if fit.df_resid == 0:
        return float("nan")
    return 1 - (1 - r_squared(fit)) * (fit.n - constant) / fit.df_resid


def f_test(fit: OlsFit) -> FTest:
    """F test of all coefficients but the constant; nan when there is none to test, and where the
    model fits perfectly.
    """
    df1, df2 = len(fit.names) - int(fit.moments.intercept), fit.df_resid
    if df1 == 0 or df2 == 0 or fit.rss == 0:
        return FTest(float("nan"), df1, df2, float("nan"))
    statistic = (fit.tss - fit.rss) / df1 / fit.sigma2
    return FTest(statistic, df1, df2, f_upper(statistic, df1, df2))
