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
from echelon.moments import GroupMoments, Moments

Array = NDArray[np.float64]

_IN_SPAN = 1e-10
"""The constant is a combination of the random columns when they leave less than this
share of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Explained:
    """Variances under a null model and under a fit; arrays of one entry a shared component.

    Attributes
    ----------
    levels : the grouping factor, and "Residual" last
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
    base = null_model(fit) if null is None else null
    _check_same_data(fit, base)
    shared = [term for term in fit.effects if term in base.effects]
    before, after = (
        np.array(
            [
                *(f.optimum.covariance[f.effects.index(t), f.effects.index(t)] for t in shared),
                f.optimum.sigma2,
            ]
        )
        for f in (base, fit)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(before > 0, (before - after) / before, np.nan)
    levels = (*[fit.factor] * len(shared), "Residual")
    return Explained(levels, (*shared, ""), before, after, share)


def null_model(fit: LmmFit) -> LmmFit:
    """The intercept-only model of the same response and groups, fitted to the same moments.

    Same estimator, precision weights and offset as `fit`.

    Raises
    ------
    NotIdentified : the moments of a model without a random intercept do not hold the group means
    """
    spec = fit.spec
    constant = Terms((), intercept=True)
    bar = RandomTerm(constant, spec.random[0].group, "unstructured", f"1 | {fit.factor}", (0, 0))
    formula = f"{spec.response} ~ 1 + ({bar.text})"
    return fit_moments(
        _constant_only(fit),
        replace(spec, formula=formula, fixed=constant, random=(bar,)),
        reml=fit.reml,
        df=fit.df_method,
        source=fit.source,
    )


def _constant_only(fit: LmmFit) -> Moments:
    """The moments of [1 y] and of a constant within groups."""
    moments, group = fit.moments, fit.group_moments
    Zt1 = group.ZtV[:, :, 0]
    # The constant as a combination of the random columns: itself, or a full set of indicators.
    c = np.linalg.lstsq(group.ZtZ.sum(axis=0), Zt1.sum(axis=0), rcond=None)[0]
    left = group.weight - 2 * Zt1 @ c + np.einsum("a,jab,b->j", c, group.ZtZ, c)
    if not (left <= _IN_SPAN * group.weight).all():
        raise NotIdentified(
            f"A model without a random intercept of {fit.factor!r} does not hold the group means "
            "that its null model needs. Fit that model and give it as explained(null=...)."
        )
    pick = [0, len(moments.columns) - 1]
    ZtV = np.einsum("a,jak->jk", c, group.ZtV[:, :, pick])[:, None, :]
    alone = GroupMoments(
        factor=group.factor,
        levels=group.levels,
        effects=("(Intercept)",),
        sizes=(1,),
        centre=np.zeros(1),
        count=group.count,
        weight=group.weight,
        ZtZ=group.weight[:, None, None],
        ZtV=ZtV,
    )
    return replace(
        moments,
        columns=("(Intercept)", moments.columns[-1]),
        intercept=True,
        centre=moments.centre[pick],
        cross=moments.cross[np.ix_(pick, pick)],
        groups=(alone,),
    )


def _check_same_data(fit: LmmFit, null: object) -> None:
    if not isinstance(null, LmmFit):
        raise DataError(
            f"null= must be a fitted multilevel model, not {type(null).__name__}; leave it out for "
            "the intercept-only model."
        )
    mine = (fit.response, fit.factor, fit.n, fit.J)
    theirs = (null.response, null.factor, null.n, null.J)
    whats = ("response", "grouping factor", "number of rows", "number of groups")
    for what, a, b in zip(whats, mine, theirs, strict=True):
        if a != b:
            raise DataError(
                f"The null model does not describe the same data: its {what}: {b}, here: {a}. Fit "
                "both models to the same complete rows."
            )


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
    variance_null, variance, explained

    Raises
    ------
    DataError : `null` has another response, other groups or another number of rows
    NotIdentified : `fit` has no random intercept and no `null` was given

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
