"""The deviance with sigma and one fixed effect left in, and its exact derivatives.

With eta the free entries of D and, when one is held, the fixed effect c'beta = b,

    d(eta, tau) = l(D) + df (log 2 pi + 2 tau) + exp(-2 tau) r(eta),    tau = log sigma

where l is log|V0| (ML) or log|V0| + log|X'V0^-1X| (REML) and r the residual sum of squares, minimal
over the other fixed effects (`profile-unprofiled`, `profile-held`; bates2015).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, pi

import numpy as np
from numpy.typing import NDArray

from echelon.estimate.deviance import Evaluation, evaluate
from echelon.estimate.problem import Problem
from echelon.linalg.triangular import cholesky, inverse

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """A linear function of the fixed effects that is held.

    Attributes
    ----------
    contrast : (p,) c in working coordinates
    centre : c'beta at the optimum, from which values are measured: no digits are lost to a distant
        origin
    """

    contrast: Array
    centre: float


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """The two parts of the deviance at one covariance factor.

    Attributes
    ----------
    log_part : l;  rho2 : r
    slope : (t,) first and trace : (t, t) minus second derivatives of l in the free entries of D
    first, second : (m,) and (m, m) derivatives of r in eta, the held effect last
    """

    log_part: float
    rho2: float
    slope: Array
    trace: Array
    first: Array
    second: Array


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """The deviance at one point of (eta, tau).

    Attributes
    ----------
    value : minus twice the log-likelihood;  log_sigma : tau
    gradient : (m + 1,);  hessian : (m + 1, m + 1) in (eta, tau)
    """

    value: float
    log_sigma: float
    gradient: Array
    hessian: Array


def surface(parts: Parts, df: int, log_sigma: float | None) -> Surface:
    """Put the parts together.

    Parameters
    ----------
    log_sigma : tau; None for the best one
    """
    tau = log(parts.rho2 / df) / 2 if log_sigma is None else log_sigma
    weight, m, t = exp(-2 * tau), len(parts.first), len(parts.slope)
    gradient, hessian = np.empty(m + 1), np.empty((m + 1, m + 1))
    gradient[:m] = weight * parts.first
    gradient[:t] += parts.slope
    gradient[m] = 2 * (df - weight * parts.rho2)
    hessian[:m, :m] = weight * parts.second
    hessian[:t, :t] -= parts.trace
    hessian[:m, m] = hessian[m, :m] = -2 * weight * parts.first
    hessian[m, m] = 4 * weight * parts.rho2
    value = parts.log_part + df * (log(2 * pi) + 2 * tau) + weight * parts.rho2
    return Surface(value, tau, gradient, hessian)


def parts_at(problem: Problem, lam: Array, reml: bool) -> Parts | None:
    """The parts with all fixed effects free; None where the deviance does not exist."""
    at = evaluate(problem, lam, reml)
    return None if at is None else parts_of(at, problem.n - (problem.p if reml else 0))


def parts_of(at: Evaluation, df: int) -> Parts:
    """The parts of a deviance that was evaluated already."""
    curve = at.curvature
    return Parts(
        log_part=at.value - df * (1 + log(2 * pi * at.rho2 / df)),
        rho2=at.rho2,
        slope=curve.slope,
        trace=curve.trace,
        first=-curve.score,
        second=2 * curve.quadratic,
    )


def held_parts(problem: Problem, lam: Array, held: Held, value: float) -> Parts | None:
    """The parts (ML) with c'beta held at `held.centre + value`; None where there are none.

    Notes
    -----
    With v = c'(X'V0^-1X)^-1 c and w = (c'beta - b) / sqrt(v): r = y'Py + w^2, and the residuals are
    those of the free fit plus w times the unit column along c (`profile-held`). One sweep of the
    engine, as for any evaluation.
    """
    p = problem.p
    try:
        at = problem.engine.sweep(lam)
    except np.linalg.LinAlgError:
        return None
    A = problem.cross - at.explained
    factor = cholesky((A + A.T) / 2)
    if factor is None or not factor[p, p] > 0:
        return None
    solve = inverse(factor)
    solve[p] *= factor[p, p]
    along = solve[:p, :p] @ held.contrast  # L^-1 c
    root_v = float(np.linalg.norm(along))
    gap = float(-solve[p, :p] @ held.contrast) - held.centre - value
    w = gap / root_v
    turned = _turned(along / root_v) @ solve[:p]  # the unit column last
    rows = np.vstack([turned, solve[p] + w * turned[-1]])
    found = at.second(rows, False)
    t, rest = len(found.slope), found.gram[:, : p - 1, p]
    first, second = np.empty(t + 1), np.empty((t + 1, t + 1))
    first[:t], first[t] = -found.gram[:, p, p], -2 * w / root_v
    second[:t, :t] = found.quadratic + found.quadratic.T - 2 * rest @ rest.T
    second[:t, t] = second[t, :t] = 2 / root_v * found.gram[:, p - 1, p]
    second[t, t] = 2 / root_v**2
    return Parts(
        log_part=at.logdet - problem.log_weight,
        rho2=float(factor[p, p] ** 2) + w**2,
        slope=found.slope,
        trace=found.trace,
        first=first,
        second=second,
    )


def _turned(unit: Array) -> Array:
    """Orthogonal matrix whose last row is +-`unit`: a Householder reflection, rows in turn."""
    p = len(unit)
    axis = np.zeros(p)
    axis[-1] = -1.0 if unit[-1] > 0 else 1.0
    v = unit - axis
    reflection = np.eye(p) - 2 * np.outer(v, v) / float(v @ v)
    reflection[-1] = unit
    return reflection
