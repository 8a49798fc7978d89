"""Rows to predict for: the data of a fit, or a new table, laid in the columns of the model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from echelon.data import Column, Frame
from echelon.errors import DataError, UnknownColumn
from echelon.infer.marginal.estimable import unseen_part
from echelon.infer.marginal.grid import both_rows, offset_at, predictors
from echelon.infer.marginal.levels import number_categories, row_weights
from echelon.model.fit import LmmFit, OlsFit

Array = NDArray[np.float64]
_WHERE = "predictions()"


@dataclass(frozen=True, slots=True, eq=False)
class Laid:
    """Rows in the columns of the model.

    Attributes
    ----------
    columns : what tells them apart: predictors, groups
    X : (m, p);  lost : (m, d) zero where estimable (`estimable`);  offset : (m,)
    weight : (m,) rows of data that each stands for
    """

    columns: Mapping[str, Column]
    X: Array
    lost: Array
    offset: Array
    weight: Array

    @staticmethod
    def parts() -> tuple[str, ...]:
        """The names of the arrays."""
        return ("X", "lost", "offset", "weight")


def own_rows(fit: LmmFit | OlsFit, also: Iterable[str]) -> Laid:
    """The rows of the fit, with the predictors and the grouping factors `also`."""
    data = dict(predictors(fit))
    if fit.built is None:  # predictors() has refused it
        raise AssertionError
    design = fit.built.design
    by_name = dict(zip(design.names, design.arrays, strict=True))
    one = np.ones(design.n)
    by_name = {"(Intercept)": one, **by_name}
    X = [by_name[name] for name in fit.names]
    for name in also:
        if name not in data:
            data[name] = _groups(fit, name)
    weight = row_weights(fit) if fit.source.kind == "summaries" else None
    return Laid(
        data,
        np.column_stack(X) if X else np.empty((design.n, 0)),
        np.zeros((design.n, len(fit.dropped))),
        np.zeros(design.n) if design.offset is None else design.offset,
        one if weight is None else weight,
    )


def _groups(fit: LmmFit | OlsFit, name: str) -> Column:
    """A grouping factor as a column."""
    factors = () if fit.built is None else fit.built.design.factors
    for factor in factors:
        if factor.factor == name:
            return Column(name, factor.codes.astype(np.intp), tuple(factor.levels))
    known = [*predictors(fit), *(factor.factor for factor in factors)]
    raise UnknownColumn(name, known, f"{_WHERE}: by=")


def new_rows(fit: LmmFit | OlsFit, table: object, also: Iterable[str]) -> Laid:
    """The rows of a new table, with the predictors and the columns `also`.

    Raises
    ------
    UnknownColumn : a predictor that the table does not have
    DataError : missing values, numbers where the fit has categories or the reverse, no rows
    """
    frame = Frame.of(table)
    if not frame.n:
        raise DataError("newdata= has no rows.")
    data = {name: _checked(frame, name, own, fit) for name, own in predictors(fit).items()}
    return _laid(fit, data, {n: frame.column(n, f"{_WHERE}: by=") for n in also}, np.ones(frame.n))


def set_to(fit: LmmFit | OlsFit, rows: Laid, fixed: Mapping[str, Column]) -> Laid:
    """The same rows with one value (1,) of some predictors in all of them."""
    m = len(rows.X)
    data = {
        name: repeated(fixed[name], m) if name in fixed else rows.columns[name]
        for name in predictors(fit)
    }
    return _laid(fit, data, {}, rows.weight)


def repeated(column: Column, m: int) -> Column:
    """A column of one value, m times."""
    return replace(column, values=column.values[np.zeros(m * len(column.values), dtype=np.intp)])


def _laid(
    fit: LmmFit | OlsFit, data: Mapping[str, Column], more: Mapping[str, Column], weight: Array
) -> Laid:
    m = len(weight)
    X, dropped = both_rows(fit, data, m)
    lost = unseen_part(fit, X, dropped) if fit.dropped else np.zeros((m, 0))
    return Laid({**data, **more}, X, lost, offset_at(fit, data, m), weight)


def _checked(frame: Frame, name: str, own: Column, fit: LmmFit | OlsFit) -> Column:
    column = frame.column(name, f"{_WHERE}: newdata=")
    missing = int(column.missing().sum())
    if missing:
        raise DataError(
            f"newdata: {name!r} is missing in {missing} of {frame.n} rows. Leave these rows out: "
            "there is no prediction without a value."
        )
    if column.is_categorical != own.is_categorical and name not in number_categories(fit):
        kinds = ("numbers", "categories")
        raise DataError(
            f"newdata: {name!r} holds {kinds[column.is_categorical]}, and in the data of the fit "
            f"it holds {kinds[own.is_categorical]}."
        )
    return column


def grouping(columns: Mapping[str, Column], m: int) -> tuple[NDArray[np.intp], dict[str, Column]]:
    """The group (m,) of each row by some columns, the first varying fastest, and their values.

    Only combinations that occur are groups.
    """
    if not columns:
        return np.zeros(m, dtype=np.intp), {}
    keys = np.column_stack([column.values for column in reversed(list(columns.values()))])
    _, first, place = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return place.ravel().astype(np.intp), {
        name: replace(column, values=column.values[first]) for name, column in columns.items()
    }


def grouping_names(names: Iterable[str], known: Mapping[str, Column]) -> None:
    """Refuse a name of `at` that is no predictor."""
    for name in names:
        if name not in known:
            raise UnknownColumn(name, list(known), f"{_WHERE}: at=")
