"""Where the signed root of the deviance reaches a value, along one parameter.

Newton's method in the parameter and all others at once (venzon1988), on the scale on which a
profile is nearly straight: the root of the deviance against the parameter, or its logarithm for the
upper limit of a standard deviation. Where the others lag behind they are minimised over, and a
bracket keeps the steps (`profile-limit`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import exp, isfinite, log, nan, sqrt

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.estimate.constrained.point import Point
from echelon.estimate.constrained.settle import Best, best, settled

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Limit:
    """Where a search for a limit ended.

    Attributes
    ----------
    t : the target's coordinate: its bound, +-inf or nan where the root never gets that far
    reached : whether the root has the value asked for there
    monotone : whether the deviance rose all the way
    lowest : a point whose deviance is below the optimum's; None for none
    """

    t: float
    reached: bool
    monotone: bool = True
    lowest: Point | None = None


def root_at(centre: Best, here: Best) -> float:
    """Signed root of the deviance above the optimum's (`profile-zeta`)."""
    rise = sqrt(max(here.value - centre.value, 0.0))
    return rise if here.point.t > centre.point.t else -rise


def limit(centre: Best, goal: float) -> Limit:
    """The first value, away from the optimum, at which the root is `goal`.

    Parameters
    ----------
    centre : the profile at the optimum

    Notes
    -----
    An evaluation of the deviance a step; three or four are usual. Where the deviance falls again on
    the way the profile is followed point by point.
    """
    bound = centre.point.line.target.bounds[goal > 0]
    if centre.point.t == bound:
        return Limit(bound, False)
    found = _search(centre, goal, centre, _first(centre, goal), bound)
    if found.monotone or found.lowest is not None:
        return found
    before = centre
    for here in trace(centre, goal, tolerances.PROFILE_APART):
        if abs(root_at(centre, here)) >= abs(goal):
            ahead = here.point.t
            middle = (before.point.t + ahead) / 2
            return replace(_search(centre, goal, before, middle, ahead, True), monotone=False)
        before = here
    return found


def _search(
    centre: Best, goal: float, here: Best, t: float, outside: float, known: bool = False
) -> Limit:
    """Newton's method between a point where the root is too small and a bound or a point beyond.

    Parameters
    ----------
    here : the point;  t : where to look first
    known : whether the root at `outside` is beyond the goal for sure
    """
    bound, way = outside, float(np.sign(goal))
    inner, root, monotone, close = here, root_at(centre, here), True, 0
    for _ in range(tolerances.MAX_STEPS):
        if _run_away(centre, t):
            return Limit(bound, False, monotone)
        if way * (t - outside) >= 0 and not known and isfinite(bound):
            known = True
            if (end := _open_end(centre, goal, root, reached(here, bound))) is not None:
                return replace(end, monotone=end.monotone and monotone)
        inside = inner.point.t
        if not min(inside, outside) < t < max(inside, outside):
            here, t = inner, _between(centre, inside, outside)
        there = reached(here, t)
        if there is None:
            outside = t
            continue
        if (lowest := _lower(centre, there)) is not None:
            return Limit(nan, False, False, lowest)
        here, root = there, root_at(centre, there)
        slope = here.slope / (2 * root) if root else 0.0
        if not slope > 0:
            monotone = False
            inner, outside = (here, outside) if abs(root) < abs(goal) else (inner, t)
            t += way * max(abs(t - centre.point.t), _error(centre))
            continue
        gap = goal - root
        close += abs(gap) < tolerances.PROFILE_ROOT
        settled_now = here.gain < tolerances.PROFILE_GAIN or close == tolerances.PROFILE_CLOSE
        if abs(gap) < tolerances.PROFILE_ROOT and settled_now:
            return Limit(t + gap / slope, True, monotone)
        inner, outside = (inner, t) if abs(root) > abs(goal) else (here, outside)
        t = _newton(centre, t, gap / slope, goal)
    return Limit(nan, False, monotone)


