"""Products of many small matrices in structure of arrays: entry (a, b) of all J is contiguous.

Leading axes are broadcast, so that one call serves a stack of matrices for every group. The loops
run over the inner dimension of the small matrices; the arithmetic over the groups is NumPy's.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def times(A: Array, B: Array) -> Array:
    """A B for every group: A (..., a, b, J), B (..., b, c, J).

    >>> A, B = np.arange(8.0).reshape(2, 2, 2), np.ones((2, 1, 2))
    >>> times(A, B)[:, :, 0].tolist()
    [[2.0], [10.0]]
    """
    out = A[..., 0, :][..., None, :] * B[..., 0, :, :][..., None, :, :]
    for i in range(1, A.shape[-2]):
        out += A[..., i, :][..., None, :] * B[..., i, :, :][..., None, :, :]
    return out


def transposed(A: Array) -> Array:
    """A' for every group, as a view."""
    return A.swapaxes(-3, -2)


def lower(A: Array, B: Array) -> Array:
    """Lower triangle of A'B, (..., p (p + 1) / 2, J) row by row: A, B (..., a, p, J).

    >>> lower(np.array([[[1.0], [2.0]]]), np.array([[[1.0], [3.0]]])).ravel().tolist()
    [1.0, 2.0, 6.0]
    """
    rows = []
    for r in range(A.shape[-2]):
        row = A[..., 0, r, None, :] * B[..., 0, : r + 1, :]
        for i in range(1, A.shape[-3]):
            row += A[..., i, r, None, :] * B[..., i, : r + 1, :]
        rows.append(row)
    return np.concatenate(rows, axis=-2)


class Parts(NamedTuple):
    """Where the blocks of a symmetric matrix of order q + p are in its packed lower triangle.

    Attributes
    ----------
    own : (q, q);  border : (q, p);  rest : (p (p + 1) / 2,) packed itself
    """

    own: NDArray[np.intp]
    border: NDArray[np.intp]
    rest: NDArray[np.intp]


@lru_cache(maxsize=64)
def parts(q: int, p: int) -> Parts:
    """The places in a triangle packed row by row, as `lower` does it.

    >>> parts(1, 1)
    Parts(own=array([[0]]), border=array([[1]]), rest=array([2]))
    """
    i, j = np.indices((q + p, q + p))
    high, low = np.maximum(i, j), np.minimum(i, j)
    at = high * (high + 1) // 2 + low
    row, col = np.tril_indices(p)
    return Parts(at[:q, :q], at[:q, q:], at[q + row, q + col])
