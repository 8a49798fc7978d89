"""Reference grids: the combinations of predictor values at which a model is looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.data import Column
from echelon.errors import DataError, NeedsRows, TooLarge, UnknownColumn
from echelon.formula import evaluate, materialise
from echelon.infer.marginal.estimable import unseen_part
from echelon.infer.marginal.levels import asked, levels_of, mean_of, number_categories, row_weights
from echelon.model.fit import LmmFit, OlsFit

Array = NDArray[np.float64]
At: TypeAlias = Mapping[str, object]


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Every combination of the values given to the predictors, the first varying fastest.

    Attributes
    ----------
    levels : the values of each predictor of the fixed part and of the formula's offsets, in order
    columns : the same over the m combinations
    X : (m, p) fixed columns of the model
    lost : (m, d) what the fit cannot know of each row: not zero where a dropped column of the model
        moves apart from the kept ones (see `estimable.py`); d = 0 for a model of full rank
    offset : (m,) the offset, at the values of the row, `offset=` at its mean
    frequency : (m,) rows of the data with the row's factors, whatever their covariates
    discrete : the predictors that count in `frequency`: categories, and numbers with two values
    held : the covariates that are at their mean
    """

    levels: Mapping[str, Column]
    columns: Mapping[str, Column]
    X: Array
    lost: Array
    offset: Array
    frequency: Array
    discrete: tuple[str, ...]
    held: tuple[str, ...]

    @property
    def m(self) -> int:
        """Rows of the grid."""
        return len(self.X)

    def places(self, name: str) -> NDArray[np.intp]:
        """(m,) for each row, the place of its value among `levels[name]`."""
        sizes = [len(column.values) for column in self.levels.values()]
        axis = list(self.levels).index(name)
        return (np.arange(self.m) // prod(sizes[:axis])) % sizes[axis]


def reference_grid(fit: LmmFit | OlsFit, at: At | None = None, vary: Sequence[str] = ()) -> Grid:
    """The reference grid of a fit, as emmeans builds it.

    Parameters
    ----------
    at : values for some predictors, by name: one value or several. A factor takes those of its
        levels.
    vary : numeric predictors that take every value they have in the data

    Returns
    -------
    Grid : factors at all their levels, numeric predictors with two values at both (as `sector`
        coded 0/1), other numeric predictors at their mean over the rows used

    Raises
    ------
    UnknownColumn : a name in `at` or `vary` that is no predictor of the fixed part
    DataError : a category the fit has not seen; values that are no numbers; a grid too large
    NeedsRows : the fit was made from moments, without a table

    Notes
    -----
    `grid`; searle1980, lenth2023. A number inside `factor()` or `C()` counts as a category.
    """
    data = predictors(fit)
    at = values_given(at)
    for name in (*at, *vary):
        if name not in data:
            raise UnknownColumn(name, list(data), "a reference grid of the fixed part")
    counted, weight = number_categories(fit), row_weights(fit)
    levels: dict[str, Column] = {}
    discrete, held = [], []
    for name, column in data.items():
        whole = levels_of(column, every=name in counted or name in vary)
        if name in at:
            levels[name] = asked(column, at[name])
        elif whole is not None:
            levels[name] = whole
        else:
            levels[name] = Column(name, np.array([mean_of(column, fit)]), label=column.label)
            held.append(name)
        if whole is not None and (name not in at or column.is_categorical or name in counted):
            discrete.append(name)
    frequency = _frequency(data, levels, discrete, weight, _rows(fit))
    return _laid(fit, levels, frequency, tuple(discrete), tuple(held))


def values_given(at: At | None) -> dict[str, object]:
    """The values of `at` by name.

    Raises
    ------
    DataError : it is no mapping
    """
    if at is None or isinstance(at, Mapping):
        return dict(at or {})
    table = " A table of rows to predict for is newdata=." if hasattr(at, "columns") else ""
    raise DataError(
        'at= takes values of predictors by name, as in at={"ses": [-1, 0, 1]}, and was given '
        f"something of type {type(at).__name__}.{table}"
    )


def predictors(fit: LmmFit | OlsFit) -> Mapping[str, Column]:
    """The variables of the fixed part and of the formula's offsets over the rows used.

    Raises
    ------
    NeedsRows : the fit was made from moments, without a table
    """
    if fit.built is None:
        raise NeedsRows(
            "A reference grid needs a fit made from a table; this one was made from moments."
        )
    return fit.built.columns


def expand(levels: Mapping[str, Column]) -> dict[str, Column]:
    """Every combination of the levels as columns, the first varying fastest (R's expand.grid).

    Raises
    ------
    TooLarge : more rows than a grid may have
    """
    sizes = [len(column.values) for column in levels.values()]
    m = grid_rows(levels)
    if m > tolerances.GRID_ROWS:
        shown = " x ".join(f"{s} ({n})" for s, n in zip(sizes, levels, strict=True) if s > 1)
        raise TooLarge(
            f"The reference grid would have {m:,} rows: {shown}. At most {tolerances.GRID_ROWS:,} "
            "are laid; fix some predictors with at=."
        )
    made, each = {}, 1
    for size, (name, column) in zip(sizes, levels.items(), strict=True):
        places = (np.arange(m) // each) % size
        made[name] = replace(column, values=column.values[places])
        each *= size
    return made


def _rows(fit: LmmFit | OlsFit) -> int:
    return 0 if fit.built is None else fit.built.design.n


def _frequency(
    data: Mapping[str, Column],
    levels: Mapping[str, Column],
    discrete: Sequence[str],
    weight: Array | None,
    rows: int,
) -> Array:
    """(m,) rows of the data, weighted, in the cell of each row of the grid."""
    grid = expand(levels)
    cell, inside = np.zeros(rows, dtype=np.intp), np.ones(rows, dtype=bool)
    wanted, size = np.zeros(grid_rows(levels), dtype=np.intp), 1
    for name in discrete:
        known = np.unique(levels[name].values)
        place = np.searchsorted(known, data[name].values).clip(max=len(known) - 1)
        inside &= known[place] == data[name].values
        cell += size * place
        wanted += size * np.searchsorted(known, grid[name].values)
        size *= len(known)
    counts = np.bincount(
        cell[inside], weights=None if weight is None else weight[inside], minlength=size
    )
    return counts[wanted].astype(np.float64)


def grid_rows(levels: Mapping[str, Column]) -> int:
    """Rows of the grid of all combinations."""
    return prod(len(column.values) for column in levels.values())


def _laid(
    fit: LmmFit | OlsFit,
    levels: Mapping[str, Column],
    frequency: Array,
    discrete: tuple[str, ...],
    held: tuple[str, ...],
) -> Grid:
    columns = expand(levels)
    m = grid_rows(levels)
    X, dropped = both_rows(fit, columns, m)
    return Grid(
        levels=levels,
        columns=columns,
        X=X,
        lost=unseen_part(fit, X, dropped) if fit.dropped else np.zeros((m, 0)),
        offset=offset_at(fit, columns, m),
        frequency=frequency,
        discrete=discrete,
        held=held,
    )


def both_rows(fit: LmmFit | OlsFit, columns: Mapping[str, Column], m: int) -> tuple[Array, Array]:
    """The kept (m, p) and the dropped (m, d) fixed columns over other rows."""
    if fit.built is None:
        raise NeedsRows("New rows need a fit made from a table; this one was made from moments.")
    laid = materialise(fit.spec.fixed, columns, recipe=fit.built.recipe)
    one = {"(Intercept)": np.ones(m)} if laid.intercept else {}
    by_name = {**one, **dict(zip(laid.names, laid.arrays, strict=True))}
    return _stack(by_name, fit.names, m), _stack(by_name, fit.dropped, m)


def _stack(by_name: Mapping[str, Array], names: Sequence[str], m: int) -> Array:
    return np.column_stack([by_name[name] for name in names]) if names else np.empty((m, 0))


def offset_at(fit: LmmFit | OlsFit, columns: Mapping[str, Column], m: int) -> Array:
    """(m,) the offset at other rows: of the formula at their values, `offset=` at its mean."""
    total = np.zeros(m)
    for text in fit.spec.offsets:
        _, learned = evaluate(text, predictors(fit))  # scale(x) keeps the mean and SD of the fit
        total = total + evaluate(text, columns, state=learned)[0]
    if fit.built is not None and fit.built.shift is not None:
        total = total + fit.built.shift.mean()
    return total
