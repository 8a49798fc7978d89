"""The shape of a sample against the normal law: skewness, kurtosis, largest values."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray

from echelon.linalg.distributions import t_two_sided

Array = NDArray[np.float64]

_LEAST = 8
"""Values from which the laws of skewness and kurtosis are known (dagostino1990)."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How a sample of standardised values differs from a normal one.

    Attributes
    ----------
    n : values
    skewness, skewness_se : 0 for a symmetric law; its standard error if the law is normal
    kurtosis, kurtosis_se : excess kurtosis, 0 for a normal law, -1.2 for a uniform one, 3 for
        Laplace's, 6 for Student's t with 5 df
    skewness_p, kurtosis_p : two-sided tail areas; nan below 8 values
    beyond : share of values more than two SDs out; 0.046 for a normal law
    largest : the largest absolute value;  largest_p : the chance of so large a one among n
    """

    n: int
    skewness: float
    skewness_se: float
    kurtosis: float
    kurtosis_se: float
    skewness_p: float
    kurtosis_p: float
    beyond: float
    largest: float
    largest_p: float


def shape(values: Array) -> Shape:
    """Skewness and kurtosis of the finite values, as SAS, SPSS and R's e1071 (type 2) give them.

    Notes
    -----
    G1, G2 and their standard errors under normality (`skewness`, `kurtosis`; joanes1998); tail
    areas by the transformations of D'Agostino and of Anscombe and Glynn (dagostino1990), without
    which kurtosis alarms too often in small samples.

    Examples
    --------
    >>> round(shape(np.array([1.0, 2.0, 3.0, 4.0, 10.0, 2.0, 3.0, 2.5])).skewness, 3)
    2.278
    """
    x = values[np.isfinite(values)]
    n = len(x)
    spread = float(x.std()) if n else 0.0
    if n < 4 or spread == 0:
        return Shape(n, *(np.nan,) * 9)
    z = (x - x.mean()) / spread
    g1, g2 = float((z**3).mean()), float((z**4).mean()) - 3
    G1 = g1 * sqrt(n * (n - 1)) / (n - 2)
    G2 = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * g2 + 6)
    se1 = sqrt(6 * n * (n - 1) / ((n - 2) * (n + 1) * (n + 3)))
    se2 = 2 * se1 * sqrt((n * n - 1) / ((n - 3) * (n + 5)))
    largest = float(np.abs(x).max())
    enough = n >= _LEAST
    return Shape(
        n=n,
        skewness=G1,
        skewness_se=se1,
        kurtosis=G2,
        kurtosis_se=se2,
        skewness_p=_p(_skewness_z(g1, n)) if enough else np.nan,
        kurtosis_p=_p(_kurtosis_z(g2 + 3, n)) if enough else np.nan,
        beyond=float((np.abs(x) > 2).mean()),
        largest=largest,
        largest_p=min(1.0, n * _p(largest)),
    )


def _p(z: float) -> float:
    return float(t_two_sided(z, np.inf))


def _skewness_z(g1: float, n: int) -> float:
    """Normal deviate of the skewness (`skewness`; dagostino1990)."""
    y = g1 * sqrt((n + 1) * (n + 3) / (6 * (n - 2)))
    top = 3.0 * (n * n + 27 * n - 70) * (n + 1) * (n + 3)
    beta = top / ((n - 2) * (n + 5) * (n + 7) * (n + 9))
    W2 = -1 + sqrt(2 * (beta - 1))
    delta, alpha = 1 / sqrt(log(W2) / 2), sqrt(2 / (W2 - 1))
    return delta * float(np.arcsinh(y / alpha))


def _kurtosis_z(b2: float, n: int) -> float:
    """Normal deviate of the kurtosis (`kurtosis`; dagostino1990)."""
    mean = 3 * (n - 1) / (n + 1)
    variance = 24 * n * (n - 2) * (n - 3) / ((n + 1) ** 2 * (n + 3) * (n + 5))
    x = (b2 - mean) / sqrt(variance)
    skew = 6 * (n * n - 5 * n + 2) / ((n + 7) * (n + 9))
    skew *= sqrt(6 * (n + 3) * (n + 5) / (n * (n - 2) * (n - 3)))
    A = 6 + 8 / skew * (2 / skew + sqrt(1 + 4 / skew**2))
    inside = (1 - 2 / A) / (1 + x * sqrt(2 / (A - 4)))
    return (1 - 2 / (9 * A) - float(np.cbrt(inside))) / sqrt(2 / (9 * A))
