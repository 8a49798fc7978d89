"""The search with estimated slopes: the root of the gradient that fixed probes give.

Value and gradient are estimated apart, so that no value can judge a step: two scoring steps, then
Newton's method within a trust region that is judged by the slopes at both ends of the step
(`iterative-merit`). The deviance itself is worked out once, at the end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.errors import NotIdentified
from echelon.estimate.bounds import flattened, inside, slope_inside
from echelon.estimate.coordinates import chart
from echelon.estimate.deviance import Evaluation, evaluate
from echelon.estimate.iterative.engine import Iterative, Recall
from echelon.estimate.iterative.error import Noise
from echelon.estimate.optimise import Search, decrement, trust_step
from echelon.estimate.problem import Problem
from echelon.estimate.start import equated
from echelon.linalg.symmetric import semidefinite_factor

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Point:
    """An evaluation and the Monte Carlo covariance of its slopes."""

    at: Evaluation
    noise: Array


class _Objective:
    """Evaluates the slopes and counts how often; with the engine's memory the only state."""

    def __init__(self, problem: Problem, engine: Iterative, reml: bool) -> None:
        self.recall = Recall()
        self.problem = replace(problem, engine=replace(engine, recall=self.recall))
        self.reml, self.count = reml, 0

    def __call__(self, lam: Array) -> _Point | None:
        self.count += 1
        at = evaluate(self.problem, lam, self.reml)
        noise = self.recall.noise
        return None if at is None or noise is None else _Point(at, noise)


def minimise_iteratively(problem: Problem, reml: bool) -> tuple[Search, Noise]:
    """Where the search ended and what the probes left open; the problem's engine is `Iterative`.

    Raises
    ------
    NoConvergence : the conjugate gradients take too many steps
    NotIdentified : no residual variance is left at the start
    """
    engine = problem.engine
    if not isinstance(engine, Iterative):
        raise TypeError(f"the engine is {engine.name}, not iterative")
    began = perf_counter()
    objective = _Objective(problem, engine, reml)
    point = objective(np.eye(problem.q) * tolerances.START)
    if point is None:
        raise NotIdentified(
            "The random effects and the fixed effects together reproduce the response exactly: no "
            "residual variance is left. Use fewer random effects."
        )
    point, kkt = _to_boundary(objective, _newton(objective, _scoring(objective, point)))
    if kkt < 0:  # a direction wrongly at zero: restart a little inside, once
        scale = 0.01 * max(float(np.trace(point.at.D)) / problem.q, 1e-4)
        again = objective(inside(point.at, problem.pairs, scale))
        if again is not None:
            point, kkt = _to_boundary(objective, _newton(objective, again))
    at = point.at
    sweep = replace(engine, recall=objective.recall).sweep(at.lam)
    log = sweep.log_determinant()
    search = Search(
        at=replace(at, value=at.value + log.value - sweep.logdet),
        evaluations=objective.count,
        seconds=perf_counter() - began,
        decrement=decrement(chart(at, problem.pairs)),
        boundary=not np.isnan(kkt),
        kkt=kkt,
    )
    return search, Noise(point.noise, log.error, objective.recall.iterations)


def _scoring(objective: _Objective, point: _Point) -> _Point:
    """Two steps of iterated MINQUE, taken unseen: there is no value to refuse them by."""
    for _ in range(tolerances.SCORING_STEPS):
        D = _target(objective, point.at)
        new = None if D is None else objective(semidefinite_factor(D))
        if new is None:
            break
        point = new
    return point


def _target(objective: _Objective, at: Evaluation) -> Array | None:
    problem, d = objective.problem, objective.problem.pairs.free(at.D)
    df = problem.n - problem.p if objective.reml else problem.n
    return equated(problem.pairs, df, at.rho2, at.curvature, d)


def _newton(objective: _Objective, point: _Point) -> _Point:
    """Trust-region Newton on the slopes, in local coordinates around each iterate."""
    shape = objective.problem.pairs
    local = chart(point.at, shape)
    radius = max(0.5 * float(np.linalg.norm(local.x)), 0.3)
    before, left_before = point, np.inf
    while objective.count < tolerances.MAX_STEPS:
        values, vectors = np.linalg.eigh(local.hessian)
        left = decrement(local)
        if left_before < tolerances.STALLED_DECREMENT and left > left_before / 2:
            return before
        if left < tolerances.NOISY_DECREMENT and values[0] > -1e-7 * np.abs(values).max():
            break
        step, promised = trust_step(values, vectors, local.gradient, radius)
        length = float(np.linalg.norm(step))
        new = objective(local.factor(step))
        if new is None:
            radius = 0.25 * length
            continue
        ratio = _gain(point.at, new.at) / promised
        if ratio > 0.75 and length > 0.8 * radius:
            radius *= 3
        elif ratio < 0.25:
            radius = 0.25 * length
        if ratio > 1e-2:
            before, left_before = point, left
            point, local = new, chart(new.at, shape)
        elif length < tolerances.SHORTEST_STEP * float(np.linalg.norm(local.x)):
            break
    return point


def _gain(old: Evaluation, new: Evaluation) -> float:
    """Decrease of the deviance by the trapezoidal rule on the slopes in D at both ends of a step.

    In D and not in the factor, in which the deviance is even: a step across zero would look good.
    """
    return -float(((old.slope + new.slope) * (new.D - old.D)).sum()) / 2


def _to_boundary(objective: _Objective, point: _Point) -> tuple[_Point, float]:
    """Put nearly null directions at exactly zero; the sign of the slope there is the judge.

    Returns the point and the smallest slope into the interior (nan: no boundary).
    """
    shape = objective.problem.pairs
    flat = flattened(point.at.lam, shape)
    new = None if flat is None else objective(flat)
    if new is None:
        return point, np.nan
    new = _newton(objective, new)
    return new, slope_inside(new.at, shape)
