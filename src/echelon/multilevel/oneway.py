"""The unbalanced one-way random-effects analysis of variance: moment estimates beside REML."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from echelon.data import Frame, to_native
from echelon.errors import DataError
from echelon.linalg.distributions import f_upper
from echelon.model.assemble import fit_lmm, fit_summaries
from echelon.model.fit import LmmFit
from echelon.model.summaries import Summaries

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class OneWay:
    """A response in groups: the naive means, the analysis of variance, and REML.

    Attributes
    ----------
    response, factor : what is measured, and the grouping factor
    backend : the caller's dataframe library
    n, J : rows and groups
    n_min, n_max, n_mean, n_harmonic : sizes of the groups, with their two means
    balanced : whether all groups are of one size
    mean_rows : mean over the rows
    mean_groups : mean of the group means
    var_groups : variance of the group means (denominator J - 1); too large for tau00, as it holds
        their sampling error
    between, within : mean squares MSB (J - 1) and MSW (n - J); `within` is the pooled variance
    n0 : (n - sum n_j^2 / n) / (J - 1), the group size that counts in E(MSB) = sigma^2 + n0 tau00
    tau00_anova : (MSB - MSW) / n0, as it comes, negative or not
    tau00_balanced : var_groups - MSW / n_harmonic, the balanced design's Delta - V
    icc_anova : tau00_anova / (tau00_anova + MSW), as it comes
    F, df1, df2, p : test that all groups have one mean
    gamma00, gamma00_se : REML estimate of the grand mean, and its standard error
    tau00, sigma2, icc : REML variance between groups, within groups, and the share between
    weighted_mean : sum(mean_j / Delta_j) / sum(1 / Delta_j) with Delta_j = tau00 + sigma2 / n_j
    about : what every reader should know of the data, e.g. that they are synthetic; ""
    """

    response: str
    factor: str
    backend: str
    n: int
    J: int
    n_min: int
    n_max: int
    n_mean: float
    n_harmonic: float
    balanced: bool
    mean_rows: float
    mean_groups: float
    var_groups: float
    between: float
    within: float
    n0: float
    tau00_anova: float
    tau00_balanced: float
    icc_anova: float
    F: float
    df1: int
    df2: int
    p: float
    gamma00: float
    gamma00_se: float
    tau00: float
    sigma2: float
    icc: float
    weighted_mean: float
    about: str

    @property
    def truncated(self) -> float:
        """The moment estimate of tau00 as a variance: zero where it comes out negative."""
        return max(self.tau00_anova, 0.0)


def oneway_values(
    response: str, group: str, data: object = None, *, summaries: object = None
) -> OneWay:
    """Analyse a response in groups, from rows or from n, mean and sd of each group.

    Parameters
    ----------
    response : column (the column of means with `summaries`), or an expression such as "log(y)"
    group : column of the groups
    data : table with one row a unit of level 1
    summaries : instead of `data`, a table with one row a group, or `Summaries`

    Raises
    ------
    DataError : neither or both of data and summaries, and as in fitting
    FormulaError, UnknownColumn, NotIdentified : as in fitting `response ~ 1 + (1 | group)`

    Notes
    -----
    The moment estimator and n0: searle1992, ch. 3; snijders2012, sec. 3.3.1. They are the balanced
    formulas when all n_j are equal, and then REML gives the same unless the estimate is negative
    (`oneway-anova`). E(var_groups) = tau00 + sigma^2 / n_harmonic whatever the sizes, so
    `tau00_balanced` is unbiased too, but wasteful: it gives a group of 5 the weight of one of 50.
    """
    if (data is None) == (summaries is None):
        raise DataError("Give either data (rows) or summaries= (n, mean and sd of each group).")
    if summaries is None:
        table = Frame.of(data)
        fit = fit_lmm(_formula(response, group, table), table, reml=True, df="none")
        return _values(fit, response, group)
    given = summaries if isinstance(summaries, Summaries) else Summaries(summaries)
    formula = _formula(response, group, Frame.of(given.table))
    return _values(fit_summaries(formula, given, reml=True, df="none"), response, group)


def _formula(response: str, group: str, table: Frame) -> str:
    known = response in table.columns and not response.isidentifier()
    left = f"`{response}`" if known else response
    return f"{left} ~ 1 + (1 | {group if group.isidentifier() else f'`{group}`'})"


def _mean_squares(fit: LmmFit, apart: Array) -> tuple[float, float, float]:
    """MSB, MSW and n0, from the group means about the grand mean."""
    n_j, n, J = fit.group_moments.count.astype(np.float64), fit.n, fit.J
    squares = float(n_j @ apart**2)
    left = max(float(fit.moments.cross[-1, -1]) - squares, 0.0)
    return squares / (J - 1), left / (n - J), (n - float(n_j @ n_j) / n) / (J - 1)


def _values(fit: LmmFit, response: str, group: str) -> OneWay:
    n_j = fit.group_moments.count.astype(np.float64)
    n, J, best, grand = fit.n, fit.J, fit.optimum, float(fit.moments.centre[-1])
    apart = fit.group_moments.ZtV[:, 0, -1] / n_j
    between, within, n0 = _mean_squares(fit, apart)
    var_groups, tau00 = float(apart.var(ddof=1)), float(best.covariance[0, 0])
    harmonic = 1 / float((1 / n_j).mean())
    anova = (between - within) / n0
    F = between / within if within > 0 else np.inf
    return OneWay(
        response=response,
        factor=group,
        backend=fit.source.backend,
        about=fit.source.about,
        n=n,
        J=J,
        n_min=int(n_j.min()),
        n_max=int(n_j.max()),
        n_mean=n / J,
        n_harmonic=harmonic,
        balanced=bool(n_j.min() == n_j.max()),
        mean_rows=grand,
        mean_groups=grand + float(apart.mean()),
        var_groups=var_groups,
        between=between,
        within=within,
        n0=n0,
        tau00_anova=anova,
        tau00_balanced=var_groups - within / harmonic,
        icc_anova=anova / (anova + within),
        F=F,
        df1=J - 1,
        df2=n - J,
        p=f_upper(F, J - 1, n - J),
        gamma00=float(best.beta[0]),
        gamma00_se=float(np.sqrt(best.vcov[0, 0])),
        tau00=tau00,
        sigma2=best.sigma2,
        icc=tau00 / (tau00 + best.sigma2),
        weighted_mean=grand + float(np.average(apart, weights=1 / (tau00 + best.sigma2 / n_j))),
    )


def oneway_frame(values: OneWay) -> object:
    """The quantities of a one-way analysis as a table in the caller's dataframe library.

    Returns
    -------
    one row a quantity: quantity (the attributes of `OneWay`), value

    Examples
    --------
    >>> import echelon as ec
    >>> timss = ec.datasets.load("timss", quiet=True)
    >>> found = oneway_frame(oneway_values("bsmmatxx", "idschool", timss))
    >>> found.set_index("quantity")["value"].round(2)[["mean_rows", "mean_groups"]].tolist()
    [482.64, 482.78]
    """
    skip = ("response", "factor", "backend", "about")
    names = [field.name for field in fields(OneWay) if field.name not in skip]
    numbers = np.array([float(getattr(values, name)) for name in names])
    return to_native({"quantity": names, "value": numbers}, values.backend)
