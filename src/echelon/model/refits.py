"""One model fitted to many responses: the estimates of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.linalg.symmetric import Pairs
from echelon.model.fit import LmmFit

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Refits:
    """One model fitted to R responses; nan where there is no fit.

    Attributes
    ----------
    fit : the fit whose design this is
    names : R names of the responses
    beta : (R, p) fixed effects, in the order of `terms`
    vcov : (R, p, p) their covariances
    covariance : (R, q, q) covariance of the random effects of all factors, response units squared
        per unit of z
    theta : (R, t) relative covariance parameters in lme4's order
    sigma : (R,) residual standard deviations
    deviance : (R,) REML criterion, or minus twice the log-likelihood
    status : (R,) "converged", "boundary" (a variance of exactly zero, or a correlation of exactly
        +1 or -1) or "failed"
    evaluations : (R,) of the deviance
    responses : (n, R) what was fitted, offset included; None when only cross-products were given
    residual : (R, r) parameters of the residual structure, as `fit.residual.names`; None without
    """

    fit: LmmFit
    names: tuple[str, ...]
    beta: Array
    vcov: Array
    covariance: Array
    theta: Array
    sigma: Array
    deviance: Array
    status: NDArray[np.str_]
    evaluations: NDArray[np.intp]
    responses: Array | None
    residual: Array | None = None

    def __post_init__(self) -> None:
        if self.beta.shape != (len(self.names), len(self.terms)):
            raise ValueError(f"beta {self.beta.shape} does not fit {len(self.names)} responses")

    def __len__(self) -> int:
        return len(self.names)

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of the fixed effects."""
        return self.fit.names

    @property
    def std_error(self) -> Array:
        """(R, p) standard errors of the fixed effects."""
        return np.asarray(np.sqrt(np.einsum("rii->ri", self.vcov)))

    @property
    def component_names(self) -> tuple[str, ...]:
        """Columns of `components`, by lme4's names.

        "sd_(Intercept)|Subject", "cor_Days.(Intercept)|Subject", ..., "sigma"; then the names of
        the residual structure's parameters.
        """
        shape = self.fit.optimum.pairs
        owner = [(g.factor, effect) for g in self.fit.moments.groups for effect in g.effects]
        names = (
            f"sd_{owner[r][1]}|{owner[r][0]}"
            if r == c
            else f"cor_{owner[r][1]}.{owner[c][1]}|{owner[r][0]}"
            for r, c in zip(shape.row, shape.col, strict=True)
        )
        structure = None if self.residual is None else self.fit.residual
        return (*names, "sigma", *(() if structure is None else structure.names))

    @property
    def components(self) -> Array:
        """(R, t + 1) standard deviations and correlations; nan for the correlation of a zero.

        With a residual structure (R, t + 1 + r), its parameters last.
        """
        found = components(self.fit.optimum.pairs, self.covariance, self.sigma)
        return found if self.residual is None else np.column_stack([found, self.residual])

    @property
    def counts(self) -> dict[str, int]:
        """How many responses converged, ended on the boundary, failed."""
        kinds = ("converged", "boundary", "failed")
        return {kind: int(np.count_nonzero(self.status == kind)) for kind in kinds}


def components(shape: Pairs, covariance: Array, sigma: Array) -> Array:
    """(R, t + 1) standard deviations and correlations of covariances (R, q, q), and sigma (R,)."""
    sd = np.sqrt(np.einsum("raa->ra", covariance))
    with np.errstate(divide="ignore", invalid="ignore"):
        rho = covariance[:, shape.row, shape.col] / (sd[:, shape.row] * sd[:, shape.col])
    inside = np.where(shape.on_diagonal, sd[:, shape.row], np.clip(rho, -1.0, 1.0))
    return np.column_stack([inside, sigma])
