"""Residuals of every kind: conditional, marginal, Pearson's, scaled, standardized, whitened."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.effects.fitted import fitted
from echelon.effects.residual_law import row_sd, whitened
from echelon.effects.row_variance import hat_values, row_variance
from echelon.effects.rows import fixed_values, own_rows
from echelon.errors import NotYetSupported, UnknownOption
from echelon.model.fit import LmmFit, OlsFit
from echelon.model.iterative import probes_used

Array = NDArray[np.float64]
Kind = Literal["conditional", "marginal", "pearson", "scaled", "standardized", "normalized"]
_SAME = {
    "response": "conditional",
    "raw": "conditional",
    "working": "conditional",
    "deviance": "pearson",
    "unconditional": "marginal",
    "fixed": "marginal",
    "studentized": "standardized",
    "internally studentized": "standardized",
    "rstandard": "standardized",
    "cholesky": "normalized",
    "whitened": "normalized",
}
"""What other programs call them."""


def residuals(fit: LmmFit | OlsFit, kind: str = "conditional") -> Array:
    """Residuals (n,) over the rows used.

    Parameters
    ----------
    kind : "conditional": response minus fitted values, random effects included (`fit.resid`).
        "marginal": response minus the fixed part and the offset. "pearson": conditional, times the
        root of the precision weight and, under `residual=`, over the ratio of the row's stratum, so
        that all rows have the variance sigma^2; lme4's type="pearson". "scaled": the same over
        sigma, each residual over its own SD; nlme's type="pearson". "standardized": conditional,
        over the SD that is left to it, sd sqrt(1 - leverage): internally studentized, as R's
        rstandard; nan where the model reproduces the row. "normalized": scaled, and freed of the
        correlation that `residual=` describes; nlme's type="normalized"

    Raises
    ------
    UnknownOption : another kind
    NeedsRows : the fit was made from summaries
    NotYetSupported : "standardized" after the iterative method

    Notes
    -----
    `residual-kinds`, `residual-standardized`, `normalized`; pinheiro2000, section 4.3;
    raudenbush2002, ch. 9. For a model without random effects conditional and marginal are the same.

    Examples
    --------
    >>> import echelon as ec
    >>> sleep = ec.datasets.load("sleepstudy", quiet=True)
    >>> fit = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep)
    >>> fit.residuals("scaled")[:3].round(3).tolist()
    [-0.16, -0.571, -1.649]
    """
    if isinstance(kind, str) and kind in _SAME:
        raise UnknownOption("kind", kind, get_args(Kind), f"It is kind={_SAME[kind]!r} here.")
    if kind not in get_args(Kind):
        raise UnknownOption("kind", kind, get_args(Kind))
    design = (fit.rows("residuals()") if isinstance(fit, LmmFit) else fit.built).design
    if kind == "marginal":
        return design.y - fixed_values(fit)
    conditional = design.y - fitted(fit)
    if kind == "conditional":
        return conditional
    if kind == "standardized":
        return _over(conditional, np.sqrt(left_variance(fit)))
    if kind == "normalized":
        return whitened(fit, conditional)
    scaled = _over(conditional, row_sd(fit))
    sigma = fit.optimum.sigma if isinstance(fit, LmmFit) else np.sqrt(fit.sigma2)
    return scaled if kind == "scaled" else sigma * scaled


def left_variance(fit: LmmFit | OlsFit) -> Array:
    """Variance (n,) of the conditional residuals; nan where the model reproduces the row.

    Notes
    -----
    Var(y - fitted) = Var(e) - Var(x'beta_hat + z'u_hat - x'beta - z'u), row by row, whatever the
    residual structure (`residual-standardized`); sigma^2 (1 - leverage) / w where residuals are
    independent.
    """
    require_exact(fit, "Standardized residuals")
    variance = np.square(row_sd(fit))
    known = ols_variance(fit) if isinstance(fit, OlsFit) else row_variance(fit, own_rows(fit))
    left = variance - known
    return np.where(left > tolerances.REPRODUCED * variance, left, np.nan)


def require_exact(fit: LmmFit | OlsFit, what: str) -> None:
    """Refuse what needs the error of every fitted value.

    Raises
    ------
    NotYetSupported : the fit was made by the iterative method
    """
    if isinstance(fit, LmmFit) and probes_used(fit) is not None:
        raise NotYetSupported(
            f"{what} need the error of every fitted value, which the iterative method does not "
            'give. Fit with method="exact", or take kind="scaled".'
        )


def ols_variance(fit: OlsFit) -> Array:
    """Variance (n,) of the fitted values of a linear model, x'Var(beta_hat) x."""
    design = fit.built.design
    place = dict(zip(design.names, design.arrays, strict=True))
    one = np.ones(design.n)
    X = np.column_stack([one if name == "(Intercept)" else place[name] for name in fit.names])
    return np.asarray(np.einsum("np,pq,nq->n", X, fit.vcov_beta, X))


def leverages(fit: LmmFit | OlsFit) -> Array:
    """Leverages (n,), the diagonal of the hat matrix (`hat-matrix`)."""
    require_exact(fit, "Leverages")
    if isinstance(fit, LmmFit):
        return hat_values(fit)
    return ols_variance(fit) / np.square(row_sd(fit))


def _over(e: Array, sd: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Array = np.where(sd > 0, e / sd, np.nan)
    return found
