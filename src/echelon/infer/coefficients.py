"""The table of fixed effects: estimates, standard errors, degrees of freedom, tests, intervals."""

from __future__ import annotations

import numpy as np

from echelon.data import Values, to_native
from echelon.infer.choose import uncertainty
from echelon.infer.estimates import Estimates, estimates
from echelon.model.fit import DfMethod, LmmFit, OlsFit


def coefficient_values(
    fit: LmmFit | OlsFit, *, df: DfMethod | None = None, level: float = 0.95
) -> Estimates:
    """Fixed effects with Wald tests and intervals.

    Parameters
    ----------
    df : "satterthwaite" or "none" (z tests); None for the choice made when fitting
    level : coverage of the intervals, between 0 and 1
    """
    beta = fit.optimum.beta if isinstance(fit, LmmFit) else fit.beta
    known = uncertainty(fit, df)
    return estimates(fit.names, np.eye(len(beta)), beta, known, level=level)


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
    return to_native(values.columns(), fit.source.backend)


def confint(fit: LmmFit | OlsFit, *, level: float = 0.95, df: DfMethod | None = None) -> object:
    """Wald intervals of the fixed effects: term, conf_low, conf_high."""
    values = coefficient_values(fit, df=df, level=level)
    columns: dict[str, Values] = {
        "term": list(values.names),
        "conf_low": values.conf_low,
        "conf_high": values.conf_high,
    }
    return to_native(columns, fit.source.backend)
