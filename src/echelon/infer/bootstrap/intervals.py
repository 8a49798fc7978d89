"""Bootstrap intervals from replicates: percentile, basic, BCa."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]
Interval = Literal["percentile", "basic", "bca"]


def percentile(replicates: Array, level: float) -> tuple[float, float]:
    """Quantiles of the replicates at (1 -/+ level) / 2 (`percentile-interval`; davison1997).

    >>> low, high = percentile(np.arange(1.0, 100.0), 0.9)
    >>> round(low, 9), round(high, 9)
    (5.0, 95.0)
    """
    low, high = (1 - level) / 2, (1 + level) / 2
    return quantile(replicates, low), quantile(replicates, high)


def basic(replicates: Array, estimate: float, level: float) -> tuple[float, float]:
    """Twice the estimate less the percentiles (`basic-interval`; davison1997).

    >>> low, high = basic(np.arange(1.0, 100.0), 40.0, 0.9)
    >>> round(low, 9), round(high, 9)
    (-15.0, 75.0)
    """
    low, high = percentile(replicates, level)
    return 2 * estimate - high, 2 * estimate - low


def bca(
    replicates: Array, estimate: float, acceleration: float, level: float
) -> tuple[float, float]:
    """Percentiles moved by bias and acceleration (`bca-interval`; efron1987).

    nan where every replicate is on one side of the estimate.
    """
    below = np.mean(replicates < estimate) + np.mean(replicates == estimate) / 2
    z0 = float(special.ndtri(below))
    if not np.isfinite(z0):
        return np.nan, np.nan
    ends = []
    for share in ((1 - level) / 2, (1 + level) / 2):
        z = z0 + float(special.ndtri(share))
        left = 1 - acceleration * z
        if left <= 0:  # the transformation is not monotone this far out
            return np.nan, np.nan
        ends.append(quantile(replicates, float(special.ndtr(z0 + z / left))))
    return ends[0], ends[1]


def acceleration(left_out: Array) -> float:
    """Skewness of the jackknife values over six (`bca-acceleration`; efron1987).

    Parameters
    ----------
    left_out : the statistic without each group in turn
    """
    known = left_out[np.isfinite(left_out)]
    distance = known.mean() - known if len(known) else known
    squares = float((distance**2).sum())
    return float((distance**3).sum()) / (6 * squares**1.5) if squares > 0 else 0.0


def quantile(replicates: Array, share: float) -> float:
    """The value at place (R + 1) share of the ordered replicates; on a line between two of them."""
    return float(np.quantile(replicates, share, method="weibull"))


def needed(level: float) -> int:
    """Replicates below which an end of a percentile interval is the most extreme replicate."""
    return int(np.ceil(2 / (1 - level) - 1 - 1e-9))
