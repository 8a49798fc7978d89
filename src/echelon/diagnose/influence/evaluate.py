"""The deviance without some rows, with exact derivatives, for R deletions at once.

The formulas are those of `estimate/deviance.py`, of the sums of `sums.py` (`deletion-sums`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.diagnose.influence.sums import Groups, Sums, left, own, whole
from echelon.estimate.batch.deviance import Evaluations
from echelon.linalg.stacked import cholesky, gram, lower_inverse
from echelon.linalg.symmetric import Pairs

Array = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Deleted:
    """What R deletions leave of a model of one grouping factor, in its working units.

    Attributes
    ----------
    shape : free entries of D
    p : fixed effects;  reml : which criterion
    groups : all groups
    removed : the group of each deletion that loses rows;  kept : what is left of it, None where
        whole groups are removed
    cross : (k, k, R) [X y]'W[X y] without the deleted rows
    n, log_weight : (R,) rows, and sums of log precision weights, without them
    """

    shape: Pairs
    p: int
    reml: bool
    groups: Groups
    removed: Groups
    kept: Groups | None
    cross: Array
    n: Array
    log_weight: Array

    @property
    def R(self) -> int:
        """Deletions."""
        return len(self.n)

    @property
    def df(self) -> Array:
        """(R,) degrees of freedom of the residual variance."""
        return self.n - self.p if self.reml else self.n

    def take(self, which: Places) -> Deleted:
        """Some of the deletions."""
        return Deleted(
            self.shape,
            self.p,
            self.reml,
            self.groups,
            self.removed.take(which),
            None if self.kept is None else self.kept.take(which),
            self.cross[..., which],
            self.n[which],
            self.log_weight[which],
        )


@dataclass(slots=True)
class Deletions:
    """The deviances of R deletions, for a search (`search.Objective`); counts evaluations."""

    given: Deleted
    count: Places

    @classmethod
    def of(cls, given: Deleted) -> Deletions:
        """None counted yet."""
        return cls(given, np.zeros(given.R, dtype=np.intp))

    @property
    def shape(self) -> Pairs:
        """Free entries of D."""
        return self.given.shape

    @property
    def df(self) -> Array:
        """(R,) degrees of freedom of the residual variance."""
        return self.given.df

    def __call__(self, which: Places, F: Array) -> Evaluations:
        """The deviances of some deletions, each at its own factor (q, q, R), or all at one."""
        self.count[which] += 1
        given = self.given if len(which) == self.given.R else self.given.take(which)
        wide = np.broadcast_to(F, (*F.shape[:2], given.R))
        return evaluated(given, sums_left(given, F), np.ascontiguousarray(wide))


def sums_left(given: Deleted, F: Array) -> Sums:
    """Sums over the groups that each deletion leaves, at factors F (q, q, R), or one for all."""
    everything, removed = whole(given.groups, F, given.shape), own(given.removed, F, given.shape)
    kept = None if given.kept is None else own(given.kept, F, given.shape)
    return left(everything, removed, kept)


def evaluated(given: Deleted, sums: Sums, F: Array) -> Evaluations:
    """Deviances and derivatives from the sums at factors F (q, q, R)."""
    shape, p, k = given.shape, given.p, given.p + 1
    L = cholesky(given.cross - unpacked(sums.explained, k))
    root = lower_inverse(L[:p, :p])
    Xinv = gram(root)
    beta = np.einsum("lxr,lr->xr", root, L[p, :p])
    rho2, df = L[p, p] ** 2, given.df
    value = sums.logdet - given.log_weight + df * (1 + np.log(2 * np.pi * rho2 / df))
    if given.reml:
        value = value + 2 * np.log(np.einsum("xxr->xr", L)[:p]).sum(axis=0)
    return Evaluations(
        value,
        F,
        np.einsum("ibr,ibr->ir", F[shape.row], F[shape.col]),
        rho2,
        beta,
        Xinv,
        *_curvature(sums, shape, beta, Xinv, reml=given.reml),
    )


def _curvature(
    sums: Sums, shape: Pairs, beta: Array, Xinv: Array, *, reml: bool
) -> tuple[Array, Array, Array, Array]:
    """slope, score, trace and quadratic of `Curvature`."""
    p, R = beta.shape
    at = shape.place[shape.row, shape.col]
    weight = np.where(shape.on_diagonal, 1.0, 2.0)[:, None]
    N = slopes_of(sums, shape, p + 1)
    s = np.concatenate([-beta, np.ones((1, R))])
    Ns = np.einsum("ixyr,yr->ixr", N, s)
    score, cross = np.einsum("ixr,xr->ir", Ns, s), Ns[:, :p]
    residual = doubled(s[:, None] * s[None])
    eK = np.einsum("abmr,mr->abr", sums.GK, residual)
    quadratic = _form(shape, eK) - np.einsum("ixr,xyr,lyr->ilr", cross, Xinv, cross, optimize=True)
    slope, trace = weight * sums.K[at], _form(shape, sums.KK)
    if reml:
        inside = np.zeros((p + 1, p + 1, R))
        inside[:p, :p] = Xinv
        TK = _form(shape, np.einsum("abmr,mr->abr", sums.GK, doubled(inside)))
        fixed = np.einsum("xyr,iyzr->ixzr", Xinv, N[:, :p, :p])
        slope = slope - np.einsum("ixxr->ir", fixed)
        trace = trace - 2 * TK + np.einsum("ixyr,lyxr->ilr", fixed, fixed)
    return slope, score, trace, quadratic


def slopes_of(sums: Sums, shape: Pairs, k: int) -> Array:
    """(t, k, k, R) [X y]'V0^-1 V_i V0^-1 [X y], minus the derivatives of [X y]'V0^-1 [X y]."""
    weight = np.where(shape.on_diagonal, 1.0, 2.0)[:, None, None, None]
    return weight * unpacked(sums.G[shape.place[shape.row, shape.col]], k)


def _form(shape: Pairs, by_pairs: Array) -> Array:
    """`Pairs.trace_form` of (s, s, R), made symmetric."""
    s, t = len(by_pairs), len(shape.row)
    unit = np.eye(s * s).reshape(-1, s, s)
    forms = np.stack([shape.trace_form(one) for one in unit], axis=-1).reshape(t * t, -1)
    form = (forms @ by_pairs.reshape(s * s, -1)).reshape(t, t, -1)
    return np.asarray((form + form.transpose(1, 0, 2)) / 2)


def unpacked(lower: Array, k: int) -> Array:
    """(..., k, k, R) symmetric matrices of their lower triangles (..., m, R)."""
    row, col = np.tril_indices(k)
    place = np.empty((k, k), dtype=np.intp)
    place[row, col] = place[col, row] = np.arange(len(row))
    return np.asarray(lower[..., place, :])


def doubled(A: Array) -> Array:
    """(m, R) lower triangles of symmetric (k, k, R), off-diagonal entries doubled: for products."""
    row, col = np.tril_indices(len(A))
    return np.asarray(A[row, col] * np.where(row == col, 1.0, 2.0)[:, None])


def separable(given: Deleted, cross: Array) -> NDArray[np.bool_]:
    """(R,) whether the fixed effects are safely estimable without the deleted rows.

    Parameters
    ----------
    cross : (k, k) [X y]'W[X y] of all rows
    """
    p = given.p
    L = cholesky(given.cross[:p, :p])
    pivots = np.einsum("xxr->xr", L) ** 2
    with np.errstate(invalid="ignore"):
        safe = pivots > tolerances.DELETED_RANK * np.diagonal(cross)[:p, None]
    return np.asarray(safe.all(axis=0))
