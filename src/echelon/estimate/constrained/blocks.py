"""Coordinates of one block of D in which a standard deviation or a correlation stands by itself.

An unstructured block is D = T L L'T' with the rows of L that lead in the user's units: one row when
a standard deviation is held (its only entry), two when a correlation is. The rows below are in the
eigenbasis of what the leading effects leave, largest first, so that a direction at exactly zero is
an ordinary point (`profile-rows`). Blocks with a structure have their scales and an angle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.estimate import structures
from echelon.estimate.structures import Place
from echelon.linalg.structures import Kind, structure
from echelon.linalg.symmetric import Pairs, pairs

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """An unstructured block: D = T L L'T'.

    Attributes
    ----------
    pairs : which entries of L are free
    T : (q, q) columns of the basis;  x : (m,) free entries of L
    free : (m,) which of them may move: below a leading zero none in its column
    jacobian : (t, m) of the block's free entries of D in x
    """

    pairs: Pairs
    T: Array
    x: Array
    free: NDArray[np.bool_]
    jacobian: Array

    def curvature(self, slope: Array) -> Array:
        """(m, m) second derivatives of <slope, D> in x."""
        return self.pairs.factor_curvature(self.T.T @ slope @ self.T)

    def factor(self, x: Array) -> Array:
        """Lower-triangular Lam (q, q) at other coordinates."""
        if len(x) == 1:
            return np.abs(self.T * x)
        return self.pairs.rotated(self.T @ self.pairs.factor(x))


@dataclass(frozen=True, slots=True, eq=False)
class Scales:
    """A structured block: its scales, and the angle of its correlation.

    Attributes
    ----------
    place : where it is;  x : (m,) scales, then the angle
    free : (m,) which of them may move;  jacobian : (t, m);  bend : (m, m)
    held : the scale that is held; -1 for none
    """

    place: Place
    x: Array
    free: NDArray[np.bool_]
    jacobian: Array
    bend: Array
    held: int

    def curvature(self, slope: Array) -> Array:
        """(m, m) second derivatives of <slope, D> in x, for the slope it was made with."""
        return self.bend

    def factor(self, x: Array) -> Array:
        """Lower-triangular Lam (q, q) at other coordinates: scales stay positive (`SCALE_KEPT`)."""
        shape = self.place.shape
        m = shape.scales
        scales, old = np.abs(x[:m]), self.x[:m]
        if m > 1:
            scales = np.maximum(x[:m], tolerances.SCALE_KEPT * old)
            floor = tolerances.BOUNDARY * max(float(scales.max()), 1e-2)
            scales = np.where((scales < floor) & (x[:m] < old), 0.0, scales)
            scales = np.where(np.arange(m) == self.held, x[:m], scales)
        u = float(x[m]) if shape.correlated else 0.0
        return Place(shape, shape.basis @ scales, u).factor()


Part = Rows | Scales


def rows(lam: Array, leading: Array) -> Rows:
    """An unstructured block with the rows of the effects `leading` first.

    Parameters
    ----------
    lam : (q, q) factor in working units
    leading : (k, q) what makes the user's leading effects of the working ones; k = 0, 1, 2
    """
    q, k = len(lam), len(leading)
    shape = pairs((q,))
    free = np.ones(len(shape.row), dtype=bool)
    if q == 1:
        T = np.ones((1, 1)) if k == 0 else 1 / np.abs(leading)
        L = np.abs(lam) / T
    elif k == 0:
        T, singular, _ = np.linalg.svd(lam)
        L = np.diag(np.where(singular > tolerances.NULL * singular[0], singular, 0.0))
    else:
        T, L = _led(lam, leading)
        if k == 1 and L[0, 0] == 0:
            free[(shape.col == 0) & (shape.row > 0)] = False
    jacobian = shape.congruence(T) @ shape.factor_jacobian(L)
    return Rows(shape, T, shape.free(L), free, jacobian)


def _led(lam: Array, leading: Array) -> tuple[Array, Array]:
    """T and L with the leading rows first; below one that is zero its column is zero too."""
    q, k = len(lam), len(leading)
    Q, R = np.linalg.qr(leading.T, mode="complete")
    head = R[:k].T  # leading = head Q[:, :k]'
    first, rest = leading @ lam, Q[:, k:].T @ lam
    largest = float(np.linalg.norm(lam))
    zero = k == 1 and not np.linalg.norm(Q[:, 0] @ lam) > tolerances.NULL * largest
    L = np.zeros((q, q))
    if not zero:
        turn, upper = np.linalg.qr(first.T, mode="complete")
        turn[:, :k] *= np.where(np.diagonal(upper[:k]) < 0, -1.0, 1.0)
        L[:k, :k] = np.tril(first @ turn[:, :k])
        L[k:, :k], rest = rest @ turn[:, :k], rest @ turn[:, k:]
    U, singular, _ = np.linalg.svd(rest)
    singular = np.where(singular > tolerances.NULL * largest, singular, 0.0)
    L[k:, :k] = U.T @ L[k:, :k]
    L[range(k, q), range(k, q)] = singular[: q - k]
    return np.column_stack([np.linalg.solve(head.T, Q[:, :k].T).T, Q[:, k:] @ U]), L


def scales(kind: Kind, lam: Array, slope: Array, held: int = -1) -> Scales:
    """A structured block at its factor, with the deviance's slope S (q, q) in D."""
    shape = structure(kind, len(lam))
    local = structures.local(structures.place(shape, lam), slope)
    m, t = shape.scales + 1, len(local.jacobian)
    free = np.zeros(m, dtype=bool)
    free[local.kept] = True
    jacobian, bend = np.zeros((t, m)), np.zeros((m, m))
    jacobian[:, free], bend[np.ix_(free, free)] = local.jacobian, local.curvature
    here = local.place
    return Scales(here, np.append(shape.scales_of(here.s), here.u), free, jacobian, bend, held)
