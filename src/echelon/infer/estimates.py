"""Estimates with their tests and intervals: one row a coefficient, a contrast or a mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.data import Values
from echelon.infer.uncertainty import Uncertainty
from echelon.linalg.distributions import check_level, t_quantile, t_two_sided

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """Linear functions of the fixed effects with their inference, arrays of length m.

    Attributes
    ----------
    names, estimate, std_error, df, statistic, p_value, conf_low, conf_high
    method : of the degrees of freedom: "satterthwaite", "kenward-roger", "between-within", "none"
        (normal approximation, df = inf), "residual" (linear model), or a robust one ("CR2")
    level : coverage of the intervals
    """

    names: tuple[str, ...]
    estimate: Array
    std_error: Array
    df: Array
    statistic: Array
    p_value: Array
    conf_low: Array
    conf_high: Array
    method: str
    level: float

    def columns(self, label: str = "term") -> dict[str, Values]:
        """The arrays as columns of a result table, the names under `label`."""
        return {
            label: list(self.names),
            "estimate": self.estimate,
            "std_error": self.std_error,
            "df": self.df,
            "statistic": self.statistic,
            "p_value": self.p_value,
            "conf_low": self.conf_low,
            "conf_high": self.conf_high,
        }


def estimates(
    names: Sequence[str],
    L: Array,
    beta: Array,
    known: Uncertainty,
    *,
    level: float = 0.95,
    null: Array | float = 0.0,
) -> Estimates:
    """Wald tests and intervals of L beta.

    Parameters
    ----------
    L : (m, p) one linear function a row;  beta : (p,)
    known : the covariance of beta and the degrees of freedom that go with it
    level : coverage of the intervals, between 0 and 1
    null : (m,) values under test; the estimates and intervals are of L beta itself

    What has no variance (a difference that is zero by the model, a perfect fit) has no test.
    """
    check_level(level)
    estimate = L @ beta
    se = np.sqrt(np.einsum("mp,pr,mr->m", L, known.vcov, L))
    freedom = known.df(L)
    statistic = np.full(len(se), np.nan)
    np.divide(estimate - null, se, out=statistic, where=se > 0)
    reach = np.where(se == 0, 0.0, t_quantile((1 + level) / 2, freedom) * se)
    if known.method != "none":
        freedom = np.where((se == 0) & np.isinf(freedom), np.nan, freedom)
    return Estimates(
        names=tuple(names),
        estimate=estimate,
        std_error=se,
        df=freedom,
        statistic=statistic,
        p_value=t_two_sided(statistic, freedom),
        conf_low=estimate - reach,
        conf_high=estimate + reach,
        method=known.method,
        level=level,
    )
