"""The quantities of HLM's level-2 residual file, one entry a group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.effects.empirical_bayes import Effects, empirical_bayes, total_variance
from echelon.effects.rows import fixed_values, own_rows
from echelon.linalg.distributions import chi2_upper_quantile
from echelon.model.fit import LmmFit
from echelon.model.own import own_part
from echelon.multilevel.factors import covariance_of
from echelon.multilevel.groups import GroupValues, group_values

Array = NDArray[np.float64]

_IN_SPAN = 1e-10
"""A group says nothing of a combination of its effects when its data take away less than this share
of the effects' variance."""


@dataclass(frozen=True, slots=True, eq=False)
class LevelTwo:
    """What the residual file says of the J groups of one factor; nan where it is not defined.

    Attributes
    ----------
    groups : the groups unpacked: n, least squares, prediction, empirical Bayes
    distance : (J,) Mahalanobis distance of the random effects
    expected : (J,) quantile of chi-square(q) at the rank of the distance
    log_sd_total, log_sd_ols, log_sd_model : (J,) logarithms of SDs within the group: of the
        response, about its own regression, about the fixed part
    residual_variance : (J, q, q) variance of the empirical Bayes residuals, parameters given
    coefficient_variance : (J, q, q) variance of the empirical Bayes coefficients, estimation of the
        fixed effects included
    """

    groups: GroupValues
    distance: Array
    expected: Array
    log_sd_total: Array
    log_sd_ols: Array
    log_sd_model: Array
    residual_variance: Array
    coefficient_variance: Array


def level_two(fit: LmmFit, factor: str) -> LevelTwo:
    """The residual file's quantities for one factor.

    Notes
    -----
    `mahalanobis`, `mahalanobis-expected`, `group-log-sd`, `eb-conditional`, `eb-total`;
    raudenbush2002, chs. 3 and 9. With several factors, least squares by group is left out.
    """
    values, effects, split = (
        group_values(fit, factor),
        empirical_bayes(fit, factor),
        own_part(fit, fit.place(factor)),
    )
    distance = mahalanobis(fit, factor)
    J = len(values.levels)
    logs = [np.full(J, np.nan)] * 3
    if fit.built is not None and fit.source.kind == "rows":
        logs = _log_sds(fit, values)
    return LevelTwo(
        groups=values,
        distance=distance,
        expected=expected_distance(distance, len(values.effects)),
        log_sd_total=logs[0],
        log_sd_ols=logs[1],
        log_sd_model=logs[2],
        residual_variance=effects.var,
        coefficient_variance=total_variance(fit, effects, split.own),
    )


def mahalanobis(fit: LmmFit, factor: str | None = None) -> Array:
    """Mahalanobis distances (J,) of the groups' random effects; nan where a group lacks the data.

    About chi-square on q degrees of freedom, whatever the groups' sizes, when the random effects
    are normal.

    Notes
    -----
    (ols_j - predicted_j)' (T + V_j)^-1 (ols_j - predicted_j) = u_j' (T - C_j)^-1 u_j, with u_j
    the empirical Bayes residual and C_j its conditional variance (`mahalanobis`; raudenbush2002,
    ch. 9). The second form is used with several factors; it needs a covariance T of full rank.
    """
    place = fit.place(factor)
    effects = empirical_bayes(fit, fit.factors[place])
    if len(fit.factors) > 1:
        return _unlike(effects, covariance_of(fit, place))
    return _by_least_squares(fit)


