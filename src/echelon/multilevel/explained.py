"""Variance explained at each level, against a null model refitted from the same moments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.data import to_native
from echelon.errors import DataError
from echelon.model.fit import LmmFit
from echelon.multilevel.factors import covariance_of
from echelon.multilevel.icc import residual_variance
from echelon.multilevel.null_model import null_model

Array = NDArray[np.float64]


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
    base = null_model(fit) if null is None else null
    _check_same_data(fit, base)
    mine, theirs = _variances(fit), _variances(base)
    shared = [component for component in mine if component in theirs]
    before, after = (
        np.array([*(found[component] for component in shared), residual_variance(f)])
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
    Under a residual structure the residual variance is its mean over the rows, and the null model
    has the same structure, estimated again.
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
