"""Which columns are combinations of earlier ones, from cross-products alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def independent_columns(cross: Array, tolerance: float) -> NDArray[np.bool_]:
    """(p,) True for the columns kept, going left to right as R's `qr` does.

    A column goes when what the kept ones leave of its sum of squares is below `tolerance` times
    that sum of squares. Cost O(p^3).

    Parameters
    ----------
    cross : (p, p) cross-products of the columns

    >>> independent_columns(np.array([[2.0, 4.0], [4.0, 8.0]]), 1e-13).tolist()
    [True, False]
    """
    p = len(cross)
    kept = np.zeros(p, dtype=bool)
    factor = np.zeros((p, p))
    for j in range(p):
        before = np.flatnonzero(kept)
        row = np.empty(len(before))
        for i, k in enumerate(before):  # forward substitution, one row of a Cholesky factor
            row[i] = (cross[j, k] - row[:i] @ factor[k, before[:i]]) / factor[k, k]
        left = cross[j, j] - row @ row
        if left > tolerance * cross[j, j] and cross[j, j] > 0:
            kept[j] = True
            factor[j, before] = row
            factor[j, j] = np.sqrt(left)
    return kept
