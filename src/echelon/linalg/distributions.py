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


def chi2_tails(x: ArrayLike, df: ArrayLike) -> Array:
    """Upper tail areas of the chi-square distribution, entry by entry; 1 at df = 0."""
    df = np.asarray(df, dtype=np.float64)
    return np.asarray(np.where(df > 0, special.chdtrc(np.maximum(df, 1.0), x), 1.0))


def chi2_upper_quantile(tail: ArrayLike, df: ArrayLike) -> Array:
    """Value that chi-square exceeds with a given probability.

    >>> round(float(chi2_upper_quantile(0.05, 2)), 4)
    5.9915
    """
    return np.asarray(special.chdtri(df, tail))


def normal_quantile(p: ArrayLike) -> Array:
    """Quantile of the standard normal distribution."""
    return np.asarray(special.ndtri(np.asarray(p, dtype=np.float64)))


def beta_quantile(p: ArrayLike, a: ArrayLike, b: ArrayLike) -> Array:
    """Quantile of the beta distribution."""
    return np.asarray(special.betaincinv(a, b, p))


def log_mean_square(df: ArrayLike) -> tuple[Array, Array]:
    """Mean and variance of log(chi-square / df), the logarithm of a variance estimate.

    >>> [round(float(x), 4) for x in log_mean_square(10.0)]
    [-0.1033, 0.2213]
    """
    half = np.asarray(df, dtype=np.float64) / 2
    return np.asarray(special.digamma(half) - np.log(half)), np.asarray(special.zeta(2, half))


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


def normal_below(x: float) -> float:
    """Lower tail area of the normal distribution.

    >>> normal_below(0.0)
    0.5
    """
    return float(special.ndtr(x))
