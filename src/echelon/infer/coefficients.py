"""The table of fixed effects: estimates, standard errors, degrees of freedom, tests, intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast, get_args

import numpy as np
from numpy.typing import NDArray

from echelon.data import Values, to_native
from echelon.errors import UnknownOption
from echelon.infer.satterthwaite import satterthwaite
from echelon.linalg.distributions import check_level, t_quantile, t_two_sided
from echelon.model.fit import DfMethod, LmmFit, OlsFit

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Coefficients:
    """Fixed effects with their inference, arrays of length p.

    Attributes
    ----------
    names, estimate, std_error, df, statistic, p_value, conf_low, conf_high
    method : "satterthwaite", "none" (normal approximation, df = inf) or "residual" (linear model)
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


def coefficient_values(
    fit: LmmFit | OlsFit, *, df: DfMethod | None = None, level: float = 0.95
) -> Coefficients:
    """Fixed effects with Wald tests and intervals.

    Parameters
    ----------
    df : "satterthwaite" or "none" (z tests); None for the choice made when fitting
    level : coverage of the intervals, between 0 and 1
    """
    check_level(level)
    beta = fit.optimum.beta if isinstance(fit, LmmFit) else fit.beta
    vcov = fit.optimum.vcov if isinstance(fit, LmmFit) else fit.vcov_beta
    se = np.sqrt(np.diagonal(vcov))
    if isinstance(fit, LmmFit):
        method: str = check_df(df or fit.df_method)
        freedom = (
            satterthwaite(fit.optimum, np.eye(len(beta)))
            if method == "satterthwaite"
            else np.full(len(beta), np.inf)
        )
    else:
        method, freedom = "residual", np.full(len(beta), float(fit.df_resid))
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = beta / se
    reach = t_quantile((1 + level) / 2, freedom) * se
    return Coefficients(
        names=fit.names,
        estimate=beta,
        std_error=se,
        df=freedom,
        statistic=statistic,
        p_value=t_two_sided(statistic, freedom),
        conf_low=beta - reach,
        conf_high=beta + reach,
        method=method,
        level=level,
    )


def coefficients(
    fit: LmmFit | OlsFit, *, df: DfMethod | None = None, level: float = 0.95
) -> object:
    """Fixed effects as a table in the caller's dataframe library.

    Parameters
    ----------
    df : "satterthwaite" or "none" (z tests); None for the choice made when fitting
    level : coverage of the intervals, between 0 and 1

    Returns
    -------
    one row a fixed effect: term, estimate, std_error, df, statistic (t = estimate / std_error),
    p_value (two-sided), conf_low, conf_high (estimate -/+ t quantile x std_error)

    Raises
    ------
    UnknownOption : `df` is none of the methods offered
    """
    values = coefficient_values(fit, df=df, level=level)
    columns: dict[str, Values] = {
        "term": list(values.names),
        "estimate": values.estimate,
        "std_error": values.std_error,
        "df": values.df,
        "statistic": values.statistic,
        "p_value": values.p_value,
        "conf_low": values.conf_low,
        "conf_high": values.conf_high,
    }
    return to_native(columns, fit.source.backend)


def confint(fit: LmmFit | OlsFit, *, level: float = 0.95, df: DfMethod | None = None) -> object:
    """Wald intervals of the fixed effects: term, conf_low, conf_high."""
    values = coefficient_values(fit, df=df, level=level)
    columns: dict[str, Values] = {
        "term": list(values.names),
        "conf_low": values.conf_low,
        "conf_high": values.conf_high,
    }
    return to_native(columns, fit.source.backend)


def check_df(df: str) -> DfMethod:
    """The df method, if it is one."""
    if df not in get_args(DfMethod):
        raise UnknownOption("df", df, get_args(DfMethod))
    return cast(DfMethod, df)
