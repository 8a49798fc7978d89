"""Many small matrices at once, stored as structure of arrays: entry (a, b) of all J is contiguous.

np.linalg's batched routines lose 3 to 10 times to closed forms on whole arrays at q = 2.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Resolvent(NamedTuple):
    """What D does to each of J matrices M.

    Attributes
    ----------
    R : (q, q, J) (I + M D)^-1
    K : (q, q, J) (I + M D)^-1 M, symmetric
    W : (q, q, J) D (I + M D)^-1, symmetric; found by itself, because D R loses the digits of its
        small direction when D has a direction a million times larger
    logdet : (J,) log|I + M D|
    """

    R: Array
    K: Array
    W: Array
    logdet: Array


def resolvent(M: Array, lam: Array) -> Resolvent:
    """The resolvent of J matrices M (q, q, J), positive semi-definite, at D = lam lam'.

    Parameters
    ----------
    lam : (q, q) lower triangular; given instead of D because |D| = |lam|^2 keeps its digits
    """
    if len(M) == 1:
        return _resolvent_1(M, lam)
    if len(M) == 2:
        return _resolvent_2(M, lam)
    return _resolvent_q(M, lam)


def _resolvent_1(M: Array, lam: Array) -> Resolvent:
    d = lam[0, 0] ** 2
    h = 1.0 + M[0, 0] * d
    R = (1.0 / h)[None, None]
    return Resolvent(R, M * R, d * R, np.log(h))


def _resolvent_2(M: Array, lam: Array) -> Resolvent:
    """Cramer's rule; det(I + M D) = 1 + tr(M D) + |M| |D|."""
    a, b, c = M[0, 0], M[0, 1], M[1, 1]
    D = lam @ lam.T
    d0, d1, d2 = D[0, 0], D[0, 1], D[1, 1]
    det_M, det_D = a * c - b * b, (lam[0, 0] * lam[1, 1]) ** 2
    top, bottom = 1.0 + b * d1 + c * d2, 1.0 + a * d0 + b * d1
    det = bottom + (b * d1 + c * d2) + det_M * det_D
    scale = 1.0 / det
    R, K, W = np.empty_like(M), np.empty_like(M), np.empty_like(M)
    R[0, 0], R[1, 1] = top * scale, bottom * scale
    R[0, 1], R[1, 0] = -(a * d1 + b * d2) * scale, -(b * d0 + c * d1) * scale
    K[0, 0], K[1, 1] = (a + det_M * d2) * scale, (c + det_M * d0) * scale
    K[0, 1] = K[1, 0] = (b - det_M * d1) * scale
    W[0, 0], W[1, 1] = (d0 + det_D * c) * scale, (d2 + det_D * a) * scale
    W[0, 1] = W[1, 0] = (d1 - det_D * b) * scale
    return Resolvent(R, K, W, np.log(det))


def _resolvent_q(M: Array, lam: Array) -> Resolvent:
    """LAPACK with pivoting for R and K: I + M D is not symmetric and R = I - M W would cancel."""
    q = len(M)
    blocks = np.ascontiguousarray(M.transpose(2, 0, 1))
    system = np.eye(q) + (blocks @ lam) @ lam.T
    identity = np.broadcast_to(np.eye(q), blocks.shape)
    solved = np.linalg.solve(system, np.concatenate([identity, blocks], axis=2))
    _, logdet = np.linalg.slogdet(system)
    W = lam @ np.linalg.solve(
        np.eye(q) + lam.T @ blocks @ lam, np.broadcast_to(lam.T, blocks.shape)
    )
    return Resolvent(
        R=np.ascontiguousarray(solved[:, :, :q].transpose(1, 2, 0)),
        K=_symmetric(solved[:, :, q:]),
        W=_symmetric(W),
        logdet=logdet,
    )


def _symmetric(blocks: Array) -> Array:
    """Structure of arrays (q, q, J) of J matrices that are symmetric but for rounding."""
    half = blocks.transpose(1, 2, 0)
    return np.ascontiguousarray((half + half.transpose(1, 0, 2)) / 2)
