"""What random probes add to the uncertainty of a fit, and how to say so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.estimate.coordinates import chart
from echelon.estimate.iterative.probes import Count, Probes
from echelon.estimate.optimise import Search
from echelon.estimate.optimum import Optimum
from echelon.estimate.problem import Problem

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class MonteCarlo:
    """Monte Carlo standard errors of an iterative fit (`iterative-error`).

    Attributes
    ----------
    probes, seed : how many random vectors a factor, and the seed they were drawn from
    deviance : standard error of the deviance (minus twice the log-likelihood)
    variances : (t + 1,) standard errors of the free entries of the random effects' covariance, in
        the user's units, and of sigma2
    share : (t + 1,) the same as shares of the parameters' own standard errors; nan where there is
        none
    iterations : conjugate-gradient steps of the whole search
    """

    probes: Count
    seed: int
    deviance: float
    variances: Array
    share: Array
    iterations: int

    @property
    def loglik(self) -> float:
        """Standard error of the log-likelihood."""
        return self.deviance / 2

    @property
    def meaningless(self) -> float:
        """A difference of two such deviances (so of AIC, or a likelihood ratio) below this may be
        Monte Carlo error alone: two standard errors of a difference.
        """
        return 2 * float(np.sqrt(2)) * self.deviance

    def message(self) -> str:
        """Method and errors in words, for the verdict."""
        if self.probes == "exact":
            return "Iterative method with all unit vectors for probes: no Monte Carlo error."
        worst = float(np.nanmax(self.share)) if np.isfinite(self.share).any() else np.nan
        return (
            f"Iterative method with {self.probes} random probes a factor (rng={self.seed}). Fixed "
            "effects and modes are exact for the variances given. The variances carry Monte Carlo "
            f"errors of at most {worst:.2g} of their standard errors, and so do standard errors "
            "of variances and Satterthwaite's degrees of freedom. The deviance has a Monte Carlo "
            f"standard error of {self.deviance:.2g}: differences in deviance or AIC, and "
            f"likelihood ratios, below {self.meaningless:.2g} mean nothing. More probes= make "
            "both smaller. Conditional SDs of large factors are nan; conditional_sd() solves for "
            "the groups it is given."
        )


@dataclass(frozen=True, slots=True, eq=False)
class Noise:
    """What the probes of a search left undetermined.

    Attributes
    ----------
    slopes : (t, t) Monte Carlo covariance of tr(P V_i) at the end
    log_error : Monte Carlo standard error of log|V0|
    iterations : conjugate-gradient steps of the whole search
    """

    slopes: Array
    log_error: float
    iterations: int


def monte_carlo(
    problem: Problem, search: Search, best: Optimum, noise: Noise, probes: Probes
) -> MonteCarlo:
    """Carry the noise of the slopes to the parameters, and add up that of the deviance.

    Notes
    -----
    The root of a gradient with error e is off by -H^-1 e, and the deviance there is too high by
    e'H^-1 e / 2 (`iterative-error`).
    """
    at, shape = search.at, problem.pairs
    local = chart(at, shape)
    inside = local.D_gradient()
    slopes = inside.T @ noise.slopes @ inside  # of the gradient in x
    values, vectors = np.linalg.eigh(local.hessian)
    curved = values > tolerances.FLAT * max(float(np.abs(values).max()), np.finfo(float).tiny)
    inverse = (vectors[:, curved] / values[curved]) @ vectors[:, curved].T
    to_user = _to_user(problem, search) @ inside @ inverse
    shortfall = float(np.trace(inverse @ slopes)) / 2
    errors = np.sqrt(np.maximum(np.diagonal(to_user @ slopes @ to_user.T), 0.0))
    own = np.sqrt(np.maximum(np.diagonal(best.component_covariance()), 0.0))
    return MonteCarlo(
        probes=probes.count,
        seed=probes.seed,
        deviance=float(np.hypot(noise.log_error, shortfall)),
        variances=errors,
        share=np.divide(errors, own, out=np.full(len(own), np.nan), where=own > 0),
        iterations=noise.iterations,
    )


def _to_user(problem: Problem, search: Search) -> Array:
    """(t + 1, t) derivative of sigma2 D (user's units) and of sigma2 in the working D.

    sigma2 = y'Py / df follows D: its derivative is -y'P V_i P y / df.
    """
    at, shape = search.at, problem.pairs
    df = at.rho2 / at.sigma2
    with_D = -at.curvature.score / df
    congruence = shape.congruence(problem.whiten)
    D = congruence @ shape.free(at.D)
    return np.concatenate([at.sigma2 * congruence + np.outer(D, with_D), with_D[None]])
