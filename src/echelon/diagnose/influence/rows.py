"""Influence of single rows on a mixed model, its variance parameters held: closed forms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.diagnose.influence.linear import linear_rows
from echelon.diagnose.influence.pieces import Pieces, pieces
from echelon.effects.row_variance import hat_values
from echelon.effects.rows import own_rows
from echelon.errors import NotYetSupported
from echelon.model.fit import LmmFit, OlsFit
from echelon.model.iterative import probes_used

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RowInfluence:
    """What each row does to the estimates; nan where a row alone determines a coefficient.

    Attributes
    ----------
    fit : the model
    row : (n,) number of each row used in the table, from 0
    leverage : (n,) d fitted / d y, fixed and random effects;  leverage_fixed, leverage_random : its
        two parts (of a linear model: the whole and zero)
    residual : (n,) conditional residuals;  std_residual : over their own standard deviations; of a
        linear model internally studentised
    cooks : (n,) Cook's distance of the fixed effects
    cooks_conditional : (n,) lme4's `cooks.distance`: the move of the fitted value of fixed and
        random effects together; nan under correlated residuals
    mdffits : (n,) Cook's distance in the covariance without the row
    dffits : (n,) of a linear model, nan of others
    covratio, covtrace : (n,) determinant of the covariance of the fixed effects without the row
        over that with it; trace of their quotient minus p, without its sign
    dfbeta : (n, p) estimates with the row minus without it;  dfbetas : over their standard errors
        without the row
    """

    fit: LmmFit | OlsFit
    row: NDArray[np.intp]
    leverage: Array
    leverage_fixed: Array
    leverage_random: Array
    residual: Array
    std_residual: Array
    cooks: Array
    cooks_conditional: Array
    mdffits: Array
    dffits: Array
    covratio: Array
    covtrace: Array
    dfbeta: Array
    dfbetas: Array

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.row)


def row_influence_values(fit: LmmFit | OlsFit) -> RowInfluence:
    """Influence of every row. Cost O(n (p + q)^2); with crossed factors as `row_variance`.

    Raises
    ------
    NeedsRows : the fit was made from summaries
    NotYetSupported : more than a few rows after the iterative method

    Notes
    -----
    Variance parameters are held, so that deletion is exact without a refit (`deletion-row`,
    `cook`, `mdffits`, `covratio`, `dfbetas`; christensen1992, demidenko2005); `cook-lme4`;
    bates2015. Of a linear model nothing is held (`deletion-lm`; belsley1980).
    """
    if isinstance(fit, OlsFit):
        return RowInfluence(fit, _numbers(fit), **linear_rows(fit))
    if probes_used(fit) is not None and fit.n > tolerances.SOLVED_ROWS:
        raise NotYetSupported(
            f'influence() of {fit.n:,} rows needs method="exact"; after the iterative method each '
            f"row takes a solution of its own, and at most {tolerances.SOLVED_ROWS} are made."
        )
    given = pieces(fit)
    sigma2, p = fit.optimum.sigma2, len(fit.names)
    P = given.P
    P = np.where(tolerances.ALONE * given.precision < P, P, np.nan)
    A_inverse = fit.optimum.vcov / sigma2
    Ag = given.G @ A_inverse
    a = np.einsum("np,np->n", Ag, given.G)
    shift = given.Py / P  # how far off the row is from what the others say of it
    dfbeta = Ag * shift[:, None]
    left_out = np.diagonal(fit.optimum.vcov) + sigma2 * Ag**2 / P[:, None]
    cooks = shift**2 * a / (sigma2 * p) if p else np.full(len(P), np.nan)
    leverage = hat_values(fit)
    return RowInfluence(
        fit=fit,
        row=_numbers(fit),
        leverage=leverage,
        leverage_fixed=(fixed := _fixed_part(given, A_inverse)),
        leverage_random=leverage - fixed,
        residual=given.residual,
        std_residual=given.Py / np.sqrt(sigma2 * P),
        cooks=cooks,
        cooks_conditional=_conditional(fit, given, leverage),
        mdffits=cooks * P / (P + a),
        dffits=np.full(len(P), np.nan),
        covratio=1 + a / P,
        covtrace=a / P,
        dfbeta=dfbeta,
        dfbetas=dfbeta / np.sqrt(left_out),
    )


def _fixed_part(given: Pieces, A_inverse: Array) -> Array:
    """(n,) diagonal of X (X'V^-1X)^-1 X'V^-1 (`leverage-parts`)."""
    X = own_rows(given.fit).X
    return np.asarray(np.einsum("np,pq,nq->n", X, A_inverse, given.G, optimize=True))


def _conditional(fit: LmmFit, given: Pieces, leverage: Array) -> Array:
    """lme4's distance (`cook-lme4`)."""
    p = len(fit.names)
    if (fit.residual is not None and fit.residual.correlation is not None) or not p:
        return np.full(len(leverage), np.nan)
    pearson2 = given.residual**2 * given.precision
    with np.errstate(divide="ignore", invalid="ignore"):
        found = pearson2 / (1 - leverage) ** 2 * leverage / (fit.optimum.sigma2 * p)
    return np.where(np.isfinite(found), found, np.nan)


def _numbers(fit: LmmFit | OlsFit) -> NDArray[np.intp]:
    built = fit.built
    if built is None or built.used is None:
        return np.arange(fit.n)
    return np.flatnonzero(built.used)
