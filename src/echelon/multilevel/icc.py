"""Shares of variance: the intraclass correlation and R squared, with or without random slopes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.data import to_native
from echelon.model.fit import LmmFit
from echelon.moments import Moments
from echelon.multilevel.factors import covariance_of, is_nested, place_of
from echelon.multilevel.row_moments import row_moments

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class VarianceShares:
    """The variance of the response, divided; response units squared.

    Attributes
    ----------
    fixed : variance of the fixed part X beta over the rows
    by_factor : mean variance over the rows of the random part of each grouping factor
    residual : sigma^2, the residual variance of a row of precision weight one; its mean over the
        rows under a residual structure
    """

    fixed: float
    by_factor: tuple[float, ...]
    residual: float

    @property
    def random(self) -> float:
        """Mean variance of the whole random part Z u over the rows."""
        return sum(self.by_factor)

    def total(self, *, adjusted: bool) -> float:
        """Random and residual variance; with that of the fixed part when not adjusted."""
        return self.random + self.residual + (0.0 if adjusted else self.fixed)


@dataclass(frozen=True, slots=True)
class R2:
    """R squared of a multilevel model.

    Attributes
    ----------
    marginal : share of the variance that the fixed part describes
    conditional : share that the fixed and the random part describe together
    """

    marginal: float
    conditional: float


def variance_shares(fit: LmmFit) -> VarianceShares:
    """Divide the variance of the response into fixed, random and residual, from moments.

    With precision weights, from one more pass over the rows, where there are rows.

    Notes
    -----
    fixed = beta'S beta / (n - 1), with S the centred cross-products of the predictors;
    random = tr(T M), with M the mean over the rows of z z' (`mean-random-variance`; johnson2014),
    which is tau_00 for random intercepts; those of several grouping factors add. An offset is not
    part of the fixed part. With precision weights every row still counts once, and `residual` is
    sigma^2, the variance of a row of weight one, as in R's `insight`. Under a residual structure
    `residual` is the mean over the rows of their variances, whatever their correlation
    (`mean-residual-variance`).
    """
    moments, best = row_moments(fit), fit.optimum
    slopes = [
        (moments.columns.index(name), b)
        for name, b in zip(fit.names, best.beta, strict=True)
        if name != "(Intercept)"
    ]
    index = [column for column, _ in slopes]
    beta = np.array([b for _, b in slopes])
    squares = float(beta @ moments.cross[np.ix_(index, index)] @ beta) if slopes else 0.0
    random = tuple(
        float((centred_covariance(fit, moments, place) * group.ZtZ.sum(axis=0)).sum())
        / moments.weight
        for place, group in enumerate(moments.groups)
    )
    n = moments.n
    return VarianceShares(squares / moments.weight * n / (n - 1), random, residual_variance(fit))


def residual_variance(fit: LmmFit) -> float:
    """The mean over the rows of the residual variance, of rows of precision weight one.

    sigma^2; under a residual structure the mean of the variances of the rows' strata.
    """
    if fit.residual is None:
        return fit.optimum.sigma2
    rows = fit.residual.rows
    return float(rows @ fit.residual.sd**2) / int(rows.sum())


def centred_covariance(fit: LmmFit, moments: Moments, place: int) -> Array:
    """(q, q) covariance of a factor's effects on columns about the centres of these moments."""
    back = np.linalg.inv(moments.groups[place].user_from_centred())  # unit triangular
    found: Array = back @ covariance_of(fit, place) @ back.T
    return found


def icc(fit: LmmFit, factor: str | None = None, *, adjusted: bool = True) -> float:
    """Intraclass correlation: the share of the variance that lies between groups.

    Parameters
    ----------
    factor : the share of one grouping factor; None for all of them together
    adjusted : True divides by the random and residual variance, tau_00 / (tau_00 + sigma^2) for
        random intercepts: the correlation of two members of a group, given the predictors. False
        divides by the variance of the fixed part as well.

    Returns
    -------
    in [0, 1]; 0 for a variance of zero. With random slopes, the mean over the rows of the variance
    of the random part takes the place of tau_00. With several grouping factors and none named, the
    share of all of them; `icc_by_group` is the table of each.

    Raises
    ------
    UnknownColumn : `factor` is no grouping factor of the model

    Notes
    -----
    (`icc`; raudenbush2002, ch. 2); with random slopes johnson2014; nakagawa2013 for the unadjusted.
    See `variance_shares` for precision weights. R's `performance` leaves out the slopes of `||`.

    Examples
    --------
    >>> import echelon as ec
    >>> timss = ec.datasets.load("timss", quiet=True)
    >>> fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    >>> round(fit.icc(), 3)
    0.395
    """
    share = variance_shares(fit)
    chosen = share.random
    if factor is not None:
        chosen = share.by_factor[place_of(fit, factor, "icc()")]
    return chosen / share.total(adjusted=adjusted)


def icc_by_group(fit: LmmFit, *, adjusted: bool = True) -> object:
    """The share of variance of every grouping factor, and how alike the rows of its groups are.

    Parameters
    ----------
    adjusted : as in `icc`

    Returns
    -------
    table in the caller's dataframe library, one row a factor and one for the residual: group,
    share, correlation

    Notes
    -----
    `share` is the factor's variance over the total. `correlation` is the expected correlation of
    two rows of one group, alike in nothing finer: the shares of the factor and of every factor
    whose groups hold its groups whole (`icc-levels`; raudenbush2002, ch. 8). Pupils of one class
    correlate by the shares of classes and of schools, pupils of one school in different classes by
    that of schools.

    Examples
    --------
    >>> import echelon as ec
    >>> timss = ec.datasets.load("timss", quiet=True)
    >>> fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    >>> fit.icc_by_group().round(3).values.tolist()
    [['idschool', 0.395, 0.395], ['Residual', 0.605, nan]]
    """
    found = variance_shares(fit)
    total = found.total(adjusted=adjusted)
    places = range(len(fit.factors))
    alike = [
        sum(found.by_factor[g] for g in places if g == f or is_nested(fit, f, g)) for f in places
    ]
    return to_native(
        {
            "group": [*fit.factors, "Residual"],
            "share": [x / total for x in (*found.by_factor, found.residual)],
            "correlation": [*(x / total for x in alike), None],
        },
        fit.source.backend,
    )


def r2(fit: LmmFit) -> R2:
    """Marginal and conditional R squared.

    Notes
    -----
    fixed / total and (fixed + random) / total with total = fixed + random + residual
    (`r2`; nakagawa2013; johnson2014 for random slopes). What a predictor explains at
    each level is `explained`.

    Examples
    --------
    >>> import echelon as ec
    >>> sleep = ec.datasets.load("sleepstudy")
    >>> found = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep).r2()
    >>> round(found.marginal, 3), round(found.conditional, 3)
    (0.279, 0.799)
    """
    share = variance_shares(fit)
    total = share.total(adjusted=False)
    return R2(share.fixed / total, (share.fixed + share.random) / total)
