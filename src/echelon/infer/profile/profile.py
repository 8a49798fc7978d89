"""Profiles of a fit: the optimum they start from, limits and curves of each parameter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.errors import NoConvergence, NotYetSupported
from echelon.estimate.constrained.limit import Limit, limit, reached, root_at
from echelon.estimate.constrained.point import Line
from echelon.estimate.constrained.settle import Best, best
from echelon.estimate.deviance import Evaluation, evaluate
from echelon.estimate.optimise import minimise
from echelon.infer.profile.parameters import Parameter, value_at
from echelon.model.fit import LmmFit
from echelon.model.iterative import probes_used

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What profiles of a fit start from.

    Attributes
    ----------
    fit : the model
    reml : whether the restricted deviance is profiled
    at : the deviance at its optimum
    gain : how much lower that is than where the first search ended; 0 for a search that was right
    """

    fit: LmmFit
    reml: bool
    at: Evaluation
    gain: float = 0.0

    def centre(self, each: Parameter) -> Best | None:
        """The profile at the optimum; None for a correlation that is not defined there."""
        value = value_at(each, self.at, self.fit.problem)
        if not isfinite(value):
            return None
        target, t = each.target, 0.0
        if target.held is None:
            t = target.coordinate(value)
        else:
            target = replace(target, held=replace(target.held, centre=value - target.middle))
        line = Line(self.fit.problem, self.reml, target)
        log_sigma = np.log(self.at.sigma2) / 2 if target.is_scale else None
        point = line.at(self.at.lam, t, log_sigma, self.at)
        return None if point is None else best(point)


@dataclass(frozen=True, slots=True, eq=False)
class Ends:
    """Both limits of one parameter.

    Attributes
    ----------
    parameter : which
    low, high : in the user's units; nan where there is none
    open_low, open_high : whether the parameter's bound is reached before the limit
    monotone : whether the deviance rises all the way to both
    """

    parameter: Parameter
    low: float
    high: float
    open_low: bool = False
    open_high: bool = False
    monotone: bool = True


def ground_of(fit: LmmFit, restricted: bool) -> Ground:
    """The optimum to profile from: the fit's own, or that of the other criterion.

    Raises
    ------
    NotYetSupported : a residual structure; the iterative method
    NoConvergence : the fit has not converged
    """
    fit.require_plain("profile()")
    if probes_used(fit) is not None:
        raise NotYetSupported(
            'profile() needs method="exact": the iterative method knows the deviance with Monte '
            "Carlo error only. Use Wald intervals."
        )
    if fit.verdict.status == "failed":
        raise NoConvergence(f"profile() needs an optimum to start from. {fit.verdict.message}")
    if fit.reml == restricted:
        at = evaluate(fit.problem, fit.lam_working, restricted)
        assert at is not None
        return Ground(fit, restricted, at)
    return Ground(fit, restricted, minimise(fit.problem, restricted, fit.lam_working).at)


def all_ends(
    ground: Ground, parameters: Sequence[Parameter], goal: float
) -> tuple[Ground, list[Ends]]:
    """Limits of parameters at the root `goal`; from a better optimum if profiling finds one.

    Raises
    ------
    NoConvergence : better optima are found again and again
    """
    for _ in range(tolerances.PROFILE_RESTARTS):
        found = []
        for each in parameters:
            ends = _ends(ground, each, goal)
            if isinstance(ends, Ground):
                ground = ends
                break
            found.append(ends)
        else:
            return ground, found
    raise NoConvergence(
        "Profiling keeps finding better optima: the likelihood of this model has many local "
        "maxima. Use a simpler random part."
    )


def _ends(ground: Ground, each: Parameter, goal: float) -> Ends | Ground:
    """Both limits; or a better optimum."""
    centre = ground.centre(each)
    if centre is None:
        low, high = each.target.middle - each.target.unit, each.target.middle + each.target.unit
        return Ends(each, low, high, True, True)
    found: list[Limit] = []
    beyond = goal >= ceiling(ground, each)
    for way in (-goal, goal):
        end = (
            Limit(centre.point.line.target.bounds[way > 0], False) if beyond else limit(centre, way)
        )
        if end.lowest is not None:
            return _restarted(ground, end)
        found.append(end)
    below, above = found
    value = centre.point.line.target.value
    return Ends(
        parameter=each,
        low=_finite(value(below.t)),
        high=_finite(value(above.t)),
        open_low=not below.reached,
        open_high=not above.reached,
        monotone=below.monotone and above.monotone,
    )


def _finite(value: float) -> float:
    """The value, nan where it is none."""
    return value if isfinite(value) else np.nan


def ceiling(ground: Ground, each: Parameter) -> float:
    """What the root along a correlation cannot pass: that of the model without one of its effects.

    With a standard deviation near zero any correlation is as good (`profile-ceiling`).
    """
    lowest = inf
    for target in each.scales:
        centre = ground.centre(Parameter("", target))
        if centre is not None and centre.point.t > 0:
            there = reached(centre, 0.0, tolerances.PROFILE_GAIN)
            lowest = lowest if there is None else min(lowest, abs(root_at(centre, there)))
    return lowest


def _restarted(ground: Ground, end: Limit) -> Ground:
    """The optimum that a point with a lower deviance leads to."""
    assert end.lowest is not None
    at = minimise(ground.fit.problem, ground.reml, end.lowest.lam).at
    return replace(ground, at=at, gain=ground.gain + ground.at.value - at.value)
