"""Estimated marginal means: what a model expects of a factor's levels, the others averaged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from echelon.data import Column, Values, to_native
from echelon.errors import UnknownOption
from echelon.infer.choose import uncertainty
from echelon.infer.estimates import Estimates, estimates
from echelon.infer.marginal.adjust import (
    Family,
    adjust,
    adjustment_note,
    check_adjust,
    correlation_for,
)
from echelon.infer.marginal.estimable import estimable
from echelon.infer.marginal.grid import At, Grid, expand, grid_rows, reference_grid
from echelon.infer.marginal.names import labels, read_specs
from echelon.infer.marginal.remarks import remarks, unknown
from echelon.infer.robust.clusters import Cluster
from echelon.infer.uncertainty import Uncertainty
from echelon.model.fit import LmmFit, OlsFit

Array = NDArray[np.float64]
Weights = Literal["equal", "proportional", "observed", "outer"]
_CELLS = {"cells": "observed"}


@dataclass(frozen=True, slots=True, eq=False)
class Functions:
    """Linear functions of the fixed effects that stand for means or comparisons of them.

    Attributes
    ----------
    L : (m, p);  offset : (m,) what is added
    lost : (m, d) zero where they can be estimated (`estimable`)
    beta : (p,);  known : how well it is known
    """

    L: Array
    offset: Array
    lost: Array
    beta: Array
    known: Uncertainty

    def combined(self, K: Array) -> Functions:
        """Combinations K (c, m) of them."""
        return replace(self, L=K @ self.L, offset=K @ self.offset, lost=K @ self.lost)


@dataclass(frozen=True, slots=True, eq=False)
class Means:
    """Estimated marginal means.

    Attributes
    ----------
    values : estimates with tests and intervals, one row a combination of the levels
    levels : the levels of each variable asked for, in order;  columns : the same, one a row
    specs, by : the variables whose means these are, and those that form separate families
    weights : how the other factors were averaged
    adjust : the adjustment of `values`
    remarks : what a reader of these means and of comparisons of them should know, by sentence
    asides : the same for the means only: what cannot be estimated, what was adjusted
    functions : the means as linear functions of the fixed effects
    response, backend : the response as typed; the library in which tables come back
    """

    values: Estimates
    levels: dict[str, Column]
    columns: dict[str, Column]
    specs: tuple[str, ...]
    by: tuple[str, ...]
    weights: str
    adjust: str
    remarks: tuple[str, ...]
    asides: tuple[str, ...]
    functions: Functions
    response: str
    backend: str

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know, one sentence each."""
        return (*self.remarks, *self.asides)


def marginal_means(
    fit: LmmFit | OlsFit,
    specs: str | Sequence[str],
    *,
    by: str | Sequence[str] | None = None,
    at: At | None = None,
    weights: str = "equal",
    df: str | None = None,
    robust: str | None = None,
    cluster: Cluster = None,
    level: float = 0.95,
    adjusted: str = "none",
) -> Means:
    """The marginal means of a fit.

    Parameters
    ----------
    specs, by : predictors of the fixed part, as "a", ["a", "b"], or emmeans' "a | b"
    at : values of predictors, by name; numeric ones are at their mean otherwise
    weights : of the combinations of the other factors: "equal", "proportional" to their rows,
        "observed" (rows in each cell; emmeans' "cells"), "outer" (products of the factors' shares)
    df, robust, cluster : how well the fixed effects are known, as in `uncertainty`

    Raises
    ------
    UnknownColumn, UnknownOption, DataError, NeedsRows, TooLarge : see `reference_grid`

    Notes
    -----
    `marginal-mean`; searle1980, lenth2023.
    """
    given, method = _check_weights(weights), check_adjust(adjusted)
    grid = reference_grid(fit, at)
    specs, by = read_specs(specs, by, list(grid.levels))
    levels = {name: grid.levels[name] for name in (*specs, *by)}
    known = uncertainty(fit, df, robust=robust, cluster=cluster)
    functions = _functions(fit, grid, averaging(grid, tuple(levels), given), known)
    columns, m = expand(levels), len(functions.L)
    family = Family(
        families(columns, by, m), correlation=correlation_for(method, functions.L, known.vcov)
    )
    plain = inference(functions, labels(columns, specs, m), level)
    return Means(
        values=adjust(plain, method, family),
        levels=levels,
        columns=columns,
        specs=specs,
        by=by,
        weights=given,
        adjust=method,
        remarks=remarks(fit, grid, (*specs, *by), given),
        asides=(
            *unknown(fit, estimable(functions.lost)),
            *filter(None, [adjustment_note(method, family, estimable(functions.lost))]),
        ),
        functions=functions,
        response=fit.response,
        backend=fit.source.backend,
    )


