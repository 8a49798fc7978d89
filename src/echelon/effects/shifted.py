"""A fit at other values of its variance parameters: what predictions and variances answer to them.

The estimates of the variance parameters have a covariance, V = sum of r r' over the columns r of a
root of it. What a quantity g(phi) varies by is then the sum of squares of its derivatives along the
columns, and each of those is a quotient of differences of the exact g.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.estimate.coordinates import Chart, chart
from echelon.estimate.correlation import Coordinates
from echelon.estimate.deviance import evaluate
from echelon.estimate.problem import Problem
from echelon.estimate.residual_model import ResidualModel
from echelon.linalg.triangular import cholesky, inverse
from echelon.model.fit import LmmFit
from echelon.moments.residual import residual_moments

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Around:
    """The neighbourhood of the variance parameters of a fit, in the coordinates of `Optimum`.

    Attributes
    ----------
    fit : the fit
    local : coordinates x of the random effects' covariance
    root : (m + 1 + r, k) root of the covariance of (x, sigma, z)
    residual : the model at other residual parameters; None without a residual structure
    z : (r,) residual parameters in search coordinates
    """

    fit: LmmFit
    local: Chart
    root: Array
    residual: ResidualModel | None
    z: Array

    def pairs(self) -> Iterator[tuple[LmmFit, LmmFit]]:
        """For each column of the root the fits a step of `VARIANCE_STEP` ahead of and behind it."""
        for column in self.root.T:
            step = tolerances.VARIANCE_STEP * column
            yield self.at(step), self.at(-step)

    @staticmethod
    def squared(difference: Array) -> Array:
        """What a quantity varies by along one column, of its values ahead less those behind."""
        return np.square(difference / (2 * tolerances.VARIANCE_STEP))

    def at(self, step: Array) -> LmmFit:
        """The fit with other variance parameters: beta, its covariance, what engines hold."""
        fit, m = self.fit, len(self.local.x)
        lam = self.local.factor(step[:m])
        sigma = fit.optimum.sigma + float(step[m])
        task, structure = fit.problem, fit.residual
        if self.residual is not None and structure is not None:
            z = self.z + step[m + 1 :]
            task = self.residual.task(z)
            natural, _ = self.residual.coordinates.natural(z)
            ratio = np.concatenate([[1.0], natural[: len(structure.ratio) - 1]])
            structure = replace(structure, ratio=ratio, sd=sigma * ratio)
        return _at(replace(fit, residual=structure), task, lam, sigma)


def _at(fit: LmmFit, task: Problem, lam: Array, sigma: float) -> LmmFit:
    """The fit with the best beta at one covariance."""
    A = task.cross - task.engine.sweep(lam).explained
    factor = cholesky((A + A.T) / 2)
    if factor is None:
        raise np.linalg.LinAlgError("[X y]'V0^-1[X y] is not positive definite")
    L, p = factor[: task.p, : task.p], task.p
    beta = np.linalg.solve(L.T, factor[p, :p])
    root = sigma * inverse(L).T
    user = task.fixed.back @ root
    best = replace(
        fit.optimum,
        lam=task.pairs.rotated(task.whiten @ lam),
        sigma2=sigma**2,
        beta=task.fixed.back @ beta + task.fixed.shift,
        vcov=user @ user.T,
        root=root,
    )
    return replace(fit, problem=task, lam_working=lam, optimum=best)


def around(fit: LmmFit) -> Around:
    """The neighbourhood of a fit. Costs one evaluation; with a residual structure a pass over rows.

    Each pair of `Around.pairs` costs two passes over the groups; there are at most as many as
    variance parameters. Directions in which the deviance is flat, and variances at zero, have no
    estimate of their spread and count as known (`variance-spread`).
    """
    local, root = _chart(fit), _root(fit.optimum.varpar_covariance)
    if fit.residual is None:
        return Around(fit, local, root, None, np.zeros(0))
    layout = fit.residual.layout
    sets = residual_moments(fit.rows("Derivatives in the residual structure").design, layout)
    coordinates = Coordinates.of(layout)
    z = coordinates.search(fit.residual.ratio, fit.residual.phi)
    return Around(fit, local, root, ResidualModel(sets, coordinates, fit.reml), z)


def _root(covariance: Array) -> Array:
    """(t, k) with root root' the covariance, after scaling to unit diagonal."""
    scale = np.sqrt(np.maximum(np.diagonal(covariance), 0.0))
    divisor = np.where(scale > 0, scale, 1.0)
    values, vectors = np.linalg.eigh(covariance / np.outer(divisor, divisor))
    keep = values > tolerances.INVERSE_EIGENVALUE
    root: Array = scale[:, None] * vectors[:, keep] * np.sqrt(values[keep])
    return root


def _chart(fit: LmmFit) -> Chart:
    """The coordinates of the covariance in which the fit's own derivatives are."""
    at = evaluate(fit.problem, fit.lam_working, fit.reml)
    if at is None:
        raise np.linalg.LinAlgError("no deviance at the estimates")
    return chart(at, fit.problem.pairs)
