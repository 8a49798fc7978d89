"""Shares of variance: the intraclass correlation and R squared, with or without random slopes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from echelon.linalg.symmetric import block_diagonal
from echelon.model.fit import LmmFit


@dataclass(frozen=True, slots=True)
class VarianceShares:
    """The variance of the response, divided; response units squared.

    Attributes
    ----------
    fixed : variance of the fixed part X beta over the rows
    random : mean variance of the random part Z u over the rows
    residual : sigma^2, the residual variance of a row of precision weight one
    """

    fixed: float
    random: float
    residual: float


@dataclass(frozen=True, slots=True)
class R2:
    """R squared of a multilevel model.

    Attributes
    ----------
    marginal : share of the variance that the fixed part describes
    conditional : share that the fixed and the random part describe together
    """

    marginal: float
    conditional: float


def variance_shares(fit: LmmFit) -> VarianceShares:
    """Divide the variance of the response into fixed, random and residual, from moments alone.

    Notes
    -----
    fixed = beta'S beta / (n - 1), with S the centred cross-products of the predictors;
    random = tr(T M), with M the mean over the rows of z z' (`mean-random-variance`; johnson2014),
    which is tau_00 for random intercepts. An offset is not part of the fixed part. With
    precision weights, both means over the rows are weighted; `residual` stays sigma^2.
    """
    moments, task, best = fit.moments, fit.problem, fit.optimum
    slopes = [
        (moments.columns.index(name), b)
        for name, b in zip(fit.names, best.beta, strict=True)
        if name != "(Intercept)"
    ]
    index = [column for column, _ in slopes]
    beta = np.array([b for _, b in slopes])
    squares = float(beta @ moments.cross[np.ix_(index, index)] @ beta) if slopes else 0.0
    # in whitened units, where Z_user D_user Z_user' = Z D Z'
    D = fit.lam_working @ fit.lam_working.T
    squares_Z = block_diagonal([f.ZtZ.sum(axis=2) for f in task.blocks.factors])
    random = best.sigma2 * float((D * squares_Z).sum()) / moments.weight
    n = moments.n
    return VarianceShares(squares / moments.weight * n / (n - 1), random, best.sigma2)


def icc(fit: LmmFit, *, adjusted: bool = True) -> float:
    """Intraclass correlation: the share of the variance that lies between groups.

    Parameters
    ----------
    adjusted : True divides by the random and residual variance, tau_00 / (tau_00 + sigma^2) for
        random intercepts: the correlation of two members of a group, given the predictors. False
        divides by the variance of the fixed part as well.

    Returns
    -------
    in [0, 1]; 0 for a variance of zero. With random slopes, the mean over the rows of the variance
    of the random part takes the place of tau_00.

    Notes
    -----
    (`icc`; raudenbush2002, ch. 2); with random slopes johnson2014; nakagawa2013 for the unadjusted.
    See `variance_shares` for precision weights. R's `performance` leaves out the slopes of `||`.

    Examples
    --------
    >>> import echelon as ec
    >>> timss = ec.datasets.load("timss", quiet=True)
    >>> fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    >>> round(fit.icc(), 3)
    0.395
    """
    share = variance_shares(fit)
    total = share.random + share.residual + (0.0 if adjusted else share.fixed)
    return share.random / total


def r2(fit: LmmFit) -> R2:
    """Marginal and conditional R squared.

    Notes
    -----
    fixed / total and (fixed + random) / total with total = fixed + random + residual
    (`r2`; nakagawa2013; johnson2014 for random slopes). What a predictor explains at
    each level is `explained`.

    Examples
    --------
    >>> import echelon as ec
    >>> sleep = ec.datasets.load("sleepstudy")
    >>> found = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep).r2()
    >>> round(found.marginal, 3), round(found.conditional, 3)
    (0.279, 0.799)
    """
    share = variance_shares(fit)
    total = share.fixed + share.random + share.residual
    return R2(share.fixed / total, (share.fixed + share.random) / total)
