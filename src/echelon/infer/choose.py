"""Which method says how well the fixed effects are known."""

from __future__ import annotations

from typing import cast, get_args

import numpy as np

from echelon.errors import UnknownOption
from echelon.infer.satterthwaite import Satterthwaite
from echelon.infer.uncertainty import FixedFreedom, Uncertainty
from echelon.model.fit import DfMethod, LmmFit, OlsFit


def uncertainty(fit: LmmFit | OlsFit, df: str | None = None) -> Uncertainty:
    """The covariance of the fixed effects with the degrees of freedom asked for.

    Parameters
    ----------
    df : None for the choice made when fitting

    Raises
    ------
    UnknownOption : `df` is none of the methods offered
    """
    if isinstance(fit, OlsFit):
        return FixedFreedom("residual", fit.vcov_beta, float(fit.df_resid))
    method = check_df(df or fit.df_method)
    if method == "satterthwaite":
        return Satterthwaite(fit.optimum)
    return FixedFreedom("none", fit.optimum.vcov, np.inf)


def check_df(df: str) -> DfMethod:
    """The df method, if it is one."""
    if df not in get_args(DfMethod):
        raise UnknownOption("df", df, get_args(DfMethod))
    return cast(DfMethod, df)
