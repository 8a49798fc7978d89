"""Shares of variance: the intraclass correlation and R squared, with or without random slopes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from echelon.data import to_native
from echelon.model.fit import LmmFit
from echelon.multilevel.factors import effects_of, is_nested, place_of


@dataclass(frozen=True, slots=True)
class VarianceShares:
    """The variance of the response, divided; response units squared.

    Attributes
    ----------
    fixed : variance of the fixed part X beta over the rows
    by_factor : mean variance over the rows of the random part of each grouping factor
    residual : sigma^2, the residual variance of a row of precision weight one
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
    """Divide the variance of the response into fixed, random and residual, from moments alone.

    Notes
    -----
    fixed = beta'S beta / (n - 1), with S the centred cross-products of the predictors;
    random = tr(T M), with M the mean over the rows of z z' (`mean-random-variance`; johnson2014),
    which is tau_00 for random intercepts; those of several grouping factors add. An offset is not
    part of the fixed part. With precision weights, both means over the rows are weighted;
    `residual` stays sigma^2.
    """
    fit.require_plain("A share of variance (ICC, R squared)")
    moments, task, best = fit.moments, fit.problem, fit.optimum
    slopes = [
        (moments.columns.index(name), b)
        for name, b in zip(fit.names, best.beta, strict=True)
        if name != "(Intercept)"
    ]
    index = [column for column, _ in slopes]
    beta = np.array([b for _, b in slopes])
    squares = float(beta @ moments.cross[np.ix_(index, index)] @ beta) if slopes else 0.0
    # in whitened units, where Z_user D_user Z_user' = Z D Z'
    D = fit.lam_working @ fit.lam_working.T
    parts = [effects_of(fit, place) for place in range(len(fit.factors))]
    random = tuple(
        best.sigma2 * float((D[part, part] * blocks.ZtZ.sum(axis=2)).sum()) / moments.weight
        for part, blocks in zip(parts, task.blocks.factors, strict=True)
    )
    n = moments.n
    return VarianceShares(squares / moments.weight * n / (n - 1), random, best.sigma2)


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
