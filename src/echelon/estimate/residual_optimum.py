"""The optimum and the verdict of a model with a residual structure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from echelon.estimate.optimum import Optimum, optimum, twice_inverse
from echelon.estimate.residual import Joint, ResidualSearch
from echelon.estimate.verdict import Verdict, judge


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
    joint, t = found.joint, len(found.joint.gradient) - len(found.z)
    if t != len(theta_names):  # a scale at zero is no coordinate of the search
        theta_names = tuple(f"variance parameter {i + 1}" for i in range(t))
    names = (*theta_names, *found.coordinates.names())
    if not shape.kinds and len(theta_names) == len(search.at.gradient):
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
