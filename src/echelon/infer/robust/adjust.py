"""The adjustment matrices of CR2, in the space that the columns of a cluster span.

Working covariance, adjustment and residuals differ from the identity only there, so that matrices
of m = p + q columns stand for those of n_j rows (`robust-small`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.infer.robust.products import Batch

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """What each cluster adds, in coordinates of the fixed effects with (X'V0^-1 X)^-1 = I.

    Attributes
    ----------
    score : (B, p) E r, with E = X'V0^-1 A of the cluster
    own : (B, p, p) E V0 E';  shared : (B, p, p) E X
    determined : clusters with a fixed effect that no other cluster tells anything of
    """

    score: Array
    own: Array
    shared: Array
    determined: int


def pieces(batch: Batch, root: Array, adjusted: bool) -> Pieces:
    """The clusters of a batch.

    Parameters
    ----------
    root : (p, p) with root root' = (X'V0^-1 X)^-1
    adjusted : A of CR2 (`cr2-adjustment`); False for A = I (CR0)

    Notes
    -----
    With Q an orthonormal basis of U = [Z Lam, X], U = Q R and V0 = Q (I + R_z R_z') Q' + (I - QQ').
    Eigenvectors of I + R_z R_z' make V0 diagonal, phi; Y = phi^-1/2 Q'X root has Y Y' = K, the
    leverage, and (V0^1/2 S V0^1/2)^1/2 is found from the singular values of phi (I - K)^1/2, which
    keeps the digits that its square would lose (`robust-small`).
    """
    if not batch.q:
        return _of_linear(batch, root, adjusted)
    R, r = _basis(batch)
    phi, F = np.linalg.eigh(np.eye(R.shape[1]) + R[..., : batch.q] @ _t(R[..., : batch.q]))
    half = np.sqrt(phi)
    Y = (_t(F) @ (R[..., batch.q :] @ root)) / half[..., None]
    e = np.einsum("jab,ja->jb", F, r) / half  # V0^-1/2 r
    if not adjusted:
        score = np.einsum("jap,ja->jp", Y, e)
        YtY = _t(Y) @ Y
        return Pieces(score, YtY, YtY, 0)
    T, determined = _adjusted(Y, phi)
    return Pieces(np.einsum("jap,ja->jp", T, e), _t(T) @ T, _t(T) @ Y, determined)


def _of_linear(batch: Batch, root: Array, adjusted: bool) -> Pieces:
    """Without random effects V0 = I, and p x p matrices are enough (`robust-linear`)."""
    leverage, V = np.linalg.eigh(root.T @ batch.UtU @ root)
    left = 1 - leverage if adjusted else np.ones_like(leverage)
    alone = left < tolerances.ROBUST_ALONE
    grow = np.where(alone, 0.0, 1 / np.sqrt(np.where(alone, 1.0, left)))  # of (I - K)^-1/2
    residual = np.einsum("jab,ja->jb", V, batch.Utr @ root)
    own, shared = leverage * grow**2, leverage * grow
    return Pieces(
        score=np.einsum("jab,jb->ja", V, grow * residual),
        own=(V * own[:, None, :]) @ _t(V),
        shared=(V * shared[:, None, :]) @ _t(V),
        determined=int(alone.any(axis=1).sum()),
    )


def _t(A: Array) -> Array:
    return A.swapaxes(-1, -2)


def _basis(batch: Batch) -> tuple[Array, Array]:
    """R (B, m, m) with R'R = U'WU, and Q'r (B, m); rows of zeros for what U does not span."""
    size = np.sqrt(np.maximum(np.diagonal(batch.UtU, axis1=1, axis2=2), 0.0))
    size = np.where(size > 0, size, 1.0)
    values, E = np.linalg.eigh(batch.UtU / (size[:, :, None] * size[:, None, :]))
    kept = values > tolerances.ROBUST_RANK * values[:, -1:]
    length = np.sqrt(np.where(kept, values, 0.0))
    R = length[:, :, None] * _t(E) * size[:, None, :]
    r = np.einsum("jab,ja->jb", E, batch.Utr / size)
    return R, np.where(kept, r / np.where(kept, length, 1.0), 0.0)


def _adjusted(Y: Array, phi: Array) -> tuple[Array, int]:
    """T = phi G^-1/2 Y with G = phi (I - Y Y') phi, the pseudo-inverse where G is singular."""
    P, leverage, _ = np.linalg.svd(Y, full_matrices=False)
    left = 1 - leverage**2
    alone = left < tolerances.ROBUST_ALONE
    root = np.where(alone, 0.0, np.sqrt(np.maximum(left, 0.0)))
    core = np.eye(Y.shape[1]) - (P * (1 - root)[:, None, :]) @ _t(P)
    left_vectors, s, _ = np.linalg.svd(phi[:, :, None] * core)
    lost = np.arange(s.shape[1]) >= s.shape[1] - alone.sum(axis=1)[:, None]
    inverse = np.where(lost, 0.0, 1 / np.where(lost, 1.0, s))
    T = phi[:, :, None] * (left_vectors @ (inverse[:, :, None] * (_t(left_vectors) @ Y)))
    return T, int(alone.any(axis=1).sum())
