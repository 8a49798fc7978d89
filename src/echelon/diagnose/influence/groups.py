"""Influence of groups, or of rows that are refitted without: the estimates without each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from echelon.diagnose.influence.units import Units
from echelon.linalg.distributions import t_two_sided
from echelon.model.fit import LmmFit, OlsFit

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Method = Literal["exact", "one-step", "held"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class GroupInfluence:
    """What each group does to the estimates: those without it; nan where there are none.

    Attributes
    ----------
    fit : the model
    units : the groups
    size : (R,) rows of each
    method : "exact" refits; "one-step", one Newton step; "held", variance parameters held
    beta : (R, p), vcov : (R, p, p) without each
    components : (R, m) variance components without each, in the order of `component_names`
    deviance : (R,) REML criterion or ML deviance of the rows left
    displacement : (R,) how much the criterion of all rows is higher at the estimates without each:
        twice the likelihood displacement's unit of log-likelihood
    boundary : (R,) whether a variance without it is zero
    reason : (R,) why there are no estimates or not all of them, "" otherwise
    df : (p,) degrees of freedom of the coefficients' tests with all rows
    level : of the tests
    """

    fit: LmmFit | OlsFit
    units: Units
    size: NDArray[np.intp]
    method: Method
    beta: Array
    vcov: Array
    components: Array
    deviance: Array
    displacement: Array
    boundary: Flags
    reason: tuple[str, ...]
    df: Array
    level: float = 0.05

    @property
    def R(self) -> int:
        """Groups."""
        return self.units.R

    @property
    def base(self) -> tuple[Array, Array]:
        """Fixed effects and their covariance with all rows."""
        if isinstance(self.fit, OlsFit):
            return self.fit.beta, self.fit.vcov_beta
        return self.fit.optimum.beta, self.fit.optimum.vcov

    @property
    def component_names(self) -> tuple[str, ...]:
        """Variances and covariances of the random effects, factor after factor; then sigma2."""
        return component_names(self.fit)

    @property
    def dfbeta(self) -> Array:
        """(R, p) estimates of all rows minus those without each (`dfbetas`)."""
        return np.asarray(self.base[0] - self.beta)

    @property
    def std_error(self) -> Array:
        """(R, p) standard errors without each."""
        return np.asarray(np.sqrt(np.einsum("rpp->rp", self.vcov)))

    @property
    def dfbetas(self) -> Array:
        """(R, p) the same over the standard errors without each (`dfbetas`)."""
        return np.asarray(self.dfbeta / self.std_error)

    @property
    def cooks(self) -> Array:
        """(R,) Cook's distance of the fixed effects (`cook`)."""
        return self._distance(np.broadcast_to(self.base[1], self.vcov.shape))

    @property
    def mdffits(self) -> Array:
        """(R,) the same in the covariance without each (`mdffits`)."""
        return self._distance(self.vcov)

    def _distance(self, vcov: Array) -> Array:
        known = np.isfinite(vcov).all(axis=(1, 2)) & np.isfinite(self.beta).all(axis=1)
        out, p = np.full(self.R, np.nan), self.beta.shape[1]
        if p:
            d = self.dfbeta[known][:, :, None]
            out[known] = (d * np.linalg.solve(vcov[known], d)).sum(axis=(1, 2)) / p
        return out

    @property
    def _ratio(self) -> Array:
        """(R, p, p) the covariance without each, in units of that with all rows."""
        root = np.linalg.cholesky(self.base[1])
        half = np.linalg.solve(root, self.vcov)
        return np.linalg.solve(root, half.transpose(0, 2, 1))

    @property
    def covratio(self) -> Array:
        """(R,) determinant of the covariance without each over that with all (`covratio`)."""
        with np.errstate(invalid="ignore"):  # nan where a coefficient is not estimable
            return np.asarray(np.linalg.det(self._ratio))

    @property
    def covtrace(self) -> Array:
        """(R,) trace of their quotient minus p, without its sign (`covratio`)."""
        return np.asarray(np.abs(np.einsum("rpp->r", self._ratio) - self.beta.shape[1]))

    @property
    def relative_change(self) -> Array:
        """(R, m) variance components without each over those with all rows, minus 1 (`rvc`)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            change = self.components / components_of(self.fit) - 1
        return np.where(np.isfinite(change), change, np.nan)

    @property
    def p_value(self) -> Array:
        """(R, p) p-values without each, at the degrees of freedom with all rows."""
        return t_two_sided(self.beta / self.std_error, self.df)

    @property
    def flips(self) -> Flags:
        """(R, p) whether a coefficient is significant without the group and not with it, or vv."""
        beta, vcov = self.base
        before = t_two_sided(beta / np.sqrt(np.diagonal(vcov)), self.df) < self.level
        return np.asarray(np.isfinite(self.p_value) & ((self.p_value < self.level) != before))


def component_names(fit: LmmFit | OlsFit) -> tuple[str, ...]:
    """Names of the variance components: var_, cov_ of each factor, sigma2."""
    if isinstance(fit, OlsFit):
        return ("sigma2",)
    shape = fit.optimum.pairs
    owner = [(group.factor, effect) for group in fit.moments.groups for effect in group.effects]
    named = (
        f"var_{owner[r][1]}|{owner[r][0]}"
        if r == c
        else f"cov_{owner[r][1]}.{owner[c][1]}|{owner[r][0]}"
        for r, c in zip(shape.row, shape.col, strict=True)
    )
    return (*named, "sigma2")


def components_of(fit: LmmFit | OlsFit) -> Array:
    """(m,) the variance components of a fit, in the order of `component_names`."""
    if isinstance(fit, OlsFit):
        return np.array([fit.sigma2])
    best = fit.optimum
    return np.append(best.pairs.free(best.covariance), best.sigma2)
