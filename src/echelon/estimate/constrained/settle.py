"""The best of the other parameters at a held one, and the profile's slope there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.estimate.constrained.point import Point
from echelon.estimate.optimise import trust_step

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Best:
    """The profile around a point, by the second-order model of the others.

    Attributes
    ----------
    point : where the deviance was evaluated
    gain : deviance that the Newton step of the others still promises
    value, slope, curvature : of the profile in the target's coordinate, that step included
    step, along : the Newton step of the others, and their derivative in the target's coordinate
    convex : whether the others are at a minimum and not at a saddle
    """

    point: Point
    gain: float
    value: float
    slope: float
    curvature: float
    step: Array
    along: Array
    convex: bool

    def towards(self, t: float) -> Point | None:
        """The point at coordinate t, the others following."""
        return self.point.moved(t, self.step + self.along * (t - self.point.t))


def best(point: Point) -> Best:
    """The profile's value and derivatives (`profile-newton`; venzon1988)."""
    k, free = point.place, point.free
    values, vectors = np.linalg.eigh(point.hessian[np.ix_(free, free)])
    largest = float(np.abs(values).max(initial=np.finfo(float).tiny))
    curved = values > tolerances.FLAT * largest
    inverse = np.where(curved, 1 / np.where(curved, values, 1.0), 0.0)
    g, mixed = vectors.T @ point.gradient[free], vectors.T @ point.hessian[free, k]
    return Best(
        point=point,
        gain=float(0.5 * (g**2 * inverse).sum()),
        value=point.value - float(0.5 * (g**2 * inverse).sum()),
        slope=float(point.gradient[k] - (mixed * inverse * g).sum()),
        curvature=float(point.hessian[k, k] - (mixed**2 * inverse).sum()),
        step=-vectors @ (inverse * g),
        along=-vectors @ (inverse * mixed),
        convex=bool(not len(values) or values[0] > -tolerances.SADDLE * largest),
    )


def settled(point: Point, enough: float) -> Best:
    """Minimise over the others until the Newton step promises less than `enough` deviance.

    Trust-region Newton with the exact Hessian; a saddle is left along its steepest descent.
    """
    here = best(point)
    radius = tolerances.PROFILE_TRUST
    for _ in range(tolerances.MAX_STEPS):
        if here.convex and here.gain < enough:
            break
        point, free = here.point, here.point.free
        values, vectors = np.linalg.eigh(point.hessian[np.ix_(free, free)])
        gradient = point.gradient[free]
        if not here.convex:  # at a saddle the gradient is zero: choose a side
            away = vectors[:, 0] * (-1.0 if vectors[:, 0] @ gradient > 0 else 1.0)
            gradient = gradient - tolerances.SADDLE_PUSH * abs(values[0]) * away
        step, promised = trust_step(values, vectors, gradient, radius)
        length = float(np.linalg.norm(step))
        new = point.moved(point.t, step)
        rounding = 1e-11 * abs(point.value) + 1e-10
        if new is None or new.value > point.value + rounding:
            radius = length / 4
            if length < tolerances.SHORTEST_STEP:
                break
            continue
        if here.convex and abs(point.value - new.value) <= rounding and here.gain <= rounding:
            closer = best(new)
            here = closer if closer.gain < here.gain else here
            break
        if point.value - new.value > 0.75 * promised and length > 0.8 * radius:
            radius *= 3
        here = best(new)
    return here