def _open_end(centre: Best, goal: float, root: float, there: Best | None) -> Limit | None:
    """The end of a search at a bound where the root is short of the goal; None where it is not.

    Parameters
    ----------
    root : on the way to the bound
    """
    if there is None or abs(last := root_at(centre, there)) >= abs(goal):
        return None
    risen = abs(last) >= abs(root) - tolerances.PROFILE_ROOT
    return Limit(there.point.t, False, risen, _lower(centre, there))


def trace(centre: Best, goal: float, apart: float) -> list[Best]:
    """Points along the profile from the optimum until the root passes `goal`.

    Parameters
    ----------
    apart : distance of neighbouring points in the root, about
    """
    target, way, error = centre.point.line.target, float(np.sign(goal)), _error(centre)
    bound = target.bounds[goal > 0]
    here, points, slope = centre, list[Best](), 1 / error
    while len(points) < tolerances.MAX_STEPS and here.point.t != bound:
        t = here.point.t + way * min(apart / slope, tolerances.PROFILE_STRIDE * error)
        if isfinite(bound) and way * (t - bound) > -0.05 * apart / slope:
            t = bound
        there = None if _run_away(centre, t) else reached(here, t, tolerances.PROFILE_GAIN)
        if there is None:
            break
        here = there
        points.append(here)
        if abs(root := root_at(centre, here)) >= abs(goal):
            break
        slope = here.slope / (2 * root) if root else 0.0
        slope = slope if slope > 0 else apart / (tolerances.PROFILE_STRIDE * error)
    return points


def _error(centre: Best) -> float:
    """Standard error of the coordinate by the curvature at the optimum."""
    if centre.curvature > 0:
        return sqrt(2 / centre.curvature)
    return tolerances.PROFILE_START * _unit(centre)


def _unit(centre: Best) -> float:
    """What moves the target by as much as one residual SD in every row."""
    point = centre.point
    target = point.line.target
    if not target.is_scale:
        return 1.0
    per = target.unit if target.kind == "scale" else float(np.linalg.norm(target.leading))
    return per * exp(point.log_sigma)


def _first(centre: Best, goal: float) -> float:
    """The limit if the root were straight (an upper limit of an SD: in its logarithm)."""
    t = centre.point.t
    if centre.point.line.target.is_scale and t == 0:
        return min(goal * _error(centre), _unit(centre))
    return _newton(centre, t, goal * _error(centre), goal)


def _newton(centre: Best, t: float, step: float, goal: float) -> float:
    """One step further, by a factor where the target is positive, and not too far at once."""
    target = centre.point.line.target
    if target.kind == "sigma":
        return t + float(np.clip(step, -1.0, 1.0))
    if not target.is_scale or t == 0:
        return t + step
    if goal < 0 and step < 0:
        return t + step  # to zero or below: the bound is looked at
    return t * exp(float(np.clip(step / t, -log(4.0), log(4.0))))


def _between(centre: Best, inside: float, outside: float) -> float:
    """A point between two."""
    if not isfinite(outside):
        stride = 2 * max(_error(centre), abs(inside - centre.point.t))
        return inside + (stride if outside > 0 else -stride)
    return (inside + outside) / 2


def reached(here: Best, t: float, enough: float = tolerances.PROFILE_LAG) -> Best | None:
    """The profile at t, followed from a point nearby; None where the deviance does not exist."""
    point = here.towards(t)
    if point is None:
        point = here.point.moved(t, np.zeros(len(here.step)))
    if point is None:
        return None
    there = best(point)
    return (
        there if there.convex and there.gain < enough else settled(point, tolerances.PROFILE_GAIN)
    )


def _lower(centre: Best, here: Best) -> Point | None:
    """The point if its deviance is below the optimum's beyond rounding."""
    rounding = max(tolerances.PROFILE_BETTER, 1e-11 * abs(centre.value))
    return here.point if here.point.value < centre.value - rounding else None


def _run_away(centre: Best, t: float) -> bool:
    """Whether a standard deviation has grown or shrunk beyond what the arithmetic carries."""
    target, start = centre.point.line.target, centre.point.t
    if target.kind == "sigma":
        return abs(t - start) > tolerances.LOG_RATIO
    if target.is_scale:
        return t > exp(tolerances.LOG_RATIO) * max(start, _unit(centre))
    return False
