"""Predictions of a mixed or a linear model, and how far they may be from what they predict.

Three things can be predicted, and their standard errors differ (`docs/theory/prediction.md`):
x'beta, the expected value over groups; x'beta + z'b, that of one group; and a new observation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from echelon.effects.empirical_bayes import all_effects
from echelon.effects.row_variance import row_variance
from echelon.effects.rows import Rows
from echelon.effects.shifted import around
from echelon.linalg.distributions import check_level, t_quantile
from echelon.model.fit import LmmFit, OlsFit

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Places = NDArray[np.intp]
Interval = Literal["confidence", "prediction"]
PredictDf = Literal["satterthwaite", "none"]


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What is to be predicted.

    Attributes
    ----------
    effects : the random effects (q,) asked for, by factor
    terms : the fixed effects (p,) asked for; None for all
    interval : None for estimates only
    variance_parameters : whether their estimation counts in the standard errors
    df : degrees of freedom of the intervals;  level : their coverage
    """

    effects: tuple[Mask, ...] = ()
    terms: Mask | None = None
    interval: Interval | None = None
    variance_parameters: bool = False
    df: PredictDf = "satterthwaite"
    level: float = 0.95

    @property
    def observation(self) -> bool:
        """Whether a new observation is predicted, not an expected value."""
        return self.interval == "prediction"


@dataclass(frozen=True, slots=True, eq=False)
class Predicted:
    """Predictions (m,).

    Attributes
    ----------
    estimate : response units
    std_error : of estimate less what it predicts;  df : degrees of freedom of t
    low, high : the interval
    """

    estimate: Array
    std_error: Array
    df: Array
    low: Array
    high: Array

    def without(self, lost: Mask) -> Predicted:
        """The same with some rows missing."""
        return Predicted(*(np.where(lost, np.nan, getattr(self, f.name)) for f in fields(self)))


def predict_mixed(
    fit: LmmFit, rows: Rows, asked: Asked, stratum: Places | None = None
) -> Predicted:
    """Predict from a mixed model.

    Parameters
    ----------
    rows : with the columns of all random effects when an observation is predicted
    stratum : (m,) of the residual structure, for the same

    Raises
    ------
    NotYetSupported : intervals that count random effects, after the iterative method

    Notes
    -----
    `predictor`, `row-variance`, `observation-variance`; with variance parameters
    `variance-parameters`; degrees of freedom `predictor-df` (kackar1984, prasad1990).
    """
    shown = _shown(rows, asked)
    estimate = _value(fit, shown)
    if asked.interval is None:
        none = np.full(len(estimate), np.nan)
        return Predicted(estimate, none, none, none, none)
    check_level(asked.level)

    def variance(at: LmmFit) -> Array:
        found = row_variance(at, shown)
        if asked.observation:
            found = row_variance(at, _whole(rows, asked)) + _left_out(at, rows, asked)
            found = found + noise_variance(at, rows.precision, stratum, rows.m)
        return found

    v = variance(fit)
    spread, moved = np.zeros_like(v), np.zeros_like(v)
    if asked.df == "satterthwaite" or asked.variance_parameters:
        near = around(fit)
        for ahead, behind in near.pairs():
            spread += near.squared(variance(ahead) - variance(behind))
            if asked.variance_parameters:
                moved += near.squared(_value(ahead, shown) - _value(behind, shown))
    df = np.full_like(v, np.inf)
    if asked.df == "satterthwaite":
        np.divide(2 * v**2, spread, out=df, where=spread > 0)
        df[v == 0] = np.nan
    return _interval(estimate, v + 2 * moved, df, asked.level)


def _interval(estimate: Array, variance: Array, df: Array, level: float) -> Predicted:
    se = np.sqrt(np.maximum(variance, 0.0))
    reach = np.where(se == 0, 0.0, t_quantile((1 + level) / 2, df) * se)
    return Predicted(estimate, se, df, estimate - reach, estimate + reach)


def _shown(rows: Rows, asked: Asked) -> Rows:
    """The rows with only those columns that are asked for."""
    X = rows.X if asked.terms is None else rows.X * asked.terms
    Z = tuple(Z * keep for Z, keep in zip(rows.Z, asked.effects, strict=True))
    return replace(rows, X=X, Z=Z, codes=_codes(rows, asked.effects))


def _whole(rows: Rows, asked: Asked) -> Rows:
    """All columns; groups of factors not asked for as if they were new."""
    return replace(rows, codes=_codes(rows, asked.effects))


def _left_out(fit: LmmFit, rows: Rows, asked: Asked) -> Array:
    """What effects add that are not asked for, of groups that others are asked for of.

    Var(l'd - z'u) for the errors d of everything and the estimates u of those left out, which are
    uncorrelated: Var(l'd) + z'Var(u)z, and Var(u) = T - Var(u - b).
    """
    partly = [bool(keep.any() and not keep.all()) for keep in asked.effects]
    out = np.zeros(rows.m)
    if not any(partly):
        return out
    left = replace(
        rows,
        X=np.zeros_like(rows.X),
        Z=tuple(
            Z * (~keep if part else np.zeros_like(keep))
            for Z, keep, part in zip(rows.Z, asked.effects, partly, strict=True)
        ),
    )
    nowhere = replace(left, codes=tuple(np.full_like(codes, -1) for codes in rows.codes))
    return row_variance(fit, nowhere) - row_variance(fit, left)


def _codes(rows: Rows, effects: Sequence[Mask]) -> tuple[Places, ...]:
    return tuple(
        codes if keep.any() else np.full_like(codes, -1)
        for codes, keep in zip(rows.codes, effects, strict=True)
    )


def _value(fit: LmmFit, rows: Rows) -> Array:
    """X'beta + offset + z'u; u is zero for groups that the fit has not seen."""
    out: Array = rows.X @ fit.optimum.beta + rows.offset
    if not any((codes >= 0).any() for codes in rows.codes):
        return out
    for effects, Z, codes in zip(all_effects(fit), rows.Z, rows.codes, strict=True):
        seen = codes >= 0
        out[seen] += np.einsum("mq,mq->m", Z[seen], effects.mode[codes[seen]])
    return out


def noise_variance(fit: LmmFit, precision: Array | None, stratum: Places | None, m: int) -> Array:
    """Variance (m,) of the residuals of new rows: sigma^2 delta^2 / w."""
    out = np.full(m, fit.optimum.sigma2)
    if stratum is not None and fit.residual is not None:
        out *= np.square(fit.residual.ratio[stratum])
    return out if precision is None else out / precision


def predict_linear(fit: OlsFit, rows: Rows, asked: Asked) -> Predicted:
    """Predict from a linear model: exact t intervals on n - p degrees of freedom."""
    X = rows.X if asked.terms is None else rows.X * asked.terms
    estimate: Array = X @ fit.beta + rows.offset
    if asked.interval is None:
        none = np.full(len(estimate), np.nan)
        return Predicted(estimate, none, none, none, none)
    check_level(asked.level)
    v = np.einsum("mp,pr,mr->m", X, fit.vcov_beta, X)
    if asked.observation:
        v = v + (fit.sigma2 if rows.precision is None else fit.sigma2 / rows.precision)
    df = np.full(len(v), np.inf if asked.df == "none" else float(fit.df_resid))
    return _interval(estimate, v, df, asked.level)
