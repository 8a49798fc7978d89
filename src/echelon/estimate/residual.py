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
from echelon.estimate.optimise import Search
from echelon.estimate.problem import Problem
from echelon.estimate.residual_model import FOURTH, ResidualModel, around, slope_D
from echelon.estimate.residual_slopes import ResidualSlopes
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


def search_residual(sets: ResidualMoments, coordinates: Coordinates, reml: bool) -> ResidualSearch:
    """Minimise the deviance over the residual structure and the random effects.

    Cost: 4 to 8 steps; a step is the search over the random effects (3 to 6 evaluations from where
    the last ended) and r + 1 gradients; the Hessian at the end 4 r more.

    Raises
    ------
    NotIdentified : the residual variance of a stratum runs to zero, or the residual covariance to
        a singular one
    """
    model = ResidualModel(sets, coordinates, reml)
    try:
        return _end(model, *_best_of_starts(model))
    except np.linalg.LinAlgError:
        raise NotIdentified(
            f"residual={coordinates.structure.spec.text!r}: the search came to a residual "
            "covariance that is singular to working precision. Use a simpler structure, or fewer "
            "random effects."
        ) from None


def _best_of_starts(model: ResidualModel) -> tuple[Array, Problem, Search]:
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


def _searched(
    model: ResidualModel, z: Array, known: Array | None = None
) -> tuple[Array, Problem, Search]:
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


def _profiled(model: ResidualModel, z: Array, task: Problem, search: Search) -> Joint:
    """Gradient and Hessian of the profiled deviance in z, by forward quotients."""
    local, h, t = chart(search.at, task.pairs), tolerances.RESIDUAL_STEP, len(task.pairs.row)
    own_slopes = model.slopes(z, task, search.at).value
    here = np.concatenate([slope_D(task, search.at, model.reml), own_slopes])
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


def _end(model: ResidualModel, z: Array, task: Problem, search: Search) -> ResidualSearch:
    """Slopes and Hessian of fourth order where the search stopped."""
    edge, text = model.coordinates.edge(z)
    shape, local = task.pairs, chart(search.at, task.pairs)
    t, r, h = len(shape.row), len(z), tolerances.RESIDUAL_CURVATURE_STEP
    slopes, (slope, curve) = model.slopes(z, task, search.at), model.logdet(z, search.at.lam)
    both = np.zeros((t + r, r))
    for i in range(r):
        there = [model.gradient(p, search.at.lam) for p in around(z, i, h)]
        both[:, i] = np.tensordot(FOURTH, np.stack(there), 1) / h
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
