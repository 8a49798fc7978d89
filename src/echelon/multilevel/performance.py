"""One row of fit measures: criteria, R squared, correlation, errors of prediction."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from echelon.data import Values, to_native
from echelon.effects import residuals
from echelon.errors import DataError
from echelon.estimate.deviance import evaluate
from echelon.infer import adjusted_r_squared, criteria, r_squared
from echelon.model.fit import LmmFit, OlsFit
from echelon.model.iterative import probes_used
from echelon.multilevel.conditional_aic import conditional_aic_values, residual_squares
from echelon.multilevel.design_effect import design_effect_values
from echelon.multilevel.icc import residual_variance, variance_shares

_NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Performance:
    """Measures of how well a model fits; nan where one does not apply.

    Attributes
    ----------
    n, parameters : rows, and the parameters that AIC counts
    loglik, deviance : log-likelihood (restricted under REML), minus twice it
    aic, aicc, bic : with `parameters` and n rows; aicc corrects for few rows
    conditional_aic, conditional_df : for predictions in the same groups
    r2_marginal, r2_conditional : described by the fixed effects, and by random effects too
    r2_adjusted : of a linear model
    icc, icc_unadjusted : share between groups, of random and residual variance and of all
    design_effect, effective_n : of the mean of the rows
    rmse : root mean square of the response less fitted values, random effects included
    sigma : residual standard deviation; root mean variance under a residual structure
    restricted : whether the likelihood is the restricted one
    formula, backend : of the model; the caller's dataframe library
    """

    n: int
    parameters: int
    loglik: float
    deviance: float
    aic: float
    aicc: float
    bic: float
    conditional_aic: float
    conditional_df: float
    r2_marginal: float
    r2_conditional: float
    r2_adjusted: float
    icc: float
    icc_unadjusted: float
    design_effect: float
    effective_n: float
    rmse: float
    sigma: float
    restricted: bool
    formula: str
    backend: str


def performance_values(fit: LmmFit | OlsFit) -> Performance:
    """Fit measures of a model in one value.

    Notes
    -----
    `aicc` (hurvich1989) adds 2 k (k + 1) / (n - k - 1) to AIC; the others are those of
    `criteria`, `conditional_aic`, `r2`, `icc` and `design_effect`. After the iterative method the
    conditional AIC takes the variances as known.
    """
    known = criteria(fit)
    k, n = known.parameters, known.n
    aicc = known.aic + 2 * k * (k + 1) / (n - k - 1) if n > k + 1 else _NAN
    measured = _of_lmm(fit) if isinstance(fit, LmmFit) else _of_ols(fit)
    return Performance(
        n=n,
        parameters=k,
        loglik=known.loglik,
        deviance=known.deviance,
        aic=known.aic,
        aicc=aicc,
        bic=known.bic,
        restricted=known.restricted,
        formula=" ".join(fit.spec.formula.split()),
        backend=fit.source.backend,
        **measured,
    )


def _of_lmm(fit: LmmFit) -> dict[str, float]:
    share, design = variance_shares(fit), design_effect_values(fit)
    exact = probes_used(fit) is None
    conditional = conditional_aic_values(fit, "greven-kneib" if exact else "vaida-blanchard")
    total, spread = share.total(adjusted=False), share.total(adjusted=True)
    return {
        "conditional_aic": conditional.value,
        "conditional_df": conditional.df,
        "r2_marginal": share.fixed / total,
        "r2_conditional": (share.fixed + share.random) / total,
        "r2_adjusted": _NAN,
        "icc": share.random / spread,
        "icc_unadjusted": share.random / total,
        "design_effect": design.kish,
        "effective_n": design.effective_n,
        "rmse": rmse(fit),
        "sigma": float(np.sqrt(residual_variance(fit))),
    }


def _of_ols(fit: OlsFit) -> dict[str, float]:
    none = dict.fromkeys(
        ("conditional_aic", "conditional_df", "r2_conditional", "icc", "icc_unadjusted"), _NAN
    )
    return {
        **none,
        "r2_marginal": r_squared(fit),
        "r2_adjusted": adjusted_r_squared(fit),
        "design_effect": _NAN,
        "effective_n": _NAN,
        "rmse": rmse(fit),
        "sigma": float(np.sqrt(fit.sigma2)),
    }


def rmse(fit: LmmFit | OlsFit) -> float:
    """Root mean square of the residuals, every row counting once where rows are at hand.

    From summaries, or without weights, of the weighted sum of squares that the moments hold.
    """
    if isinstance(fit, OlsFit):
        return float(np.sqrt(np.mean(residuals(fit) ** 2)))
    weighted = fit.moments.log_weight != 0 or fit.moments.weight != fit.n
    if (weighted or fit.residual is not None) and fit.built is not None:
        return float(np.sqrt(np.mean(residuals(fit) ** 2)))
    at = evaluate(fit.problem, fit.lam_working, fit.reml)
    if at is None:
        raise DataError("The deviance does not exist at these estimates; refit the model.")
    return float(np.sqrt(max(residual_squares(fit, at), 0.0) / fit.n))


def performance_frame(found: Performance) -> object:
    """The measures as a table of one row in the caller's dataframe library."""
    skip = ("restricted", "formula", "backend")
    names = [f.name for f in fields(Performance) if f.name not in skip]
    columns: dict[str, Values] = {name: np.array([getattr(found, name)]) for name in names}
    columns["estimator"] = ["REML" if found.restricted else "ML"]
    return to_native(columns, found.backend)
