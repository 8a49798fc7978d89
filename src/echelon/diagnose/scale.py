"""Does the spread of residuals change along a scale?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.linalg.distributions import chi2_upper

Array = NDArray[np.float64]

_PARTS = 5
_LEAST = 50
"""Rows below which the parts would be too small: thirds are taken."""


@dataclass(frozen=True, slots=True)
class Trend:
    """The spread of standardised residuals along a scale.

    Attributes
    ----------
    chi_square, p_value : Koenker's test of a linear trend in the squares, 1 df
    low, high : SD of the residuals in the lowest and the highest part of the rows
    parts : into which the rows were divided
    """

    chi_square: float
    p_value: float
    low: float
    high: float
    parts: int

    @property
    def ratio(self) -> float:
        """The larger of the two SDs over the smaller."""
        small, large = sorted((self.low, self.high))
        return large / small if small > 0 else np.inf


def trend(standard: Array, along: Array) -> Trend:
    """Test whether squared residuals rise or fall along a scale.

    Notes
    -----
    n R^2 of the regression of the squares on the scale (`koenker`; koenker1981): Breusch and
    Pagan's test without their assumption of normality. Cost O(n).
    """
    good = np.isfinite(standard)
    z, x = standard[good], along[good]
    n = len(z)
    parts = _PARTS if n >= _LEAST else 3
    if n < 6 or np.ptp(x) <= 1e-12 * max(float(np.abs(x).max()), 1e-300):
        return Trend(np.nan, np.nan, np.nan, np.nan, parts)
    squares, place = z**2 - np.mean(z**2), x - x.mean()
    r = float(squares @ place) ** 2 / float(squares @ squares) / float(place @ place)
    low, high = np.quantile(x, [1 / parts, 1 - 1 / parts])
    return Trend(n * r, chi2_upper(n * r, 1), _sd(z[x <= low]), _sd(z[x >= high]), parts)


def _sd(z: Array) -> float:
    return float(np.sqrt(np.mean(z**2))) if len(z) else np.nan
