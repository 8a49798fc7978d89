"""Read a data file of any common kind into the caller's dataframe library."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from echelon.data.labelled import Labels, attach_notes, neutral_columns
from echelon.data.native import Backend, check_backend, to_native
from echelon.errors import (
    DataError,
    EchelonError,
    FileFormatError,
    MissingDependency,
    UnknownOption,
    nearest_hint,
)

SUPPORTED = (
    *(".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet", ".sav", ".zsav", ".por", ".dta"),
    *(".sas7bdat", ".xpt", ".rds", ".rda", ".rdata"),
)
MISSING_TEXT = ("", "NA", "NaN")  # what a text file writes for a missing value
_STATISTICS = {
    ".sav": "read_sav",
    ".zsav": "read_sav",
    ".por": "read_por",
    ".dta": "read_dta",
    ".sas7bdat": "read_sas7bdat",
    ".xpt": "read_xport",
}


def read(
    path: str | os.PathLike[str],
    *,
    backend: Backend = "pandas",
    labels: Labels = "categories",
    name: str | None = None,
) -> object:
    """Read a data file: text, parquet, SPSS, Stata, SAS or R.

    Empty fields, `NA` and `NaN` in text files are missing; so are user-missing codes of SPSS
    and the extended missing values .a to .z of Stata, and empty text in SPSS, Stata and SAS.

    Variable and value labels go with the table: pandas in `df.attrs["echelon"]`, pyarrow in
    the schema's metadata; polars has no place for them, so they are lost there (except as
    the names of categories).

    Parameters
    ----------
    path : a file ending in .csv, .csv.gz, .tsv, .tsv.gz, .parquet, .sav, .zsav, .por, .dta,
        .sas7bdat, .xpt, .rds, .rda or .rdata
    backend : the library of the table
    labels : "categories" turns a column into categories, in the order of the codes, where
        every present value has a label of its own; "codes" keeps the numbers
    name : which data frame of an .rda file, where it holds several

    Returns
    -------
    A table of the library `backend`.

    Raises
    ------
    FileFormatError : no such file, an ending that is not supported, content that is not
        what the ending says, or several data frames and no `name`.
    MissingDependency : the file needs a library that is not installed.
    UnknownOption : `backend` or `labels` is not one of those offered.
    """
    if labels not in ("categories", "codes"):
        raise UnknownOption("labels", labels, ("categories", "codes"))
    check_backend(backend)
    file = Path(path).expanduser()
    ending = _ending(file)
    if name is not None and ending not in (".rda", ".rdata"):
        raise DataError(f"name= picks a data frame of an .rda file; {file.name} holds only one.")
    if not file.is_file():
        raise FileFormatError(_about_absent(file))
    try:
        return _read_as(ending, file, backend, labels, name)
    except (EchelonError, MemoryError):
        raise
    # Each reader has error classes of its own; none of them should reach the caller
    except Exception as problem:
        raise FileFormatError(
            f"{file.name} cannot be read as {ending}: {_first_line(problem)} Check that the file "
            "is complete and that its ending says what it is."
        ) from None


def _read_as(ending: str, file: Path, backend: Backend, labels: Labels, name: str | None) -> object:
    """Send a file to the reader of its kind."""
    if ending in (".csv", ".csv.gz", ".tsv", ".tsv.gz"):
        return _read_text(file, "\t" if ending.startswith(".tsv") else ",", backend)
    if ending == ".parquet":
        return _read_parquet(file, backend)
    if ending in _STATISTICS:
        return _read_statistics(file, _STATISTICS[ending], backend, labels)
    columns = neutral_columns(_data_frame_of_r(file, ending, name))
    return to_native(columns, backend)


def _read_text(file: Path, separator: str, backend: Backend) -> object:
    """A text file by the caller's own library, with the same rule for missing values."""
    if file.suffix.lower() == ".gz" and file.open("rb").read(2) != b"\x1f\x8b":
        raise FileFormatError(f"{file.name} cannot be read as .gz: it is not compressed by gzip.")
    if backend == "polars":
        import polars as pl

        return pl.read_csv(
            file, separator=separator, null_values=list(MISSING_TEXT), infer_schema_length=None
        )
    if backend == "pyarrow":
        from pyarrow import csv

        absent = csv.ConvertOptions(null_values=list(MISSING_TEXT), strings_can_be_null=True)
        parse = csv.ParseOptions(delimiter=separator)
        return csv.read_csv(str(file), parse_options=parse, convert_options=absent)
    import pandas as pd

    return pd.read_csv(
        file,
        sep=separator,
        keep_default_na=False,
        na_values=list(MISSING_TEXT),
        float_precision="round_trip",  # the number that was written, as the other libraries read it
    )


