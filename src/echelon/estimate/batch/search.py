"""The search for many responses at once: the steps of `estimate/optimise.py`, taken in lockstep.

Every response has its own covariance, trust region and end; those that have ended are left out of
the next evaluation. A response that does not settle is left to the search for a single one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.estimate.batch.charts import Charts, charts, directions, moved
from echelon.estimate.batch.contested import contested
from echelon.estimate.batch.deviance import Evaluations, evaluate
from echelon.estimate.batch.layout import Layout
from echelon.estimate.batch.responses import LocalResponses
from echelon.estimate.batch.steps import Steps, steps
from echelon.linalg.stacked import cholesky
from echelon.linalg.symmetric import Pairs

Array = NDArray[np.float64]
Places = NDArray[np.intp]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Searches:
    """Where the searches for R responses ended.

    Attributes
    ----------
    at : the last evaluations
    evaluations : (R,) how often the deviance of each was computed
    boundary : (R,) whether some direction of its covariance factor is exactly zero
    settled : (R,) whether it is an optimum; the others are for the search for a single response
    """

    at: Evaluations
    evaluations: Places
    boundary: Flags
    settled: Flags


class Objective(Protocol):
    """R deviances, of as many responses on one design or of one response on as many designs."""

    @property
    def shape(self) -> Pairs:
        """Free entries of D."""

    @property
    def df(self) -> Array:
        """(R,) degrees of freedom of the residual variance: n - p (REML) or n (ML)."""

    def __call__(self, which: Places, F: Array) -> Evaluations:
        """The deviances of some, each at its own covariance factor."""


class _Responses:
    """Evaluates and counts; the only state of a search besides `Evaluations` and `Charts`."""

    def __init__(self, design: Layout, given: LocalResponses, reml: bool) -> None:
        self.design, self.given, self.reml = design, given, reml
        self.shape: Pairs = design.pairs
        df = float(design.n - design.p if reml else design.n)
        self.df: Array = np.full(len(given.yy), df)
        self.count = np.zeros(len(given.yy), dtype=np.intp)

    def __call__(self, which: Places, F: Array) -> Evaluations:
        self.count[which] += 1
        given = self.given if len(which) == len(self.count) else self.given.take(which)
        return evaluate(self.design, given, F, self.reml)


def search(design: Layout, given: LocalResponses, reml: bool) -> Searches:
    """Minimise the profiled deviance of each response over its covariance factor."""
    objective = _Responses(design, given, reml)
    everyone = np.arange(len(given.yy))
    with np.errstate(all="ignore"):  # nan marks what does not exist
        start = np.eye(design.q)[:, :, None] * np.full(len(everyone), tolerances.START)
        at = objective(everyone, start)
        _scoring(objective, at)
        settled, boundary = descend(objective, at)
    return Searches(at, objective.count, boundary, settled)


def descend(objective: Objective, at: Evaluations) -> tuple[Flags, Flags]:
    """Newton's method and the boundary from where R searches are, in place.

    Returns which of them are settled, and which of all have a direction at exactly zero.
    """
    settled = _newton(objective, at, np.flatnonzero(np.isfinite(at.value)))
    boundary = np.zeros(len(settled), dtype=bool)
    at_edge, fine = _to_boundary(objective, at, np.flatnonzero(settled))
    boundary[at_edge] = True
    settled[at_edge] = fine
    ended = np.flatnonzero(settled)
    df, shape = objective.df[ended], objective.shape
    settled[ended] = ~contested(objective, at.take(ended), ended, shape=shape, df=df)
    return settled, boundary


# --- expected information -------------------------------------------------------------------


def _scoring(objective: Objective, at: Evaluations) -> None:
    """Iterated MINQUE (`scoring`; searle1992) for those whose deviance it lowers."""
    going = np.flatnonzero(np.isfinite(at.value))
    for _ in range(tolerances.SCORING_STEPS):
        F = _scoring_target(at.take(going), objective.shape, objective.df[going])
        usable = np.isfinite(F).all(axis=(0, 1))
        going = going[usable]
        if not len(going):
            break
        new = objective(going, F[..., usable])
        better = new.value < at.value[going]
        going = going[better]
        at.put(going, new.take(better))


def _scoring_target(at: Evaluations, shape: Pairs, df: Array) -> Array:
    """Factors (q, q, R) of the covariances that solve the system; nan where there are none."""
    t = len(at.D)
    trace_P = df - np.einsum("ir,ir->r", at.D, at.slope)
    with_one = at.slope - np.einsum("ilr,lr->ir", at.trace, at.D)
    system = np.empty((t + 1, t + 1, len(at.value)))
    system[0, 0] = trace_P - np.einsum("ir,ir->r", at.D, with_one)
    system[0, 1:] = system[1:, 0] = with_one
    system[1:, 1:] = at.trace
    first = at.rho2 - np.einsum("ir,ir->r", at.D, at.score)
    target = np.concatenate([first[None], at.score])
    try:
        solved = np.linalg.solve(system.transpose(2, 0, 1), target.T[:, :, None])[:, :, 0].T
    except np.linalg.LinAlgError:  # one of them is singular: no scoring, Newton does it all
        return np.full((shape.q, shape.q, len(at.value)), np.nan)
    usable = np.isfinite(solved).all(axis=0) & (solved[0] > 1e-3 * at.rho2 / df)
    relative = np.where(usable, solved[1:] / np.where(usable, solved[0], 1.0), 0.0)
    D = (shape.basis.T @ relative).reshape(shape.q, shape.q, -1)
    F = cholesky(_floored(D, shape))
    return np.where(usable, F, np.nan)


def _floored(D: Array, shape: Pairs) -> Array:
    """Covariances with eigenvalues a little above zero, so that Newton starts inside."""
    if shape.q == 1:
        return np.maximum(D, tolerances.SCORING_FLOOR * np.maximum(D, 1e-4))
    values, vectors = np.linalg.eigh(D.transpose(2, 0, 1))
    floor = tolerances.SCORING_FLOOR * np.maximum(values[:, -1:], 1e-4)
    raised = (vectors * np.maximum(values, floor)[:, None]) @ vectors.transpose(0, 2, 1)
    out = np.zeros_like(D)
    row, col = shape.row, shape.col
    out[row, col] = out[col, row] = raised[:, row, col].T
    return out


# --- Newton ---------------------------------------------------------------------------------


def _newton(objective: Objective, at: Evaluations, which: Places) -> Flags:
    """Trust-region Newton from `at`, in place, for some responses; (R,) which of them settled."""
    shape, settled = objective.shape, np.zeros(len(at.value), dtype=bool)
    value, local = at.value[which], charts(at.take(which), shape, objective.df[which])
    radius = np.maximum(0.5 * np.sqrt((local.x**2).sum(axis=0)), 0.3)
    for _ in range(tolerances.BATCH_STEPS):
        way = steps(local, radius)
        done = (way.decrement < tolerances.DECREMENT) & way.level
        settled[which[done & way.curved]] = True
        keep = ~done
        if not keep.any():
            break
        which, value, radius = which[keep], value[keep], radius[keep]
        local, way = local.take(keep), way.take(keep)
        new = objective(which, moved(local, shape, way.step))
        there = charts(new, shape, objective.df[which])
        accept, radius, stuck = _verdicts(value, new.value, way, radius, local=local, there=there)
        at.put(which[accept], new.take(accept))
        value = np.where(accept, new.value, value)
        local.put(accept, there.take(accept))
        settled[which[stuck & way.curved & (way.decrement < tolerances.SETTLED)]] = True
        which, value, radius = which[~stuck], value[~stuck], radius[~stuck]
        local = local.take(~stuck)
        if not len(which):
            break
    return settled


def _verdicts(
    old: Array, new: Array, way: Steps, radius: Array, *, local: Charts, there: Charts
) -> tuple[Flags, Array, Flags]:
    """Which steps are accepted, the new radii, and which searches rounding has stopped."""
    exists = np.isfinite(new)
    rounding = exists & (np.abs(old - new) <= 1e-11 * np.abs(old) + 1e-10)
    smaller = np.abs(there.gradient).max(axis=0) < np.abs(local.gradient).max(axis=0)
    ratio = np.where(exists, (old - new) / way.promised, -1.0)
    length = way.length
    longer = (ratio > 0.75) & (length > 0.8 * radius)
    changed = np.where(longer, 3 * radius, np.where(ratio < 0.25, 0.25 * length, radius))
    accept = (rounding & smaller) | (exists & ~rounding & (ratio > 1e-4))
    return accept, np.where(rounding, radius, changed), rounding & ~smaller


# --- boundary -------------------------------------------------------------------------------


def _to_boundary(objective: Objective, at: Evaluations, which: Places) -> tuple[Places, Flags]:
    """Put nearly null directions at exactly zero, in place, where the deviance allows it.

    Returns who is on the boundary now, and whether it is an optimum (`boundary`).
    """
    shape = objective.shape
    Q, singular = directions(at.F[..., which], shape)
    small = singular < tolerances.BOUNDARY * np.maximum(singular.max(axis=0), 1e-2)
    some = small.any(axis=0)
    which = which[some]
    if not len(which):
        return which, np.zeros(0, dtype=bool)
    new = objective(which, Q[..., some] * np.where(small, 0.0, singular)[:, some])
    kept = new.value <= at.value[which] + tolerances.BOUNDARY_RISE
    which = which[kept]
    if not len(which):
        return which, np.zeros(0, dtype=bool)
    at.put(which, new.take(kept))
    settled = _newton(objective, at, which)[which]
    local = charts(at.take(which), shape, objective.df[which])
    return which, settled & _slopes_upwards(local)


def _slopes_upwards(local: Charts) -> Flags:
    """(R,) whether the deviance rises, or stays, from the boundary into the interior."""
    null = local.singular == 0.0
    steepest = np.maximum(1.0, np.abs(local.slope).max(axis=(0, 1)))
    inside = np.where(null[:, None] & null, local.slope, 0.0)
    on = np.arange(len(null))
    inside[on, on] = np.where(null, inside[on, on], steepest)
    lowest = np.linalg.eigvalsh(inside.transpose(2, 0, 1))[:, 0]
    return np.asarray(lowest > -tolerances.KKT * steepest)
