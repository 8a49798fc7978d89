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
from echelon.estimate.coordinates import Chart, chart, directions
from echelon.estimate.deviance import Curvature, Evaluation, evaluate
from echelon.estimate.problem import Problem
from echelon.estimate.start import Expectations, expectations
from echelon.linalg.symmetric import Pairs, semidefinite_factor

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
    """

    at: Evaluation
    evaluations: int
    seconds: float
    decrement: float
    boundary: bool
    kkt: float


class _Counter:
    """Evaluates the deviance and counts how often; the only state of a search."""

    def __init__(self, problem: Problem, reml: bool) -> None:
        self.problem, self.reml, self.count = problem, reml, 0

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
    first = objective(_start(problem) if start is None else start)
    if first is None:
        raise NotIdentified(
            "The random effects and the fixed effects together reproduce the response exactly: no "
            "residual variance is left. Use fewer random effects."
        )
    at, kkt = _to_boundary(objective, _newton(objective, _scoring(objective, first)))
    if kkt < 0:  # a direction wrongly at zero: restart a little inside, once
        inside = objective(semidefinite_factor(at.D + 0.01 * np.eye(problem.q) * _scale(at)))
        if inside is not None:
            at, kkt = _to_boundary(objective, _newton(objective, inside))
    return Search(
        at=at,
        evaluations=objective.count,
        seconds=perf_counter() - began,
        decrement=_decrement(chart(at, problem.pairs)),
        boundary=not np.isnan(kkt),
        kkt=kkt,
    )


def _start(problem: Problem) -> Array:
    half = np.eye(problem.q) * tolerances.START
    if len(problem.blocks.factors) == 1:
        return half
    known = expectations(problem.blocks, problem.cross)
    if known is None:
        return half
    D = _equated(problem.pairs, problem.n - problem.p, known.rho2, known)
    return half if D is None else semidefinite_factor(D)


def _scale(at: Evaluation) -> float:
    return max(float(np.trace(at.D)) / len(at.D), 1e-4)


# --- expected information -------------------------------------------------------------------


def _scoring(objective: _Counter, at: Evaluation) -> Evaluation:
    """Steps to the covariance that equates y'P V_i P y with its expectation (iterated MINQUE)."""
    for _ in range(tolerances.SCORING_STEPS):
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
    return _equated(problem.pairs, df, at.rho2, curve, problem.pairs.free(at.D))


def _equated(
    shape: Pairs, df: int, rho2: float, known: Curvature | Expectations, d: Array | float = 0.0
) -> Array | None:
    """The relative covariance that equates quadratic forms at D = d with their expectations.

    None where that would need a residual variance of nearly nothing.
    """
    d = np.zeros(len(known.slope)) + d
    with_one = known.slope - known.trace @ d  # tr(P P V_i), because P V0 P = P
    corner = df - d @ known.slope - d @ with_one
    system = np.block([[np.array([[corner]]), with_one[None]], [with_one[:, None], known.trace]])
    target = np.concatenate([[rho2 - d @ known.score], known.score])
    try:
        variances = np.linalg.solve(system, target)
    except np.linalg.LinAlgError:
        return None
    if not np.isfinite(variances).all() or variances[0] <= 1e-3 * rho2 / df:
        return None
    D = shape.symmetric(variances[1:] / variances[0])
    values, vectors = np.linalg.eigh(D)
    floor = tolerances.SCORING_FLOOR * max(values[-1], 1e-4)
    D = (vectors * np.maximum(values, floor)) @ vectors.T
    return shape.symmetric(shape.free(D))


# --- Newton ---------------------------------------------------------------------------------


def _newton(objective: _Counter, at: Evaluation) -> Evaluation:
    """Trust-region Newton with exact Hessians, in local coordinates around each iterate.

    Directions at exactly zero stay there: the deviance is even in them.
    """
    shape = objective.problem.pairs
    local = chart(at, shape)
    radius = max(0.5 * float(np.linalg.norm(local.x)), 0.3)
    while objective.count < tolerances.MAX_STEPS:
        values, vectors = np.linalg.eigh(local.hessian)
        if _decrement(local) < tolerances.DECREMENT and values[0] > -1e-7 * np.abs(values).max():
            break
        step, promised = _trust_step(values, vectors, local.gradient, radius)
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


def _decrement(local: Chart) -> float:
    """g'|H|^-1 g: twice the deviance still to be gained, flat directions left out."""
    values, vectors = np.linalg.eigh(local.hessian)
    size = np.abs(values)
    along = vectors.T @ local.gradient
    floor = tolerances.FLAT * max(float(size.max()), np.finfo(float).tiny)
    return float((along**2 / np.maximum(size, floor)).sum())


def _trust_step(
    values: Array, vectors: Array, gradient: Array, radius: float
) -> tuple[Array, float]:
    """Minimiser of the quadratic model within `radius`, and the decrease it promises."""
    along = vectors.T @ gradient
    largest = float(np.abs(values).max())
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
    Q, singular = directions(at.lam, shape)
    small = singular < tolerances.BOUNDARY * max(float(singular.max()), 1e-2)
    if not small.any():
        return at, np.nan
    new = objective(shape.rotated(Q * np.where(small, 0.0, singular)))
    if new is None or new.value > at.value + tolerances.BOUNDARY_RISE:
        return at, np.nan
    new = _newton(objective, new)
    Q, singular = directions(new.lam, shape)
    null = Q[:, singular <= tolerances.NULL * singular.max()]
    slope = float(np.linalg.eigvalsh(null.T @ new.slope @ null)[0])
    if slope > -tolerances.KKT * max(1.0, float(np.abs(new.slope).max())):
        slope = max(slope, 0.0)
    return new, slope


def with_user_factor(problem: Problem, theta: Array, reml: bool) -> Evaluation | None:
    """The deviance at `theta` in the user's units (lme4's parameters), for profiles and checks."""
    lam = np.linalg.solve(problem.whiten, problem.pairs.factor(theta)).astype(np.float64)
    return evaluate(problem, problem.pairs.rotated(lam), reml)
