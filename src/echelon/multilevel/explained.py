"""Variance explained at each level, against a null model refitted from the same moments."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from echelon.data import to_native
from echelon.errors import DataError, NotIdentified
from echelon.formula import RandomTerm, Terms
from echelon.model.assemble import fit_moments
from echelon.model.fit import LmmFit
from echelon.model.iterative import probes_used
from echelon.moments import CrossMoments, GroupMoments, Moments
from echelon.multilevel.factors import covariance_of

Array = NDArray[np.float64]

_IN_SPAN = 1e-10
"""The constant is a combination of the random columns when they leave less than this
share of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Explained:
    """Variances under a null model and under a fit; arrays of one entry a shared component.

    Attributes
    ----------
    levels : the grouping factor of each component, and "Residual" last
    terms : the random coefficient; "" for the residual
    variance_null, variance : response units squared
    explained : proportional reduction; negative as it comes, nan for a null variance of zero
    """

    levels: tuple[str, ...]
    terms: tuple[str, ...]
    variance_null: Array
    variance: Array
    explained: Array


def explained_values(fit: LmmFit, null: LmmFit | None = None) -> Explained:
    """Proportion of variance explained at each level, from moments alone; see `explained`."""
    fit.require_plain("Explained variance")
    base = null_model(fit) if null is None else null
    _check_same_data(fit, base)
    mine, theirs = _variances(fit), _variances(base)
    shared = [component for component in mine if component in theirs]
    before, after = (
        np.array([*(found[component] for component in shared), f.optimum.sigma2])
        for f, found in ((base, theirs), (fit, mine))
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(before > 0, (before - after) / before, np.nan)
    return Explained(
        (*(factor for factor, _ in shared), "Residual"),
        (*(term for _, term in shared), ""),
        before,
        after,
        share,
    )


def _variances(fit: LmmFit) -> dict[tuple[str, str], float]:
    """The variance of every random effect, by factor and name."""
    return {
        (group.factor, effect): float(variance)
        for place, group in enumerate(fit.moments.groups)
        for effect, variance in zip(
            group.effects, np.diagonal(covariance_of(fit, place)), strict=True
        )
    }


def null_model(fit: LmmFit) -> LmmFit:
    """The intercept-only model of the same response and groups, fitted to the same moments.

    Same estimator, precision weights and offset as `fit`.

    Raises
    ------
    NotIdentified : the moments of a model without a random intercept do not hold the group means
    """
    spec, constant = fit.spec, Terms((), intercept=True)
    columns = {":".join(term.group): term.group for term in spec.random}
    bars = tuple(
        RandomTerm(constant, columns[name], "unstructured", f"1 | {name}", (0, 0))
        for name in fit.factors
    )
    random = " + ".join(f"({bar.text})" for bar in bars)
    formula = f"{spec.response} ~ 1 + {random}"
    return fit_moments(
        _constant_only(fit),
        replace(spec, formula=formula, fixed=constant, random=bars),
        reml=fit.reml,
        df=fit.df_method,
        source=fit.source,
        probes=probes_used(fit),
    )


def _constant_only(fit: LmmFit) -> Moments:
    """The moments of [1 y] and of a constant within the groups of every factor."""
    moments = fit.moments
    pick = [0, len(moments.columns) - 1]
    ones = [_constant_in(group) for group in moments.groups]
    alone = tuple(
        GroupMoments(
            factor=group.factor,
            levels=group.levels,
            effects=("(Intercept)",),
            sizes=(1,),
            centre=np.zeros(1),
            count=group.count,
            weight=group.weight,
            ZtZ=group.weight[:, None, None],
            ZtV=np.einsum("a,jak->jk", c, group.ZtV[:, :, pick])[:, None, :],
        )
        for group, c in zip(moments.groups, ones, strict=True)
    )
    crossings = tuple(
        CrossMoments(
            pair.first,
            pair.second,
            pair.row,
            pair.col,
            np.einsum("a,mab,b->m", ones[pair.first], pair.blocks, ones[pair.second])[
                :, None, None
            ],
        )
        for pair in moments.crossings
    )
    return replace(
        moments,
        columns=("(Intercept)", moments.columns[-1]),
        intercept=True,
        centre=moments.centre[pick],
        cross=moments.cross[np.ix_(pick, pick)],
        groups=alone,
        crossings=crossings,
    )


def _constant_in(group: GroupMoments) -> Array:
    """(q,) the constant as a combination of the random columns: itself, or all indicators."""
    Zt1 = group.ZtV[:, :, 0]
    c: Array = np.linalg.lstsq(group.ZtZ.sum(axis=0), Zt1.sum(axis=0), rcond=None)[0].astype(
        np.float64
    )
    left = group.weight - 2 * Zt1 @ c + np.einsum("a,jab,b->j", c, group.ZtZ, c)
    if not (left <= _IN_SPAN * group.weight).all():
        raise NotIdentified(
            f"A model without a random intercept of {group.factor!r} does not hold the group means "
            "that its null model needs. Fit that model and give it as explained(null=...)."
        )
    return c


def _check_same_data(fit: LmmFit, null: object) -> None:
    if not isinstance(null, LmmFit):
        raise DataError(
            f"null= must be a fitted multilevel model, not {type(null).__name__}; leave it out for "
            "the intercept-only model."
        )
    mine, theirs = ((f.response, f.factors, f.n, _sizes(f)) for f in (fit, null))
    several = "s" if len(fit.factors) > 1 else ""
    whats = ("response", f"grouping factor{several}", "number of rows", "number of groups")
    for what, a, b in zip(whats, map(_said, mine), map(_said, theirs), strict=True):
        if a != b:
            raise DataError(
                f"The null model does not describe the same data: its {what}: {b}, here: {a}. Fit "
                "both models to the same complete rows."
            )


def _sizes(fit: LmmFit) -> tuple[int, ...]:
    return tuple(len(group.levels) for group in fit.moments.groups)


def _said(value: object) -> str:
    """A value in words; the parts of several in alphabetical order, for order does not matter."""
    return ", ".join(sorted(map(str, value))) if isinstance(value, tuple) else str(value)


def explained(fit: LmmFit, null: LmmFit | None = None) -> object:
    """What the predictors explain at each level: the proportional reduction of each variance.

    Parameters
    ----------
    null : the model to compare with, fitted to the same rows; None for the intercept-only model,
        refitted from the same moments. With a null that has random slopes, the slopes' variances
        are compared too.

    Returns
    -------
    table in the caller's dataframe library: level (the grouping factor, "Residual"), term,
    variance_null, variance, explained. With several grouping factors the null model has a random
    intercept of each.

    Raises
    ------
    DataError : `null` has another response, other groups or another number of rows
    NotIdentified : `fit` has a factor without random intercept and no `null` was given

    Notes
    -----
    (tau_null - tau) / tau_null and (sigma2_null - sigma2) / sigma2_null (`explained`;
    raudenbush2002, ch. 4). Negative values are reported as they are: a level-1
    predictor without differences between groups lowers sigma^2, and the estimate of tau_00 rises
    because less of the spread of the group means counts as sampling error (snijders2012, sec. 7.1).
    With random slopes tau_00 is the variance where the predictors are zero, so the comparison asks
    for predictors centred in the same way.

    Examples
    --------
    >>> import echelon as ec
    >>> hsb = ec.datasets.load("hsb")
    >>> fit = ec.lmer("mathach ~ meanses + (1 | school)", hsb)
    >>> fit.explained()[["level", "explained"]].round(2).values.tolist()
    [['school', 0.69], ['Residual', -0.0]]
    """
    values = explained_values(fit, null)
    return to_native(
        {
            "level": list(values.levels),
            "term": list(values.terms),
            "variance_null": values.variance_null,
            "variance": values.variance,
            "explained": values.explained,
        },
        fit.source.backend,
    )
