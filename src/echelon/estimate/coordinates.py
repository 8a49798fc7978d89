"""Local coordinates of a search: the covariance factor in the eigenbasis of the current covariance.

A lower-triangular factor is a poor chart near the boundary unless the small direction comes last:
if a middle pivot vanishes, the entries below it trade against each other along a circle, and
Newton's method follows the circle in short steps. In the eigenbasis of the current D (block by
block, largest first) the factor is diagonal, null directions are its last columns, and the chart is
good.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.estimate.deviance import Evaluation
from echelon.linalg.symmetric import Pairs

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """The deviance around one covariance, in local coordinates x: D = Q L(x) L(x)' Q'.

    Attributes
    ----------
    pairs : which entries of L are free
    Q : (q, q) orthogonal, block diagonal
    x : (t,) free entries of L at the centre: singular values on the diagonal, zeros below
    gradient : (t,);  hessian : (t, t) of the deviance in x
    """

    pairs: Pairs
    Q: Array
    x: Array
    gradient: Array
    hessian: Array

    def D_gradient(self) -> Array:
        """(t, t) derivative of the free entries of D in x, at the centre."""
        gradient: Array = self.pairs.congruence(self.Q) @ self.pairs.factor_jacobian(
            self.pairs.factor(self.x)
        )
        return gradient

    def factor(self, step: Array) -> Array:
        """Lower-triangular factor (q, q) of the covariance one step away."""
        return self.pairs.rotated(self.Q @ self.pairs.factor(self.x + step))


def chart(at: Evaluation, pairs: Pairs) -> Chart:
    """Local coordinates around an evaluation; costs arithmetic on q x q matrices only."""
    Q, singular = directions(at.lam, pairs)
    singular = np.where(singular > tolerances.NULL * singular.max(initial=0.0), singular, 0.0)
    L = np.diag(singular)
    slope = Q.T @ at.slope @ Q
    chain = pairs.congruence(Q) @ pairs.factor_jacobian(L)
    return Chart(
        pairs=pairs,
        Q=Q,
        x=pairs.free(L),
        gradient=2 * pairs.free(slope @ L),
        hessian=chain.T @ at.hessian_D @ chain + pairs.factor_curvature(slope),
    )


def directions(lam: Array, pairs: Pairs) -> tuple[Array, Array]:
    """Eigenvectors Q (q, q) of lam lam', block by block, and the singular values (q,) of lam."""
    Q, singular = np.zeros_like(lam), np.zeros(len(lam))
    for start, size in zip(pairs.starts, pairs.sizes, strict=True):
        block = slice(start, start + size)
        Q[block, block], singular[block], _ = np.linalg.svd(lam[block, block])
    return Q, singular
