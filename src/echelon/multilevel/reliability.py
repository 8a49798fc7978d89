"""Reliability of each random coefficient, averaged over groups as the HLM program prints it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.data import Values, to_native
from echelon.effects.empirical_bayes import all_effects
from echelon.model.fit import LmmFit
from echelon.model.own import OwnPart, own_part
from echelon.multilevel.factors import covariance_of, nested_order, parents, place_of

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """Overall reliability of the random coefficients of one factor.

    Attributes
    ----------
    factor, terms : grouping factor and its q random coefficients
    reliability : (q,) of the groups' own estimates, in [0, 1]; nan where no group alone identifies
        its coefficients, and where factors cross
    groups_used : groups whose own estimate exists
    determined : (q,) mean of 1 - conditional variance / variance, the squared correlation of the
        empirical Bayes estimates with the true effects
    """

    factor: str
    terms: tuple[str, ...]
    reliability: Array
    groups_used: int
    determined: Array


def reliability_values(fit: LmmFit, factor: str | None = None) -> Reliability:
    """Overall reliability of one factor of a fit, from moments alone; see `reliability`."""
    return _reliabilities(fit)[place_of(fit, factor, "reliability()")]


def _reliabilities(fit: LmmFit) -> tuple[Reliability, ...]:
    """One entry a factor."""
    shares = _own_shares(fit)
    found = []
    for place, (group, effects) in enumerate(
        zip(fit.moments.groups, all_effects(fit), strict=True)
    ):
        tau = np.diagonal(covariance_of(fit, place))
        variance = np.diagonal(effects.var, axis1=1, axis2=2)
        with np.errstate(divide="ignore", invalid="ignore"):
            determined = np.where(tau > 0, 1 - variance / tau, 0.0).mean(axis=0)
        share = shares[place]
        mean = share.mean(axis=0) if len(share) else np.full(len(tau), np.nan)
        found.append(Reliability(group.factor, group.effects, mean, len(share), determined))
    return tuple(found)


def _own_shares(fit: LmmFit) -> list[Array]:
    """For each factor tau / (tau + v) of the groups whose own estimate exists, (groups used, q).

    From the finest factor up (`rel-overall`): v is the error variance of a group's least-squares
    estimate there, and of the precision-weighted mean of the units inside it above. Empty where
    factors cross, or where a factor has effects that the one inside it has not.
    """
    groups = fit.moments.groups
    none = [np.empty((0, len(group.effects))) for group in groups]
    order = nested_order(fit)
    if order is None:
        return none
    split: OwnPart = own_part(fit, order[0])
    able = split.estimable
    V = fit.optimum.sigma2 * split.least_squares_variance
    for inner, outer in zip(order, (*order[1:], None), strict=True):
        T = covariance_of(fit, inner)
        tau, v = np.diagonal(T), np.diagonal(V[able], axis1=1, axis2=2)
        none[inner] = tau / (tau + v)
        if outer is None:
            break
        names = groups[inner].effects
        if not set(groups[outer].effects) <= set(names):
            break
        pick = [names.index(name) for name in groups[outer].effects]
        inside = np.linalg.inv(T + V[able])[:, pick][:, :, pick]
        total = np.zeros((len(groups[outer].levels), len(pick), len(pick)))
        np.add.at(total, parents(fit, inner, outer)[able], inside)
        values = np.linalg.eigvalsh(total)
        able = values[:, 0] > 1e-10 * np.maximum(values[:, -1], np.finfo(float).tiny)
        V = np.full_like(total, np.nan)
        V[able] = np.linalg.inv(total[able])
    return none


def reliability(fit: LmmFit, factor: str | None = None) -> object:
    """How reliably the groups' own least-squares estimates tell the groups apart.

    Parameters
    ----------
    factor : one grouping factor; None for all

    Returns
    -------
    table in the caller's dataframe library, one row a random coefficient: group (the factor), term,
    reliability, groups_used; with several grouping factors also eb_reliability

    Raises
    ------
    UnknownColumn : `factor` is no grouping factor of the model

    Notes
    -----
    lambda_q = mean_j tau_qq / (tau_qq + v_qqj), with v_qqj the error variance of group j's own
    estimate, over the groups where that exists (`rel-overall`; raudenbush2002, ch. 3).
    A variance of zero gives 0. One value a group is in `groups()`.

    With nested factors these are the reliabilities of every level as HLM3 prints them
    (`rel-nested`; raudenbush2002, ch. 8): the estimate of an upper group is the precision-weighted
    mean of the units inside it. Where factors cross, a group has no estimate of its own and
    `reliability` is missing. `eb_reliability` exists in either case: the mean of
    1 - conditional variance / tau, the squared correlation of empirical Bayes estimates with the
    true effects. It counts that the effects of the other factors are estimated too.

    Examples
    --------
    >>> import echelon as ec
    >>> timss = ec.datasets.load("timss", quiet=True)
    >>> fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    >>> fit.reliability().round(3).values.tolist()
    [['idschool', '(Intercept)', 0.951, 20]]
    """
    found = _reliabilities(fit)
    if factor is not None:
        found = (found[place_of(fit, factor, "reliability()")],)
    columns: dict[str, Values] = {
        "group": [values.factor for values in found for _ in values.terms],
        "term": [term for values in found for term in values.terms],
        "reliability": np.concatenate([values.reliability for values in found]),
        "groups_used": [values.groups_used for values in found for _ in values.terms],
    }
    if len(fit.factors) > 1:
        columns["eb_reliability"] = np.concatenate([values.determined for values in found])
    return to_native(columns, fit.source.backend)
