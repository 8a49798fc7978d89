"""Simple slopes: how fast the fixed part rises with a numeric predictor, at chosen moderators."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from echelon.data import Column, Values, to_native
from echelon.errors import DataError, UnknownOption
from echelon.infer.choose import uncertainty
from echelon.infer.marginal.adjust import (
    Family,
    adjust,
    adjustment_note,
    check_adjust,
    correlation_for,
)
from echelon.infer.marginal.derivatives import (
    any_predictor,
    numeric_predictor,
    partners,
    slope_rows,
    spread_points,
    value_said,
)
from echelon.infer.marginal.estimable import estimable
from echelon.infer.marginal.grid import At, Grid, expand, predictors, reference_grid
from echelon.infer.marginal.means import Functions, Means, Weights, averaging, inference
from echelon.infer.marginal.names import labels
from echelon.infer.marginal.remarks import WEIGHING, listed
from echelon.infer.marginal.rows import grouping, own_rows
from echelon.infer.uncertainty import Uncertainty
from echelon.model.fit import LmmFit, OlsFit

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Slopes(Means):
    """Slopes of a predictor, laid out as marginal means are; see `Means` for the other attributes.

    Attributes
    ----------
    variable : the predictor whose slopes these are
    """

    variable: str


def simple_slopes(
    fit: LmmFit | OlsFit,
    variable: str,
    *,
    by: str | Sequence[str] | None = None,
    at: At | None = None,
    average: bool = False,
    weights: str = "equal",
    df: str | None = None,
    known: Uncertainty | None = None,
    level: float = 0.95,
    adjusted: str = "none",
) -> Slopes:
    """The slopes of a variable at the values of moderators, averaged over the rest of the grid.

    Parameters
    ----------
    by : the moderators; a factor (or a number with two values) at all its levels, another number at
        its mean and one SD below and above it unless `at` gives its values
    at : values of predictors, by name; those with several values have a row each
    average : average over the rows of the data instead, within the values of `by`
    weights : of the combinations of the other factors, as in `marginal_means`
    df : method of the degrees of freedom;  known : a covariance to use instead of the model's

    Raises
    ------
    UnknownColumn : a name that is no predictor of the fixed part
    DataError : the variable is a factor, or has no derivative
    UnknownOption, NeedsRows, TooLarge : see `reference_grid`

    Notes
    -----
    `simple-slope`, `slope-design`; aiken1991.
    """
    if weights not in get_args(Weights):
        raise UnknownOption("weights", weights, get_args(Weights))
    method = check_adjust(adjusted)
    if average:
        laid = _over_rows(fit, variable, by, at)
    else:
        laid = _over_grid(fit, variable, by, at, weights)
    beta = fit.beta if isinstance(fit, OlsFit) else fit.optimum.beta
    known = uncertainty(fit, df) if known is None else known
    m = len(laid.L)
    functions = Functions(laid.L, np.zeros(m), laid.lost, beta, known)
    family = Family((np.arange(m),), correlation=correlation_for(method, functions.L, known.vcov))
    specs = tuple(laid.columns)
    names = labels(laid.columns, specs, m) if specs else (variable,)
    return Slopes(
        values=adjust(inference(functions, names, level), method, family),
        levels=laid.levels,
        columns=laid.columns,
        specs=specs,
        by=(),
        weights="rows" if average else weights,
        adjust=method,
        remarks=laid.notes,
        asides=(
            *_unknown(estimable(functions.lost)),
            *filter(None, [adjustment_note(method, family, estimable(functions.lost))]),
        ),
        functions=functions,
        response=fit.response,
        backend=fit.source.backend,
        variable=variable,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Laid:
    """Slopes as linear functions L (m, p), what is `lost` of them, and what tells them apart."""

    L: Array
    lost: Array
    levels: dict[str, Column]
    columns: dict[str, Column]
    notes: tuple[str, ...]


def _over_rows(
    fit: LmmFit | OlsFit, variable: str, by: str | Sequence[str] | None, at: At | None
) -> _Laid:
    """Slopes averaged over the rows of the data, within the values of `by`."""
    if at:
        raise DataError("average=True takes the rows as they are: leave at= out.")
    numeric_predictor(fit, variable, "slopes()")
    names = (by,) if isinstance(by, str) else tuple(by or ())
    rows = own_rows(fit, names)
    place, columns = grouping({name: rows.columns[name] for name in names}, len(rows.X))
    D, lost = slope_rows(fit, variable, predictors(fit))
    total = np.bincount(place, rows.weight)
    L, unseen = (
        np.stack([np.bincount(place, rows.weight * v) / total for v in part.T], axis=1)
        if part.size
        else np.zeros((len(total), 0))
        for part in (D, lost)
    )
    within = f" within {listed(names)}" if names else ""
    scale = _scale(fit)
    notes = (f"Averaged over the rows of the data{within}.", *scale)
    return _Laid(L, unseen, columns, columns, notes)


def _over_grid(
    fit: LmmFit | OlsFit,
    variable: str,
    by: str | Sequence[str] | None,
    at: At | None,
    weights: str,
) -> _Laid:
    """Slopes at the points of a grid, averaged over what does not tell them apart."""
    numeric_predictor(fit, variable, "slopes()")
    names = [by] if isinstance(by, str) else list(by or ())
    for name in names:
        any_predictor(fit, name, "slopes(by=)")
    at = dict(at or {})
    grid = reference_grid(fit, at)
    points = tuple(n for n in names if n in grid.held)
    if points:
        data = predictors(fit)
        grid = reference_grid(fit, at | {n: spread_points(data[n], fit) for n in points})
    several = [n for n in grid.levels if n in at and len(grid.levels[n].values) > 1]
    specs = tuple(dict.fromkeys([*names, *several]))
    K = averaging(grid, specs, weights)
    D, lost = slope_rows(fit, variable, grid.columns)
    empty = np.eye(len(K))[:, ~K.any(axis=1)]
    levels = {name: grid.levels[name] for name in specs}
    notes = tuple(_notes(fit, variable, grid, specs, points, weights))
    return _Laid(K @ D, np.column_stack([K @ lost, empty]), levels, expand(levels), notes)


def _notes(
    fit: LmmFit | OlsFit,
    variable: str,
    grid: Grid,
    specs: tuple[str, ...],
    points: tuple[str, ...],
    weights: str,
) -> Iterator[str]:
    """Where the slopes hold; predictors that do not touch them are not named."""
    if points:
        yield f"{listed(points)}: one SD below the mean of the rows, the mean, one SD above it."
    touching = partners(fit, variable)
    depends = [n for n in touching if n not in specs]
    held = [n for n in depends if len(grid.levels[n].values) == 1]
    averaged = [n for n in depends if n not in held]
    if averaged:
        yield f"Averaged over {listed(averaged)} with {WEIGHING[weights]}."
    if held:
        yield f"At {listed([value_said(grid, n) for n in held])}."
    if not touching:
        yield f"{variable} is in no interaction, so its slope is the same everywhere."
    yield from _scale(fit)


def _scale(fit: LmmFit | OlsFit) -> Iterator[str]:
    if "(" in fit.response:
        yield f"On the scale of {fit.response}."


def _unknown(known: NDArray[np.bool_]) -> Iterator[str]:
    lost = int((~known).sum())
    if lost:
        yield (
            f"{lost} of {len(known)} slopes cannot be estimated: columns of the model were dropped "
            "because the data cannot tell them apart."
        )


def slopes_frame(slopes: Slopes) -> object:
    """The slopes as a table in the caller's dataframe library: variable, moderators, estimates."""
    made = slopes.values.columns()
    del made["term"]
    columns: dict[str, Values] = {
        "variable": [slopes.variable] * len(slopes.values.estimate),
        **slopes.columns,
        **made,
    }
    return to_native(columns, slopes.backend)
