"""Correlation matrices of one parameter, and which of them a block of a covariance matrix has.

A block is D_ij = s_i s_j R_ij(r). Names of the kinds are glmmTMB's:

    us       any D                           homdiag  one s, R = I
    cs       an s each, one correlation      homcs    one s, one correlation
    hetar1   an s each, R_ij = r^|i - j|     ar1      one s, R_ij = r^|i - j|
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Kind = Literal["us", "homdiag", "cs", "homcs", "ar1", "hetar1"]

HOMOGENEOUS = frozenset({"homdiag", "homcs", "ar1"})


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """A structured block (`structure`; pinheiro2000, section 4.2.2).

    Attributes
    ----------
    kind : which
    size : q effects
    basis : (q, m) s = basis @ scales: the identity, or a column of ones when they are one
    power : (q, q) |i - j| for the autoregressive kinds, 1 off the diagonal for the others
    """

    kind: Kind
    size: int
    basis: Array
    power: NDArray[np.intp]

    @property
    def scales(self) -> int:
        """Number m of scales."""
        return int(self.basis.shape[1])

    @property
    def correlated(self) -> bool:
        """Whether there is a correlation."""
        return self.kind != "homdiag"

    @property
    def parameters(self) -> int:
        """Scales and correlation."""
        return self.scales + self.correlated

    @property
    def bounds(self) -> tuple[float, float]:
        """Between which correlations R is positive definite (`structure-bounds`)."""
        low = -1.0 / (self.size - 1) if self.kind in ("cs", "homcs") else -1.0
        return low, 1.0

    def correlation(self, r: float) -> tuple[Array, Array, Array]:
        """R (q, q) and its first and second derivatives in r."""
        k = self.power.astype(np.float64)
        if not self.correlated:
            return np.eye(self.size), np.zeros_like(k), np.zeros_like(k)
        first = np.where(k > 0, k * np.power(r, np.maximum(k - 1, 0)), 0.0)
        second = np.where(k > 1, k * (k - 1) * np.power(r, np.maximum(k - 2, 0)), 0.0)
        return np.power(r, k), first, second

    def scales_of(self, s: Array) -> Array:
        """The m scales of all q."""
        return s if self.scales == self.size else s[:1]


@lru_cache(maxsize=64)
def structure(kind: Kind, size: int) -> Structure:
    """The structure of a block, made once per kind and size."""
    place = np.arange(size)
    apart = np.abs(np.subtract.outer(place, place))
    power = apart if kind in ("ar1", "hetar1") else np.minimum(apart, 1)
    basis = np.ones((size, 1)) if kind in HOMOGENEOUS else np.eye(size)
    return Structure(kind, size, basis, power)


def parameter_count(kind: Kind, size: int) -> int:
    """Free parameters of a block.

    >>> [parameter_count(kind, 4) for kind in ("us", "homdiag", "cs", "homcs", "ar1", "hetar1")]
    [10, 1, 5, 2, 2, 5]
    """
    return size * (size + 1) // 2 if kind == "us" else structure(kind, size).parameters


__all__ = ["HOMOGENEOUS", "Kind", "Structure", "parameter_count", "structure"]
