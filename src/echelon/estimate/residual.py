"""The search over a residual structure: Newton's method on the deviance profiled over the rest.

For given parameters phi of the residuals the model is a plain one with other moments, and
`optimise.minimise` solves it. The slope in phi follows from the moments' slope by the envelope
theorem (`residual-gradient`; pinheiro2000, ch. 5); the Hessian is a difference of exact gradients.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.errors import NotIdentified
from echelon.estimate.coordinates import Chart, chart
from echelon.estimate.correlation import Coordinates
from echelon.estimate.deviance import Evaluation, evaluate
from echelon.estimate.optimise import Search, minimise
from echelon.estimate.optimum import Optimum, optimum, twice_inverse
from echelon.estimate.problem import Problem
from echelon.estimate.residual_slopes import ResidualSlopes, residual_slopes
from echelon.estimate.verdict import Verdict, judge
from echelon.estimate.working_sets import WorkingSets
from echelon.moments.moments import Moments
from echelon.moments.residual import ResidualMoments

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Joint:
    """Gradient and Hessian in the random effects' coordinates and the r of the residuals.

    Attributes
    ----------
    gradient : (t + r,) with the random effects' first;  hessian : (t + r, t + r)
    """

    gradient: Array
    hessian: Array


@dataclass(frozen=True, slots=True, eq=False)
class ResidualSearch:
    """Where the search over a residual structure ended.

    Attributes
    ----------
    coordinates : what z means
    z : (r,) residual parameters in search coordinates
    moments, task : data and problem at z
    plain : data with independent residuals of one variance
    search : the random effects' search at z, its evaluations those of the whole search
    slopes : derivatives in z at fixed random-effect covariance
    chart : the random effects' local coordinates
    joint : gradient and Hessian in (x of the chart, z)
    mixed : (t, r) second derivatives in the free entries of D and in z
    edge : the coordinate at a bound, -1 for none;  edge_text : what that says
    """

    coordinates: Coordinates
    z: Array
    moments: Moments
    plain: Moments
    task: Problem
    search: Search
    slopes: ResidualSlopes
    chart: Chart
    joint: Joint
    mixed: Array
    edge: int
    edge_text: str


class _Model:
    """The model at any residual parameters; counts evaluations."""

    def __init__(self, sets: ResidualMoments, coordinates: Coordinates, reml: bool) -> None:
        self.sets, self.coordinates, self.reml = WorkingSets.of(sets), coordinates, reml
        self.count = 0

    def task(self, z: Array) -> Problem:
        """The problem at z, in the coordinates of independent residuals."""
        c = self.coordinates.coefficients(z)
        return self.sets.problem(c.omega, c.logdet)

    def moments(self, z: Array) -> Moments:
        """The moments at z."""
        c, sets = self.coordinates.coefficients(z), self.sets.sets
        return sets.combined(c.omega, sets.base.log_weight - c.logdet)

    def best(self, z: Array, start: Array | None) -> tuple[Problem, Search]:
        """The best random effects at z."""
        task = self.task(z)
        search = minimise(task, self.reml, start)
        self.count += search.evaluations
        return task, search

    def slopes(self, z: Array, task: Problem, at: Evaluation) -> ResidualSlopes:
        """Derivatives in z at fixed random effects' covariance.

        With several factors without that of log|I + M D|, which needs the covariance of every pair
        of groups that share rows, of which engines give the diagonal only: `_logdet` has it.
        """
        c = self.coordinates.coefficients(z)
        changes = [self.sets.combined(row) for row in c.omega_slope]
        return residual_slopes(task, at, changes, c.logdet_slope, reml=self.reml)

    def gradient(self, z: Array, lam: Array) -> Array:
        """(t + r,) derivatives in the free entries of D and in z, `slopes` for the latter.

        Raises
        ------
        numpy.linalg.LinAlgError : the deviance does not exist here
        """
        task = self.task(z)
        at = evaluate(task, lam, self.reml)
        self.count += 1
        if at is None:
            raise np.linalg.LinAlgError("no deviance")
        return np.concatenate([_slope_D(task, at, self.reml), self.slopes(z, task, at).value])

    def logdet(self, z: Array, lam: Array) -> tuple[Array, Array]:
        """(r,) slope and (r, r) curvature in z of log|I + M D| with several factors, else zeros.

        By quotients of fourth order, mixed ones of second order.
        """
        r, h = len(z), tolerances.RESIDUAL_CURVATURE_STEP
        slope, curve = np.zeros(r), np.zeros((r, r))
        if len(self.sets.base.blocks.factors) == 1:
            return slope, curve

        def value(point: Array) -> float:
            self.count += 1
            return self.task(point).engine.sweep(lam).logdet

        middle, steps = value(z), h * np.eye(r)
        for i in range(r):
            along = [value(p) for p in _around(z, i, h)]
            slope[i] = np.dot(_FOURTH, along) / h
            curve[i, i] = (np.dot(_BENT, along) - 2.5 * middle) / h**2
            for l in range(i):
                signs = [(a, b) for a in (1, -1) for b in (1, -1)]
                corners = [a * b * value(z + a * steps[i] + b * steps[l]) for a, b in signs]
                curve[i, l] = curve[l, i] = sum(corners) / (4 * h**2)
        return slope, curve


_FOURTH = np.array([1.0, -8.0, 8.0, -1.0]) / 12
_BENT = np.array([-1.0, 16.0, 16.0, -1.0]) / 12


def _around(z: Array, i: int, h: float) -> list[Array]:
    """The points of a quotient of fourth order along coordinate i."""
    step = np.zeros_like(z)
    step[i] = h
    return [z - 2 * step, z - step, z + step, z + 2 * step]


def _slope_D(task: Problem, at: Evaluation, reml: bool) -> Array:
    """(t,) derivative of the deviance in the free entries of D."""
    df = task.n - task.p if reml else task.n
    slope: Array = at.curvature.slope - df / at.rho2 * at.curvature.score
    return slope


def search_residual(sets: ResidualMoments, coordinates: Coordinates, reml: bool) -> ResidualSearch:
    """Minimise the deviance over the residual structure and the random effects.

    Cost: 4 to 8 steps; a step is the search over the random effects (3 to 6 evaluations from where
    the last ended) and r + 1 gradients; the Hessian at the end 4 r more.

    Raises
    ------
    NotIdentified : the residual variance of a stratum runs to zero, or the residual covariance to
        a singular one
    """
    model = _Model(sets, coordinates, reml)
    try:
        return _end(model, *_best_of_starts(model))
    except np.linalg.LinAlgError:
        raise NotIdentified(
            f"residual={coordinates.structure.spec.text!r}: the search came to a residual "
            "covariance that is singular to working precision. Use a simpler structure, or fewer "
            "random effects."
        ) from None


def _best_of_starts(model: _Model) -> tuple[Array, Problem, Search]:
    """The search from weak autocorrelation and from a strong one.

    A random intercept and autocorrelation explain the same nearness of rows, so that there can be
    an optimum with each: 1 of 180 simulated tables had two (measured). The second search ends where
    it comes near the first.
    """
    found = _searched(model, model.coordinates.start())
    if not model.coordinates.serial:
        return found
    try:
        other = _searched(model, model.coordinates.start(strong=True), known=found[0])
    except (np.linalg.LinAlgError, NotIdentified):
        return found
    return other if other[2].at.value < found[2].at.value - tolerances.RESIDUAL_RIVAL else found


def _searched(model: _Model, z: Array, known: Array | None = None) -> tuple[Array, Problem, Search]:
    """Newton steps from z, each cut to a quarter until the deviance falls.

    Parameters
    ----------
    known : an optimum near which the search may end
    """
    radius = tolerances.RESIDUAL_TRUST
    task, search = model.best(z, None)
    for _ in range(tolerances.MAX_RESIDUAL_STEPS):
        if known is not None and np.abs(z - known).max() < tolerances.RESIDUAL_RIVAL_NEAR:
            break
        step, promised = _newton_step(_profiled(model, z, task, search), radius)
        new = model.coordinates.within(z + step)
        moved = float(np.linalg.norm(new - z))
        if promised < tolerances.DECREMENT or moved == 0:
            break
        tried = model.best(new, search.at.lam)
        change = tried[1].at.value - search.at.value
        if change > 1e-11 * abs(search.at.value):
            radius = moved / 4
            continue
        radius = tolerances.RESIDUAL_TRUST
        z, (task, search) = new, tried
        if abs(change) <= 1e-14 * abs(search.at.value) and promised < 1e3 * tolerances.DECREMENT:
            break  # rounding decides now
    return z, task, search


def _newton_step(local: Joint, radius: float) -> tuple[Array, float]:
    """Newton's step, uphill directions turned, within `radius`; and the Newton decrement."""
    values, vectors = np.linalg.eigh(local.hessian)
    size = np.abs(values)
    floor = tolerances.FLAT * max(float(size.max(initial=0.0)), 1.0)
    along = (vectors.T @ local.gradient) / np.maximum(size, floor)
    step = -vectors @ along
    length = float(np.linalg.norm(step))
    promised = float(-local.gradient @ step)
    return step * min(1.0, radius / max(length, np.finfo(float).tiny)), promised


