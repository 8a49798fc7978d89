"""Write a table as a file of any common kind: the way back from `read`."""

from __future__ import annotations

import gzip
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import narwhals as nw
import numpy as np

from echelon.data.files import atomic, path_of
from echelon.data.frame import Frame
from echelon.data.labelled import attach_notes
from echelon.data.names import SPSS, STATA, valid_names
from echelon.errors import (
    DataError,
    EchelonError,
    FileFormatError,
    MissingDependency,
    UnknownColumn,
    nearest_hint,
)

WRITTEN = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet", ".sav", ".zsav", ".dta")
_LABEL = {".sav": 256, ".zsav": 256, ".dta": 80}  # bytes of a variable's label, by the formats
_NUMBER = int | float | np.number
Codes = dict[float, str]


def write(
    table: object,
    path: str | os.PathLike[str],
    *,
    labels: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Write a table as text, parquet, SPSS or Stata; whole, or not at all.

    Categories become labelled codes in SPSS and Stata, truth values 0 and 1. Variable and value
    labels that `read` left with the table are written where the format has a place for them. A
    pandas index is not written.

    Parameters
    ----------
    table : pandas, polars or pyarrow, or a mapping of arrays
    path : a file ending in .csv, .csv.gz, .tsv, .tsv.gz, .parquet, .sav, .zsav or .dta
    labels : variable labels by column, besides those the table has

    Returns
    -------
    the columns that were renamed, old name to new: SPSS and Stata do not take every name. The old
    one is then the variable's label, if it has no other. Empty where all names were kept

    Raises
    ------
    FileFormatError : an ending that is not supported, a folder that does not exist, a column that
        the format has no place for
    MissingDependency : the format needs a library that is not installed

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write({"class:school": [1, 2], "score": [1.5, None]}, Path(folder, "a.sav"))
    {'class:school': 'class_school'}
    """
    frame = Frame.of(table)
    target = path_of(path)
    ending = _ending(target)
    notes = {**frame.labels, **_labels(frame, labels)}
    renamed: dict[str, str] = {}
    with atomic(target) as temporary:
        try:
            if ending in (".sav", ".zsav", ".dta"):
                renamed = _write_statistics(frame, temporary, ending, notes)
            elif ending == ".parquet":
                _write_parquet(frame, temporary, notes)
            else:
                _write_text(frame, temporary, ending)
        except (EchelonError, MemoryError, OSError):
            raise
        # each writer has error classes of its own; none of them should reach the caller
        except Exception as problem:
            raise FileFormatError(
                f"{target.name} cannot be written as {ending}: {problem}. No file was written."
            ) from None
    return renamed


def _labels(frame: Frame, labels: object) -> Mapping[str, str]:
    """Labels by name of column."""
    if labels is not None and not isinstance(labels, Mapping):
        raise DataError(f'labels={labels!r}: give labels by name of column, as in {{"x": "Age"}}.')
    for name in labels or ():
        if name not in frame.columns:
            raise UnknownColumn(name, frame.columns, "labels=")
    return labels or {}


def _ending(file: Path) -> str:
    lowered = file.name.lower()
    for ending in sorted(WRITTEN, key=len, reverse=True):
        if lowered.endswith(ending):
            return ending
    if file.suffix.lower() in (".xlsx", ".xls"):
        raise FileFormatError(
            f"Echelon writes no spreadsheets. Write {file.with_suffix('.csv').name}, or use "
            "pandas.DataFrame.to_excel."
        )
    hint = nearest_hint(file.suffix.lower(), WRITTEN, "") if file.suffix else ""
    hint = hint if "Did you mean" in hint else ""
    raise FileFormatError(
        f"{str(file)!r} has {file.suffix or 'no ending'}, which is not written.{hint} Supported: "
        f"{', '.join(WRITTEN)}."
    )


# --- text, parquet --------------------------------------------------------------------------


def _write_text(frame: Frame, file: Path, ending: str) -> None:
    """By the caller's own library; a missing value is an empty field."""
    separator = "\t" if ending.startswith(".tsv") else ","
    with gzip.open(file, "wb") if ending.endswith(".gz") else file.open("wb") as out:
        _text(frame, out, separator)


def _text(frame: Frame, out: IO[bytes] | Any, separator: str) -> None:
    native: Any = frame.native
    if frame.backend == "pandas":
        native.to_csv(out, sep=separator, index=False, lineterminator="\n", mode="wb")
    elif frame.backend == "polars":
        native.write_csv(out, separator=separator)
    else:
        import pyarrow as pa
        from pyarrow import csv

        columns = [
            c.cast(c.type.value_type) if pa.types.is_dictionary(c.type) else c
            for c in native.columns
        ]
        plain = pa.table(columns, names=native.column_names)
        csv.write_csv(plain, out, csv.WriteOptions(delimiter=separator))


def _write_parquet(frame: Frame, file: Path, labels: dict[str, str]) -> None:
    native: Any = frame.native
    if frame.backend == "polars":
        native.write_parquet(file)
        return
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise MissingDependency("pyarrow", "files", f"Writing {file.suffix} files") from None
    if frame.backend == "pandas":
        bare = native.copy(deep=False)
        bare.attrs = {}
        native = pa.Table.from_pandas(bare, preserve_index=False)
    value_labels = {name: dict(codes) for name, codes in frame.value_labels.items()}
    parquet.write_table(attach_notes(native, labels, value_labels, frame.about), file)


# --- SPSS, Stata ----------------------------------------------------------------------------


def _write_statistics(
    frame: Frame, file: Path, ending: str, labels: dict[str, str]
) -> dict[str, str]:
    try:
        import pyreadstat
    except ImportError:
        raise MissingDependency("pyreadstat", "files", f"Writing {ending} files") from None
    import pandas as pd

    names = valid_names(frame.columns, STATA if ending == ".dta" else SPSS)
    made, texts, words = {}, {}, {}
    for old, new in zip(frame.columns, names, strict=True):
        made[new], codes = _column(frame, old)
        if codes:
            texts[new] = codes
        label = labels.get(old, "" if old == new else old)
        if label:
            words[new] = label.encode()[: _LABEL[ending]].decode(errors="ignore")
    extra = {"compress": True} if ending == ".zsav" else {}
    writer = pyreadstat.write_dta if ending == ".dta" else pyreadstat.write_sav
    writer(
        pd.DataFrame(made),
        str(file),
        column_labels=[words.get(name, "") for name in names],
        variable_value_labels=texts,
        **extra,
    )
    return {old: new for old, new in zip(frame.columns, names, strict=True) if old != new}


def _column(frame: Frame, name: str) -> tuple[Any, Codes]:
    """A column as these formats hold it, and the texts of its codes."""
    series = frame.table.get_column(name)
    kind = series.dtype
    known = {
        float(c): str(t)
        for c, t in frame.value_labels.get(name, {}).items()
        if isinstance(c, _NUMBER)
    }
    if isinstance(kind, nw.Categorical | nw.Enum):
        return _coded(frame, name, known)
    if kind == nw.Boolean:
        values = np.array([np.nan if v is None else float(v) for v in series.to_list()])
        return values, {0.0: "False", 1.0: "True"}
    if kind.is_numeric():
        return frame.column(name).values, known
    if isinstance(kind, nw.Datetime | nw.Date):
        import pandas as pd

        # in whole seconds pyreadstat would write 1970
        return pd.to_datetime(pd.Series(series.to_list())).astype("datetime64[us]"), {}
    values_listed = series.to_list()
    other = [v for v in values_listed if not (v is None or v != v or isinstance(v, str))]
    if other:
        raise DataError(
            f"Column {name!r} holds values such as {other[0]!r}, for which this format has no "
            "place. Make them numbers or text."
        )
    return ["" if v is None or v != v else v for v in values_listed], {}


def _coded(frame: Frame, name: str, known: Codes) -> tuple[Any, Codes]:
    """Categories as numbers: their own, the codes they were read from, or 1, 2, ..."""
    column = frame.column(name)
    levels = column.levels or ()
    if levels and all(_number(level) for level in levels):
        codes = [float(level) for level in levels]  # type: ignore[arg-type]
        return np.array([*codes, np.nan])[column.values], {}
    code_of = {text: code for code, text in known.items()}
    if set(map(str, levels)) <= set(code_of) and len(code_of) == len(known):
        codes = [code_of[str(level)] for level in levels]
    else:
        codes = [float(k) for k in range(1, len(levels) + 1)]
        known = dict(zip(codes, map(str, levels), strict=True))
    return np.array([*codes, np.nan])[column.values], known


def _number(value: object) -> bool:
    return isinstance(value, _NUMBER) and not isinstance(value, bool)
