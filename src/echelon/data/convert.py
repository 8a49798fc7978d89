"""One column of any library as a `Column`: numbers, or codes with levels."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from echelon.data.codes import (
    Codes,
    Levels,
    encode_arrow_dictionary,
    encode_floats,
    encode_integers,
    encode_polars_categories,
    encode_text,
)
from echelon.data.column import Column
from echelon.errors import DataError

Kind: TypeAlias = Literal["number", "boolean", "text", "factor", "object", "empty"]
_DATES = (nw.Date, nw.Datetime, nw.Duration, nw.Time)


def column_of(series: nw.Series[Any], label: str = "") -> Column:
    """Numbers as float64 with `nan` for missing, everything else as codes with levels.

    Raises
    ------
    DataError : dates, lists, and columns that mix kinds of values.
    """
    kind = _kind_of(series)
    if kind == "object":
        return _column_of_objects(series, label)
    if kind == "number":
        return Column(series.name, _read_only(_numbers(series)), label=label)
    if kind == "empty":
        return _empty_column(series, label)
    if kind == "factor":
        codes, levels, ordered = _factor(series)
        return Column(series.name, _read_only(codes), levels, ordered, label)
    codes, levels = _booleans(series) if kind == "boolean" else encode_text(series)
    if not levels:  # text without one present value says nothing about its kind
        return _empty_column(series, label)
    return Column(series.name, _read_only(codes), levels, label=label)


def groups_of(series: nw.Series[Any], label: str = "") -> Column:
    """The column as a grouping factor: always codes, numbers as sorted distinct levels.

    Raises
    ------
    DataError : dates, lists, and columns that mix kinds of values.
    """
    if _kind_of(series) == "number" and series.dtype.is_integer():
        absent = series.is_null().to_numpy() if series.null_count() else None
        filled = series if absent is None else series.fill_null(0)
        codes, levels = encode_integers(filled.to_numpy(), absent)
        return Column(series.name, _read_only(codes), levels, label=label)
    column = column_of(series, label)
    if column.is_categorical:
        return column
    codes, levels = encode_floats(np.asarray(column.values, dtype=np.float64))
    return Column(series.name, _read_only(codes), levels, label=label)


def _kind_of(series: nw.Series[Any]) -> Kind:
    """Which of the few kinds a column is, or a DataError that says what to do with it."""
    dtype = series.dtype
    # narwhals guesses the kind of a pandas object column from its first rows: look at all of them
    if dtype == nw.Object or str(getattr(series.to_native(), "dtype", "")) == "object":
        return "object"
    if dtype.is_numeric():
        return "number"
    if dtype == nw.Boolean:
        return "boolean"
    if dtype == nw.String:
        return "text"
    if dtype in (nw.Categorical, nw.Enum):
        return "factor"
    if series.null_count() == len(series):
        return "empty"
    if dtype in _DATES:
        raise DataError(_about_dates(series.name, str(dtype)))
    raise DataError(
        f"Column {series.name!r} holds values of type {dtype}, which are neither numbers nor "
        "categories. Make it one of the two before fitting."
    )


def _numbers(series: nw.Series[Any]) -> NDArray[np.float64]:
    """(n,) float64, missing as `nan`; the caller's own memory where it is float64 already."""
    native = series.to_native()
    if not series.implementation.is_pandas_like():
        plain = series if series.dtype == nw.Float64 else series.cast(nw.Float64)
        if series.implementation.is_pyarrow() and plain.to_native().num_chunks == 1:
            chunk = plain.to_native().chunk(0)  # of one chunk pyarrow can give a view
            return np.asarray(chunk.to_numpy(zero_copy_only=False), dtype=np.float64)
        return np.asarray(plain.to_numpy(), dtype=np.float64)
    if isinstance(native.dtype, np.dtype):
        return np.asarray(native.to_numpy(), dtype=np.float64)
    return np.asarray(native.to_numpy(dtype="float64", na_value=np.nan), dtype=np.float64)


def _booleans(series: nw.Series[Any]) -> tuple[Codes, Levels]:
    """Codes 0 for False and 1 for True, always with both levels."""
    if not series.null_count():
        return series.to_numpy().astype(np.intp), (False, True)
    absent = series.is_null().to_numpy()
    codes = series.fill_null(False).to_numpy().astype(np.intp)
    codes[absent] = -1
    return codes, (False, True)


