"""Log-likelihood, deviance, AIC and BIC with the parameter counts of lme4 and of R's lm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from echelon.model.fit import LmmFit, OlsFit


@dataclass(frozen=True, slots=True)
class Criteria:
    """Likelihood and information criteria, with their conventions.

    Attributes
    ----------
    loglik : log-likelihood, restricted when `restricted`
    deviance : minus twice the log-likelihood
    parameters : fixed effects + variance parameters + residual variance
    aic : deviance + 2 parameters;  bic : deviance + log(n) parameters
    n : rows counted by BIC
    restricted : True for REML
    """

    loglik: float
    deviance: float
    parameters: int
    aic: float
    bic: float
    n: int
    restricted: bool


def criteria(fit: LmmFit | OlsFit) -> Criteria:
    """Criteria of a fit.

    Notes
    -----
    A multilevel model counts p + (free parameters of the random effects' covariance) + 1, under
    REML as under ML, and n rows (lme4); those of a residual structure besides. A linear model
    counts p + 1, and its likelihood is the maximum one (R's logLik.lm).
    """
    if isinstance(fit, LmmFit):
        deviance = fit.optimum.deviance
        parameters = len(fit.names) + fit.optimum.pairs.parameters + 1
        parameters += 0 if fit.residual is None else fit.residual.parameters
        restricted = fit.reml
    else:
        n = fit.n
        with np.errstate(divide="ignore"):
            deviance = float(
                n * (np.log(2 * np.pi) + 1 + np.log(fit.rss / n)) - fit.moments.log_weight
            )
        parameters, restricted = len(fit.names) + 1, False
    return Criteria(
        loglik=-deviance / 2,
        deviance=deviance,
        parameters=parameters,
        aic=deviance + 2 * parameters,
        bic=deviance + float(np.log(fit.n)) * parameters,
        n=fit.n,
        restricted=restricted,
    )
