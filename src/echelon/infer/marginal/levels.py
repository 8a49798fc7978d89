"""The values that a predictor takes in a reference grid."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.data import Column
from echelon.errors import DataError, nearest_hint
from echelon.formula import columns_in
from echelon.formula.values import level_text
from echelon.model.fit import LmmFit, OlsFit

Array = NDArray[np.float64]


def number_categories(fit: LmmFit | OlsFit) -> set[str]:
    """The variables inside `factor()` and the like: a number there counts as a category."""
    codings = {} if fit.built is None else fit.built.recipe.codings
    return {
        name
        for expr, coding in codings.items()
        if not all(isinstance(level, bool | np.bool_) for level in coding.levels)  # I(x > 3)
        for name in columns_in(expr)
    }


def levels_of(column: Column, every: bool) -> Column | None:
    """All levels of a factor, both values of a number with two; None for other covariates."""
    if column.levels is not None:
        return replace(column, values=np.arange(len(column.levels)))
    if every:
        every_value: Array = np.unique(column.values.astype(np.float64))
        return replace(column, values=every_value)
    low, high = column.values.min(), column.values.max()
    both = ((column.values == low) | (column.values == high)).all()
    ends: Array = np.unique(np.array([low, high], dtype=np.float64))
    return replace(column, values=ends) if both else None


def asked(column: Column, given: object) -> Column:
    """The values of `at` for one predictor."""
    listed = _listed(given)
    if not listed:
        raise DataError(f"at={{{column.name!r}: ...}} has no values.")
    if column.levels is None:
        try:
            values = np.array(listed, dtype=np.float64)
        except (TypeError, ValueError):
            values = np.array([np.nan])
        if not np.isfinite(values).all():
            raise DataError(f"{column.name!r} is numeric: at= needs finite numbers, not {given!r}.")
        return replace(column, values=values)
    texts = [level_text(level) for level in column.levels]
    for value in listed:
        if level_text(value) not in texts:
            hint = nearest_hint(level_text(value), texts, "Categories")
            raise DataError(f"{column.name!r} has no category {value!r} in the rows used.{hint}")
    return replace(column, values=np.array([texts.index(level_text(v)) for v in listed]))


def _listed(given: object) -> list[object]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        return [given]
    return list(given)


def row_weights(fit: LmmFit | OlsFit) -> Array | None:
    """(n,) the rows that a row of the table stands for: the size of its group in summaries.

    Precision weights say how exactly a row is measured, not how many it stands for.
    """
    if fit.built is None or fit.source.kind != "summaries":
        return None
    return fit.moments.groups[0].count[fit.built.design.factors[0].codes].astype(np.float64)


def mean_of(column: Column, fit: LmmFit | OlsFit) -> float:
    """The mean over the rows used; over the rows behind the summaries, for a fit from those."""
    mean = float(np.average(column.values, weights=row_weights(fit)))
    size = float(np.abs(column.values).mean())
    return mean if abs(mean) > tolerances.CENTRED * size else 0.0
