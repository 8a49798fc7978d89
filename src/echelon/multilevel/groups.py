"""Unpacking the estimator group by group: OLS estimate, its variance, weight, shrinkage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from echelon.data import Values, to_native
from echelon.effects.empirical_bayes import Effects, empirical_bayes, total_variance
from echelon.errors import UnknownOption
from echelon.linalg.distributions import check_level, t_quantile
from echelon.model.fit import LmmFit
from echelon.model.own import OwnPart, own_part
from echelon.multilevel.factors import covariance_of, place_of

Array = NDArray[np.float64]

_IN_SPAN = 1e-10
"""A group says nothing of a combination of its effects when its data take away less than this share
of the effects' variance."""

Interval = Literal["total", "conditional"]


@dataclass(frozen=True, slots=True, eq=False)
class GroupValues:
    """The groups of one factor of a fit, unpacked; arrays are (J,) or (J, q).

    Attributes
    ----------
    factor, levels, effects : grouping factor, its J labels, its q random coefficients
    others : the other grouping factors of the model; V, Delta and weight are nan where there are
        any, for their effects make the groups' estimates depend on one another
    n : rows per group
    mean : (J,) observed mean of the response; nan for a factor without a random intercept
    ols : least-squares estimate of each coefficient from the group alone (its mean, in a model
        without level-1 predictors); with other factors, the estimate with this group's effects
        taken as fixed and those of all other groups as random
    V : error variance of `ols`, sigma^2 (Z_j'Z_j)^-1; sigma^2 / n_j for a mean
    Delta : total variance tau + V
    weight : precision weight in percent, 100 Delta^-1 / sum Delta^-1
    reliability : lambda_j = tau / (tau + V); 1 - conditional variance / tau for several factors
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
    others: tuple[str, ...]
    n: NDArray[np.intp]
    mean: Array
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


def group_values(
    fit: LmmFit,
    factor: str | None = None,
    *,
    level: float = 0.95,
    interval: Interval = "total",
) -> GroupValues:
    """Unpack the groups of one factor of a fit, from moments alone.

    Notes
    -----
    V_j, Delta_j, lambda_j as in raudenbush2002, ch. 3 (`unpack`). The posterior variance is
    V*_j = (V_j^-1 + tau^-1)^-1 + (1 - lambda_j)^2 [sum_j Delta_j^-1]^-1 for a mean (`eb-total`),
    and its matrix form for several coefficients.
    """
    check_level(level)
    if interval not in get_args(Interval):
        raise UnknownOption("interval", interval, get_args(Interval))
    place = place_of(fit, factor, "groups()")
    group, best, split = fit.moments.groups[place], fit.optimum, own_part(fit, place)
    effects, T = empirical_bayes(fit, group.factor), covariance_of(fit, place)
    tau = np.diagonal(T)
    variance = np.diagonal(effects.var, axis1=1, axis2=2)
    V = best.sigma2 * np.diagonal(split.least_squares_variance, axis1=1, axis2=2)
    several = len(fit.factors) > 1
    if several:
        V = np.full_like(V, np.nan)
    Delta = tau + V
    predicted = np.einsum("jqp,p->jq", split.own, best.beta)
    eb = predicted + effects.mode
    conditional = np.sqrt(np.maximum(variance, 0.0))
    total = total_variance(fit, effects, split.own)
    posterior = np.sqrt(np.maximum(np.diagonal(total, axis1=1, axis2=2), 0.0))
    reach = t_quantile((1 + level) / 2, np.inf) * (
        posterior if interval == "total" else conditional
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        reliability = _determined(variance, tau) if several else tau / Delta
        weight = 100 / Delta / np.nansum(1 / Delta, axis=0)
    return GroupValues(
        factor=group.factor,
        levels=group.levels,
        effects=group.effects,
        others=tuple(name for name in fit.factors if name != group.factor),
        n=group.count,
        mean=_means(fit, place),
        ols=predicted + _unshrunk(effects, T) if several else _least_squares(fit, split),
        V=V,
        Delta=Delta,
        weight=weight,
        reliability=reliability,
        predicted=predicted,
        eb=eb,
        u=effects.mode,
        conditional_sd=conditional,
        posterior_se=posterior,
        conf_low=eb - reach,
        conf_high=eb + reach,
    )


def _determined(variance: Array, tau: Array) -> Array:
    """(J, q) 1 - conditional variance / tau, zero where tau is."""
    share: Array = np.where(tau > 0, 1 - variance / tau, 0.0)
    return share


def _means(fit: LmmFit, place: int) -> Array:
    """(J,) observed mean of the response in each group, nan without a random intercept."""
    group, moments = fit.plain_moments.groups[place], fit.plain_moments
    if "(Intercept)" not in group.effects:
        return np.full(len(group.levels), np.nan)
    total: Array = group.ZtV[:, group.effects.index("(Intercept)"), -1]
    return total / group.weight + float(moments.centre[-1])


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


def _unshrunk(effects: Effects, T: Array) -> Array:
    """(J, q) T (T - C_j)^-1 u_j, with C_j the conditional variance; nan where that is singular.

    What least squares gives for a group whose effects are taken as fixed, all others as random
    (`own-several`); with one factor, the group's own least-squares estimate.
    """
    found, scale = np.full_like(effects.mode, np.nan), np.sqrt(np.diagonal(T))
    if not scale.all():
        return found
    T, u = T / np.outer(scale, scale), effects.mode / scale
    left = T - effects.var / np.outer(scale, scale)
    # the iterative method does not give every C_j
    known: NDArray[np.bool_] = np.all(np.isfinite(left), axis=(1, 2))
    values, vectors = np.linalg.eigh(np.where(known[:, None, None], left, 0.0))
    good = values[:, 0] > _IN_SPAN
    inside = np.einsum("jba,jb->ja", vectors[good], u[good]) / values[good]
    found[good] = scale * np.einsum("ab,jbc,jc->ja", T, vectors[good], inside)
    return found


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
    factor : name of the grouping factor, e.g. "class:school"; may be left out when there is one
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

    With several grouping factors: the label, term, n, mean (observed, for a random intercept),
    adjusted, reliability, predicted, EB, u, cond_sd, EB_se, conf_low, conf_high. `adjusted` is the
    group's own estimate: least squares with its effects taken as fixed and those of all other
    groups as random (`own-several`); missing where a variance is zero or a correlation one.
    `reliability` is 1 - cond_sd^2 / tau, the squared correlation of u with the true effect, and for
    a random intercept EB = predicted + reliability (adjusted - predicted), as with one factor.
    `predicted` and `EB` hold the effects of this factor only, those of the others at zero, as in
    lme4's coef().
    V, SE, Delta and weight are left out: the groups of one factor share the effects of another, so
    their estimates depend on each other and have no variance and weight of their own.

    Raises
    ------
    UnknownColumn : `factor` is no grouping factor of the model
    DataError : there are several grouping factors, and none is named

    Examples
    --------
    >>> import echelon as ec
    >>> timss = ec.datasets.load("timss", quiet=True)
    >>> fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    >>> fit.groups("idschool")[["idschool", "n", "mean", "EB"]].head(1).round(2).values.tolist()
    [[5036.0, 41.0, 484.25, 484.2]]
    """
    values = group_values(fit, factor, level=level, interval=interval)
    columns: dict[str, Values] = {
        values.factor: [label for label in values.levels for _ in values.effects],
        "term": list(values.effects) * len(values.levels),
        **_numbers(values, fit.residual is None),
    }
    return to_native(columns, fit.source.backend)