def _profiled(model: _Model, z: Array, task: Problem, search: Search) -> Joint:
    """Gradient and Hessian of the profiled deviance in z, by forward quotients."""
    local, h, t = chart(search.at, task.pairs), tolerances.RESIDUAL_STEP, len(task.pairs.row)
    own_slopes = model.slopes(z, task, search.at).value
    here = np.concatenate([_slope_D(task, search.at, model.reml), own_slopes])
    steps = np.diag(np.where(z > 0, -h, h))
    there = [model.gradient(z + step, search.at.lam) for step in steps]
    both = np.stack([(g - here) / step.sum() for g, step in zip(there, steps, strict=True)], 1)
    slope, curve = model.logdet(z, search.at.lam)
    mixed = local.D_gradient().T @ both[:t]
    values, vectors = np.linalg.eigh(local.hessian)
    keep = values > 1e-8 * max(float(np.abs(values).max()), np.finfo(float).tiny)
    half = (vectors[:, keep].T @ mixed) / np.sqrt(values[keep])[:, None]
    own = (both[t:] + both[t:].T) / 2 + curve
    return Joint(own_slopes + slope, own - half.T @ half)


def _end(model: _Model, z: Array, task: Problem, search: Search) -> ResidualSearch:
    """Slopes and Hessian of fourth order where the search stopped."""
    edge, text = model.coordinates.edge(z)
    shape, local = task.pairs, chart(search.at, task.pairs)
    t, r, h = len(shape.row), len(z), tolerances.RESIDUAL_CURVATURE_STEP
    slopes, (slope, curve) = model.slopes(z, task, search.at), model.logdet(z, search.at.lam)
    both = np.zeros((t + r, r))
    for i in range(r):
        there = [model.gradient(p, search.at.lam) for p in _around(z, i, h)]
        both[:, i] = np.tensordot(_FOURTH, np.stack(there), 1) / h
    both[t:] = (both[t:] + both[t:].T) / 2 + curve
    inside = local.D_gradient()
    x = len(local.gradient)
    H = np.zeros((x + r, x + r))
    H[:x, :x] = local.hessian
    H[:x, x:] = inside.T @ both[:t]
    H[x:, :x] = H[:x, x:].T
    H[x:, x:] = both[t:]
    gradient = np.concatenate([local.gradient, slopes.value + slope])
    if edge >= 0:
        gradient[x + edge] = 0.0
        H[x + edge] = H[:, x + edge] = 0.0
    return ResidualSearch(
        coordinates=model.coordinates,
        z=z,
        moments=model.moments(z),
        plain=model.sets.sets.base,
        task=task,
        search=replace(search, evaluations=model.count),
        slopes=slopes,
        chart=local,
        joint=Joint(gradient, H),
        mixed=both[:t],
        edge=edge,
        edge_text=text,
    )


