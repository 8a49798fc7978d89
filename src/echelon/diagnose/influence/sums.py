"""One grouping factor without some of its rows: sums over groups for R deletions at once.

Each deletion has its own covariance. With M_j = Z_j'WZ_j and C_j = Z_j'W[X y] of a group,

    R = (I + M D)^-1    K = R M    W = D R    F = R C

and a sum over the groups left is the sum over all minus the term of the group that loses rows,
plus the term of what is left of it (`deletion-sums`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.linalg.symmetric import Pairs

Array = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Groups, or what deletions take from them; the last axis counts them (N).

    Attributes
    ----------
    M : (q, q, N) Z'WZ
    V : (s, m, N) symmetric parts of C_b C_d', lower triangles, for each entry (b, d) of the lower
        triangle of D
    """

    M: Array
    V: Array

    @classmethod
    def of(cls, ZtZ: Array, ZtV: Array, shape: Pairs) -> Groups:
        """From blocks (q, q, N) and (q, k, N)."""
        row, col = np.tril_indices(ZtV.shape[1])
        b, d = shape.all_row, shape.all_col
        first = ZtV[b][:, row] * ZtV[d][:, col]
        second = ZtV[b][:, col] * ZtV[d][:, row]
        return cls(np.ascontiguousarray(ZtZ), np.ascontiguousarray((first + second) / 2))

    def take(self, which: Places) -> Groups:
        """Some of them."""
        return Groups(self.M[..., which], self.V[..., which])


class Sums(NamedTuple):
    """Sums over groups, one a deletion (the last axis, R); k x k matrices by lower triangles (m).

    Attributes
    ----------
    logdet : (R,) log|I + M D|;  explained : (m, R) C'W C
    K : (s, R);  KK : (s, s, R) products of the entries of K
    G : (s, m, R) symmetric parts of F_a F_c';  GK : (s, s, m, R) the same times the entries of K
    """

    logdet: Array
    explained: Array
    K: Array
    KK: Array
    G: Array
    GK: Array


class _At(NamedTuple):
    """R, K, W by entry, and log|I + M D|, of groups at their covariances."""

    R: Array
    K: Array
    W: Array
    logdet: Array


def resolvents(M: Array, F: Array) -> _At:
    """(I + M D)^-1 and what follows, D = F F'; M (q, q, ...) and F (q, q, ...) broadcast."""
    q = len(M)
    D = np.einsum("ab...,cb...->ac...", F, F)
    if q == 1:
        h = 1.0 + M * D
        return _At(1.0 / h, M / h, D / h, np.log(h[0, 0]))
    if q == 2:
        return _cramer(M, D, F)
    every = np.broadcast_shapes(M.shape[2:], F.shape[2:])
    blocks = np.moveaxis(np.broadcast_to(M, (q, q, *every)), (0, 1), (-2, -1))
    wide = np.moveaxis(np.broadcast_to(D, (q, q, *every)), (0, 1), (-2, -1))
    system = np.eye(q) + blocks @ wide
    R = np.linalg.inv(system)  # wanted itself: it is applied to k columns and to M
    _, logdet = np.linalg.slogdet(system)
    K, W = R @ blocks, wide @ R
    R, K, W = (np.moveaxis(A, (-2, -1), (0, 1)) for A in (R, _symmetric(K), _symmetric(W)))
    return _At(R, K, W, logdet)


def _symmetric(A: Array) -> Array:
    return np.asarray((A + np.swapaxes(A, -1, -2)) / 2)


