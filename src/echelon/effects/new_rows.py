"""The fixed columns of a fit laid over other rows: new data, a grid of values."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from echelon.data import Column
from echelon.errors import NeedsRows
from echelon.formula import materialise
from echelon.model.fit import LmmFit, OlsFit

Array = NDArray[np.float64]


def fixed_rows(fit: LmmFit | OlsFit, columns: Mapping[str, Column]) -> Array:
    """X (m, p) of the kept fixed effects over new rows, transformations and codings as in the fit.

    Parameters
    ----------
    columns : the predictors of the fixed part by name, m values each, none missing

    Raises
    ------
    UnknownColumn : a predictor that is not given
    DataError : a category that the fit has not seen
    NeedsRows : the fit was made from moments, without a table
    """
    if fit.built is None:
        raise NeedsRows("New rows need a fit made from a table; this one was made from moments.")
    laid = materialise(fit.spec.fixed, columns, recipe=fit.built.recipe)
    m = len(next(iter(columns.values())).values) if columns else 1
    one = {"(Intercept)": np.ones(m)} if laid.intercept else {}
    by_name = {**one, **dict(zip(laid.names, laid.arrays, strict=True))}
    return np.column_stack([by_name[name] for name in fit.names]) if fit.names else np.empty((m, 0))
