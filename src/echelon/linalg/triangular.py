"""Cholesky factors and their inverses, for small matrices.

LAPACK is called directly: scipy.linalg's `solve_triangular` and `cho_solve` wake the threads of the
BLAS library even for a 2 x 2 matrix, and those then spin. With the other core busy that made a 3 ms
fit take 12 ms.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dtrtri

Array = NDArray[np.float64]


def cholesky(A: Array) -> Array | None:
    """Lower-triangular L with L L' = A; None if A is not positive definite."""
    L, failed = dpotrf(A, lower=1, clean=1)
    return None if failed else np.asarray(L)


def inverse(L: Array) -> Array:
    """Inverse of a lower-triangular matrix; wanted itself, as a change of basis.

    >>> inverse(np.array([[2.0, 0.0], [1.0, 1.0]])).tolist()
    [[0.5, 0.0], [-0.5, 1.0]]
    """
    if not L.size:  # LAPACK would print a complaint
        return L.copy()
    return np.asarray(dtrtri(L, lower=1)[0])
