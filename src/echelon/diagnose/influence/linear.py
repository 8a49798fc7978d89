"""Influence in linear models: rows and groups, nothing held."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.effects.fitted import residuals
from echelon.model.fit import OlsFit

Array = NDArray[np.float64]


def linear_rows(fit: OlsFit) -> dict[str, Array]:
    """The measures of `RowInfluence` by name, as R's `influence.measures` (`deletion-lm`)."""
    design, p, df = fit.built.design, len(fit.names), fit.df_resid
    root = np.ones(design.n) if design.precision is None else np.sqrt(design.precision)
    e = residuals(fit)
    r = root * e
    X = kept_columns(fit) * root[:, None]
    Q, T = np.linalg.qr(X)
    h = np.square(Q).sum(axis=1)
    away = np.where(1 - h > tolerances.ALONE, 1 - h, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        sigma2_left = np.maximum(fit.rss - r**2 / away, 0.0) / (df - 1)
        dfbeta = np.linalg.solve(T, Q.T).T * (r / away)[:, None]
        student2 = r**2 / (sigma2_left * away)
        root_diagonal = np.sqrt(np.diagonal(fit.vcov_beta) / fit.sigma2)
        ratio = sigma2_left / fit.sigma2
        cooks = (r / away) ** 2 * h / (fit.sigma2 * p)
        return {
            "leverage": h,
            "leverage_fixed": h,
            "leverage_random": np.zeros(design.n),
            "residual": e,
            "std_residual": r / np.sqrt(fit.sigma2 * away),
            "cooks": cooks,
            "cooks_conditional": cooks,
            "mdffits": cooks * away / ratio,
            "dffits": r * np.sqrt(h) / (np.sqrt(sigma2_left) * away),
            "covratio": 1 / (away * ((df - 1 + student2) / df) ** p),
            "covtrace": np.abs(ratio * (p + h / away) - p),
            "dfbeta": dfbeta,
            "dfbetas": dfbeta / (np.sqrt(sigma2_left)[:, None] * root_diagonal),
        }


def kept_columns(fit: OlsFit) -> Array:
    """X (n, p) of the coefficients that are estimated, in the user's units."""
    design = fit.built.design
    one, by_name = np.ones(design.n), dict(zip(design.names, design.arrays, strict=True))
    return np.column_stack([one if m == "(Intercept)" else by_name[m] for m in fit.names])