def _by_least_squares(fit: LmmFit) -> Array:
    """e'(M^-1 + D) e / sigma^2 with e = Z'V0^-1(y - X beta) and M = Z'WZ, in working units."""
    task = fit.problem
    block, found = task.blocks.factors[0], task.engine.sweep(fit.lam_working).effects()[0]
    p, D = task.p, fit.lam_working @ fit.lam_working.T
    centred = fit.optimum.beta - task.fixed.shift
    beta = np.linalg.solve(task.fixed.back, centred)
    e = (found.F[:, p] - np.einsum("apj,p->aj", found.F[:, :p], beta)).T
    values, vectors = np.linalg.eigh(block.ZtZ.transpose(2, 0, 1))
    good = values[:, 0] > _IN_SPAN * np.maximum(values[:, -1], np.finfo(float).tiny)
    inside = np.einsum("jba,jb->ja", vectors[good], e[good])
    out = np.full(len(e), np.nan)
    own = (inside**2 / values[good]).sum(axis=1)
    out[good] = (own + np.einsum("ja,ab,jb->j", e[good], D, e[good])) / fit.optimum.sigma2
    return out


def _unlike(effects: Effects, T: Array) -> Array:
    """u_j' (T - C_j)^-1 u_j."""
    out, scale = np.full(len(effects.mode), np.nan), np.sqrt(np.diagonal(T))
    if not scale.all():
        return out
    left = (T - effects.var) / np.outer(scale, scale)
    known: NDArray[np.bool_] = np.all(np.isfinite(left), axis=(1, 2))
    values, vectors = np.linalg.eigh(np.where(known[:, None, None], left, 0.0))
    good = values[:, 0] > _IN_SPAN
    inside = np.einsum("jba,jb->ja", vectors[good], (effects.mode / scale)[good])
    out[good] = (inside**2 / values[good]).sum(axis=1)
    return out


def expected_distance(distance: Array, q: int) -> Array:
    """Quantiles (J,) of chi-square(q) at (rank - 1/2) / J of each distance.

    Missing distances are left out of J (`mahalanobis-expected`; raudenbush2002, ch. 9).

    Examples
    --------
    >>> expected_distance(np.array([3.0, 0.1, np.nan]), 2).round(3).tolist()
    [2.773, 0.575, nan]
    """
    out = np.full(len(distance), np.nan)
    known = np.flatnonzero(np.isfinite(distance))
    order = known[np.argsort(distance[known], kind="stable")]
    J = len(order)
    out[order] = chi2_upper_quantile(1 - (np.arange(1, J + 1) - 0.5) / J, q)
    return out


def _log_sds(fit: LmmFit, values: GroupValues) -> list[Array]:
    """Logarithms of the three SDs within each group, of a row of weight one (`group-log-sd`)."""
    rows, place = own_rows(fit), fit.place(values.factor)
    design = fit.rows("residual_file()").design
    w = np.ones(fit.n) if rows.precision is None else rows.precision
    if fit.residual is not None:
        w = w / np.square(fit.residual.ratio[fit.residual.stratum])
    codes, J = rows.codes[place], len(values.levels)
    total = _spread(design.y, w, codes, J)
    model = _spread(design.y - fixed_values(fit), w, codes, J)
    if values.others:
        return [total, np.full(J, np.nan), model]
    level1 = own_part(fit, place).level1
    beta = np.where(level1, fit.optimum.beta, 0.0)
    left = design.y - rows.offset - rows.X @ beta
    left = left - np.einsum("nq,nq->n", rows.Z[place], values.ols[codes])
    squares, df = np.bincount(codes, w * left**2, J), values.n - len(values.effects)
    return [total, _half_log(squares, df), model]


def _spread(y: Array, w: Array, codes: NDArray[np.intp], J: int) -> Array:
    """Log SD of y within groups, divisor n_j - 1."""
    size = np.bincount(codes, w, J)
    mean = np.bincount(codes, w * y, J) / size
    squares = np.bincount(codes, w * (y - mean[codes]) ** 2, J)
    return _half_log(squares, np.bincount(codes, minlength=J) - 1)


def _half_log(squares: NDArray[np.number], df: NDArray[np.intp]) -> Array:
    """Log of the root of squares / df; nan without degrees of freedom or squares."""
    good = (df > 0) & (squares > 0)
    out = np.full(len(squares), np.nan)
    out[good] = np.log(squares[good] / df[good]) / 2
    return out
