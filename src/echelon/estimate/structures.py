"""Local coordinates of a structured block of D: its scales, and the angle of its correlation.

D_ij = s_i s_j R_ij(r) with r = m + h sin(u) between its bounds m - h and m + h: the deviance is
even in u at a bound, as it is in a scale shared by the whole block at zero, so both are ordinary
points of a search (`structure`, `structure-angle`). A scale of its own at zero is not: there the
deviance may rise in one direction (`structure-slope`), and the scale is no coordinate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.linalg.structures import Structure
from echelon.linalg.symmetric import pairs, semidefinite_factor

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A structured block at some covariance.

    Attributes
    ----------
    shape : the structure
    s : (q,) scales, >= 0
    u : angle of the correlation; +-pi / 2 at its bounds
    """

    shape: Structure
    s: Array
    u: float

    @property
    def r(self) -> float:
        """The correlation."""
        low, high = self.shape.bounds
        if abs(self.u) == np.pi / 2:
            return high if self.u > 0 else low
        return float((low + high) / 2 + (high - low) / 2 * np.sin(self.u))

    @property
    def known(self) -> bool:
        """Whether there is a correlation: two effects vary."""
        return self.shape.correlated and bool(np.count_nonzero(self.s) > 1)

    @property
    def at_bound(self) -> bool:
        """Whether the correlation is exactly at one of its bounds."""
        return abs(self.u) == np.pi / 2 and self.known

    def factor(self) -> Array:
        """Lower-triangular Lam (q, q) with Lam Lam' = D."""
        R, _, _ = self.shape.correlation(self.r)
        return self.s[:, None] * semidefinite_factor(R)

    def theta(self) -> Array:
        """The parameters: scales, then the correlation (nan where no two effects vary)."""
        scales = self.shape.scales_of(self.s)
        if not self.shape.correlated:
            return scales
        return np.append(scales, self.r if self.known else np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class Local:
    """Local coordinates x of a structured block around a place.

    Attributes
    ----------
    place : the centre
    kept : which of the parameters (scales, angle) are coordinates
    x : (m,) their values
    jacobian : (t, m) derivative of the block's free entries of D
    curvature : (m, m) second derivatives of <slope, D>
    """

    place: Place
    kept: NDArray[np.intp]
    x: Array
    jacobian: Array
    curvature: Array

    def taken(self, step: Array) -> Array:
        """The step as far as it is allowed: a scale keeps a share of itself, then goes to zero."""
        full = np.zeros(self.place.shape.parameters)
        full[self.kept] = step
        scales = self.place.shape.scales_of(self.place.s)
        if len(scales) > 1:  # alone, a scale may change its sign: the deviance is even in it
            m = len(scales)
            moved = np.maximum(scales + full[:m], tolerances.SCALE_KEPT * scales)
            floor = tolerances.BOUNDARY * max(float(moved.max()), 1e-2)
            full[:m] = np.where(moved < floor, 0.0, moved) - scales
        done: Array = full[self.kept]
        return done

    def factor(self, step: Array) -> Array:
        """Lam (q, q) of the block one step away."""
        shape = self.place.shape
        full = np.zeros(shape.parameters)
        full[self.kept] = step
        m = shape.scales
        s = np.abs(self.place.s + shape.basis @ full[:m])
        u = self.place.u + float(full[m]) if shape.correlated else 0.0
        return Place(shape, s, u).factor()


def place(shape: Structure, lam: Array) -> Place:
    """Where a block is, from its factor Lam (q, q)."""
    s = np.linalg.norm(lam, axis=1)
    if not shape.correlated or shape.size == 1:
        return Place(shape, s, 0.0)
    return Place(shape, s, _angle(shape, _correlation_in(shape, lam, s)))


def at(shape: Structure, s: Array, r: float) -> Place:
    """The place of given scales (q,) and correlation."""
    return Place(shape, s, _angle(shape, r) if shape.correlated else 0.0)


def _angle(shape: Structure, r: float) -> float:
    """The angle u of a correlation, exactly +-pi / 2 within rounding of the bounds."""
    low, high = shape.bounds
    z = (r - (low + high) / 2) / ((high - low) / 2)
    if abs(z) > 1 - tolerances.CORRELATION_BOUND:
        return float(np.copysign(np.pi / 2, z))
    return float(np.arcsin(z))


def _correlation_in(shape: Structure, lam: Array, s: Array) -> float:
    """The correlation, from two effects that vary: the closest, an odd power apart if possible.

    An even power has lost the sign: it is taken as positive.
    """
    alive = np.flatnonzero(s)
    if len(alive) < 2:
        return 0.0
    apart = shape.power[np.ix_(alive, alive)]
    cost = np.where(apart % 2 == 1, apart, apart + shape.size)
    np.fill_diagonal(cost, 4 * shape.size)
    i, j = np.unravel_index(int(np.argmin(cost)), cost.shape)
    a, b = alive[i], alive[j]
    value = float(np.clip(lam[a] @ lam[b] / (s[a] * s[b]), -1.0, 1.0))
    k = int(shape.power[a, b])
    return float(np.sign(value) * abs(value) ** (1 / k))


def local(here: Place, slope: Array) -> Local:
    """Coordinates around a place, and how the deviance's slope S in D bends them.

    Parameters
    ----------
    slope : (q, q) S of the block
    """
    here = settled(here, slope)
    shape, s = here.shape, here.s
    R, first, second = shape.correlation(here.r)
    low, high = shape.bounds
    half = (high - low) / 2
    d1, d2 = half * np.cos(here.u), -half * np.sin(here.u)  # of r in u
    if here.at_bound:
        d1 = 0.0
    free = pairs((shape.size,))
    row, col = free.row, free.col
    q = shape.size
    in_s = np.zeros((len(row), q))
    t = np.arange(len(row))
    np.add.at(in_s, (t, row), s[col] * R[row, col])
    np.add.at(in_s, (t, col), s[row] * R[row, col])
    in_u = s[row] * s[col] * first[row, col] * d1
    bend = 2 * slope * R
    if not s.any() and shape.scales > 1:
        bend = np.diag(np.diagonal(bend))
    mixed = 2 * (slope * first) @ s * d1
    bent = float(s @ (slope * (second * d1**2 + first * d2)) @ s)
    B = shape.basis
    jacobian = np.column_stack([in_s @ B, in_u])
    curvature = np.block(
        [[B.T @ bend @ B, (B.T @ mixed)[:, None]], [(mixed @ B)[None], np.array([[bent]])]]
    )
    kept = _kept(here, 2 * (slope * R) @ s)
    x = np.append(shape.scales_of(s), here.u)
    return Local(here, kept, x[kept], jacobian[:, kept], curvature[np.ix_(kept, kept)])


def _kept(here: Place, slope_s: Array) -> NDArray[np.intp]:
    """The coordinates that may move: not a scale at zero where the deviance rises."""
    shape = here.shape
    keep = np.ones(shape.scales + 1, dtype=bool)
    keep[-1] = here.known
    if shape.scales > 1:
        keep[:-1] = (here.s > 0) | (slope_s <= 0)
    return np.flatnonzero(keep)


def settled(here: Place, slope: Array) -> Place:
    """The place with the correlation that leaves it most steeply, where it has none.

    From zero with equal scales, by <S, R>; from one effect that varies, by another's scale.
    """
    shape, s = here.shape, here.s
    if here.known or not shape.correlated:
        return here
    low, high = shape.bounds
    values = np.linspace(low, high, tolerances.CORRELATION_GRID + 2)[1:-1]
    R = [shape.correlation(float(r))[0] for r in values]
    if s.any():
        slopes = [float(((slope * each) @ s)[s == 0].min()) for each in R]
    else:
        slopes = [float((slope * each).sum()) for each in R]
    return at(shape, s, float(values[int(np.argmin(slopes))]))


def flattened(here: Place, largest: float) -> Place | None:
    """The place with scales and angle that are nearly at their bounds put there; None if none is.

    Parameters
    ----------
    largest : the largest scale or singular value of all blocks
    """
    small = here.s < tolerances.BOUNDARY * max(largest, 1e-2)
    s = np.where(small, 0.0, here.s)
    close = here.known and abs(np.cos(here.u)) < tolerances.BOUNDARY
    if not small.any() and not close:
        return None
    return Place(here.shape, s, float(np.copysign(np.pi / 2, np.sin(here.u))) if close else here.u)


def slope_inside(here: Place, slope: Array) -> float:
    """Smallest slope of the deviance from the bounds into the interior, per unit of variance.

    nan where the block is at no bound (`structure-slope`).
    """
    here = settled(here, slope)
    shape, s = here.shape, here.s
    R, first, _ = shape.correlation(here.r)
    if not s.any():
        shared = float((slope * R).sum()) / shape.size
        return shared if shape.scales == 1 else min(shared, float(np.diagonal(slope).min()))
    found = []
    largest = float(s.max())
    if shape.scales > 1 and not s.all():
        along = 2 * (slope * R) @ s / largest
        even = np.abs(along) <= tolerances.NULL * np.abs(slope).max()
        found += list(np.where(even, np.diagonal(slope), along)[s == 0])
    if here.at_bound:
        inward = -np.sign(here.u) * float(s @ (slope * first) @ s) / largest**2
        found.append(inward)
    return float(min(found)) if found else np.nan


def inside(here: Place, slope: Array, scale: float) -> Place:
    """A place a little inside of the bounds, to start again from.

    Parameters
    ----------
    scale : variance to add, relative to sigma^2
    """
    r = settled(here, slope).r
    low, high = here.shape.bounds
    middle = (low + high) / 2
    r = middle + tolerances.CORRELATION_INSIDE * (r - middle)
    return at(here.shape, np.sqrt(here.s**2 + scale), r)