def _factor(series: nw.Series[Any]) -> tuple[Codes, Levels, bool]:
    """Codes, levels in the library's own category order, and whether they are ordered."""
    native = series.to_native()
    if series.implementation.is_polars():
        if series.dtype == nw.Enum:
            codes = native.to_physical().cast(int).fill_null(-1).to_numpy().astype(np.intp)
            return codes, tuple(native.dtype.categories.to_list()), False
        return *encode_polars_categories(native), False
    if hasattr(native.dtype, "pyarrow_dtype") if series.implementation.is_pandas() else False:
        native = native.array.__arrow_array__()
    if hasattr(native, "cat"):
        levels = tuple(_plain_level(level) for level in native.cat.categories.tolist())
        return native.cat.codes.to_numpy().astype(np.intp), levels, bool(native.cat.ordered)
    codes, levels = encode_arrow_dictionary(native)
    return codes, levels, bool(native.type.ordered)


def _plain_level(level: object) -> object:
    """A category as str, int, float or bool; an interval or a date by its text."""
    return level if isinstance(level, str | int | float | bool) else str(level)


def _column_of_objects(series: nw.Series[Any], label: str) -> Column:
    """A column of Python objects, if all of them are of one kind."""
    if series.implementation.is_pandas():
        import pandas as pd

        # Text is what object columns mostly hold, and pandas tells it twice as fast as below
        if pd.api.types.infer_dtype(series.to_native(), skipna=True) == "string":
            codes, levels = encode_text(series)
            return Column(series.name, _read_only(codes), levels, label=label)
    absent = series.is_null().to_numpy()
    values = np.asarray(series.to_native().to_numpy(), dtype=object)
    present = values[~absent]
    kinds = sorted(set(map(type, present)), key=lambda kind: kind.__name__)
    if not kinds:
        return _empty_column(series, label)
    if all(issubclass(kind, str) for kind in kinds):
        listed = [None if gone else v for v, gone in zip(values, absent, strict=True)]
        text = nw.new_series(series.name, listed, nw.String(), backend=series.implementation)
        codes, levels = encode_text(text)
        return Column(series.name, _read_only(codes), levels, label=label)
    if all(issubclass(kind, bool | np.bool_) for kind in kinds):
        codes = np.full(absent.size, -1, dtype=np.intp)
        codes[~absent] = present.astype(np.intp)
        return Column(series.name, _read_only(codes), (False, True), label=label)
    if all(_is_number(kind) for kind in kinds):
        numbers = np.full(absent.size, np.nan)
        numbers[~absent] = present.astype(np.float64)
        return Column(series.name, _read_only(numbers), label=label)
    named = " and ".join(kind.__name__ for kind in kinds)
    if len(kinds) == 1:
        dates = kinds[0].__name__ in ("date", "datetime", "Timestamp", "timedelta", "time")
        raise DataError(
            _about_dates(series.name, named) if dates else _about_mix(series.name, named)
        )
    raise DataError(_about_mix(series.name, named))


def _is_number(kind: type) -> bool:
    """Whether values of this type are numbers (Decimal and Fraction too, truth values not)."""
    if issubclass(kind, bool | np.bool_ | complex):
        return False
    return hasattr(kind, "__float__") and hasattr(kind, "__add__") and hasattr(kind, "__abs__")


def _about_mix(name: str, named: str) -> str:
    return (
        f"Column {name!r} holds Python objects of type {named}. Convert it to one kind: numbers "
        f"(pandas: pd.to_numeric(df[{name!r}])) or text (df[{name!r}].astype('str'))."
    )


def _about_dates(name: str, named: str) -> str:
    return (
        f"Column {name!r} holds dates or times ({named}). Turn it into a number, such as the days "
        "since a first day, or into a category, such as the year as text."
    )


def _empty_column(series: nw.Series[Any], label: str) -> Column:
    """A column without one present value: numeric, all missing."""
    return Column(series.name, _read_only(np.full(len(series), np.nan)), label=label)


def _read_only(values: NDArray[Any]) -> NDArray[Any]:
    """A view that cannot write to what may be the caller's memory."""
    view = values.view()
    view.flags.writeable = False
    return view
