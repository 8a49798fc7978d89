"""Many small matrices stacked along the last axis: entry (a, b) of all R is contiguous.

LAPACK called R times on 3 x 3 matrices costs 3 to 8 microseconds each; R entries at once, 0.1. What
is no number becomes nan instead of an exception, so that one bad matrix does not stop the others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def cholesky(A: Array) -> Array:
    """(k, k, R) lower-triangular factors of symmetric A (k, k, R); nan where not positive definite.

    >>> cholesky(np.array([[[4.0]], ]))[0, 0].tolist()
    [2.0]
    """
    L = np.zeros_like(A)
    with np.errstate(invalid="ignore", divide="ignore"):
        for j in range(len(A)):
            left = A[j:, j] - np.einsum("ibr,br->ir", L[j:, :j], L[j, :j])
            L[j:, j] = left / np.sqrt(np.where(left[0] > 0, left[0], np.nan))
    return L


def lower_inverse(L: Array) -> Array:
    """(k, k, R) inverses of lower-triangular matrices; wanted themselves, as changes of basis."""
    out = np.zeros_like(L)
    for i in range(len(L)):
        scale = 1.0 / L[i, i]
        out[i, :i] = -np.einsum("mr,mcr->cr", L[i, :i], out[:i, :i]) * scale
        out[i, i] = scale
    return out


def multiply(A: Array, B: Array) -> Array:
    """(a, c, R) products of A (a, b, R) and B (b, c, R)."""
    return np.asarray(np.einsum("abr,bcr->acr", A, B))


def gram(A: Array) -> Array:
    """(b, b, R) A'A of A (a, b, R)."""
    return np.asarray(np.einsum("abr,acr->bcr", A, A))


def left_singular(F: Array) -> tuple[Array, Array]:
    """Left singular vectors (q, q, R) and singular values (q, R), largest first, of F (q, q, R)."""
    if len(F) == 1:
        return np.ones_like(F), np.abs(F[0])
    if len(F) == 2:
        return _left_singular_2(F)
    Q, singular, _ = np.linalg.svd(np.nan_to_num(F).transpose(2, 0, 1))
    return np.ascontiguousarray(Q.transpose(1, 2, 0)), np.ascontiguousarray(singular.T)


def _left_singular_2(F: Array) -> tuple[Array, Array]:
    """The angle of the first eigenvector of F F'; the second value from the determinant.

    As a difference of squares the second value would lose half of its digits.
    """
    a, c = F[0, 0] ** 2 + F[0, 1] ** 2, F[1, 0] ** 2 + F[1, 1] ** 2
    b = F[0, 0] * F[1, 0] + F[0, 1] * F[1, 1]
    half = (a - c) / 2
    first = np.sqrt((a + c) / 2 + np.hypot(half, b))
    determinant = np.abs(F[0, 0] * F[1, 1] - F[0, 1] * F[1, 0])
    second = np.divide(determinant, first, out=np.zeros_like(first), where=first > 0)
    angle = np.arctan2(b, half) / 2
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin], [sin, cos]]), np.array([first, np.minimum(second, first)])


def lower_factor(F: Array) -> Array:
    """(q, q, R) lower-triangular L with L L' = F F'; a direction that is exactly zero stays so."""
    lower = np.asarray(np.linalg.qr(F.transpose(2, 1, 0), mode="r")).transpose(0, 2, 1)
    diagonal = np.diagonal(lower, axis1=1, axis2=2)[:, None]
    lower = np.tril(lower * np.where(diagonal < 0, -1.0, 1.0))
    reach = np.linalg.norm(lower, axis=2, keepdims=True)
    kept = np.where(np.abs(lower) > 1e-12 * reach, lower, 0.0)  # as `Pairs.rotated`
    return np.ascontiguousarray(kept.transpose(1, 2, 0))
