"""Tables in the caller's own dataframe library, built from plain columns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias, cast

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from echelon.data.column import Column
from echelon.errors import MissingDependency, UnknownOption

Backend: TypeAlias = Literal["pandas", "polars", "pyarrow"]
BACKENDS = ("pandas", "polars", "pyarrow")
Values: TypeAlias = Sequence[object] | NDArray[Any] | Column
"""What a column of a result table is made from."""


def to_native(columns: Mapping[str, Values], backend: str, index: object = None) -> object:
    """A table in the library named `backend`, made from columns of equal length.

    Integers stay integers, floats floats, text text. `None` is missing; so is `nan`, which
    polars and pyarrow would otherwise take for a number. A sequence that mixes text with
    other values becomes text. A categorical `Column` becomes a pandas Categorical, a polars
    Enum or a pyarrow dictionary with its levels in order (polars has text levels only).

    Parameters
    ----------
    columns : names and values, in the order of the table
    backend : "pandas", "polars" or "pyarrow"
    index : row labels for pandas, as `Frame.index` gives them; None for 0, 1, ...

    Raises
    ------
    UnknownOption : another backend.
    MissingDependency : the library is not installed.

    Examples
    --------
    >>> to_native({"term": ["a", "b"], "estimate": [1.5, None]}, "pandas")
      term  estimate
    0    a       1.5
    1    b       NaN
    """
    library = check_backend(backend)
    make = {"pandas": _pandas_values, "polars": _polars_values, "pyarrow": _arrow_values}[library]
    made = {name: make(_tidy(values)) for name, values in columns.items()}
    if not made:  # narwhals cannot tell the library of an empty dictionary of columns
        return nw.DataFrame.from_dict({}, schema={}, backend=library).to_native()
    native: Any = nw.DataFrame.from_dict(made, backend=library).to_native()
    if index is not None and library == "pandas":
        native.index = index
    return native


def check_backend(backend: str) -> Backend:
    """The backend, if it names a supported library that is installed; raises otherwise."""
    if backend not in BACKENDS:
        raise UnknownOption("backend", backend, BACKENDS)
    try:
        __import__(backend)
    except ImportError:
        extra = {"pandas": "test", "polars": "test", "pyarrow": "files"}[backend]
        raise MissingDependency(backend, extra, f"backend={backend!r}") from None
    return cast(Backend, backend)


def _tidy(values: Any) -> Any:
    """A typed numpy array, a list of one kind with `None` for missing, or a factor."""
    if isinstance(values, Column):
        return values if values.is_categorical else values.values
    if isinstance(values, np.ndarray) and values.dtype.kind in "biufM":
        return values
    listed: list[Any] = [_plain(value) for value in values]
    kinds = {type(value) for value in listed if value is not None}
    if str in kinds and len(kinds) > 1:
        return [None if value is None else str(value) for value in listed]
    if kinds == {float}:
        return np.array([np.nan if value is None else value for value in listed])
    if kinds == {int, float}:
        return np.array([np.nan if value is None else float(value) for value in listed])
    return listed


def _plain(value: object) -> object:
    """A Python scalar; `None` for every kind of missing."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, float) and value != value:
        return None
    return value


def _pandas_values(values: Any) -> object:
    """A column for pandas: its nullable types where integers or truth values are missing."""
    import pandas as pd

    if isinstance(values, Column):
        return pd.Categorical.from_codes(
            values.values, categories=list(values.levels or ()), ordered=values.ordered
        )
    if isinstance(values, list):
        kinds = {type(value) for value in values}
        if kinds == {int, type(None)}:
            return pd.array(values, dtype="Int64")
        if kinds == {bool, type(None)}:
            return pd.array(values, dtype="boolean")
        if kinds - {type(None)} and kinds <= {dt.date, dt.datetime, type(None)}:
            return np.array(values, dtype="datetime64[us]")
    return values


def _polars_values(values: Any) -> object:
    """A column for polars: `nan` as null, factors as Enum."""
    import polars as pl

    if isinstance(values, Column):
        levels = [str(level) for level in values.levels or ()]
        names = np.array([*levels, None], dtype=object)[values.values]
        return pl.Series(names.tolist(), dtype=pl.Enum(levels))
    if isinstance(values, np.ndarray) and values.dtype.kind == "f":
        return pl.Series(values, nan_to_null=True)
    return pl.Series(values, strict=False)


def _arrow_values(values: Any) -> object:
    """A column for pyarrow: `nan` as null, factors as dictionaries."""
    import pyarrow as pa

    if isinstance(values, Column):
        codes = pa.array(values.values.astype(np.int32), mask=values.missing())
        levels = pa.array(list(values.levels or ()))
        return pa.DictionaryArray.from_arrays(codes, levels, ordered=values.ordered)
    if isinstance(values, np.ndarray) and values.dtype.kind == "f":
        return pa.array(values, from_pandas=True)  # from_pandas: nan is null
    return pa.array(values)


def named(names: Sequence[str], values: NDArray[np.float64], backend: str) -> object:
    """Numbers by name, as the caller's library has them: a pandas Series, or a dict for others.

    >>> named(["a", "b"], np.array([1.0, 2.0]), "polars")
    {'a': 1.0, 'b': 2.0}
    """
    if backend == "pandas":
        import pandas

        return pandas.Series(np.array(values), index=list(names))
    return dict(zip(names, np.asarray(values).tolist(), strict=True))
