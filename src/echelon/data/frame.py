"""`Frame`: any table, of any dataframe library, behind one small door."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from echelon.data.column import Column
from echelon.data.convert import column_of, groups_of
from echelon.data.native import Backend, to_native
from echelon.errors import DataError, UnknownColumn

_NOTES = "echelon"  # the key under which the readers leave labels in pandas attrs, Arrow metadata


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Frame:
    """A table of any library, read column by column and never changed.

    Build it by `Frame.of`.

    Attributes
    ----------
    table : the table as a narwhals DataFrame (pandas, polars or pyarrow inside)
    labels : variable labels by column, from an SPSS, Stata or SAS file
    value_labels : the text of each code by column, from the same files
    about : what every reader of results should know of the data, e.g. that they are synthetic; ""

    Examples
    --------
    >>> frame = Frame.of({"school": [7, 7, 9], "score": [1.5, 2.0, None]})
    >>> frame
    Frame(pandas, 3 rows: school, score)
    >>> frame.column("score").values.tolist()
    [1.5, 2.0, nan]
    >>> frame.groups("school").levels
    (7, 9)
    """

    table: nw.DataFrame[Any]
    labels: Mapping[str, str] = field(default_factory=dict)
    value_labels: Mapping[str, Mapping[object, str]] = field(default_factory=dict)
    about: str = ""

    @classmethod
    def of(cls, table: object) -> Frame:
        """Wrap a pandas, polars, pyarrow or narwhals table, or a mapping of arrays.

        A polars LazyFrame is collected; a mapping counts as pandas.

        Raises
        ------
        DataError : anything else, column names that are not text, or the same name twice.
        """
        if isinstance(table, Frame):
            return table
        if isinstance(table, str | os.PathLike):
            raise DataError(
                f"{os.fspath(table)!r} is a path, not a table. Use ec.read(path) first."
            )
        native = nw.to_native(table, pass_through=True)
        if isinstance(native, Mapping):
            native = to_native(_equal_columns(native), "pandas")
        _check_names(native)
        wrapped = _eager(native, type(table).__name__)
        return cls(wrapped, *_notes(wrapped.to_native()))

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(self.table.columns)

    @property
    def n(self) -> int:
        """The number of rows."""
        return len(self.table)

    @property
    def backend(self) -> Backend:
        """The library that results go back to."""
        implementation = self.table.implementation
        if implementation.is_polars():
            return "polars"
        return "pyarrow" if implementation.is_pyarrow() else "pandas"

    @property
    def index(self) -> object:
        """The row labels of a pandas table; None in the other libraries."""
        return getattr(self.native, "index", None) if self.backend == "pandas" else None

    @property
    def native(self) -> object:
        """The table itself, in its own library."""
        return self.table.to_native()

    def column(self, name: str, where: str = "data") -> Column:
        """A column as numbers, or as codes with levels if it holds text, truth values, categories.

        Numbers stay in the caller's memory where they are float64 already; the view is
        read-only. Levels: category order where the library has one, else sorted by code point.

        Parameters
        ----------
        name : the column
        where : where the name was met, for the error message

        Raises
        ------
        UnknownColumn : there is no such column.
        DataError : the values are dates, lists, or of mixed kinds.
        """
        return column_of(self._series(name, where), self.labels.get(name, ""))

    def groups(self, name: str, where: str = "data") -> Column:
        """A column as a grouping factor: always codes; numbers become sorted distinct levels.

        Whole numbers are integers among the levels, also where the column is float64.

        Parameters
        ----------
        name : the column
        where : where the name was met, for the error message

        Raises
        ------
        UnknownColumn : there is no such column.
        DataError : the values are dates, lists, or of mixed kinds.
        """
        return groups_of(self._series(name, where), self.labels.get(name, ""))

    def with_columns(self, new: Mapping[str, NDArray[np.float64]]) -> object:
        """A new table in the caller's library: the old columns and these, `nan` as missing.

        A name that exists already is replaced in its place.
        """
        library = self.table.implementation
        made = [
            nw.new_series(name, values, nw.Float64(), backend=library)
            for name, values in new.items()
        ]
        if self.backend != "pandas":
            made = [series.fill_nan(None) for series in made]
        native: Any = self.table.with_columns(*made).to_native()
        if hasattr(native, "attrs"):
            native = native.copy()  # before pandas 3 the old columns are shared memory
            native.attrs = deepcopy(self.table.to_native().attrs)  # narwhals leaves them behind
        return native

    def __repr__(self) -> str:
        shown = ", ".join(self.columns[:8]) + (", ..." if len(self.columns) > 8 else "")
        return f"Frame({self.backend}, {self.n:,} rows: {shown})"

    def _series(self, name: str, where: str) -> nw.Series[Any]:
        if name not in self.table.columns:
            raise UnknownColumn(name, self.columns, where)
        return self.table.get_column(name)


def _eager(native: Any, kind: str) -> nw.DataFrame[Any]:
    """The table as a narwhals DataFrame of one of the three libraries."""
    try:
        wrapped = nw.from_native(native)
    except TypeError:
        raise DataError(
            f"A table is needed, not {kind}. Give a pandas or polars DataFrame, a pyarrow "
            "Table, or a mapping of column names to arrays."
        ) from None
    if isinstance(wrapped, nw.LazyFrame):
        wrapped = wrapped.collect()
    known = wrapped.implementation
    if not (known.is_pandas() or known.is_polars() or known.is_pyarrow()):
        wrapped = nw.from_native(wrapped.to_pandas())
    eager: nw.DataFrame[Any] = wrapped
    return eager


def _check_names(native: object) -> None:
    """Column names must be text and distinct; checked before narwhals sees the table."""
    names = getattr(native, "column_names", None)  # pyarrow
    if names is None:
        names = getattr(native, "columns", ()) if not hasattr(native, "collect_schema") else ()
    try:
        listed = list(names)
    except TypeError:
        return
    other = [name for name in listed if not isinstance(name, str)]
    if other:
        raise DataError(
            f"Column names must be text, and {other[0]!r} is not. Rename the columns, for "
            "instance df.columns = [str(name) for name in df.columns]."
        )
    twice = [name for name, count in Counter(listed).items() if count > 1]
    if twice:
        named = ", ".join(repr(name) for name in twice)
        raise DataError(
            f"Column names must be distinct; more than once: {named}. Rename or drop one."
        )


def _equal_columns(columns: Mapping[str, Any]) -> Mapping[str, Any]:
    """A mapping of arrays, checked to be a table."""
    sizes = {}
    for name, values in columns.items():
        shape = np.shape(values)
        if isinstance(values, str) or len(shape) != 1:
            raise DataError(f"Column {name!r} of the mapping must be a sequence, one value a row.")
        sizes[name] = shape[0]
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise DataError(f"The columns of the mapping differ in length: {listed}.")
    return columns


def _notes(native: object) -> tuple[dict[str, str], dict[str, dict[object, str]], str]:
    """Variable labels, value labels and the sentence about the data that came with a table."""
    attrs = getattr(native, "attrs", None)
    notes = attrs.get(_NOTES) if isinstance(attrs, dict) else None
    if isinstance(notes, dict):
        labels, value_labels = dict(notes.get("labels", {})), dict(notes.get("value_labels", {}))
        return labels, value_labels, str(notes.get("about", ""))
    metadata = getattr(getattr(native, "schema", None), "metadata", None)
    packed = metadata.get(_NOTES.encode()) if isinstance(metadata, dict) else None
    if not packed:
        return {}, {}, ""
    notes = json.loads(packed)
    pairs = notes.get("value_labels", {})
    value_labels = {name: dict(codes) for name, codes in pairs.items()}
    return notes.get("labels", {}), value_labels, notes.get("about", "")
