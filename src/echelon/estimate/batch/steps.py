"""Newton steps of many searches, each within its own trust region."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.estimate.batch.charts import Charts
from echelon.linalg.stacked import cholesky, lower_inverse

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Steps(NamedTuple):
    """A step for each response.

    Attributes
    ----------
    step : (t, R);  length : (R,);  promised : (R,) decrease of the deviance by the quadratic model
    decrement : (R,) g'|H|^-1 g;  curved : (R,) whether H is positive definite
    level : (R,) whether H has at least no direction of negative curvature
    """

    step: Array
    length: Array
    promised: Array
    decrement: Array
    curved: Flags
    level: Flags

    def take(self, which: Flags) -> Steps:
        """Some of the responses."""
        return Steps(
            self.step[:, which],
            self.length[which],
            self.promised[which],
            self.decrement[which],
            self.curved[which],
            self.level[which],
        )


def steps(local: Charts, radius: Array) -> Steps:
    """Minimisers of the quadratic models within `radius` (R,).

    Where H is positive definite and its Newton step short enough, a Cholesky factor does; the
    others take the eigenvalues of H, as the search for a single response does always.
    """
    L = cholesky(local.hessian)
    pivot = np.einsum("iir->ir", L) ** 2
    scale = np.einsum("iir->ir", local.hessian).max(axis=0)
    with np.errstate(invalid="ignore"):
        curved = pivot.min(axis=0) > 1e3 * tolerances.FLAT * scale  # safely: eigh judges the rest
    inverse = lower_inverse(np.where(curved, L, np.eye(len(L))[:, :, None]))
    half = np.einsum("ilr,lr->ir", inverse, local.gradient)
    step = -np.einsum("lir,lr->ir", inverse, half)
    decrement = (half**2).sum(axis=0)
    level = curved.copy()
    hard = np.flatnonzero(~(curved & (np.sqrt((step**2).sum(axis=0)) <= radius)))
    if len(hard):
        step[:, hard], decrement[hard], curved[hard], level[hard] = _by_eigenvalues(
            local.hessian[:, :, hard], local.gradient[:, hard], radius[hard]
        )
    bend = np.einsum("ir,ilr,lr->r", step, local.hessian, step, optimize=True)
    promised = -(np.einsum("ir,ir->r", local.gradient, step) + bend / 2)
    tiny = np.finfo(float).tiny
    length = np.sqrt((step**2).sum(axis=0))
    return Steps(step, length, np.maximum(promised, tiny), decrement, curved, level)


def _by_eigenvalues(H: Array, g: Array, radius: Array) -> tuple[Array, Array, Flags, Flags]:
    """Step, decrement, curved and level from the eigenvalues of H."""
    values, vectors = np.linalg.eigh(H.transpose(2, 0, 1))  # (R, t), (R, t, t)
    along = np.einsum("rli,lr->ri", vectors, g)
    size = np.abs(values)
    largest = np.maximum(size.max(axis=1), np.finfo(float).tiny)
    floor = tolerances.FLAT * largest
    decrement = (along**2 / np.maximum(size, floor[:, None])).sum(axis=1)
    curved = values[:, 0] > floor
    with np.errstate(divide="ignore", invalid="ignore"):
        newton = np.linalg.norm(along / values, axis=1)
    shift = np.where(curved & (newton <= radius), 0.0, _multipliers(values, along, radius))
    with np.errstate(divide="ignore", invalid="ignore"):
        step = -along / (values + shift[:, None])
    step = np.where(along == 0.0, 0.0, step)
    step = np.einsum("rli,ri->lr", vectors, step)
    return step, decrement, curved, values[:, 0] > -1e-7 * largest


def _multipliers(values: Array, along: Array, radius: Array) -> Array:
    """(R,) what is added to H so that the step ends on the sphere; bisection for all at once.

    Each stops by itself, so that a response takes the same steps in any company.
    """
    largest = np.abs(values).max(axis=1)
    low = np.maximum(0.0, -values[:, 0]) + 1e-10 * largest
    high = low + np.linalg.norm(along, axis=1) / radius + 1e-8 * largest
    for _ in range(50):
        middle = (low + high) / 2
        with np.errstate(divide="ignore", invalid="ignore"):
            outside = np.linalg.norm(along / (values + middle[:, None]), axis=1) > radius
        wide = high - low >= 1e-2 * high
        low = np.where(wide & outside, middle, low)
        high = np.where(wide & ~outside, middle, high)
        if not wide.any():
            break
    return np.asarray(high)
