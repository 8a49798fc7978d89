"""Conditional AIC: how well a model predicts new rows of the same groups, and at what price."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from echelon.data import to_native
from echelon.errors import DataError, NotYetSupported, UnknownOption
from echelon.estimate.blocks import Blocks
from echelon.estimate.choose import choose
from echelon.estimate.coordinates import chart
from echelon.estimate.deviance import Evaluation, evaluate
from echelon.estimate.optimum import twice_inverse
from echelon.model.fit import LmmFit
from echelon.model.iterative import probes_used
from echelon.multilevel.given_vectors import spread_over

Array = NDArray[np.float64]
Method = Literal["greven-kneib", "vaida-blanchard", "finite-sample"]


@dataclass(frozen=True, slots=True)
class ConditionalAIC:
    """Conditional Akaike information of a fit.

    Attributes
    ----------
    value : -2 loglik + 2 df; smaller is better
    loglik : log-likelihood of the rows given the estimated random effects
    df : effective number of parameters, the variances' included
    rho : trace of the matrix that makes fitted values of the response
    correction : what estimating the random effects' covariance adds to rho ("greven-kneib"), else 0
    marginal_df : parameters that AIC counts
    method : how `df` was found
    restricted : whether the variances are REML estimates
    formula, backend : of the model; the caller's dataframe library
    """

    value: float
    loglik: float
    df: float
    rho: float
    correction: float
    marginal_df: int
    method: str
    restricted: bool
    formula: str
    backend: str


def conditional_aic_values(fit: LmmFit, method: Method = "greven-kneib") -> ConditionalAIC:
    """Conditional AIC of a fit, from moments alone.

    Raises
    ------
    UnknownOption : another method
    NotYetSupported : "greven-kneib" after the iterative method, which does not know the derivatives
    DataError : "finite-sample" with fewer than p + 3 rows

    Notes
    -----
    `caic`, `hat-trace`, `caic-loglik`, `caic-greven-kneib`, `caic-finite`; vaida2005, greven2010.
    One evaluation of the deviance, and one more of the groups for the correction. Where a variance
    is estimated as zero its term counts for nothing, as if it had been left out. The parameters of
    a residual structure count one each.
    """
    if method not in get_args(Method):
        raise UnknownOption("method", method, get_args(Method))
    at = evaluate(fit.problem, fit.lam_working, fit.reml)
    if at is None:
        raise DataError("The deviance does not exist at these estimates; refit the model.")
    rho, correction = effective_parameters(fit, at), 0.0
    variances = 1 + (0 if fit.residual is None else fit.residual.parameters)
    if method == "greven-kneib":
        correction = _estimation(fit, at)
    df = rho + correction + variances
    if method == "finite-sample":
        df = _finite(fit, rho) + variances - 1
    loglik = conditional_loglik(fit, at)
    marginal = len(fit.names) + fit.optimum.pairs.parameters + variances
    return ConditionalAIC(
        value=-2 * loglik + 2 * df,
        loglik=loglik,
        df=df,
        rho=rho,
        correction=correction,
        marginal_df=marginal,
        method=method,
        restricted=fit.reml,
        formula=" ".join(fit.spec.formula.split()),
        backend=fit.source.backend,
    )


def effective_parameters(fit: LmmFit, at: Evaluation) -> float:
    """The trace of the hat matrix, rho = p + tr(D Z'PZ) (`hat-trace`)."""
    curve = at.curvature
    slope = curve.slope
    if not fit.reml:  # tr(V0^-1 V_i), of which tr(P V_i) is what the fixed effects leave
        slope = slope - np.trace(curve.fixed, axis1=1, axis2=2)
    return fit.problem.p + float(fit.problem.pairs.free(at.D) @ slope)


def residual_squares(fit: LmmFit, at: Evaluation) -> float:
    """Weighted sum of squares of the response less fitted values, (y - y^)'R^-1(y - y^)."""
    return at.rho2 - float(fit.problem.pairs.free(at.D) @ at.curvature.score)


def conditional_loglik(fit: LmmFit, at: Evaluation) -> float:
    """Log density of the rows given the estimated effects, with the fit's sigma^2."""
    n, sigma2 = fit.problem.n, fit.optimum.sigma2
    squares = residual_squares(fit, at)
    return -0.5 * float(n * np.log(2 * np.pi * sigma2) - fit.problem.log_weight + squares / sigma2)


def _finite(fit: LmmFit, rho: float) -> float:
    """Vaida and Blanchard's count for finite samples, D known up to sigma^2 (`caic-finite`)."""
    n, p = fit.problem.n, fit.problem.p
    if n - p <= 2:
        raise DataError(
            f'method="finite-sample" needs more than p + 2 rows; here n = {n}, p = {p}.'
        )
    df = n - p if fit.reml else n
    return df * (rho * (n - p - 1) + n) / ((n - p) * (n - p - 2))


def _estimation(fit: LmmFit, at: Evaluation) -> float:
    """What the estimation of D adds to rho: how the response moves D, and D the fitted values.

    With r = Py, s_i = r'V_i r / rho^2 and G the inverse Hessian of the deviance in D within its
    bounds, 2 nu / rho^2 sum_il G_il (r'V_i P R P V_l r - s_i r'R P V_l r)
    (`caic-greven-kneib`; greven2010).
    """
    if probes_used(fit) is not None:
        raise NotYetSupported(
            'conditional_aic(method="greven-kneib") needs method="exact"; after the iterative '
            'method use conditional_aic(method="vaida-blanchard").'
        )
    curve, shape = at.curvature, fit.problem.pairs
    local = chart(at, shape)
    chain = local.D_gradient()
    G = chain @ twice_inverse(local.hessian) @ chain.T / 2
    df = fit.problem.n - fit.problem.p if fit.reml else fit.problem.n
    twice = curve.quadratic - _through_effects(fit, at)
    once = curve.score - shape.free(at.D) @ curve.quadratic
    share = curve.score / at.rho2
    inside = twice - np.outer(share, once)
    return 2 * df / at.rho2 * float((G * inside).sum())


def _through_effects(fit: LmmFit, at: Evaluation) -> Array:
    """(t, t) r'V_i P ZDZ' P V_l r with r = Py."""
    task = fit.problem
    blocks, D = task.blocks, at.D
    sweep = task.engine.sweep(fit.lam_working)
    e = [
        f.F[:, task.p] - np.einsum("apj,p->aj", f.F[:, : task.p], at.beta) for f in sweep.effects()
    ]
    t = len(blocks.pairs.row)
    v = _directions(blocks, e)
    given = spread_over(blocks, v)  # Z'R^-1 Z v
    X = [f.ZtV[:, : task.p] for f in blocks.factors]
    columns = [np.concatenate([x, u], axis=1) for x, u in zip(X, given, strict=True)]
    found = choose(_with_columns(blocks, columns)).sweep(fit.lam_working).effects()
    K = [f.F[:, task.p :] for f in found]
    XtVu = sum(
        np.einsum("apj,atj->pt", f.F[:, : task.p], each) for f, each in zip(found, v, strict=True)
    )
    inverse = np.linalg.inv(at.L)  # of a triangular factor of few fixed effects
    beta = inverse.T @ (inverse @ XtVu)
    total = np.zeros((t, t))
    for f, k, part in zip(found, K, blocks.parts, strict=True):
        left = k - np.einsum("apj,pt->atj", f.F[:, : task.p], beta)
        total += np.einsum("atj,ab,buj->tu", left, D[part, part], left, optimize=True)
    return total


def _directions(blocks: Blocks, e: list[Array]) -> list[Array]:
    """For each factor, (q, t, J) E_i e of the t free entries of D; zero for other factors'."""
    shape, found = blocks.pairs, []
    E = shape.basis.reshape(-1, shape.q, shape.q)
    for part, own in zip(blocks.parts, e, strict=True):
        found.append(np.einsum("iab,bj->aij", E[:, part, part], own))
    return found


def _with_columns(blocks: Blocks, columns: list[Array]) -> Blocks:
    """The same groups with other columns in the place of [X y]."""
    factors = tuple(
        replace(f, ZtV=np.ascontiguousarray(c))
        for f, c in zip(blocks.factors, columns, strict=True)
    )
    return replace(blocks, factors=factors)


def conditional_aic_frame(found: ConditionalAIC) -> object:
    """One row: conditional_aic, loglik, df, rho, correction, marginal_df, method, estimator."""
    return to_native(
        {
            "conditional_aic": np.array([found.value]),
            "loglik": np.array([found.loglik]),
            "df": np.array([found.df]),
            "rho": np.array([found.rho]),
            "correction": np.array([found.correction]),
            "marginal_df": np.array([found.marginal_df]),
            "method": [found.method],
            "estimator": ["REML" if found.restricted else "ML"],
        },
        found.backend,
    )
