"""The profiled deviance of a linear mixed model with its exact first and second derivatives.

With V0 = W^-1 + Z Lam Lam' Z' and P = V0^-1 - V0^-1 X (X'V0^-1X)^-1 X'V0^-1,

    REML: d = log|V0| + log|X'V0^-1X| + (n - p) (1 + log(2 pi rho2 / (n - p)))
    ML:   d = log|V0| + n (1 + log(2 pi rho2 / n)),    rho2 = y'Py

(`deviance-profiled`; bates2015). Derivatives are in the free entries of D = Lam Lam'
(`gradient`, `hessian` of docs/theory/deviance.md) and turned into those of Lam by the chain rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, pi

import numpy as np
from numpy.typing import NDArray

from echelon.estimate.engine import Second
from echelon.estimate.problem import Problem
from echelon.linalg.triangular import cholesky, inverse

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Curvature:
    """Second-order quantities in the t free entries of D (relative to sigma^2).

    Attributes
    ----------
    slope : (t,) tr(P V_i) (REML) or tr(V0^-1 V_i) (ML), with V_i = Z E_i Z'
    score : (t,) y'P V_i P y
    quadratic : (t, t) y'P V_i P V_l P y
    trace : (t, t) tr(P V_i P V_l) (REML) or tr(V0^-1 V_i V0^-1 V_l) (ML)
    fixed : (t, p, p) L^-1 X'V0^-1 V_i V0^-1 X L^-T with L L' = X'V0^-1X
    """

    slope: Array
    score: Array
    quadratic: Array
    trace: Array
    fixed: Array


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """The deviance at one covariance factor.

    Attributes
    ----------
    value : profiled deviance (minus twice the log-likelihood)
    lam : (q, q) the factor
    rho2 : penalised residual sum of squares y'Py;  sigma2 : rho2 over its degrees of freedom
    beta : (p,) in working units
    L : (p, p) lower Cholesky factor of X'V0^-1X
    solve : (p + 1, p + 1) rows that turn Z'V0^-1[X y] into L^-1-coordinates and residuals
    slope : (q, q) S, derivative of the deviance in D
    gradient : (t,) derivative in the free entries of lam
    hessian : (t, t) second derivative in the free entries of lam
    hessian_D : (t, t) in the free entries of D
    """

    value: float
    lam: Array
    rho2: float
    sigma2: float
    beta: Array
    L: Array
    solve: Array
    slope: Array
    gradient: Array
    hessian: Array
    hessian_D: Array
    curvature: Curvature

    @property
    def D(self) -> Array:
        """(q, q) relative covariance Lam Lam'."""
        return self.lam @ self.lam.T


def evaluate(problem: Problem, lam: Array, reml: bool) -> Evaluation | None:
    """Deviance, gradient, Hessian and expected information at one covariance factor.

    None where the deviance does not exist to working precision (a factor far outside). What it
    costs is the engine's matter.
    """
    p = problem.p
    df = problem.n - p if reml else problem.n
    try:
        at = problem.engine.sweep(lam)
    except np.linalg.LinAlgError:  # I + M D singular to working precision
        return None
    A = problem.cross - at.explained
    factor = cholesky((A + A.T) / 2)
    if factor is None or not factor[p, p] > 0:
        return None
    diagonal = np.diagonal(factor)
    rho2 = float(diagonal[p] ** 2)
    value = at.logdet - problem.log_weight + df * (1 + log(2 * pi * rho2 / df))
    if reml:
        value += 2 * float(np.log(diagonal[:p]).sum())
    solve = inverse(factor)
    solve[p] *= diagonal[p]  # the row (-beta', 1): residuals, not standardised ones
    curve = _curvature(at.second(solve, reml), p)
    slope = problem.pairs.symmetric_slope(curve.slope - df / rho2 * curve.score)
    hessian_D = _hessian_D(curve, rho2, df)
    chain = problem.pairs.factor_jacobian(lam)
    return Evaluation(
        value=value,
        lam=lam,
        rho2=rho2,
        sigma2=rho2 / df,
        beta=-solve[p, :p],
        L=factor[:p, :p],
        solve=solve,
        slope=slope,
        gradient=chain.T @ (curve.slope - df / rho2 * curve.score),
        hessian=chain.T @ hessian_D @ chain + problem.pairs.factor_curvature(slope),
        hessian_D=hessian_D,
        curvature=curve,
    )


def _hessian_D(curve: Curvature, rho2: float, df: int) -> Array:
    """(t, t) second derivatives of the profiled deviance in the free entries of D."""
    c = df / rho2
    hessian = 2 * c * curve.quadratic - curve.trace
    return hessian - (c / rho2) * np.outer(curve.score, curve.score)


def _curvature(second: Second, p: int) -> Curvature:
    """Second-order quantities, with the fixed effects projected out of V0^-1 under REML."""
    fixed = np.ascontiguousarray(second.gram[:, :p, :p])
    cross = second.gram[:, :p, p]
    quadratic = (second.quadratic + second.quadratic.T) / 2 - cross @ cross.T
    slope, trace = second.slope, second.trace
    if second.mixed is not None:
        slope = slope - np.trace(fixed, axis1=1, axis2=2)
        trace = trace - (second.mixed + second.mixed.T) + np.einsum("ixy,lyx->il", fixed, fixed)
    return Curvature(
        slope=slope,
        score=second.gram[:, p, p],
        quadratic=quadratic,
        trace=trace,
        fixed=fixed,
    )
