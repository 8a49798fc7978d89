"""Satterthwaite degrees of freedom of many responses on one design at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.estimate.batch.charts import charts, jacobian
from echelon.estimate.batch.deviance import Evaluations, evaluate, spread_gradient
from echelon.estimate.batch.layout import Layout, layout
from echelon.estimate.batch.optima import Optima
from echelon.estimate.batch.responses import WorkingResponses, local_responses
from echelon.estimate.problem import Problem

Array = NDArray[np.float64]


def satterthwaite_many(
    problem: Problem, given: WorkingResponses, best: Optima, reml: bool
) -> Array:
    """Degrees of freedom (R, p) of every fixed effect of every response; nan without an optimum.

    Parameters
    ----------
    best : the optima of these responses

    Notes
    -----
    `satterthwaite` (giesbrecht1985, kuznetsova2017), from the derivatives that the search has
    anyway: one more evaluation, in the local coordinates of each response.
    """
    design = layout(problem)
    back = problem.fixed.back @ design.to_orthonormal
    ZtX = problem.blocks.factors[0].ZtV[:, : problem.p]
    df = problem.n - problem.p if reml else problem.n
    size = int(np.clip(tolerances.BATCH_CELLS // design.cells, 8, tolerances.BATCH_RESPONSES))
    out = np.full((given.R, problem.p), np.nan)
    found = np.flatnonzero(best.status != "failed")
    for first in range(0, len(found), size):
        some = found[first : first + size]
        local = local_responses(design, given.take(some), ZtX)
        F = np.ascontiguousarray(best.lam_working[some].transpose(1, 2, 0))
        at = evaluate(design, local, F, reml)
        out[some] = _freedom(design, at, back, df)
    return out


def _freedom(design: Layout, at: Evaluations, back: Array, df: int) -> Array:
    """2 v^2 / (g'A g) for each fixed effect, in (x, log sigma) (R, p)."""
    shape = design.pairs
    local = charts(at, shape, np.full(len(at.value), float(df)))
    chain = jacobian(local, shape)
    v = np.einsum("kx,xyr,ky->kr", back, at.Xinv, back, optimize=True)
    in_D = np.einsum("kx,ixyr,ky->ikr", back, spread_gradient(design, at), back, optimize=True)
    share = np.empty((len(chain) + 1, *v.shape))
    share[:-1] = np.einsum("lir,lkr->ikr", chain, in_D / v)
    share[-1] = 2.0  # of sigma^2 in log sigma
    A = _twice_inverse(_hessian(local.hessian, chain, at, df))
    spread = np.einsum("ikr,rij,jkr->rk", share, A, share, optimize=True)
    with np.errstate(divide="ignore"):
        return np.asarray(np.where(spread > 0, 2 / spread, np.inf))


def _hessian(profiled: Array, chain: Array, at: Evaluations, df: int) -> Array:
    """(R, t + 1, t + 1) of the deviance in (x, log sigma), sigma not profiled out.

    As `Optimum` has it, with log sigma in the place of sigma: a scale is then no longer needed.
    """
    sigma2 = at.rho2 / df
    cross = 2 / sigma2 * np.einsum("lir,lr->ir", chain, at.score)
    bottom = 4.0 * df
    t = len(cross)
    H = np.empty((len(sigma2), t + 1, t + 1))
    H[:, :t, :t] = profiled.transpose(2, 0, 1) + cross.T[:, :, None] * cross.T[:, None] / bottom
    H[:, :t, t] = H[:, t, :t] = cross.T
    H[:, t, t] = bottom
    return H


def _twice_inverse(H: Array) -> Array:
    """(R, m, m) 2 H^-1 over the directions of positive curvature, after scaling."""
    scale = np.sqrt(np.abs(np.einsum("rii->ri", H)))
    scale[scale == 0] = 1.0
    values, vectors = np.linalg.eigh(H / (scale[:, :, None] * scale[:, None]))
    keep = values > tolerances.INVERSE_EIGENVALUE
    over = np.where(keep, 2 / np.where(keep, values, 1.0), 0.0)
    vectors = vectors / scale[:, :, None]
    return np.asarray((vectors * over[:, None]) @ vectors.swapaxes(1, 2))
