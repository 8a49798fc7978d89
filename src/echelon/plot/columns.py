"""Columns of a model seen from the groups: their means, their categories, the fitted line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.design.build import Built
from echelon.errors import DataError, NeedsRows, UnknownColumn
from echelon.model.fit import LmmFit

Array = NDArray[np.float64]
MOST_CATEGORIES = 6  # as many as there are colours; a number with more values is a scale


@dataclass(frozen=True, slots=True, eq=False)
class Variable:
    """A predictor of the model, by group.

    Attributes
    ----------
    name : as asked for
    values : (J,) its value in each group (the mean, when it varies within groups); the place of
        the category for a categorical predictor
    varies : whether it varies within groups
    labels : names of its categories, in order; empty for a scale
    columns : columns of the model it stands for
    coding : (categories, columns) values of the columns for each category
    """

    name: str
    values: Array
    varies: bool
    labels: tuple[str, ...]
    columns: tuple[str, ...]
    coding: Array

    @property
    def categories(self) -> NDArray[np.intp]:
        """(J,) the category of each group."""
        return self.values.astype(np.intp)

    def at(self, value: Array | int) -> dict[str, Array | float]:
        """The columns at values of a scale, or in one category."""
        if self.labels:
            return dict(zip(self.columns, self.coding[int(value)].tolist(), strict=True))
        return {self.name: np.asarray(value, dtype=float)}


def built_of(fit: LmmFit, what: str) -> Built:
    """The design of a fit: over rows, or over groups when it was made from summaries."""
    if fit.built is None:
        raise NeedsRows(f"{what} needs the columns of the model; this fit was made from moments.")
    return fit.built


def variable(fit: LmmFit, name: str, where: str, at: int = 0) -> Variable:
    """Find a predictor among the columns of a model, seen from the groups of one factor.

    Parameters
    ----------
    at : place of the grouping factor among those of the model

    Raises
    ------
    UnknownColumn : no column of the model, with the model's columns
    DataError : a categorical predictor that varies within groups
    """
    built = built_of(fit, where)
    design, codes = built.design, built.design.factors[at].codes
    factor, J = fit.factors[at], len(fit.moments.groups[at].levels)
    for expression, coding in built.recipe.codings.items():
        columns = tuple(f"{expression}{text}" for text in coding.labels)
        if name in (expression, *columns) and set(columns) <= set(design.names):
            laid = np.column_stack([design.arrays[design.names.index(c)] for c in columns])
            matrix = np.asarray(coding.matrix, dtype=float)
            place = np.argmin(np.abs(laid[:, None, :] - matrix[None]).sum(axis=2), axis=1)
            values, varies = by_group(place.astype(float), codes, J)
            if varies:
                raise DataError(
                    f"{name!r} varies within the groups of {factor}: {where} needs a "
                    "categorical predictor that is the same in all rows of a group."
                )
            labels = tuple(str(level) for level in coding.levels)
            return Variable(expression, values, False, labels, columns, matrix)
    if name not in design.names:
        raise UnknownColumn(name, design.names, f"{where}; only columns of the model are kept")
    values, varies = by_group(design.arrays[design.names.index(name)], codes, J)
    distinct = np.unique(values)
    if varies or len(distinct) > MOST_CATEGORIES:
        return Variable(name, values, varies, (), (name,), np.empty((0, 1)))
    place = np.searchsorted(distinct, values).astype(float)
    labels = tuple(f"{x:g}" for x in distinct)
    return Variable(name, place, False, labels, (name,), distinct[:, None])


def by_group(x: Array, codes: NDArray[np.int32], J: int) -> tuple[Array, bool]:
    """(J,) value of each group, its mean when `x` varies within groups, and whether it does."""
    present, first = np.unique(codes, return_index=True)
    value = np.full(J, np.nan)
    value[present] = x[first]
    scale = max(float(np.abs(x).max()), np.finfo(float).tiny)
    if np.abs(x - value[codes]).max() <= 1e-9 * scale:
        return value, False
    return np.bincount(codes, weights=x, minlength=J) / np.bincount(codes, minlength=J), True


def fixed_part(fit: LmmFit, settings: Mapping[str, Array | float], at: int = 0) -> Array | None:
    """The fixed part at `settings` of some columns, the others at their mean over groups.

    Returns None where the model does not hold all of these columns, or holds something else that
    depends on them and cannot be worked out from them (a square, a logarithm).
    """
    built = built_of(fit, "the fitted line")
    design = built.design
    if not set(settings) <= set(fit.names):
        return None
    codes, J = design.factors[at].codes, len(fit.moments.groups[at].levels)
    mean = {
        name: float(by_group(array, codes, J)[0].mean())
        for name, array in zip(design.names, design.arrays, strict=True)
    }
    touched = {word for name in settings for word in _variables(fit, name)}
    total: Array = np.zeros(1)
    for name, b in zip(fit.names, fit.optimum.beta, strict=True):
        if name == "(Intercept)":
            total = total + b
            continue
        parts = name.split(":")
        if name not in settings and not touched & _variables(fit, name):
            total = total + b * mean[name]
            continue
        product: Array = np.ones(1)
        for text in parts:
            free = text in mean and not touched & _variables(fit, text)
            if text not in settings and not free:
                return None
            product = product * (settings[text] if text in settings else mean[text])
        total = total + b * product
    return total if design.offset is None else total + float(design.offset.mean())


def _variables(fit: LmmFit, text: str) -> set[str]:
    """The columns of the data that a column of the model uses."""
    return {v for v in fit.spec.variables if re.search(rf"(?<!\w){re.escape(v)}(?!\w)", text)}
