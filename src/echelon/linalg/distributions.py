"""Tail areas and quantiles, from SciPy's special functions (scipy.stats takes 0.5 s to import)."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from echelon.errors import DataError

Array = NDArray[np.float64]


def t_two_sided(t: ArrayLike, df: ArrayLike) -> Array:
    """Two-sided tail area of Student's t; df = inf is the normal distribution.

    >>> round(float(t_two_sided(2.0, np.inf)), 4)
    0.0455
    """
    size, df = np.abs(np.asarray(t, dtype=np.float64)), np.asarray(df, dtype=np.float64)
    finite = np.where(np.isfinite(df), df, 1.0)
    area: Array = np.where(np.isinf(df), special.ndtr(-size), special.stdtr(finite, -size))
    return 2 * area + np.where(np.isnan(df), np.nan, 0.0)


def t_quantile(p: float, df: ArrayLike) -> Array:
    """Quantile of Student's t; df = inf is the normal distribution."""
    df = np.asarray(df, dtype=np.float64)
    finite = np.where(np.isfinite(df), df, 1.0)
    quantile: Array = np.where(np.isinf(df), special.ndtri(p), special.stdtrit(finite, p))
    return quantile + np.where(np.isnan(df), np.nan, 0.0)


def f_upper(f: float, df1: float, df2: float) -> float:
    """Upper tail area of the F distribution; df2 = inf is chi-square over df1."""
    if np.isinf(df2):
        return chi2_upper(df1 * f, df1)
    return float(special.fdtrc(df1, df2, f))


def chi2_upper(x: float, df: float) -> float:
    """Upper tail area of the chi-square distribution."""
    return float(special.chdtrc(df, x))


def chi_bar_upper(x: float, df: Sequence[int], weights: Sequence[float]) -> float:
    """Upper tail area of a mixture of chi-square distributions; df = 0 is a mass at zero.

    >>> [round(chi_bar_upper(x, (0, 1), (0.5, 0.5)), 6) for x in (2.705543, 0.0)]
    [0.05, 1.0]
    """
    if x <= 0:
        return 1.0
    tails = (chi2_upper(x, k) if k else 0.0 for k in df)
    return float(sum(w * tail for w, tail in zip(weights, tails, strict=True)))


def check_level(level: float) -> None:
    """Refuse a coverage outside (0, 1): 95 is a common slip for 0.95."""
    if not isinstance(level, Real) or not 0 < level < 1:
        raise DataError(f"level={level!r} must lie between 0 and 1, as in level=0.95.")
