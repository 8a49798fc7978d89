"""Order statistics: a sample of a known law when sorted, and how far it may stray."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from echelon.errors import DataError, UnknownOption
from echelon.linalg.distributions import beta_quantile, check_level

Array = NDArray[np.float64]
Band = Literal["simultaneous", "pointwise"]

_MOST = 800
"""Points of a Q-Q plot; of more values, those in between are left out evenly."""
_ENDS = 100
"""Smallest and largest values that are all kept."""

_SIZES = np.log([5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 50000])
_LOCAL = {
    0.99: (228, 132, 81.0, 49.0, 34.3, 28.0, 21.8, 18.3, 14.8, 11.2, 9.6, 8.0),
    0.95: (1227, 733, 480, 293, 217, 173, 129, 110, 92, 77, 66, 52),
    0.90: (2613, 1600, 1046, 662, 503, 393, 292, 245, 210, 175, 152, 130),
}
"""Pointwise level, in 1e-5, at which so large a share of all uniform samples lies within its bands
everywhere, by size of the sample: quantiles over 200,000 simulated samples of 5 to 20, 100,000 of
50 and 100, 20,000 of 1,000, 9,000 of 10,000. tests/diagnose/test_qq.py simulates the coverage."""


@dataclass(frozen=True, slots=True, eq=False)
class Sorted:
    """Order statistics of a sample, thinned where there are very many.

    Attributes
    ----------
    values : (m,) sorted
    order : (m,) places in the sample
    share : (m,) share of the law expected below each
    low, high : (m,) shares below the ends of the band
    n : values in the sample
    """

    values: Array
    order: NDArray[np.intp]
    share: Array
    low: Array
    high: Array
    n: int


def sorted_sample(values: Array, *, level: float = 0.95, band: Band = "simultaneous") -> Sorted:
    """Sort a sample, with the shares of its law at which each value is expected, and a band.

    Parameters
    ----------
    values : finite values are used
    level : coverage; of the whole sample at once (0.90, 0.95 or 0.99), or of each value by itself
    band : "simultaneous" or "pointwise"

    Raises
    ------
    UnknownOption, DataError : another band or level; no values

    Notes
    -----
    The i-th of n uniform order statistics has the law Beta(i, n + 1 - i) (`qq-band`). The
    simultaneous band takes the same pointwise level everywhere, small enough that a whole sample
    stays inside with the coverage asked for (`qq-local-level`; aldor2013). Expected shares are
    (i - 3/8) / (n + 1/4).
    """
    check_level(level)
    if band not in get_args(Band):
        raise UnknownOption("band", band, get_args(Band))
    kept = np.flatnonzero(np.isfinite(values))
    n = len(kept)
    if n < 3:
        raise DataError(f"A Q-Q plot needs at least 3 values, and there are {n}.")
    order = kept[np.argsort(values[kept], kind="stable")]
    at = _places(n)
    local = (1 - level) if band == "pointwise" else local_level(n, level)
    a, b = at + 1.0, n - at.astype(np.float64)
    return Sorted(
        values=values[order][at],
        order=order[at],
        share=np.asarray((at + 0.625) / (n + 0.25), dtype=np.float64),
        low=beta_quantile(local / 2, a, b),
        high=beta_quantile(1 - local / 2, a, b),
        n=n,
    )


def local_level(n: int, level: float) -> float:
    """Pointwise level of a simultaneous band (`qq-local-level`), interpolated in log n.

    >>> round(local_level(100, 0.95), 4)
    0.0022
    """
    if level not in _LOCAL:
        raise DataError(
            f"level={level:g}: simultaneous bands are known for 0.90, 0.95 and 0.99. Others: "
            'band="pointwise".'
        )
    return float(np.exp(np.interp(np.log(n), _SIZES, np.log(_LOCAL[level]))) * 1e-5)


def _places(n: int) -> NDArray[np.intp]:
    """Order statistics that are drawn: all of a few, the ends and an even choice of many."""
    if n <= _MOST:
        return np.arange(n)
    inner = np.linspace(_ENDS, n - _ENDS - 1, _MOST - 2 * _ENDS).astype(np.intp)
    return np.unique(np.concatenate([np.arange(_ENDS), inner, np.arange(n - _ENDS, n)]))
