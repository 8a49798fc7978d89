"""The model at given parameters of its residual structure: its problem, its best, its slopes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.estimate.correlation import Coordinates
from echelon.estimate.deviance import Evaluation, evaluate
from echelon.estimate.optimise import Search, minimise
from echelon.estimate.problem import Problem
from echelon.estimate.residual_slopes import ResidualSlopes, residual_slopes
from echelon.estimate.working_sets import WorkingSets
from echelon.moments.moments import Moments
from echelon.moments.residual import ResidualMoments

Array = NDArray[np.float64]


class ResidualModel:
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
        return np.concatenate([slope_D(task, at, self.reml), self.slopes(z, task, at).value])

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
            along = [value(p) for p in around(z, i, h)]
            slope[i] = np.dot(FOURTH, along) / h
            curve[i, i] = (np.dot(_BENT, along) - 2.5 * middle) / h**2
            for l in range(i):
                signs = [(a, b) for a in (1, -1) for b in (1, -1)]
                corners = [a * b * value(z + a * steps[i] + b * steps[l]) for a, b in signs]
                curve[i, l] = curve[l, i] = sum(corners) / (4 * h**2)
        return slope, curve


FOURTH = np.array([1.0, -8.0, 8.0, -1.0]) / 12
_BENT = np.array([-1.0, 16.0, 16.0, -1.0]) / 12


def around(z: Array, i: int, h: float) -> list[Array]:
    """The points of a quotient of fourth order along coordinate i."""
    step = np.zeros_like(z)
    step[i] = h
    return [z - 2 * step, z - step, z + step, z + 2 * step]


def slope_D(task: Problem, at: Evaluation, reml: bool) -> Array:
    """(t,) derivative of the deviance in the free entries of D."""
    df = task.n - task.p if reml else task.n
    slope: Array = at.curvature.slope - df / at.rho2 * at.curvature.score
    return slope