def stacked_groups(fit: LmmFit) -> object:
    """The tables of `groups` for all factors of a fit, one below the other.

    Returns
    -------
    table in the caller's dataframe library: group (the factor), level (the label, as text), and
    the columns of `groups`
    """
    tables = [group_values(fit, factor) for factor in fit.factors]
    parts = [_numbers(values, fit.residual is None) for values in tables]
    columns: dict[str, Values] = {
        "group": [v.factor for v in tables for _ in range(v.eb.size)],
        "level": [str(label) for v in tables for label in v.levels for _ in v.effects],
        "term": [term for v in tables for term in v.effects * len(v.levels)],
    }
    columns |= {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return to_native(columns, fit.source.backend)


def _numbers(values: GroupValues, plain: bool) -> dict[str, NDArray[np.generic]]:
    """The numbers of a table of groups, by name of the column; one entry a group and effect.

    Parameters
    ----------
    plain : whether residuals are independent, so that least squares on a constant is the mean
    """
    q = len(values.effects)
    alone = values.effects == ("(Intercept)",)
    own: dict[str, Array] = {"mean": np.repeat(values.mean, q), "adjusted": values.ols}
    if not values.others:
        own = {
            "mean" if alone and plain else "ols": values.ols,
            "V": values.V,
            "SE": values.SE,
            "Delta": values.Delta,
            "weight": values.weight,
        }
    arrays = {
        **own,
        "reliability": values.reliability,
        "predicted": values.predicted,
        "EB": values.eb,
        "u": values.u,
        "cond_sd": values.conditional_sd,
        "EB_se": values.posterior_se,
        "conf_low": values.conf_low,
        "conf_high": values.conf_high,
    }
    return {"n": np.repeat(values.n, q), **{name: x.ravel() for name, x in arrays.items()}}