def _read_parquet(file: Path, backend: Backend) -> object:
    """A parquet file by the caller's own library."""
    if backend == "polars":
        import polars as pl

        return pl.read_parquet(file)
    try:
        from pyarrow import parquet
    except ImportError:
        raise MissingDependency("pyarrow", "files", f"Reading {file.name}") from None
    table = parquet.read_table(file)
    return table if backend == "pyarrow" else table.to_pandas()


def _read_statistics(file: Path, reader: str, backend: Backend, labels: Labels) -> object:
    """A file of SPSS, Stata or SAS, with its labels."""
    try:
        import pyreadstat
    except ImportError:
        raise MissingDependency("pyreadstat", "files", f"Reading {file.name}") from None
    table, meta = getattr(pyreadstat, reader)(str(file), dates_as_pandas_datetime=True)
    variable = {key: str(text) for key, text in meta.column_names_to_labels.items() if text}
    value = {key: dict(texts) for key, texts in meta.variable_value_labels.items() if texts}
    columns = neutral_columns(table, value if labels == "categories" else {}, empty_is_missing=True)
    return attach_notes(to_native(columns, backend), variable, value)


def _data_frame_of_r(file: Path, ending: str, name: str | None) -> Any:
    """The data frame of an .rds file, or the one meant among those of an .rda file."""
    try:
        import rdata
        from rdata.conversion import DEFAULT_CLASS_MAP
    except ImportError:
        raise MissingDependency("rdata", "files", f"Reading {file.name}") from None
    import warnings

    read_file = rdata.read_rds if ending == ".rds" else rdata.read_rda
    with warnings.catch_warnings():
        # A tibble's extra classes are unknown to rdata, and nothing is lost with them
        warnings.simplefilter("ignore")
        found = read_file(file, constructor_dict={**DEFAULT_CLASS_MAP, **_r_dates()})
    frames = {"": found} if ending == ".rds" else found
    frames = {key: value for key, value in frames.items() if hasattr(value, "iloc")}
    if name is not None:
        if name not in frames:
            hint = nearest_hint(name, list(frames), "Data frames")
            raise FileFormatError(f"{file.name} has no data frame {name!r}.{hint}")
        return frames[name]
    if not frames:
        raise FileFormatError(
            f"{file.name} holds no data frame. Save one from R by saveRDS(df, file)."
        )
    if len(frames) > 1:
        listed = ", ".join(frames)
        raise FileFormatError(
            f"{file.name} holds several data frames: {listed}. Pick one by name=."
        )
    return next(iter(frames.values()))


def _r_dates() -> dict[str, Callable[[Any, object], object]]:
    """How to make R's dates (days) and times (seconds since 1970) into numpy's."""
    import numpy as np

    def made(per_unit: float) -> Callable[[Any, object], object]:
        def construct(values: Any, attributes: object) -> object:
            ticks = np.asarray(values, dtype=np.float64) * per_unit
            return np.where(np.isnan(ticks), np.datetime64("NaT", "us"), _ticks(ticks))

        return construct

    def _ticks(ticks: Any) -> Any:
        return np.nan_to_num(ticks).astype(np.int64).astype("datetime64[us]")

    return {"Date": made(86_400e6), "POSIXct": made(1e6)}


def _ending(file: Path) -> str:
    """The supported ending of a file name, in lower case."""
    lowered = file.name.lower()
    for ending in sorted(SUPPORTED, key=len, reverse=True):
        if lowered.endswith(ending):
            return ending
    shown = file.suffix or "no ending"
    if file.suffix.lower() in (".xlsx", ".xls", ".ods"):
        raise FileFormatError(
            f"{file.name} is a spreadsheet, which Echelon does not read. Save the sheet as "
            ".csv, or read it by pandas.read_excel and give the table."
        )
    hint = nearest_hint(file.suffix.lower(), SUPPORTED, "Choose from") if file.suffix else ""
    raise FileFormatError(
        f"{file.name} has {shown}, which is not supported.{hint} Supported: {', '.join(SUPPORTED)}."
    )


def _about_absent(file: Path) -> str:
    """Say that a file is not there, and which near it has a like name."""
    if file.is_dir():
        return f"{file} is a folder, not a data file."
    if not file.parent.is_dir():
        return f"There is no file {file}: the folder {file.parent} does not exist."
    beside = sorted(other.name for other in file.parent.iterdir() if other.is_file())
    return f"There is no file {file}.{nearest_hint(file.name, beside, 'In that folder')}"


def _first_line(problem: Exception) -> str:
    """The first line of another library's message, as a sentence."""
    lines = str(problem).strip().splitlines()
    text = lines[0].rstrip(".") if lines else type(problem).__name__
    return f"{text}."
