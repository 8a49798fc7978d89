"""Offsets and precisions of rows to predict for: by column name, by value, or those of the fit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from echelon.data import Frame
from echelon.data.complete import check_finite
from echelon.design.build import Built
from echelon.errors import DataError

Array = NDArray[np.float64]
Extra = str | float | Sequence[float] | Array | None
"""A quantity for each new row: by column name, one number for all, or by its values."""


def shift_of(built: Built, frame: Frame, given: Extra) -> Array:
    """The values of offset= for the new rows."""
    if given is None:
        if built.shift is None:
            return np.zeros(frame.n)
        given = _own(built.offset_name, "offset", frame)
    return _values(given, "offset", frame)


def precision_of(built: Built, frame: Frame, given: Extra) -> Array | None:
    """The precision weights of the new rows; None where the fit has none."""
    if given is None:
        if built.design.precision is None:
            return None
        given = _own(built.precision_name, "precision", frame)
    values = _values(given, "precision", frame)
    if (values <= 0).any():
        raise DataError("precision= of new rows must be positive.")
    return values


def _own(name: str, option: str, frame: Frame) -> str:
    """The column that the fit had; an error that says what to give where there is none."""
    if name and name in frame.columns:
        return name
    what = f"column {name!r}, which new= does not have" if name else "values of its own rows"
    example = "offset=0" if option == "offset" else "precision=1"
    raise DataError(
        f"The model was fitted with {option}= by {what}. Say what it is for the new rows: "
        f"predict(..., {option}=...) with a column name, one number ({example}), or one value a "
        "row."
    )


def _values(given: Extra, option: str, frame: Frame) -> Array:
    if isinstance(given, str):
        column = frame.column(given, f"predict({option}={given!r})")
        if column.is_categorical:
            raise DataError(f"{option}={given!r} is not numeric. Give a column of numbers.")
        check_finite(column)
        return column.values.astype(np.float64)
    try:
        values = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{option}= holds values that are not numbers.") from None
    if values.ndim == 0:
        values = np.full(frame.n, float(values))
    if values.shape != (frame.n,):
        raise DataError(
            f"{option}= has shape {values.shape}, expected one value for each of {frame.n} rows."
        )
    return values
