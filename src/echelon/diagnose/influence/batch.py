"""Deletions from a model of one grouping factor, all in one batch."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.diagnose.influence.evaluate import (
    Deleted,
    Deletions,
    evaluated,
    separable,
    slopes_of,
    sums_left,
    unpacked,
)
from echelon.diagnose.influence.sums import Groups, whole
from echelon.effects.rows import own_rows
from echelon.estimate.batch.charts import charts, moved
from echelon.estimate.batch.deviance import Evaluations
from echelon.estimate.batch.search import descend
from echelon.estimate.batch.steps import steps
from echelon.linalg.stacked import cholesky, gram, lower_factor, lower_inverse
from echelon.model.fit import LmmFit
from echelon.moments.resample import GroupProducts, group_products

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The estimates without each deletion's rows, in the user's units.

    Attributes
    ----------
    beta : (R, p);  vcov : (R, p, p)
    covariance : (R, q, q) of the random effects;  sigma2 : (R,)
    deviance : (R,) of the rows left;  displacement : (R,) see `Influence`
    boundary : (R,) whether a direction of the covariance is zero
    settled : (R,) whether it is an optimum; the others are to be fitted one by one
    """

    beta: Array
    vcov: Array
    covariance: Array
    sigma2: Array
    deviance: Array
    displacement: Array
    boundary: Flags
    settled: Flags


def batchable(fit: LmmFit) -> bool:
    """Whether deletions can be made in a batch: one grouping factor without a structure."""
    shape = fit.problem.pairs
    one = len(fit.factors) == 1 and fit.problem.p > 0 and fit.residual is None
    return one and not shape.kinds and shape.q <= tolerances.DELETED_EFFECTS


def without_groups(fit: LmmFit) -> Deleted:
    """Every group of the only factor deleted in turn. Cost O(n k^2) for its cross-products."""
    products = _products(fit)
    lay, factor = fit.problem.fixed.lay, fit.problem.blocks.factors[0]
    cross = lay.T @ products.cross @ lay
    groups = Groups.of(factor.ZtZ, factor.ZtV, fit.problem.pairs)
    return Deleted(
        shape=fit.problem.pairs,
        p=fit.problem.p,
        reml=fit.reml,
        groups=groups,
        removed=groups,
        kept=None,
        cross=fit.problem.cross[:, :, None] - cross.transpose(1, 2, 0),
        n=(fit.n - products.rows).astype(np.float64),
        log_weight=fit.moments.log_weight - products.log_weight,
    )


def _products(fit: LmmFit) -> GroupProducts:
    """Cross-products within groups; of summaries, those of the rows behind them."""
    built = fit.built
    if built is None or built.behind is None:
        return group_products(fit.moments, fit.rows("Leaving groups out").design, 0)
    n, sd = built.behind
    found = group_products(fit.moments, replace(built.design, precision=n), 0)
    codes, J = built.design.factors[0].codes, len(found.rows)
    cross = found.cross.copy()
    cross[:, -1, -1] += np.bincount(codes, (n - 1) * np.square(sd), J)
    rows = np.rint(np.bincount(codes, n, J)).astype(np.intp)
    return GroupProducts(cross, rows, np.zeros(J))


def without_rows(fit: LmmFit) -> Deleted:
    """Every row deleted in turn."""
    rows, task, moments = own_rows(fit), fit.problem, fit.moments
    design = fit.rows("Leaving rows out").design
    w = np.ones(rows.m) if rows.precision is None else rows.precision
    V = np.column_stack([np.ones(rows.m), *design.arrays, design.y - rows.offset]) - moments.centre
    XY = (V @ task.fixed.lay).T  # (k, n)
    Z = (rows.Z[0] @ task.whiten).T  # (q, n)
    codes, factor = rows.codes[0], task.blocks.factors[0]
    M, C = factor.ZtZ[..., codes], factor.ZtV[..., codes]
    return Deleted(
        shape=task.pairs,
        p=task.p,
        reml=fit.reml,
        groups=Groups.of(factor.ZtZ, factor.ZtV, task.pairs),
        removed=Groups.of(M, C, task.pairs),
        kept=Groups.of(M - w * Z[:, None] * Z[None], C - w * Z[:, None] * XY[None], task.pairs),
        cross=task.cross[:, :, None] - w * XY[:, None] * XY[None],
        n=np.full(rows.m, fit.n - 1.0),
        log_weight=moments.log_weight - np.log(w),
    )


def refitted(fit: LmmFit, given: Deleted) -> Found:
    """Exact refits of all deletions, from the estimates of all rows (`deletion-refit`)."""
    objective, shape = Deletions.of(given), given.shape
    inside = fit.verdict.status == "converged"  # null directions would stay null
    start = fit.lam_working if inside else tolerances.START * np.eye(shape.q)
    with np.errstate(all="ignore"):  # nan marks what does not exist
        at = objective(np.arange(given.R), start[:, :, None])  # one pass over groups for all
        settled, boundary = descend(objective, at)
        settled &= separable(given, fit.problem.cross)
        found = _found(fit, at, given, boundary, settled)
        return replace(found, displacement=_displacement(fit, at, given))


