"""The search: two expected-information steps, then trust-region Newton, then the boundary.

Exact second derivatives cost no more than the deviance itself here, so 3 to 6 evaluations do what
takes a derivative-free search 20 to 100 (`docs/theory/optimise.md`).
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.errors import NotIdentified
from echelon.estimate.begin import beginnings
from echelon.estimate.bounds import factor, flattened, inside, slope_inside
from echelon.estimate.coordinates import Chart, chart
from echelon.estimate.deviance import Evaluation, evaluate
from echelon.estimate.problem import Problem
from echelon.estimate.rivals import rivals
from echelon.estimate.start import equated
from echelon.linalg.symmetric import semidefinite_factor

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """Where a search ended and what it cost.

    Attributes
    ----------
    at : the last evaluation
    evaluations : how often the deviance was computed
    seconds : wall time of the search
    decrement : Newton decrement at the end, in units of deviance
    boundary : whether some direction of the covariance factor is exactly zero
    kkt : smallest slope of the deviance into the interior at the boundary (>= 0 at an optimum),
        nan away from it
    rival : another local optimum that the data hardly tell from this one, if one was found
    """

    at: Evaluation
    evaluations: int
    seconds: float
    decrement: float
    boundary: bool
    kkt: float
    rival: Evaluation | None = None


class _Counter:
    """Evaluates the deviance and counts how often; the only state of a search."""

    def __init__(self, problem: Problem, reml: bool) -> None:
        self.problem, self.reml, self.count = problem, reml, 0
        self.limit = tolerances.MAX_STEPS

    def __call__(self, lam: Array) -> Evaluation | None:
        self.count += 1
        return evaluate(self.problem, lam, self.reml)


def minimise(problem: Problem, reml: bool, start: Array | None = None) -> Search:
    """Minimise the profiled deviance over the covariance factor.

    Parameters
    ----------
    start : (q, q) factor in whitened units; None for a start from moments (several factors) or
        from half the variance (one factor, where an evaluation costs less than such a start)
    """
    began = perf_counter()
    objective = _Counter(problem, reml)
    begun = [] if start is None else [objective(start)]
    if start is None or problem.n <= tolerances.FEW_ROWS:
        begun += beginnings(problem, objective)
    ends = [_searched(objective, first) for first in begun if first is not None]
    if not ends:
        raise NotIdentified(
            "The random effects and the fixed effects together reproduce the response exactly: no "
            "residual variance is left. Use fewer random effects."
        )
    if not problem.pairs.kinds:
        ends += _rivals(objective, min(ends, key=_value)[0])
    (at, kkt), *others = _best_first(ends)
    return Search(
        at=at,
        rival=_second(at, [end for end, _ in others]),
        evaluations=objective.count,
        seconds=perf_counter() - began,
        decrement=decrement(chart(at, problem.pairs)),
        boundary=not np.isnan(kkt),
        kkt=kkt,
    )


def _best_first(ends: list[tuple[Evaluation, float]]) -> list[tuple[Evaluation, float]]:
    """By deviance; of searches that ended at the same optimum the earliest stays in front."""
    lowest = min(ends, key=_value)[0].value
    first = next(end for end in ends if end[0].value <= lowest + tolerances.SAME_OPTIMUM)
    return [first, *sorted((end for end in ends if end is not first), key=_value)]


def _value(end: tuple[Evaluation, float]) -> float:
    return end[0].value


def _rivals(objective: _Counter, at: Evaluation) -> list[tuple[Evaluation, float]]:
    def descend(start: Evaluation) -> tuple[Evaluation, float]:
        objective.limit = objective.count + tolerances.MAX_STEPS
        return _to_boundary(objective, _newton(objective, start))

    return rivals(at, objective.problem.pairs, objective, descend)


def _second(at: Evaluation, others: list[Evaluation]) -> Evaluation | None:
    """The best of the other optima that the data hardly tell from the first."""
    for other in others:  # best first
        if tolerances.SAME_OPTIMUM < other.value - at.value < tolerances.RIVAL_DEVIANCE:
            return other
    return None


def _searched(objective: _Counter, first: Evaluation) -> tuple[Evaluation, float]:
    """Where one search ends, and the slope into the interior there (`_to_boundary`)."""
    objective.limit = objective.count + tolerances.MAX_STEPS
    at, kkt = _to_boundary(objective, _newton(objective, _scoring(objective, first)))
    if kkt < 0:  # a direction wrongly at zero: restart a little inside, once
        again = objective(inside(at, objective.problem.pairs, 0.01 * _scale(at)))
        if again is not None:
            at, kkt = _to_boundary(objective, _newton(objective, again))
    return at, kkt


def _scale(at: Evaluation) -> float:
    return max(float(np.trace(at.D)) / len(at.D), 1e-4)


# --- expected information -------------------------------------------------------------------


def _scoring(objective: _Counter, at: Evaluation) -> Evaluation:
    """Steps to the covariance that equates y'P V_i P y with its expectation (iterated MINQUE)."""
    for _ in range(0 if objective.problem.pairs.kinds else tolerances.SCORING_STEPS):
        D = _scoring_target(objective, at)
        if D is None:
            break
        new = objective(semidefinite_factor(D))
        if new is None or not new.value < at.value:
            break
        at = new
    return at


