"""The optimum in the user's units: estimates, their covariance, and its derivatives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from echelon import tolerances
from echelon.estimate.optimise import Search
from echelon.estimate.problem import Problem
from echelon.linalg.symmetric import Pairs

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Optimum:
    """Estimates of one grouping factor's model.

    Attributes
    ----------
    deviance : REML criterion or ML deviance at the optimum
    df : degrees of freedom of sigma2: n - p (REML) or n (ML)
    pairs : which entries of the q x q covariance are free
    lam : (q, q) relative covariance factor, lower triangular
    sigma2 : residual variance, response units squared
    beta : (p,);  vcov : (p, p) of beta
    slope : (q, q) derivative of the deviance in lam lam'
    vcov_slope : (t, p, p) derivative of vcov / sigma2 in the free entries of lam lam'
    varpar_hessian : (t + 1, t + 1) second derivative of the unprofiled deviance in (theta, sigma)
    """

    deviance: float
    df: int
    pairs: Pairs
    lam: Array
    sigma2: float
    beta: Array
    vcov: Array
    slope: Array
    vcov_slope: Array
    varpar_hessian: Array

    @property
    def theta(self) -> Array:
        """(t,) free entries of the relative covariance factor: lme4's parameters."""
        return self.pairs.free(self.lam)

    @property
    def sigma(self) -> float:
        """Residual standard deviation."""
        return float(np.sqrt(self.sigma2))

    @property
    def covariance(self) -> Array:
        """(q, q) covariance of the random effects, response units squared per unit of z."""
        return self.sigma2 * (self.lam @ self.lam.T)

    def varpar_covariance(self) -> Array:
        """(t + 1, t + 1) covariance of (theta, sigma): twice the inverse Hessian.

        Directions of no curvature are left out (kuznetsova2017); the Hessian is scaled to unit
        diagonal first, so the result does not depend on units.
        """
        H = self.varpar_hessian
        scale = np.sqrt(np.abs(np.diagonal(H)))
        scale[scale == 0] = 1.0
        values, vectors = np.linalg.eigh(H / np.outer(scale, scale))
        keep = values > tolerances.INVERSE_EIGENVALUE
        vectors = vectors[:, keep] / scale[:, None]
        covariance: Array = 2 * (vectors / values[keep]) @ vectors.T
        return covariance

    def vcov_jacobian(self) -> Array:
        """(t + 1, p, p) derivative of vcov in (theta, sigma)."""
        in_theta = np.tensordot(self.pairs.factor_jacobian(self.lam).T, self.vcov_slope, 1)
        return np.concatenate([self.sigma2 * in_theta, (2 / self.sigma) * self.vcov[None]])


def optimum(problem: Problem, search: Search, reml: bool) -> Optimum:
    """Turn the end of a search into estimates in the user's units."""
    at, shape = search.at, problem.pairs
    df = problem.n - problem.p if reml else problem.n
    back = problem.fixed.back
    half = solve_triangular(at.L, back.T, lower=True)  # L^-1 back', so vcov / sigma2 = half'half
    unwhiten = np.linalg.inv(problem.whiten).astype(np.float64)  # change of basis, scaled
    move = shape.congruence(unwhiten)
    lam = shape.rotated(problem.whiten @ at.lam)
    curve = at.curvature
    slope = unwhiten.T @ at.slope @ unwhiten
    hessian_D = move.T @ (2 * curve.quadratic / at.sigma2 - curve.trace) @ move
    in_user = np.tensordot(move.T, curve.fixed, 1)
    chain = shape.factor_jacobian(lam)
    sigma = np.sqrt(at.sigma2)
    H = np.empty((len(shape.row) + 1, len(shape.row) + 1))
    H[:-1, :-1] = chain.T @ hessian_D @ chain + shape.factor_curvature(slope)
    H[:-1, -1] = H[-1, :-1] = chain.T @ (move.T @ curve.score) * 2 / sigma**3
    H[-1, -1] = 4 * df / at.sigma2
    return Optimum(
        deviance=at.value,
        df=df,
        pairs=shape,
        lam=lam,
        sigma2=at.sigma2,
        beta=back @ at.beta + problem.fixed.shift,
        vcov=at.sigma2 * half.T @ half,
        slope=slope,
        vcov_slope=half.T @ in_user @ half,
        varpar_hessian=H,
    )