def _displacement(fit: LmmFit, at: Evaluations, given: Deleted) -> Array:
    """(R,) how much higher the criterion of all rows is at these estimates (`displacement`)."""
    task, p = fit.problem, given.p
    sums = whole(given.groups, at.F, given.shape, slopes=False)
    A = task.cross[:, :, None] - unpacked(sums.explained, p + 1)
    s = np.concatenate([-at.beta, np.ones((1, given.R))])
    log_sigma2 = np.log(2 * np.pi * at.rho2 / given.df)
    value = task.n * log_sigma2 + sums.logdet - task.log_weight
    value += np.einsum("xr,xyr,yr->r", s, A, s) / (at.rho2 / given.df)
    if given.reml:
        value += 2 * np.log(np.einsum("xxr->xr", cholesky(A[:p, :p]))).sum(axis=0) - p * log_sigma2
    return np.asarray(value - fit.optimum.deviance)


def one_step(fit: LmmFit, given: Deleted) -> Found:
    """One Newton step from the estimates of all rows (`deletion-step`). Cost O(J), not O(J^2)."""
    shape, p = given.shape, given.p
    with np.errstate(all="ignore"):
        F0 = np.repeat(fit.lam_working[:, :, None], given.R, axis=2)
        sums = sums_left(given, fit.lam_working[:, :, None])
        at = evaluated(given, sums, F0)
        local = charts(at, shape, given.df)
        way = steps(local, np.full(given.R, tolerances.DELETED_RADIUS))
        F = moved(local, shape, way.step)
        change = np.einsum("ibr,ibr->ir", F[shape.row], F[shape.col]) - at.D
        A = given.cross - unpacked(sums.explained, p + 1)
        A -= np.einsum("ir,ixyr->xyr", change, slopes_of(sums, shape, p + 1))
        A[p, p] += np.einsum("ir,ilr,lr->r", change, at.quadratic, change)
        L = cholesky(A)
        root = lower_inverse(L[:p, :p])
        stepped = replace(
            at,
            value=at.value - way.promised,
            F=F,
            rho2=L[p, p] ** 2,
            beta=np.einsum("lxr,lr->xr", root, L[p, :p]),
            Xinv=gram(root),
        )
        safe = separable(given, fit.problem.cross)
        found = _found(fit, stepped, given, np.zeros(given.R, dtype=bool), safe)
        return replace(found, displacement=_near(fit, found))


def _near(fit: LmmFit, found: Found) -> Array:
    """Likelihood displacement to second order, where parameters are near the estimates."""
    best = fit.optimum
    relative = found.covariance / found.sigma2[:, None, None] - best.lam @ best.lam.T
    free = relative[:, best.pairs.row, best.pairs.col]
    x = np.linalg.lstsq(best.D_gradient, free.T)[0]  # without null directions, which stay null
    moved_by = np.vstack([x, np.sqrt(found.sigma2) - best.sigma])
    inside = np.linalg.pinv(best.varpar_covariance, hermitian=True)
    variance = np.einsum("xr,xy,yr->r", moved_by, inside, moved_by)
    change = (found.beta - best.beta).T
    return np.asarray(variance + (change * np.linalg.solve(best.vcov, change)).sum(axis=0))


def held(fit: LmmFit, given: Deleted) -> Found:
    """Fixed effects without each deletion's rows, variance parameters held (`deletion-held`)."""
    with np.errstate(all="ignore"):
        at = Deletions.of(given)(np.arange(given.R), fit.lam_working[:, :, None])
        safe = separable(given, fit.problem.cross)
        found = _found(fit, at, given, np.zeros(given.R, dtype=bool), safe)
    sigma2 = fit.optimum.sigma2
    ratio = sigma2 / found.sigma2
    return replace(
        found,
        vcov=ratio[:, None, None] * found.vcov,
        covariance=np.repeat(fit.optimum.covariance[None], given.R, axis=0),
        sigma2=np.full(given.R, sigma2),
    )


def _found(fit: LmmFit, at: Evaluations, given: Deleted, boundary: Flags, settled: Flags) -> Found:
    """Evaluations in the user's units."""
    task = fit.problem
    sigma2 = at.rho2 / given.df
    lam = np.einsum("ab,bcr->acr", task.whiten, at.F)
    for start, size in zip(given.shape.starts, given.shape.sizes, strict=True):
        block = slice(start, start + size)
        lam[block, block] = lower_factor(np.nan_to_num(lam[block, block]))
    lam = lam.transpose(2, 0, 1)
    back = task.fixed.back
    return Found(
        beta=(back @ at.beta).T + task.fixed.shift,
        vcov=back @ (sigma2 * at.Xinv).transpose(2, 0, 1) @ back.T,
        covariance=sigma2[:, None, None] * (lam @ lam.transpose(0, 2, 1)),
        sigma2=sigma2,
        deviance=at.value,
        displacement=np.full(given.R, np.nan),
        boundary=boundary,
        settled=settled & np.isfinite(at.value),
    )
