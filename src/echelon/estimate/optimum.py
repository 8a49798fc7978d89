"""The optimum in the user's units: estimates, their covariance, and its derivatives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.estimate.bounds import theta
from echelon.estimate.coordinates import Chart, chart
from echelon.estimate.optimise import Search
from echelon.estimate.problem import Problem
from echelon.linalg.symmetric import Pairs
from echelon.linalg.triangular import inverse

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Optimum:
    """Estimates of one grouping factor's model.

    Derivatives are in (x, sigma), with x the local coordinates of the search (`Chart`): whitened
    and orthogonal, so that a predictor's unit or origin costs no digits.

    Attributes
    ----------
    deviance : REML criterion or ML deviance at the optimum
    df : degrees of freedom of sigma2: n - p (REML) or n (ML)
    pairs : which entries of the q x q covariance are free
    lam : (q, q) relative covariance factor, lower triangular
    sigma2 : residual variance, response units squared
    beta : (p,);  vcov : (p, p) of beta
    root : (p, p) square root of the covariance of beta in working units
    vcov_gradient : (m + 1, p, p) derivative of vcov in (x, sigma)
    D_gradient : (t, m) derivative of the free entries of lam lam' in x
    varpar_covariance : (m + 1, m + 1) covariance of (x, sigma), twice the inverse Hessian of the
        unprofiled deviance; directions without curvature left out (kuznetsova2017)
    """

    deviance: float
    df: int
    pairs: Pairs
    lam: Array
    sigma2: float
    beta: Array
    vcov: Array
    root: Array
    vcov_gradient: Array
    D_gradient: Array
    varpar_covariance: Array

    @property
    def theta(self) -> Array:
        """lme4's parameters: free entries of the relative covariance factor.

        Of a structured term: its relative standard deviations, then its correlation.
        """
        return theta(self.lam, self.pairs)

    @property
    def sigma(self) -> float:
        """Residual standard deviation."""
        return float(np.sqrt(self.sigma2))

    @property
    def covariance(self) -> Array:
        """(q, q) covariance of the random effects, response units squared per unit of z."""
        return self.sigma2 * (self.lam @ self.lam.T)

    def component_covariance(self) -> Array:
        """(t + 1, t + 1) covariance of the free entries of `covariance` and of sigma2."""
        (t, m), sigma = self.D_gradient.shape, self.sigma
        chain = np.zeros((t + 1, m + 1))
        chain[:t, :m] = self.sigma2 * self.D_gradient
        chain[:t, m] = 2 * sigma * self.pairs.free(self.lam @ self.lam.T)
        chain[t, m] = 2 * sigma
        inner = self.varpar_covariance[: m + 1, : m + 1]  # a residual structure's come after
        spread: Array = chain @ inner @ chain.T
        return spread


def optimum(problem: Problem, search: Search, reml: bool) -> Optimum:
    """Turn the end of a search into estimates in the user's units."""
    at, shape, sigma = search.at, problem.pairs, float(np.sqrt(search.at.sigma2))
    df = problem.n - problem.p if reml else problem.n
    back = problem.fixed.back
    root = sigma * inverse(at.L).T
    user = back @ root
    vcov = user @ user.T
    local = chart(at, shape)
    inside = local.D_gradient()  # of the working D, in x
    in_x = np.tensordot(inside.T, at.curvature.fixed, 1)
    return Optimum(
        deviance=at.value,
        df=df,
        pairs=shape,
        lam=shape.rotated(problem.whiten @ at.lam),
        sigma2=at.sigma2,
        beta=back @ at.beta + problem.fixed.shift,
        vcov=vcov,
        root=root,
        vcov_gradient=np.concatenate([user @ in_x @ user.T, 2 / sigma * vcov[None]]),
        D_gradient=shape.congruence(problem.whiten) @ inside,
        varpar_covariance=twice_inverse(_unprofiled_hessian(search, local, df)),
    )


def _unprofiled_hessian(search: Search, local: Chart, df: int) -> Array:
    """(m + 1, m + 1) second derivatives of the deviance in (x, sigma), sigma not profiled out.

    At the optimum the profiled Hessian is what is left of it after sigma; the score tells how much
    that was.
    """
    at, chain = search.at, local.D_gradient()
    sigma2 = at.sigma2
    cross = 2 / sigma2**1.5 * (chain.T @ at.curvature.score)
    bottom = 4 * df / sigma2
    H = np.empty((len(cross) + 1, len(cross) + 1))
    H[:-1, :-1] = local.hessian + np.outer(cross, cross) / bottom
    H[:-1, -1] = H[-1, :-1] = cross
    H[-1, -1] = bottom
    return H


def twice_inverse(H: Array) -> Array:
    """2 H^-1 over the directions of positive curvature, after scaling to unit diagonal."""
    scale = np.sqrt(np.abs(np.diagonal(H)))
    scale[scale == 0] = 1.0
    values, vectors = np.linalg.eigh(H / np.outer(scale, scale))
    keep = values > tolerances.INVERSE_EIGENVALUE
    vectors = vectors[:, keep] / scale[:, None]
    inverse: Array = 2 * (vectors / values[keep]) @ vectors.T
    return inverse
