"""Which method says how well the fixed effects are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast, get_args

import numpy as np

from echelon.errors import DataError, NotIdentified, UnknownOption
from echelon.infer.between_within import between_within
from echelon.infer.kenward_roger import check_kenward_roger, kenward_roger
from echelon.infer.robust import Sandwich, sandwich
from echelon.infer.robust.clusters import Cluster
from echelon.infer.satterthwaite import Satterthwaite
from echelon.infer.uncertainty import FixedFreedom, Uncertainty
from echelon.model.fit import DfMethod, LmmFit, OlsFit

_HABITS = {
    "kr": "kenward-roger",
    "kenward": "kenward-roger",
    "kenwardroger": "kenward-roger",
    "satt": "satterthwaite",
    "lmertest": "satterthwaite",
    "bw": "between-within",
    "betwithin": "between-within",
    "hlm": "between-within",
    "z": "none",
    "asymptotic": "none",
    "inf": "none",
    "normal": "none",
    "wald": "none",
}
"""What users of other programs type, and what it is called here."""

ROBUST_DF = ("satterthwaite", "clusters", "between-within", "none")
"""Degrees of freedom that go with robust standard errors."""


def uncertainty(
    fit: LmmFit | OlsFit,
    df: str | None = None,
    *,
    robust: str | None = None,
    cluster: Cluster = None,
) -> Uncertainty:
    """The covariance of the fixed effects with the degrees of freedom asked for.

    Parameters
    ----------
    df : None for the choice made when fitting. A linear model has "residual" (n - p) and "none"
    robust : None for the model's covariance; "CR0", "CR1", "CR1S" or "CR2" for a cluster-robust
        one, whose df are then "satterthwaite" (those of the sandwich), "clusters" (their number
        minus 1), "between-within" or "none"; None for the first with CR2, the second otherwise
    cluster : for robust: a grouping factor by name, or one label a row; None for the outermost

    Raises
    ------
    UnknownOption : `df` is none of the methods offered
    NotYetSupported : a method that is not for this model; says which is
    NotIdentified : too few groups for between-within degrees of freedom
    """
    if robust is not None:
        return _robust(fit, df, robust, cluster)
    if cluster is not None:
        raise DataError('cluster= is for robust standard errors: add robust="CR2".')
    if isinstance(fit, OlsFit):
        return _of_linear(fit, df)
    method = fit.df_method if df is None else check_df(df)
    if method == "satterthwaite":
        return Satterthwaite(fit.optimum)
    if method == "kenward-roger":
        return kenward_roger(fit)
    if method == "between-within":
        return between_within(fit)
    return FixedFreedom("none", fit.optimum.vcov, np.inf)


def _robust(fit: LmmFit | OlsFit, df: str | None, robust: str, cluster: Cluster) -> Sandwich:
    """A sandwich with its own degrees of freedom, or those of a method that has some for it."""
    if isinstance(fit, OlsFit) and fit.rss == 0:
        raise NotIdentified(
            "The model fits the response exactly: there are no residuals to make robust standard "
            "errors of."
        )
    if df is None or df == "clusters":
        return sandwich(fit, robust, cluster, freedom=None if df is None else "clusters")
    if isinstance(fit, OlsFit) and df == "residual":
        return sandwich(fit, robust, cluster, freedom=_of_linear(fit, df))
    method = _robust_df(df)
    if method == "satterthwaite":
        return sandwich(fit, robust, cluster, freedom="satterthwaite")
    return sandwich(fit, robust, cluster, freedom=uncertainty(fit, method))


def _robust_df(df: str) -> DfMethod:
    """The df method, if it is one for robust standard errors."""
    name = _plain(df)
    if _HABITS.get(name.replace("-", ""), name) == "kenward-roger":
        known = (
            f"Kenward-Roger adjusts a model-based covariance. Choose from: {', '.join(ROBUST_DF)}."
        )
        raise UnknownOption("df", df, ROBUST_DF, known)
    return check_df(df, ROBUST_DF)


def _of_linear(fit: OlsFit, df: str | None) -> FixedFreedom:
    if df is not None and df != "residual" and check_df(df) != "none":
        exact = 'A linear model has exact ones: leave df= out, or df="none" for z tests.'
        raise UnknownOption("df", df, (), exact)
    z = df is not None and df != "residual"
    freedom = np.inf if z else float(fit.df_resid)
    return FixedFreedom("none" if z else "residual", fit.vcov_beta, freedom)


def check_df(df: str, choices: Sequence[str] = get_args(DfMethod)) -> DfMethod:
    """The df method, if it is one; upper case, blanks and underscores are as good as hyphens.

    Parameters
    ----------
    choices : what to offer where it is none

    >>> check_df("Kenward_Roger")
    'kenward-roger'
    """
    name = _plain(df)
    if name not in get_args(DfMethod):
        habit = _HABITS.get(name.replace("-", ""))
        known = "" if habit is None else f"Here that is df={habit!r}."
        raise UnknownOption("df", df, choices, known)
    return cast(DfMethod, name)


def _plain(df: object) -> str:
    name = df.strip().lower() if isinstance(df, str) else ""
    return name.replace("_", "-").replace(" ", "-")


def check_offered(fit: LmmFit) -> None:
    """Refuse a fit of which the df method is not for its model.

    Raises
    ------
    NotYetSupported, NotIdentified : as `uncertainty`
    """
    if fit.df_method == "kenward-roger":
        check_kenward_roger(fit)
    elif fit.df_method == "between-within":
        between_within(fit)
