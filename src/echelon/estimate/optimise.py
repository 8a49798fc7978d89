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
from echelon.estimate.deviance import Evaluation, evaluate
from echelon.estimate.problem import Problem
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
    start : (q, q) factor in whitened units; None for a start from half the variance
    """
    began = perf_counter()
    objective = _Counter(problem, reml)
    first = objective(np.eye(problem.q) * tolerances.START if start is None else start)
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
        decrement=_decrement(at),
        boundary=not np.isnan(kkt),
        kkt=kkt,
    )


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
    shape = problem.pairs
    df = problem.n - problem.p if objective.reml else problem.n
    d = shape.free(at.D)
    trace_P = df - d @ curve.slope
    with_one = curve.slope - curve.trace @ d  # tr(P P V_i), because P V0 P = P
    system = np.block(
        [[np.array([[trace_P - d @ with_one]]), with_one[None]], [with_one[:, None], curve.trace]]
    )
    target = np.concatenate([[at.rho2 - d @ curve.score], curve.score])
    try:
        variances = np.linalg.solve(system, target)
    except np.linalg.LinAlgError:
        return None
    if not np.isfinite(variances).all() or variances[0] <= 1e-3 * at.sigma2:
        return None
    D = shape.symmetric(variances[1:] / variances[0])
    values, vectors = np.linalg.eigh(D)
    floor = tolerances.SCORING_FLOOR * max(values[-1], 1e-4)
    D = (vectors * np.maximum(values, floor)) @ vectors.T
    return shape.symmetric(shape.free(D))


# --- Newton ---------------------------------------------------------------------------------


def _newton(objective: _Counter, at: Evaluation) -> Evaluation:
    """Trust-region Newton on the free entries of Lam, with exact Hessians."""
    shape = objective.problem.pairs
    radius = max(0.5 * float(np.linalg.norm(shape.free(at.lam))), 0.3)
    while objective.count < tolerances.MAX_STEPS:
        values, vectors = np.linalg.eigh(at.hessian)
        if _decrement(at) < tolerances.DECREMENT and values[0] > -1e-7 * np.abs(values).max():
            break
        step, promised = _trust_step(values, vectors, at.gradient, radius)
        length = float(np.linalg.norm(step))
        new = objective(shape.factor(shape.free(at.lam) + step))
        if new is None:
            radius = 0.25 * length
            continue
        ratio = (at.value - new.value) / promised
        if abs(at.value - new.value) <= 1e-11 * abs(at.value) + 1e-10:  # rounding decides now
            better = np.abs(new.gradient).max() < np.abs(at.gradient).max()
            at = new if better else at
            if not better:
                break
            continue
        if ratio > 0.75 and length > 0.8 * radius:
            radius *= 3
        elif ratio < 0.25:
            radius = 0.25 * length
        if ratio > 1e-4:
            at = new
    return at


def _decrement(at: Evaluation) -> float:
    """g'|H|^-1 g: twice the deviance still to be gained, flat directions left out."""
    values, vectors = np.linalg.eigh(at.hessian)
    size = np.abs(values)
    along = vectors.T @ at.gradient
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
    D, null = _without_null_directions(objective, at.lam)
    if null is None:
        return at, np.nan
    new = objective(semidefinite_factor(D))
    if new is None or new.value > at.value + tolerances.BOUNDARY_RISE:
        return at, np.nan
    new = _polish(objective, new)
    slope = float(np.linalg.eigvalsh(null.T @ new.slope @ null)[0])
    if slope > -tolerances.KKT * max(1.0, float(np.abs(new.slope).max())):
        slope = max(slope, 0.0)
    return new, slope


def _polish(objective: _Counter, new: Evaluation) -> Evaluation:
    """Finish the free directions on the boundary: steps there keep null directions at zero only in
    diagonal position, so one Newton step is kept when it leaves the zeros as they are."""
    shape = objective.problem.pairs
    free = np.abs(shape.free(new.lam)) > 0
    if not free.any() or free.all():
        return new
    hessian = new.hessian[np.ix_(free, free)]
    gradient = new.gradient[free]
    for _ in range(5):
        try:
            move = -np.linalg.solve(hessian, gradient)
        except np.linalg.LinAlgError:
            return new
        if -float(gradient @ move) < tolerances.DECREMENT:
            return new
        theta = shape.free(new.lam)
        theta[free] += move
        trial = objective(shape.factor(theta))
        if trial is None or not trial.value <= new.value:
            return new
        new = trial
        hessian, gradient = new.hessian[np.ix_(free, free)], new.gradient[free]
    return new


def _without_null_directions(objective: _Counter, lam: Array) -> tuple[Array, Array | None]:
    """D with directions of tiny singular value removed, block by block, and those directions."""
    shape = objective.problem.pairs
    largest = max(float(np.linalg.norm(lam, 2)), 1e-2)
    D, null = lam @ lam.T, []
    for start, size in zip(shape.starts, shape.sizes, strict=True):
        block = slice(start, start + size)
        vectors, values, _ = np.linalg.svd(lam[block, block])
        small = values < tolerances.BOUNDARY * largest
        if small.any():
            kept = vectors * np.where(small, 0.0, values)
            D[block, block] = kept @ kept.T
            directions = np.zeros((shape.q, int(small.sum())))
            directions[block] = vectors[:, small]
            null.append(directions)
    return D, np.hstack(null) if null else None


def with_user_factor(problem: Problem, theta: Array, reml: bool) -> Evaluation | None:
    """The deviance at `theta` in the user's units (lme4's parameters), for profiles and checks."""
    lam = problem.pairs.factor(theta)
    inverse = np.linalg.inv(problem.whiten)  # a change of basis, block triangular, well scaled
    D = inverse @ lam @ lam.T @ inverse.T
    return evaluate(problem, semidefinite_factor(D), reml)