def residual_optimum(found: ResidualSearch, reml: bool) -> Optimum:
    """The optimum with the residual parameters after sigma in every derivative.

    Notes
    -----
    The Hessian in (x, sigma, z) with sigma not profiled out: the profiled one plus c c' / (4 nu /
    sigma^2), c = -2 sigma^-3 d rho^2 (`residual-hessian`; pinheiro2000, ch. 5), so that degrees of
    freedom know that the residual parameters are estimates.
    """
    best = optimum(found.task, found.search, reml)
    at, sigma2 = found.search.at, found.search.at.sigma2
    x, r = len(found.chart.gradient), len(found.z)
    slope_z = -2 / sigma2**1.5 * found.slopes.rho2
    if found.edge >= 0:
        slope_z[found.edge] = 0.0
    slope_x = 2 / sigma2**1.5 * (found.chart.D_gradient().T @ at.curvature.score)
    c, bottom = np.concatenate([slope_x, slope_z]), 4 * best.df / sigma2
    profiled = found.joint.hessian + np.outer(c, c) / bottom
    order = [*range(x), *range(x + 1, x + 1 + r)]
    H = np.empty((x + 1 + r, x + 1 + r))
    H[np.ix_(order, order)] = profiled
    H[x, order] = H[order, x] = c
    H[x, x] = bottom
    user = found.task.fixed.back @ best.root
    in_z = -(user @ found.slopes.fixed @ user.T)
    return replace(
        best,
        vcov_gradient=np.concatenate([best.vcov_gradient, in_z]),
        varpar_covariance=twice_inverse(H),
    )


def judge_residual(
    found: ResidualSearch, theta_names: tuple[str, ...], at_zero: tuple[str, ...]
) -> Verdict:
    """Judge the search over all variance parameters, those of the residuals with the others.

    Parameters
    ----------
    theta_names : names of the random effects' parameters
    at_zero : what of them is at a bound, in words
    """
    search, shape = found.search, found.task.pairs
    names, joint = (*theta_names, *found.coordinates.names()), found.joint
    if not shape.kinds and len(theta_names) == len(search.at.gradient):
        t = len(theta_names)
        mixed = shape.factor_jacobian(search.at.lam).T @ found.mixed
        H = np.block([[search.at.hessian, mixed], [mixed.T, joint.hessian[t:, t:]]])
        joint = Joint(np.concatenate([search.at.gradient, joint.gradient[t:]]), H)
    if found.edge >= 0:
        search, at_zero = replace(search, boundary=True), (*at_zero, found.edge_text)
    inside = np.flatnonzero(np.arange(len(names)) != len(theta_names) + found.edge)
    if found.edge < 0:
        inside = np.arange(len(names))
    g, H = joint.gradient[inside], joint.hessian[np.ix_(inside, inside)]
    at = replace(search.at, gradient=g, hessian=H)
    return judge(replace(search, at=at), tuple(names[i] for i in inside), at_zero)


__all__ = ["ResidualSearch", "judge_residual", "residual_optimum", "search_residual"]
