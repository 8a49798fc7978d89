"""The table of fixed effects: estimates, standard errors, degrees of freedom, tests, intervals."""

from __future__ import annotations

import numpy as np

from echelon.data import to_native
from echelon.infer.choose import uncertainty
from echelon.infer.estimates import Estimates, estimates
from echelon.infer.robust.clusters import Cluster
from echelon.model.fit import LmmFit, OlsFit


def coefficient_values(
    fit: LmmFit | OlsFit,
    *,
    df: str | None = None,
    robust: str | None = None,
    cluster: Cluster = None,
    level: float = 0.95,
) -> Estimates:
    """Fixed effects with Wald tests and intervals.

    Parameters
    ----------
    df : "satterthwaite", "kenward-roger" (standard errors adjusted too), "between-within" (as HLM)
        or "none" (z tests); None for the choice made when fitting
    robust, cluster : cluster-robust standard errors, as `uncertainty` takes them
    level : coverage of the intervals, between 0 and 1
    """
    beta = fit.optimum.beta if isinstance(fit, LmmFit) else fit.beta
    known = uncertainty(fit, df, robust=robust, cluster=cluster)
    return estimates(fit.names, np.eye(len(beta)), beta, known, level=level)


def coefficients(
    fit: LmmFit | OlsFit,
    *,
    df: str | None = None,
    robust: str | None = None,
    cluster: Cluster = None,
    level: float = 0.95,
) -> object:
    """Fixed effects as a table in the caller's dataframe library.

    Parameters
    ----------
    df : "satterthwaite", "kenward-roger" (standard errors adjusted too), "between-within" (as HLM)
        or "none" (z tests); None for the choice made when fitting
    robust : cluster-robust standard errors: "CR2" (small-sample correction, with degrees of freedom
        of its own), "CR1" or "CR1S" (a factor, clusters - 1 degrees of freedom), "CR0" (as HLM)
    cluster : of robust: name of a grouping factor, or one label a row, cluster=data["district"];
        None for the grouping factor in which all others are nested. A linear model has none
    level : coverage of the intervals, between 0 and 1

    Returns
    -------
    one row a fixed effect: term, estimate, std_error, df, statistic (t = estimate / std_error),
    p_value (two-sided), conf_low, conf_high (estimate -/+ t quantile x std_error)

    Raises
    ------
    UnknownOption : `df` or `robust` is none of those offered
    DataError : clusters that are not independent under the model, e.g. of crossed factors
    NotYetSupported, NotIdentified : a method that is not for this model

    Examples
    --------
    >>> import echelon as ec
    >>> sleep = ec.datasets.load("sleepstudy", quiet=True)
    >>> fit = ec.lmer("Reaction ~ Days + (1 | Subject)", sleep)
    >>> for df in ("satterthwaite", "kenward-roger", "between-within"):
    ...     print(coefficients(fit, df=df)["df"].round(2).tolist())
    [22.81, 161.0]
    [22.81, 161.0]
    [17.0, 178.0]
    >>> coefficients(fit, robust="CR2")["std_error"].round(3).tolist()
    [6.825, 1.546]
    """
    values = coefficient_values(fit, df=df, robust=robust, cluster=cluster, level=level)
    return to_native(values.columns(), fit.source.backend)
