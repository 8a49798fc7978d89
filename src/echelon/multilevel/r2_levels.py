"""Snijders and Bosker's R squared: how much better rows and groups are predicted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from echelon import tolerances
from echelon.data import to_native
from echelon.errors import DataError, NotYetSupported
from echelon.model.fit import LmmFit
from echelon.multilevel.factors import check_one_factor
from echelon.multilevel.icc import residual_variance
from echelon.multilevel.null_model import null_model, random_intercept_model


@dataclass(frozen=True, slots=True)
class R2Levels:
    """Proportional reduction of the error of prediction at two levels.

    Attributes
    ----------
    level1, level2 : of a row and of a group's mean, as they come: they may be negative
    factor : the grouping factor
    size : rows of the group whose mean is predicted
    tau_null, sigma2_null, tau, sigma2 : variances between groups and within, of the model without
        predictors and of the model with a random intercept only
    slopes : random slopes that were left out for the comparison
    backend : the caller's dataframe library
    """

    level1: float
    level2: float
    factor: str
    size: float
    tau_null: float
    sigma2_null: float
    tau: float
    sigma2: float
    slopes: tuple[str, ...]
    backend: str


def r2_level_values(fit: LmmFit, *, size: float | None = None) -> R2Levels:
    """Snijders and Bosker's R squared of a fit, from moments alone.

    Parameters
    ----------
    size : rows of a representative group; None for the harmonic mean of the groups' sizes

    Raises
    ------
    DataError : several grouping factors; a size below one
    NotYetSupported : correlated residuals, whose mean has another variance than sigma^2 / size
    NotIdentified : no random intercept

    Notes
    -----
    `snijders-r2`; snijders2012, section 7.1. A model with random slopes is fitted again with a
    random intercept only, as the book advises: the values then differ little.
    """
    check_one_factor(
        fit,
        "Snijders and Bosker's R squared",
        "explained() has the variance explained of every factor, r2() the share of the total.",
    )
    if fit.residual is not None and fit.residual.correlation is not None:
        raise NotYetSupported(
            "Snijders and Bosker's R squared takes the error of a group's mean as sigma^2 / n, and "
            f"here residuals are correlated: {fit.residual.within}. explained() and r2() take them."
        )
    number = isinstance(size, int | float | np.integer | np.floating)
    if size is not None and not (number and 1 <= size < np.inf):
        raise DataError(f"size={size!r} must be a number of rows, at least 1.")
    weight = fit.group_moments.weight if fit.residual is None else fit.group_moments.count
    n = float(1 / np.mean(1 / weight)) if size is None else float(size)
    null, model = null_model(fit), random_intercept_model(fit)
    (tau0, sigma0), (tau, sigma) = (
        (float(f.optimum.covariance[0, 0]), residual_variance(f)) for f in (null, model)
    )
    return R2Levels(
        level1=_reduced(tau0 + sigma0, tau + sigma),
        level2=_reduced(tau0 + sigma0 / n, tau + sigma / n),
        factor=fit.factor,
        size=n,
        tau_null=tau0,
        sigma2_null=sigma0,
        tau=tau,
        sigma2=sigma,
        slopes=tuple(e for e in fit.effects if model is not fit and e != "(Intercept)"),
        backend=fit.source.backend,
    )


def _reduced(before: float, after: float) -> float:
    left = 1 - after / before
    return left if abs(left) > tolerances.CANCELLED else 0.0


def r2_levels_frame(found: R2Levels) -> object:
    """One row a level: level, predicted, error_null, error, r2."""
    n = np.array([1.0, found.size])
    return to_native(
        {
            "level": np.array([1, 2]),
            "predicted": ["row", f"mean of {found.factor}"],
            "error_null": found.tau_null + found.sigma2_null / n,
            "error": found.tau + found.sigma2 / n,
            "r2": np.array([found.level1, found.level2]),
        },
        found.backend,
    )
