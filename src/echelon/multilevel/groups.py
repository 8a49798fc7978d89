"""Unpacking the estimator group by group: OLS estimate, its variance, weight, shrinkage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from echelon.data import Values, to_native
from echelon.effects.empirical_bayes import empirical_bayes, total_variance
from echelon.errors import UnknownColumn, UnknownOption
from echelon.linalg.distributions import check_level, t_quantile
from echelon.model.fit import LmmFit
from echelon.multilevel.own import OwnPart, own_part

Array = NDArray[np.float64]
Interval = Literal["total", "conditional"]


@dataclass(frozen=True, slots=True, eq=False)
class GroupValues:
    """The groups of a fit, unpacked; arrays are (J,) or (J, q).

    Attributes
    ----------
    factor, levels, effects : grouping factor, its J labels, its q random coefficients
    n : rows per group
    ols : least-squares estimate of each coefficient from the group alone (its mean, in a model
        without level-1 predictors)
    V : error variance of `ols`, sigma^2 (Z_j'Z_j)^-1; sigma^2 / n_j for a mean
    Delta : total variance tau + V
    weight : precision weight in percent, 100 Delta^-1 / sum Delta^-1
    reliability : lambda_j = tau / (tau + V)
    predicted : the group's own prediction from the fixed part
    eb : empirical Bayes estimate, predicted + u
    u : empirical Bayes deviation from the prediction
    conditional_sd : SD of u given the parameters (lme4's condVar)
    posterior_se : standard error of `eb` that counts the estimation of the fixed effects too
    conf_low, conf_high : eb -/+ normal quantile x the standard error chosen
    """

    factor: str
    levels: tuple[object, ...]
    effects: tuple[str, ...]
    n: NDArray[np.intp]
    ols: Array
    V: Array
    Delta: Array
    weight: Array
    reliability: Array
    predicted: Array
    eb: Array
    u: Array
    conditional_sd: Array
    posterior_se: Array
    conf_low: Array
    conf_high: Array

    @property
    def SE(self) -> Array:
        """Standard error of `ols`, sqrt(V)."""
        return np.sqrt(self.V)


def group_values(fit: LmmFit, *, level: float = 0.95, interval: Interval = "total") -> GroupValues:
    """Unpack the groups of a fit, from moments alone.

    Notes
    -----
    V_j, Delta_j, lambda_j as in raudenbush2002, ch. 3 (`unpack`). The posterior variance is
    V*_j = (V_j^-1 + tau^-1)^-1 + (1 - lambda_j)^2 [sum_j Delta_j^-1]^-1 for a mean (`eb-total`),
    and its matrix form for several coefficients.
    """
    check_level(level)
    if interval not in get_args(Interval):
        raise UnknownOption("interval", interval, get_args(Interval))
    best, split, effects = fit.optimum, own_part(fit), empirical_bayes(fit)
    tau = np.diagonal(best.covariance)
    V = best.sigma2 * np.diagonal(split.least_squares_variance, axis1=1, axis2=2)
    Delta = tau + V
    with np.errstate(divide="ignore", invalid="ignore"):
        reliability = tau / Delta
    predicted = np.einsum("jqp,p->jq", split.own, best.beta)
    eb = predicted + effects.mode
    conditional = np.sqrt(np.maximum(np.diagonal(effects.var, axis1=1, axis2=2), 0.0))
    total = total_variance(fit, effects, split.own)
    posterior = np.sqrt(np.maximum(np.diagonal(total, axis1=1, axis2=2), 0.0))
    reach = t_quantile((1 + level) / 2, np.inf) * (
        posterior if interval == "total" else conditional
    )
    return GroupValues(
        factor=fit.factor,
        levels=fit.group_moments.levels,
        effects=fit.effects,
        n=fit.group_moments.count,
        ols=_least_squares(fit, split),
        V=V,
        Delta=Delta,
        weight=100 / Delta / np.nansum(1 / Delta, axis=0),
        reliability=reliability,
        predicted=predicted,
        eb=eb,
        u=effects.mode,
        conditional_sd=conditional,
        posterior_se=posterior,
        conf_low=eb - reach,
        conf_high=eb + reach,
    )


def _least_squares(fit: LmmFit, split: OwnPart) -> Array:
    """(J, q) least squares within each group, after the level-1 predictors' fixed effects."""
    group, moments = fit.group_moments, fit.moments
    raw = group.ZtV + group.ZtV[:, :, :1] * moments.centre  # Z centred, [1 X y] about zero
    target = raw[:, :, -1]
    for i in np.flatnonzero(split.level1):
        column = moments.columns.index(fit.names[i])
        target = target - fit.optimum.beta[i] * raw[:, :, column]
    ols: Array = np.einsum("ab,jbc,jc->ja", split.undo, split.inverse, target)
    return ols


def groups(
    fit: LmmFit,
    factor: str | None = None,
    *,
    level: float = 0.95,
    interval: Interval = "total",
) -> object:
    """Every group unpacked: what it says, how much it weighs, how far it is shrunk.

    Parameters
    ----------
    factor : name of the grouping factor; None for the only one
    level : coverage of the interval
    interval : "total" for the posterior standard error that counts the uncertainty of the fixed
        effects (the default), "conditional" for lme4's conditional SD. The observed mean's SE
        around an empirical Bayes estimate is a known misuse and not offered.

    Returns
    -------
    table in the caller's dataframe library, one row a group (and random coefficient, when there are
    several): the group's label, term, n, mean (for a random intercept; `ols` for several
    coefficients), V, SE, Delta, weight (percent), reliability, predicted, EB, u, cond_sd, EB_se,
    conf_low, conf_high. Least-squares estimates are missing where a group alone cannot give them.

    Raises
    ------
    UnknownColumn : `factor` is no grouping factor of the model

    Examples
    --------
    >>> import echelon as ec
    >>> timss = ec.datasets.load("timss", quiet=True)
    >>> fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    >>> fit.groups("idschool")[["idschool", "n", "mean", "EB"]].head(1).round(2).values.tolist()
    [[5036.0, 41.0, 484.25, 484.2]]
    """
    if factor is not None and factor != fit.factor:
        raise UnknownColumn(factor, [fit.factor], "groups()")
    values = group_values(fit, level=level, interval=interval)
    q = len(values.effects)
    alone = values.effects == ("(Intercept)",)
    columns: dict[str, Values] = {
        values.factor: [label for label in values.levels for _ in range(q)],
        "term": list(values.effects) * len(values.levels),
        "n": np.repeat(values.n, q),
        "mean" if alone else "ols": values.ols.ravel(),
        "V": values.V.ravel(),
        "SE": values.SE.ravel(),
        "Delta": values.Delta.ravel(),
        "weight": values.weight.ravel(),
        "reliability": values.reliability.ravel(),
        "predicted": values.predicted.ravel(),
        "EB": values.eb.ravel(),
        "u": values.u.ravel(),
        "cond_sd": values.conditional_sd.ravel(),
        "EB_se": values.posterior_se.ravel(),
        "conf_low": values.conf_low.ravel(),
        "conf_high": values.conf_high.ravel(),
    }
    return to_native(columns, fit.source.backend)
