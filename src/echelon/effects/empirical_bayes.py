"""Empirical Bayes estimates of the random effects and their conditional variances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.data import Values, to_native
from echelon.estimate.engine import FactorEffects, Sweep
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


def empirical_bayes(fit: LmmFit, factor: str | None = None) -> Effects:
    """Empirical Bayes (conditional mean) estimates of one factor's random effects.

    Parameters
    ----------
    factor : grouping factor; may be left out when there is only one

    Raises
    ------
    UnknownOption : no such factor, or several and none named
    """
    return all_effects(fit)[fit.place(factor)]


def all_effects(fit: LmmFit, sweep: Sweep | None = None) -> tuple[Effects, ...]:
    """Empirical Bayes estimates of every factor's random effects, from moments alone.

    Parameters
    ----------
    sweep : the engine at the estimates, where it is at hand

    Notes
    -----
    With e = Z'V0^-1(y - X beta) of a group, u = D e and Var(u | y) = sigma^2 (D - D K D) =
    sigma^2 D (I + M D)^-1 for one factor (`eb-mode`, `eb-conditional`; bates2015, section 2). The
    last form is used: the difference loses its digits where groups are reliable.
    """
    task = fit.problem
    sweep = task.engine.sweep(fit.lam_working) if sweep is None else sweep
    parts = task.blocks.parts
    centred = fit.optimum.beta - task.fixed.shift
    beta = np.linalg.solve(task.fixed.back, centred).astype(np.float64)
    return tuple(
        _effects(fit, part, beta, found) for part, found in zip(parts, sweep.effects(), strict=True)
    )


def _effects(fit: LmmFit, part: slice, beta: Array, found: FactorEffects) -> Effects:
    lam, T, p = fit.lam_working[part, part], fit.problem.whiten[part, part], fit.problem.p
    D = lam @ lam.T
    e = found.F[:, p] - np.einsum("apj,p->aj", found.F[:, :p], beta)
    return Effects(
        mode=(T @ D @ e).T,
        var=fit.optimum.sigma2 * (T @ found.W.transpose(2, 0, 1) @ T.T),
        leverage=np.einsum("ab,bpj->jap", T @ D, found.F[:, :p]),
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
    """Random effects as a labelled table, one row a group and effect, factor after factor.

    Parameters
    ----------
    level : coverage of the interval, mode +/- normal quantile x conditional SD

    Returns
    -------
    table in the caller's dataframe library: group, level, term, estimate, std_error (lme4's
    conditional SD), conf_low, conf_high. After the iterative method the last three are nan for
    factors of many groups; `conditional_sd` solves for those that are named.
    """
    check_level(level)
    reach = float(t_quantile((1 + level) / 2, np.inf))
    columns: dict[str, list[object]] = {"group": [], "level": [], "term": []}
    modes, errors = [], []
    for group, effects in zip(fit.moments.groups, all_effects(fit), strict=True):
        J, q = effects.mode.shape
        columns["group"] += [group.factor] * (J * q)
        columns["level"] += [level_ for level_ in group.levels for _ in range(q)]
        columns["term"] += list(group.effects) * J
        variance = np.diagonal(effects.var, axis1=1, axis2=2)
        modes.append(effects.mode.ravel())
        errors.append(np.sqrt(np.maximum(variance, 0.0)).ravel())
    mode, sd = np.concatenate(modes), np.concatenate(errors)
    table: dict[str, Values] = {
        **columns,
        "estimate": mode,
        "std_error": sd,
        "conf_low": mode - reach * sd,
        "conf_high": mode + reach * sd,
    }
    return to_native(table, fit.source.backend)


__all__ = ["Effects", "all_effects", "empirical_bayes", "ranef", "total_variance"]
