"""Load a bundled data set into the caller's dataframe library."""

from __future__ import annotations

import csv
import gzip
import io
import sys
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from echelon.data.column import Column
from echelon.data.labelled import attach_notes
from echelon.data.native import Backend, to_native
from echelon.datasets.codebook import FILES, Codebook, Variable, codebook

_announced: set[str] = set()  # the synthetic tables this process has been told about


def load(name: str, *, backend: Backend = "pandas", quiet: bool = False) -> object:
    """A bundled data set as a table; `codebook(name)` says what its columns mean.

    Factors come with their levels in the documented order (a pandas Categorical, a polars Enum,
    a pyarrow dictionary). The first load of a synthetic table says so on stderr.

    Parameters
    ----------
    name : one of `names()`
    backend : "pandas", "polars" or "pyarrow"
    quiet : True leaves out the note about synthetic data

    Returns
    -------
    A table of the library `backend`; variable labels are in `df.attrs["echelon"]` for pandas.

    Raises
    ------
    UnknownOption : no such data set, or no such backend.
    MissingDependency : the library is not installed.

    Examples
    --------
    >>> load("dyestuff").shape
    (30, 2)
    """
    book = codebook(name)
    columns = _columns(book)
    table = to_native(columns, backend)
    if book.synthetic and not quiet:
        _announce(book)
    labels = {column.name: column.meaning for column in book.columns}
    return attach_notes(table, labels, {}, _about(book))


def _columns(book: Codebook) -> dict[str, NDArray[Any] | list[str | None] | Column]:
    """The columns of the bundled file, each of its documented type."""
    content = resources.files(__package__).joinpath(FILES, book.file).read_bytes()
    text = gzip.decompress(content) if book.file.endswith(".gz") else content
    header, *rows = csv.reader(io.StringIO(text.decode("utf-8")))
    fields = dict(zip(header, zip(*rows, strict=True), strict=True))
    return {column.name: _typed(column, fields[column.name]) for column in book.columns}


def _typed(variable: Variable, fields: tuple[str, ...]) -> NDArray[Any] | list[str | None] | Column:
    """One column from its text; an empty field is missing."""
    if variable.type == "int":
        return np.array(fields, dtype=np.int64)
    if variable.type == "float":
        return np.array([field or "nan" for field in fields], dtype=np.float64)
    if variable.type == "string":
        return [field or None for field in fields]
    code = {level: i for i, level in enumerate(variable.levels)} | {"": -1}
    codes = np.array([code[field] for field in fields], dtype=np.intp)
    return Column(variable.name, codes, tuple(variable.levels))


def _about(book: Codebook) -> str:
    """What every table and page made from the data has to say."""
    if not book.synthetic:
        return ""
    return (
        f"The data {book.name!r} are synthetic, simulated after published summaries: nothing found "
        "in them is a finding about schools."
    )


def _announce(book: Codebook) -> None:
    """Say once in a process that a table is simulated: its numbers are no findings."""
    if book.name in _announced:
        return
    _announced.add(book.name)
    sys.stderr.write(
        f"Note: {book.name!r} is synthetic, simulated after published summaries; it holds no "
        f"record of the survey. See echelon.datasets.codebook({book.name!r}).\n"
    )