def _scoring_target(objective: _Counter, at: Evaluation) -> Array | None:
    problem, curve = objective.problem, at.curvature
    df = problem.n - problem.p if objective.reml else problem.n
    return equated(problem.pairs, df, at.rho2, curve, problem.pairs.free(at.D))


# --- Newton ---------------------------------------------------------------------------------


def _newton(objective: _Counter, at: Evaluation) -> Evaluation:
    """Trust-region Newton with exact Hessians, in local coordinates around each iterate.

    Directions at exactly zero stay there: the deviance is even in them.
    """
    shape = objective.problem.pairs
    local = chart(at, shape)
    radius = max(0.5 * float(np.linalg.norm(local.x)), 0.3)
    while objective.count < objective.limit:
        values, vectors = np.linalg.eigh(local.hessian)
        if decrement(local) < tolerances.DECREMENT and values[0] > -1e-7 * np.abs(values).max():
            break
        step, promised = trust_step(values, vectors, local.gradient, radius)
        if shape.kinds:
            step, promised = local.taken(step)
        length = float(np.linalg.norm(step))
        new = objective(local.factor(step))
        if new is None:
            radius = 0.25 * length
            continue
        there = chart(new, shape)
        if abs(at.value - new.value) <= 1e-11 * abs(at.value) + 1e-10:  # rounding decides now
            if not np.abs(there.gradient).max() < np.abs(local.gradient).max():
                break
            at, local = new, there
            continue
        ratio = (at.value - new.value) / promised
        if ratio > 0.75 and length > 0.8 * radius:
            radius *= 3
        elif ratio < 0.25:
            radius = 0.25 * length
        if ratio > 1e-4:
            at, local = new, there
    return at


def decrement(local: Chart) -> float:
    """g'|H|^-1 g: twice the deviance still to be gained, flat directions left out."""
    values, vectors = np.linalg.eigh(local.hessian)
    size = np.abs(values)
    along = vectors.T @ local.gradient
    floor = tolerances.FLAT * max(float(size.max()), np.finfo(float).tiny)
    return float((along**2 / np.maximum(size, floor)).sum())


def trust_step(
    values: Array, vectors: Array, gradient: Array, radius: float
) -> tuple[Array, float]:
    """Minimiser of the quadratic model within `radius`, and the decrease it promises."""
    along = vectors.T @ gradient
    largest = float(np.abs(values).max())
    if not along.any():
        return np.zeros_like(gradient), np.finfo(float).tiny
    if values[0] > tolerances.FLAT * largest and np.linalg.norm(along / values) <= radius:
        step = -along / values
    else:
        low = max(0.0, -float(values[0])) + 1e-10 * largest
        high = low + float(np.linalg.norm(along)) / radius + 1e-8 * largest
        for _ in range(50):  # bisection for the multiplier that puts the step on the sphere
            middle = (low + high) / 2
            if np.linalg.norm(along / (values + middle)) > radius:
                low = middle
            else:
                high = middle
            if high - low < 1e-2 * high:
                break
        step = -along / (values + high)
    promised = -float(along @ step + 0.5 * (values * step**2).sum())
    return vectors @ step, max(promised, np.finfo(float).tiny)


# --- boundary -------------------------------------------------------------------------------


def _to_boundary(objective: _Counter, at: Evaluation) -> tuple[Evaluation, float]:
    """Put nearly null directions at exactly zero if the deviance allows it.

    Returns the evaluation and the smallest slope into the interior (nan: no boundary; negative: the
    boundary is not an optimum).
    """
    shape = objective.problem.pairs
    flat = flattened(at.lam, shape)
    if flat is None:
        return at, np.nan
    new = objective(flat)
    if new is None or new.value > at.value + tolerances.BOUNDARY_RISE:
        return at, np.nan
    new = _newton(objective, new)
    return new, slope_inside(new, shape)


def with_user_factor(problem: Problem, theta: Array, reml: bool) -> Evaluation | None:
    """The deviance at `theta` in the user's units (lme4's parameters), for profiles and checks."""
    lam = np.linalg.solve(problem.whiten, factor(theta, problem.pairs)).astype(np.float64)
    return evaluate(problem, problem.pairs.rotated(lam), reml)
