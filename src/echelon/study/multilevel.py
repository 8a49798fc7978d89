"""The multilevel estimators: REML and ML with Satterthwaite's tests, and known variances."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echelon.estimate.batch.optima import optima
from echelon.estimate.batch.working import working
from echelon.estimate.problem import problem
from echelon.study.estimated import Estimated
from echelon.study.freedom import satterthwaite_many
from echelon.study.setting import Setting

Array = NDArray[np.float64]


def fitted(at: Setting, *, reml: bool = True, slopes: bool = True) -> Estimated:
    """The multilevel model fitted to every response, with Satterthwaite's degrees of freedom.

    Parameters
    ----------
    slopes : False leaves out the effects that vary between groups, and keeps the intercepts
    """
    random = at.columns.random if slopes else (0,)
    moments, given = at.model(random)
    task = problem(moments)
    responses, shift = working(task, moments, given)
    best = optima(task, responses, reml)
    variances = np.full((at.y.R, at.shape[1]), np.nan)
    variances[:, : len(random)] = best.sigma2[:, None] * np.einsum(
        "rab,rab->ra", best.lam, best.lam
    )
    variances[:, -1] = best.sigma2
    return Estimated(
        best.beta + shift,
        np.sqrt(np.einsum("rii->ri", best.vcov)),
        satterthwaite_many(task, responses, best, reml),
        variances,
    )


def between_within(at: Setting, found: Estimated) -> Estimated:
    """The same estimates with degrees of freedom counted as HLM does (`bw-groups`, `bw-rows`)."""
    columns, J, n = at.columns, len(at.plan.n), at.full.n
    rows = np.array(columns.rows)
    inside = np.isin(rows, columns.random)
    df = np.array([J - np.count_nonzero(rows == row) for row in rows], dtype=np.float64)
    df = np.where(inside, df, float(n - len(rows)))
    return Estimated(
        found.estimate, found.std_error, np.broadcast_to(df, found.df.shape), found.variances
    )


def known(at: Setting) -> Estimated:
    """Generalised least squares with the true variances: the best that weights can do.

    z tests. X'V^-1 X and X'V^-1 y by groups (`study-known`).
    """
    random, ZtX = list(at.columns.random), at.full.groups[0].ZtV[:, :, :-1]
    ZtZ = at.full.groups[0].ZtZ[:, random][:, :, random]
    C, D = ZtX[:, random], at.truth / at.sigma2
    inner = np.linalg.solve(np.eye(len(D)) + D @ ZtZ, np.broadcast_to(D, ZtZ.shape))
    shrunk = np.einsum("jab,jbp->jap", inner, C)
    XVX = at.full.cross[:-1, :-1] - np.einsum("jap,jaq->pq", C, shrunk)
    XVy = at.y.VtY - np.einsum("jap,jar->pr", shrunk, at.y.ZtY[0][:, random], optimize=True)
    spread = np.linalg.inv(XVX)
    R, p = at.y.R, len(XVX)
    return Estimated(
        (spread @ XVy).T,
        np.broadcast_to(np.sqrt(at.sigma2 * np.diagonal(spread)), (R, p)),
        np.full((R, p), np.inf),
        np.full((R, at.shape[1]), np.nan),
    )
