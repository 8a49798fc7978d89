"""How well the fixed effects are known: their covariance, and degrees of freedom that go with it.

Every test and interval of fixed effects asks for one `Uncertainty` (`infer/choose.py` gives it) and
needs nothing else of the method behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from echelon.linalg.distributions import f_upper

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Joint:
    """A test of several linear functions of the fixed effects at once.

    Attributes
    ----------
    statistic : F
    df1 : independent functions tested;  df2 : denominator degrees of freedom, inf for a Wald test
        whose df1 F is chi-square
    p_value : upper tail area
    scale : what the Wald statistic per df1 was multiplied by (Kenward-Roger); 1 elsewhere
    """

    statistic: float
    df1: int
    df2: float
    p_value: float
    scale: float = 1.0


class Uncertainty(Protocol):
    """What a method of inference must give."""

    @property
    def method(self) -> str:
        """Its name, as users type it."""

    @property
    def vcov(self) -> Array:
        """(p, p) covariance of the fixed effects."""

    def df(self, L: Array) -> Array:
        """(m,) degrees of freedom of each row of L (m, p)."""

    def denominator(self, L: Array, distance: Array) -> Joint:
        """Joint test that L beta is `distance` (m,) away from its null value by chance.

        The rows of L are independent.
        """


@dataclass(frozen=True, slots=True, eq=False)
class FixedFreedom:
    """The same degrees of freedom for every contrast: a linear model's n - p, or inf (z tests)."""

    method: str
    vcov: Array
    freedom: float

    def df(self, L: Array) -> Array:
        """(m,) the one number."""
        return np.full(len(L), self.freedom)

    def denominator(self, L: Array, distance: Array) -> Joint:
        """F test with the one number below."""
        F, df1 = wald_per_df(self.vcov, L, distance)
        return joint(F, df1, self.freedom)


def joint_test(known: Uncertainty, L: Array, distance: Array) -> Joint:
    """Test of L beta - null = 0 for any L.

    Parameters
    ----------
    L : (m, p), rows may repeat each other
    distance : (m,) L beta - null
    """
    kept = independent_rows(L)
    return known.denominator(L[kept], distance[kept])


def independent_rows(L: Array) -> NDArray[np.intp]:
    """Numbers of rows that are no combination of earlier ones."""
    kept: list[int] = []
    for i in range(len(L)):
        if np.linalg.matrix_rank(L[[*kept, i]]) > len(kept):
            kept.append(i)
    return np.array(kept, dtype=np.intp)


def wald_per_df(vcov: Array, L: Array, distance: Array) -> tuple[float, int]:
    """Wald statistic over the number of rows of L, and that number."""
    spread = L @ vcov @ L.T
    return float(distance @ np.linalg.solve(spread, distance)) / len(L), len(L)


def joint(F: float, df1: int, df2: float, scale: float = 1.0) -> Joint:
    """An F test with its tail area."""
    return Joint(F, df1, df2, f_upper(F, df1, df2), scale)
