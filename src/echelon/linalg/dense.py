"""Dense symmetric matrices too large to waste a copy of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_BLOCK = 256


def mirror(lower: Array) -> Array:
    """Fill the upper triangle from the lower one, in place, block by block; returns its argument.

    >>> mirror(np.array([[1.0, 0.0], [2.0, 3.0]])).tolist()
    [[1.0, 2.0], [2.0, 3.0]]
    """
    n = len(lower)
    for a in range(0, n, _BLOCK):
        b = min(a + _BLOCK, n)
        corner = lower[a:b, a:b]
        corner[...] = np.tril(corner) + np.tril(corner, -1).T
        lower[a:b, b:] = lower[b:, a:b].T
    return lower
