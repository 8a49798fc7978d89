"""The signed root of the deviance along each parameter, point by point, for figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.data import Values, to_native
from echelon.estimate.constrained.limit import root_at, trace
from echelon.infer.profile.parameters import Parameter, Scale
from echelon.infer.profile.profile import Ground, ceiling
from echelon.linalg.threads import serial

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """The profile of one parameter.

    Attributes
    ----------
    name : of the parameter, on the scale asked for
    value : (m,) ascending, in the user's units;  zeta : (m,) signed root of the deviance above its
        minimum; 0 at the optimum of the criterion that is profiled
    centre : value at that optimum
    bounds : of the parameter; -inf and inf for none
    """

    name: str
    value: Array
    zeta: Array
    centre: float
    bounds: tuple[float, float]


@serial
def curves_from(
    ground: Ground, parameters: Sequence[Parameter], scale: Scale, reach: float
) -> tuple[Curve, ...]:
    """Curves of the parameters out to zeta = -+ `reach`, or to their bounds.

    A parameter without a profile (a correlation with a variance of zero) has none.
    """
    found = (_curve(ground, each, scale, reach) for each in parameters)
    return tuple(curve for curve in found if curve is not None)


def _curve(ground: Ground, each: Parameter, scale: Scale, reach: float) -> Curve | None:
    centre = ground.centre(each)
    if centre is None:
        return None
    target, points = centre.point.line.target, [(centre.point.t, 0.0)]
    low, high = target.bounds
    for way, bound in ((-reach, low), (reach, high)):
        if centre.point.t != bound:
            passed = trace(centre, way, tolerances.PROFILE_POINTS)
            points += [(here.point.t, root_at(centre, here)) for here in passed]
    points.sort()
    value = np.array([target.value(t) for t, _ in points])
    ends = (target.value(low), target.value(high)) if target.kind != "sigma" else (0.0, np.inf)
    middle = target.value(centre.point.t)
    if scale == "variance" and each.squared:
        value, middle, ends = value**2, middle**2, (ends[0] ** 2, ends[1] ** 2)
    highest = ceiling(ground, each)
    zeta = np.clip([root for _, root in points], -highest, highest)
    return Curve(each.shown(scale), value, zeta, middle, ends)


def curves_frame(curves: Sequence[Curve], backend: str) -> object:
    """All points as one table: term, value, zeta."""
    columns: dict[str, Values] = {
        "term": [curve.name for curve in curves for _ in curve.value],
        "value": np.concatenate([curve.value for curve in curves]),
        "zeta": np.concatenate([curve.zeta for curve in curves]),
    }
    return to_native(columns, backend)
