"""Local coordinates of many searches: each covariance factor in the eigenbasis of its covariance.

What `estimate/coordinates.py` does for one search (`local-chart`), entries (..., R).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.estimate.batch.deviance import Evaluations
from echelon.linalg.stacked import left_singular, multiply
from echelon.linalg.symmetric import Pairs

Array = NDArray[np.float64]
Which = NDArray[np.intp] | NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Charts:
    """The deviance around R covariances D = Q L(x) L(x)' Q'.

    Attributes
    ----------
    Q : (q, q, R);  singular : (q, R), those that are rounding around zero put at zero
    x, gradient : (t, R);  hessian : (t, t, R)
    slope : (q, q, R) derivative of the deviance in D, in the basis Q
    """

    Q: Array
    singular: Array
    x: Array
    gradient: Array
    hessian: Array
    slope: Array

    def take(self, which: Which) -> Charts:
        """Some of the responses."""
        return Charts(*(getattr(self, name)[..., which] for name in Charts.__slots__))

    def put(self, which: Which, new: Charts) -> None:
        """Overwrite some of the responses, in place: the state of a search."""
        for name in Charts.__slots__:
            getattr(self, name)[..., which] = getattr(new, name)


def charts(at: Evaluations, shape: Pairs, df: Array) -> Charts:
    """Local coordinates around evaluations; df (R,) is n - p (REML) or n (ML)."""
    Q, singular = directions(at.F, shape)
    largest = singular.max(axis=0, initial=0.0)
    singular = np.where(singular > tolerances.NULL * largest, singular, 0.0)
    row, col = shape.row, shape.col
    below = np.where(shape.on_diagonal, 0.0, 1.0)[:, None]
    turn = _turn(Q, shape)
    c = df / at.rho2
    in_D = np.einsum("lir,lr->ir", turn, at.slope - c * at.score)
    slope = np.zeros_like(Q)
    slope[row, col] = slope[col, row] = np.where(below > 0, in_D / 2, in_D)
    chain = singular[col] * (2.0 - below)
    second = 2 * c * at.quadratic - at.trace - c / at.rho2 * at.score[:, None] * at.score
    second = np.einsum("lir,lmr,mkr->ikr", turn, second, turn, optimize=True)
    same = np.equal.outer(col, col)[:, :, None]
    x = np.where(below > 0, 0.0, singular[col])
    return Charts(
        Q=Q,
        singular=singular,
        x=x,
        gradient=chain * in_D,
        hessian=chain[:, None] * second * chain + 2 * same * slope[np.ix_(row, row)],
        slope=slope,
    )


def jacobian(local: Charts, shape: Pairs) -> Array:
    """(t, t, R) derivative of the free entries of D (rows) in x, as `Chart.D_gradient`."""
    chain = local.singular[shape.col] * np.where(shape.on_diagonal, 2.0, 1.0)[:, None]
    return np.asarray(_turn(local.Q, shape) * chain)


def _turn(Q: Array, shape: Pairs) -> Array:
    """(t, t, R) the map D -> Q D Q' on free entries."""
    row, col = shape.row, shape.col
    turn = Q[np.ix_(row, row)] * Q[np.ix_(col, col)]
    below = np.where(shape.on_diagonal, 0.0, 1.0)[:, None]
    turn += below * Q[np.ix_(row, col)] * Q[np.ix_(col, row)]
    return turn


def directions(F: Array, shape: Pairs) -> tuple[Array, Array]:
    """Eigenvectors (q, q, R) of F F', term by term, and the singular values (q, R) of F."""
    Q, singular = np.zeros_like(F), np.zeros(F.shape[1:])
    for start, size in zip(shape.starts, shape.sizes, strict=True):
        block = slice(start, start + size)
        Q[block, block], singular[block] = left_singular(F[block, block])
    return Q, singular


def moved(local: Charts, shape: Pairs, step: Array) -> Array:
    """Factors (q, q, R) of the covariances one step (t, R) away."""
    L = np.zeros_like(local.Q)
    L[shape.row, shape.col] = local.x + step
    return multiply(local.Q, L)