def _check_weights(weights: object) -> str:
    """The weights, if they are some; emmeans' name is as good as ours."""
    given = _CELLS.get(str(weights), str(weights))
    if given not in get_args(Weights):
        raise UnknownOption("weights", weights, get_args(Weights))
    return given


def averaging(grid: Grid, kept: tuple[str, ...], weights: str) -> Array:
    """K (g, m): the rows of the grid averaged to combinations of the variables kept.

    A combination without weight (an empty cell with weights "observed") has a row of zeros.
    """
    group = _joint_place(grid, kept)
    others = tuple(name for name in grid.levels if name not in kept)
    rest, frequency = _joint_place(grid, others), grid.frequency
    if not frequency.any():
        frequency = np.ones(grid.m)
    share: Array = np.ones(grid.m)
    if weights == "observed":
        share = frequency
    elif weights == "proportional":
        share = np.bincount(rest, weights=frequency).astype(np.float64)[rest]
    elif weights == "outer":
        for name in others:
            place = grid.places(name)
            share = share * np.bincount(place, weights=frequency)[place] / frequency.sum()
    K = np.zeros((grid_rows({name: grid.levels[name] for name in kept}), grid.m))
    K[group, np.arange(grid.m)] = share
    total = K.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(K, total, out=np.zeros_like(K), where=total > 0))


def _functions(fit: LmmFit | OlsFit, grid: Grid, K: Array, known: Uncertainty) -> Functions:
    """The averages K of the grid; one without weight cannot be estimated, nor what uses it."""
    beta = fit.beta if isinstance(fit, OlsFit) else fit.optimum.beta
    empty = np.eye(len(K))[:, ~K.any(axis=1)]
    made = Functions(grid.X, grid.offset, grid.lost, beta, known).combined(K)
    return replace(made, lost=np.column_stack([made.lost, empty]))


def _joint_place(grid: Grid, names: tuple[str, ...]) -> NDArray[np.intp]:
    """(m,) the place of each row among the combinations of some variables, the first fastest."""
    place, size = np.zeros(grid.m, dtype=np.intp), 1
    for name in names:
        place += size * grid.places(name)
        size *= len(grid.levels[name].values)
    return place


def families(
    columns: Mapping[str, Column], by: Sequence[str], m: int
) -> tuple[NDArray[np.intp], ...]:
    """The rows of each combination of the variables `by`, in order of appearance."""
    if not by:
        return (np.arange(m),)
    keys = np.column_stack([columns[name].values for name in by])
    _, first, which = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return tuple(np.flatnonzero(which.ravel() == k) for k in np.argsort(first))


def inference(functions: Functions, names: Sequence[str], level: float) -> Estimates:
    """Estimates with tests against zero; nan where a function cannot be estimated."""
    offset = functions.offset
    made = estimates(names, functions.L, functions.beta, functions.known, level=level, null=-offset)
    keep = np.where(estimable(functions.lost), 1.0, np.nan)
    return replace(
        made,
        estimate=keep * (made.estimate + offset),
        std_error=keep * made.std_error,
        df=keep * made.df,
        statistic=keep * made.statistic,
        p_value=keep * made.p_value,
        conf_low=keep * (made.conf_low + offset),
        conf_high=keep * (made.conf_high + offset),
    )


def means_frame(means: Means) -> object:
    """The means as a table in the caller's dataframe library."""
    columns: dict[str, Values] = {**means.columns, **means.values.columns()}
    return to_native({k: v for k, v in columns.items() if k != "term"}, means.backend)
