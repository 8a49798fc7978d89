"""A smooth curve through a cloud of points, with its standard error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_BINS = 400
"""Points that the cloud is gathered to first, where there are more."""
_GRID = 61


@dataclass(frozen=True, slots=True, eq=False)
class Smooth:
    """A curve.

    Attributes
    ----------
    x, y : points of it;  se : (m,) pointwise standard errors
    """

    x: Array
    y: Array
    se: Array


def smooth(x: Array, y: Array, *, span: float = 2 / 3) -> Smooth | None:
    """Local straight lines with tricube weights, at most 61 points; None for too few values of x.

    Parameters
    ----------
    span : share of the points that each line is fitted to

    Notes
    -----
    Cleveland's local regression without his robustness steps (`local-line`; cleveland1979); more
    than 400 points are gathered to 400 means of neighbours first, so that the cost is O(n log n).
    """
    good = np.isfinite(x) & np.isfinite(y)
    x, y = x[good], y[good]
    if len(x) < 10 or len(np.unique(x[:: max(len(x) // 5000, 1)])) < 5:
        return None
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    cell = np.minimum(np.arange(len(x)) * _BINS // len(x), _BINS - 1)
    cell = np.unique(cell, return_inverse=True)[1] if len(x) > _BINS else np.arange(len(x))
    w = np.bincount(cell).astype(np.float64)
    X, Y = np.bincount(cell, x) / w, np.bincount(cell, y) / w
    at = np.unique(np.quantile(x, np.linspace(0.0, 1.0, _GRID)))
    rows = np.stack([_line(X, w, x0, span) for x0 in at])
    fitted = np.interp(x, at, rows @ Y)
    s2 = float(np.mean((y - fitted) ** 2))
    return Smooth(at, rows @ Y, np.sqrt(s2 * (rows**2 / w).sum(axis=1)))


def _line(X: Array, w: Array, x0: float, span: float) -> Array:
    """Weights (m,) of the points in the local line's value at x0."""
    distance = np.abs(X - x0)
    share = np.searchsorted(np.cumsum(w[np.argsort(distance)]), span * w.sum())
    reach = np.sort(distance)[min(int(share), len(X) - 1)] * (1 + 1e-9) + 1e-300
    k = w * np.maximum(1 - (distance / reach) ** 3, 0.0) ** 3
    d = X - x0
    s0, s1, s2 = k.sum(), k @ d, k @ d**2
    det = s0 * s2 - s1**2
    if det <= 1e-12 * s0 * max(s2, 1e-300):
        return np.asarray(k / s0)
    return np.asarray(k * (s2 - s1 * d) / det)
