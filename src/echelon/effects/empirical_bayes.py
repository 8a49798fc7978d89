"""Empirical Bayes estimates of the random effects and their conditional variances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.data import Values, to_native
from echelon.estimate.kernel import group_sums
from echelon.linalg.distributions import check_level, t_quantile
from echelon.model.fit import LmmFit

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Effects:
    """Empirical Bayes estimates of one grouping factor.

    Attributes
    ----------
    mode : (J, q) estimates u_j, in units of the response per unit of z
    var : (J, q, q) conditional variance of u_j given the parameters, what lme4 calls condVar
    leverage : (J, q, p) D Z'V0^-1 X: how u_j answers to the fixed effects in working units
    """

    mode: Array
    var: Array
    leverage: Array

    def __post_init__(self) -> None:
        J, q = self.mode.shape
        if self.var.shape != (J, q, q):
            raise ValueError(f"var has shape {self.var.shape}, expected {(J, q, q)}")


def empirical_bayes(fit: LmmFit) -> Effects:
    """Empirical Bayes (conditional mean) estimates of the random effects, from moments alone.

    Notes
    -----
    With e = Z'V0^-1(y - X beta) of a group, u = D e and Var(u | y) = sigma^2 (D - D K D) =
    sigma^2 D (I + M D)^-1 (`eb-mode`, `eb-conditional`; bates2015, section 2). The last form is
    used: the difference loses its digits where groups are reliable.
    """
    problem, lam, best = fit.problem, fit.lam_working, fit.optimum
    D = lam @ lam.T
    sums = group_sums(problem, lam)
    p = problem.p
    beta = np.linalg.solve(problem.fixed.back, best.beta - problem.fixed.shift)
    e = sums.F_each[:, p] - np.einsum("apj,p->aj", sums.F_each[:, :p], beta)
    spread = sums.W_each[problem.pairs.place].transpose(2, 0, 1)
    T = problem.whiten
    return Effects(
        mode=(T @ D @ e).T,
        var=best.sigma2 * (T @ spread @ T.T),
        leverage=np.einsum("ab,bpj->jap", T @ D, sums.F_each[:, :p]),
    )


def total_variance(fit: LmmFit, effects: Effects, own: Array) -> Array:
    """(J, q, q) variance of the empirical Bayes coefficients own_j beta + u_j about the true ones.

    The conditional variance plus what estimating beta adds (`eb-total`; raudenbush2002, ch. 3):
    sigma^2 (own - D Z'V0^-1 X) (X'V0^-1 X)^-1 (own - D Z'V0^-1 X)'.

    Parameters
    ----------
    own : (J, q, p) fixed part of each group's coefficients, columns in the user's units
    """
    scaled = (own @ fit.problem.fixed.back - effects.leverage) @ fit.optimum.root
    return effects.var + scaled @ scaled.transpose(0, 2, 1)


def ranef(fit: LmmFit, *, level: float = 0.95) -> object:
    """Random effects as a labelled table, one row a group and effect.

    Parameters
    ----------
    level : coverage of the interval, mode +/- normal quantile x conditional SD

    Returns
    -------
    table in the caller's dataframe library: group, level, term, estimate, std_error (lme4's
    conditional SD), conf_low, conf_high
    """
    check_level(level)
    effects = empirical_bayes(fit)
    J, q = effects.mode.shape
    sd = np.sqrt(np.maximum(np.diagonal(effects.var, axis1=1, axis2=2), 0.0))
    reach = float(t_quantile((1 + level) / 2, np.inf)) * sd
    columns: dict[str, Values] = {
        "group": [fit.factor] * (J * q),
        "level": [level_ for level_ in fit.group_moments.levels for _ in range(q)],
        "term": list(fit.effects) * J,
        "estimate": effects.mode.ravel(),
        "std_error": sd.ravel(),
        "conf_low": (effects.mode - reach).ravel(),
        "conf_high": (effects.mode + reach).ravel(),
    }
    return to_native(columns, fit.source.backend)


__all__ = ["Effects", "empirical_bayes", "ranef", "total_variance"]
