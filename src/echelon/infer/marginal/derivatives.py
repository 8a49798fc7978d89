"""Slopes as linear functions of the fixed effects, and what they depend on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from echelon.data import Column
from echelon.errors import DataError, UnknownColumn
from echelon.formula import columns_in
from echelon.formula.derivative import design_derivative
from echelon.formula.tree import expression
from echelon.infer.marginal.estimable import unseen_part
from echelon.infer.marginal.grid import Grid, predictors
from echelon.infer.marginal.levels import mean_of, number_categories, row_weights
from echelon.infer.marginal.names import number_text
from echelon.model.fit import LmmFit, OlsFit

Array = NDArray[np.float64]


def slope_rows(
    fit: LmmFit | OlsFit, variable: str, columns: Mapping[str, Column]
) -> tuple[Array, Array]:
    """Derivative of the fixed columns in a numeric variable at rows of predictor values.

    Returns
    -------
    (m, p) of the kept columns, and (m, d) what a rank-deficient fit cannot know of each slope

    Raises
    ------
    DataError : the variable makes categories, has no derivative, or is part of an offset

    Notes
    -----
    (`slope-design`), exact for products.
    """
    for text in fit.spec.offsets:
        if variable in columns_in(text):
            raise DataError(
                f"{variable!r} is part of offset({text}), whose slope is known beforehand: the "
                "slope of the prediction is not that of the fixed effects alone."
            )
    data = predictors(fit)
    if fit.built is None:  # predictors() has refused it
        raise AssertionError
    scale = spread_of(data[variable], fit)
    made = design_derivative(fit.spec.fixed, columns, fit.built.recipe, variable, scale)
    m = len(columns[variable].values)
    D, dropped = (_stacked(made, names, m) for names in (fit.names, fit.dropped))
    if not fit.dropped:
        return D, np.zeros((m, 0))
    still = unseen_part(fit, np.zeros_like(D), np.zeros_like(dropped))
    return D, unseen_part(fit, D, dropped) - still


def _stacked(made: Mapping[str, Array], names: Sequence[str], m: int) -> Array:
    zero = np.zeros(m)
    return np.column_stack([made.get(n, zero) for n in names]) if names else np.empty((m, 0))


def numeric_predictor(fit: LmmFit | OlsFit, name: str, where: str) -> Column:
    """The predictor of that name, if it is a number that counts as one.

    Raises
    ------
    UnknownColumn : no predictor of the fixed part
    DataError : a factor
    """
    column = any_predictor(fit, name, where)
    if column.is_categorical or name in number_categories(fit):
        raise DataError(
            f"{name!r} is a factor, and a slope is that of a numeric predictor. Compare its "
            f'levels: fit.emmeans("{name}").contrasts().'
        )
    return column


def any_predictor(fit: LmmFit | OlsFit, name: str, where: str) -> Column:
    """The predictor of that name over the rows used; UnknownColumn if there is none."""
    data = predictors(fit)
    if name not in data:
        raise UnknownColumn(name, list(data), f"{where}, among the predictors of the fixed part")
    return data[name]


def partners(fit: LmmFit | OlsFit, variable: str) -> tuple[str, ...]:
    """The predictors on which the slope of a variable depends; itself where it is not straight."""
    found: list[str] = []
    for term in fit.spec.fixed.terms:
        holding = [text for text in term if variable in columns_in(text)]
        if not holding:
            continue
        found += [n for text in term for n in columns_in(text) if n != variable]
        if len(holding) > 1 or not _plain(holding[0]):
            found.append(variable)
    return tuple(dict.fromkeys(found))


def is_straight(fit: LmmFit | OlsFit, variable: str) -> bool:
    """Whether a variable enters the fixed part as it is only, not as a square or a logarithm."""
    texts = {text for term in fit.spec.fixed.terms for text in term}
    return all(_plain(text) for text in texts if variable in columns_in(text))


def _plain(text: str) -> bool:
    return expression(text).kind == "name"


def spread_of(column: Column, fit: LmmFit | OlsFit) -> float:
    """Standard deviation over the rows used (n - 1); over those behind the summaries."""
    weight = row_weights(fit) if fit.source.kind == "summaries" else None
    w = np.ones(len(column.values)) if weight is None else weight
    away = column.values - mean_of(column, fit)
    return float(np.sqrt(w @ away**2 / (w.sum() - 1)))


def spread_points(column: Column, fit: LmmFit | OlsFit) -> Array:
    """One SD below the mean, the mean, one SD above it (`pick-a-point`; aiken1991)."""
    return mean_of(column, fit) + spread_of(column, fit) * np.array([-1.0, 0.0, 1.0])


def value_said(grid: Grid, name: str) -> str:
    """The one value of a predictor in a grid, in words."""
    column = grid.levels[name]
    if column.levels is not None:
        return f"{name} = {column.levels[int(column.values[0])]}"
    mean = " (its mean)" if name in grid.held else ""
    return f"{name} = {number_text(float(column.values[0]))}{mean}"