def _cramer(M: Array, D: Array, F: Array) -> _At:
    """Two effects by Cramer's rule, as in `linalg/batched.py`."""
    a, b, c = M[0, 0], M[0, 1], M[1, 1]
    d0, d1, d2 = D[0, 0], D[0, 1], D[1, 1]
    det_M, det_D = a * c - b * b, (F[0, 0] * F[1, 1] - F[0, 1] * F[1, 0]) ** 2
    top, bottom = 1.0 + b * d1 + c * d2, 1.0 + a * d0 + b * d1
    det = bottom + (b * d1 + c * d2) + det_M * det_D
    scale = 1.0 / det
    off_K, off_W = (b - det_M * d1) * scale, (d1 - det_D * b) * scale
    upper, lower = -(a * d1 + b * d2) * scale, -(b * d0 + c * d1) * scale
    R = np.array([[top * scale, upper], [lower, bottom * scale]])
    K = np.array([[(a + det_M * d2) * scale, off_K], [off_K, (c + det_M * d0) * scale]])
    W = np.array([[(d0 + det_D * c) * scale, off_W], [off_W, (d2 + det_D * a) * scale]])
    return _At(R, K, W, np.log(det))


def whole(groups: Groups, F: Array, shape: Pairs, *, slopes: bool = True) -> Sums:
    """Sums over all groups at the covariance of each deletion.

    Parameters
    ----------
    F : (q, q, R) factors;  slopes : False for `logdet` and `explained` only

    Notes
    -----
    Cost O(J R (s^3 k^2)) multiplications, by BLAS.
    """
    s, m, J = groups.V.shape
    R = F.shape[2]
    out = _room(s, m, R)
    M = groups.M[..., None]
    size = max(tolerances.BATCH_CELLS // J, 1)
    for start in range(0, R, size):
        some = slice(start, start + size)
        at = resolvents(M, F[:, :, None, some])
        _add(out, some, groups.V, at, shape, slopes=slopes)
    return out


def own(groups: Groups, F: Array, shape: Pairs, *, slopes: bool = True) -> Sums:
    """The term of one group for each deletion: group r at covariance r (or at the only one)."""
    s, m, R = groups.V.shape
    out = _room(s, m, R)
    at = resolvents(groups.M[:, :, None], np.broadcast_to(F, (*F.shape[:2], R))[:, :, None])
    _add(out, slice(0, R), groups.V, at, shape, slopes=slopes)
    return out


def _room(s: int, m: int, R: int) -> Sums:
    return Sums(*(np.zeros(x) for x in ((R,), (m, R), (s, R), (s, s, R), (s, m, R), (s, s, m, R))))


def _add(out: Sums, some: slice, V: Array, at: _At, shape: Pairs, *, slopes: bool) -> None:
    """Fill in the sums of some deletions; arrays of `at` end in (groups, deletions)."""
    row, col = shape.all_row, shape.all_col
    single = at.logdet.shape[-2] == 1  # one group a deletion: entry by entry, not a product

    def total(v: Array, weights: Array) -> Array:
        return v * weights[0] if single else v @ weights

    out.logdet[some] = at.logdet.sum(axis=-2)
    K, W = at.K[row, col], at.W[row, col]
    twice = np.where(row == col, 1.0, 2.0)
    for bd in range(len(row)):
        out.explained[:, some] += twice[bd] * total(V[bd], W[bd])
    if not slopes:
        return
    out.K[:, some] = K.sum(axis=-2)
    out.KK[:, :, some] = np.einsum("xjr,yjr->xyr", K, K)
    for ac, (a, c) in enumerate(zip(row, col, strict=True)):
        for bd, (b, d) in enumerate(zip(row, col, strict=True)):
            weights = at.R[a, b] * at.R[c, d]
            if b != d:
                weights = weights + at.R[a, d] * at.R[c, b]
            out.G[ac, :, some] += total(V[bd], weights)
            for u in range(len(row)):
                out.GK[ac, u, :, some] += total(V[bd], weights * K[u])


def left(everything: Sums, removed: Sums, kept: Sums | None) -> Sums:
    """All minus what is removed, plus what is left of the groups that lose rows."""
    parts = [a - b for a, b in zip(everything, removed, strict=True)]
    if kept is not None:
        parts = [a + b for a, b in zip(parts, kept, strict=True)]
    return Sums(*parts)
