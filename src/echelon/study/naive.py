"""Estimators that a multilevel model is compared with: OLS on rows and on means, and formulas."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.infer.robust.adjust import pieces
from echelon.infer.robust.freedom import SandwichFreedom
from echelon.infer.robust.products import Batch
from echelon.linalg.rank import independent_columns
from echelon.linalg.triangular import inverse
from echelon.study.estimated import Estimated, estimated
from echelon.study.setting import Setting

Array = NDArray[np.float64]


def of_rows(at: Setting) -> Estimated:
    """Least squares on the rows, which takes them as independent; without predictors their mean."""
    X, Xy, yy = at.full.cross[:-1, :-1], at.y.VtY, at.y.yty
    beta, left = _least_squares(X, Xy, yy)
    df = at.full.n - len(X)
    spread = np.diagonal(np.linalg.inv(X))
    error = np.sqrt(np.outer(left / df, spread))
    return estimated(at.y.R, at.shape, estimate=beta.T, std_error=error, df=float(df))


def of_rows_robust(at: Setting) -> Estimated:
    """The same with cluster-robust standard errors, CR2 (`robust-linear`)."""
    X, B = at.full.cross[:-1, :-1], at.columns.weights(at.plan)
    beta, _ = _least_squares(X, at.y.VtY, at.y.yty)
    root = inverse(np.linalg.cholesky(X).astype(np.float64)).T
    G = at.full.groups[0].ZtZ
    XtX = B.swapaxes(1, 2) @ G @ B
    left = at.y.ZtY[0] - np.einsum("jab,jbp,pr->jar", G, B, beta, optimize=True)
    scores = np.einsum("jap,jar->jpr", B, left)
    # the adjusted score is linear in X_j'e_j: its matrix, a column at a time
    unit = np.eye(len(X))
    found = [pieces(Batch(XtX, np.tile(e, (len(G), 1)), 0), root, True) for e in unit]
    A = np.stack([one.score for one in found], axis=2)
    parts = np.einsum("kx,jxp,jpr->jkr", root, A, scores, optimize=True)
    own, shared = found[0].own, found[0].shared
    overlap = shared @ shared.swapaxes(1, 2)
    freedom = SandwichFreedom(root, (own - overlap).sum(axis=0), own, overlap, shared)
    error = np.sqrt(np.einsum("jkr,jkr->rk", parts, parts))
    return estimated(
        at.y.R, at.shape, estimate=beta.T, std_error=error, df=freedom.df(np.eye(len(X)))
    )


def of_means(at: Setting) -> Estimated:
    """Least squares on the group means, every group counting once.

    Effects that do not show between groups have no estimate. Without predictors, the mean of the
    means, and as variance between groups that of the means less V at the harmonic mean of the sizes
    (`tau00_balanced` of `oneway`).
    """
    B, means = at.columns.weights(at.plan), at.means
    z = np.concatenate([np.ones((len(means), 1)), at.plan.means], axis=1)
    X = np.einsum("ja,jap->jp", z, B)
    kept = np.flatnonzero(independent_columns(X.T @ X, tolerances.RANK_CENTRED))
    X, df = X[:, kept], len(X) - len(kept)
    if df < 1:
        none = np.full((at.y.R, len(kept)), np.nan)
        return estimated(at.y.R, at.shape, terms=kept, estimate=none, std_error=none, df=np.nan)
    beta, left = _least_squares(X.T @ X, X.T @ means, np.einsum("jr,jr->r", means, means))
    error = np.sqrt(np.outer(left / df, np.diagonal(np.linalg.inv(X.T @ X))))
    variances = None
    if at.shape == (1, 2):
        within = _mean_squares(at)[1]
        variances = (left / df - within * float((1 / at.n).mean()), within)
    return estimated(
        at.y.R,
        at.shape,
        terms=kept,
        estimate=beta.T,
        std_error=error,
        df=float(df),
        variances=variances,
    )


def balanced(at: Setting) -> Estimated:
    """The formulas of the balanced one-way analysis, with the mean size in the place of n.

    The mean of the rows with the standard error sqrt(MSB / N) on J - 1 degrees of freedom;
    tau00 = (MSB - MSW) / mean n (`study-balanced`; searle1992, ch. 3).
    """
    between, within = _mean_squares(at)
    J, N = len(at.n), at.full.n
    return estimated(
        at.y.R,
        at.shape,
        estimate=_mean_of_rows(at)[:, None],
        std_error=np.sqrt(between / N)[:, None],
        df=float(J - 1),
        variances=((between - within) * J / N, within),
    )


def weighted(at: Setting) -> Estimated:
    """Precision weights 1 / (tau00 + sigma^2 / n_j) with the variances of the ANOVA.

    tau00 = (MSB - MSW) / n0 (searle1992, ch. 3), taken as zero in the weights where it is negative;
    J - 1 degrees of freedom (`study-weighted`).
    """
    between, within = _mean_squares(at)
    n, N, J = at.n, at.full.n, len(at.n)
    n0 = (N - float(n @ n) / N) / (J - 1)
    tau2 = (between - within) / n0
    precision = 1 / (np.maximum(tau2, 0.0) + within / n[:, None])
    total = precision.sum(axis=0)
    return estimated(
        at.y.R,
        at.shape,
        estimate=((precision * at.means).sum(axis=0) / total)[:, None],
        std_error=(1 / np.sqrt(total))[:, None],
        df=float(J - 1),
        variances=(tau2, within),
    )


def _mean_of_rows(at: Setting) -> Array:
    return np.asarray(at.y.VtY[0] / at.full.n)


def _mean_squares(at: Setting) -> tuple[Array, Array]:
    """MSB and MSW (R,)."""
    apart, n = at.means - _mean_of_rows(at), at.n
    inside = at.y.yty - n @ at.means**2
    between = np.asarray(n @ apart**2 / (len(n) - 1))
    return between, np.asarray(inside / (at.full.n - len(n)))


def _least_squares(XtX: Array, XtY: Array, yty: Array) -> tuple[Array, Array]:
    """Coefficients (p, R) and residual sums of squares (R,)."""
    beta = np.linalg.solve(XtX, XtY).astype(np.float64)
    left = np.maximum(yty - np.einsum("pr,pr->r", beta, XtY), 0.0)
    return beta, np.asarray(left)
