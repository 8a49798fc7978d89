"""What is left of several factors when the largest is eliminated: S, H^-1 and products with them.

With H = I + Lam'S Lam, everything of the other factors follows from H^-1 as long as Lam can be
divided by; near the boundary it is worked out from products instead (`crossed`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dsymm

from echelon import tolerances
from echelon.estimate.core import Core
from echelon.linalg.dense import mirror
from echelon.linalg.threads import threaded

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Rest:
    """The Schur complement at one covariance factor.

    Attributes
    ----------
    lams : covariance factor of each factor in the dense part
    S : (n, n) Schur complement, upper triangle
    Hinv : (n, n) H^-1
    regular : whether Lam can be divided by
    """

    core: Core
    lams: dict[int, Array]
    S: Array
    Hinv: Array
    regular: bool

    def W(self) -> Array:
        """W_2 = Lam H^-1 Lam', the conditional covariance over sigma^2."""
        return self.core.between(self.lams, self.Hinv)

    def solve(self, left: Array) -> tuple[Array, Array]:
        """W_2 left and R_2 left = left - S W_2 left, for left (n, r)."""
        core = self.core
        turned = {g: lam.T for g, lam in self.lams.items()}
        inside = self.Hinv @ core.left(turned, left)
        x = core.left(self.lams, inside)
        if self.regular:
            return x, core.left(self.backs(), inside)
        return x, left - dsymm(1.0, self.S.T, x, lower=1)

    def backs(self) -> dict[int, Array]:
        """What takes the coordinates of `derivatives` to the effects': Lam^-T, or nothing."""
        if self.regular:
            return {g: _inverse(lam).T for g, lam in self.lams.items()}
        return {g: np.eye(len(lam)) for g, lam in self.lams.items()}

    def derivatives(self, changes: list[Array]) -> Derivatives:
        """K_22 and the products of S_i = -changes[i] that second derivatives are made of.

        Parameters
        ----------
        changes : -S_i (n, n), upper triangles
        """
        core, backs = self.core, self.backs()
        if self.regular:
            turned = {g: lam.T for g, lam in self.lams.items()}
            moved = [-_times(self.Hinv, core.between(turned, S)) for S in changes]
            gap = -self.Hinv
            gap[np.diag_indices_from(gap)] += 1.0
            return Derivatives(gap, moved, moved, self.Hinv, backs)
        S = mirror(self.S.T.copy())
        R2 = -S @ self.W()
        R2[np.diag_indices_from(R2)] += 1.0
        moved = [-_times(R2, change) for change in changes]
        D2 = {g: lam @ lam.T for g, lam in self.lams.items()}
        K22 = R2 @ S
        return Derivatives((K22 + K22.T) / 2, moved, [core.left(D2, m) for m in moved], R2, backs)


@dataclass(frozen=True, slots=True, eq=False)
class Derivatives:
    """Matrices in coordinates B of the dense part; with B = `backs` by group,

    K_22 = B K B',   R_2 S_i R_2' = B left[i] right' B',   W_2 S_i W_2 S_l = inner[i] inner[l] in
    trace.
    """

    K: Array
    left: list[Array]
    inner: list[Array]
    right: Array
    backs: dict[int, Array]


def _times(A: Array, upper: Array) -> Array:
    """A B for symmetric B of which the upper triangle is filled."""
    with threaded(len(A), tolerances.THREADED_PRODUCT):
        product = dsymm(1.0, upper.T, A.T, side=0, lower=1)  # (A B)' = B A'
    return np.asarray(product.T, dtype=np.float64)


def smallest(lam: Array) -> float:
    """Smallest singular value."""
    return float(np.linalg.svd(lam, compute_uv=False)[-1])


def _inverse(lam: Array) -> Array:
    return np.asarray(np.linalg.inv(lam), dtype=np.float64)
