"""`ec.write`: read back by `ec.read`, nothing half-written, names that SPSS and Stata accept."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal

import echelon as ec
from echelon.data import Frame
from echelon.data.labelled import attach_notes
from echelon.data.names import SPSS, STATA, valid_names
from echelon.data.writers import WRITTEN
from echelon.errors import DataError, FileFormatError, MissingDependency

NUMBERS = [1.0, np.nan, 1 / 3, -2.5e-300, 12345678.9]
BACKENDS = ("pandas", "polars", "pyarrow")


def table(backend: str = "pandas"):
    levels = ["low", "middle", "high"]
    if backend == "pandas":
        return pd.DataFrame(
            {
                "x": NUMBERS,
                "n": [1, 2, 3, 4, 5],
                "text": ["a", None, "c,d", 'q"q', "é"],
                "level": pd.Categorical(["low", "high", None, "low", "middle"], levels),
                "yes": [True, False, True, True, False],
            }
        )
    if backend == "polars":
        return pl.DataFrame(
            {
                "x": pl.Series(NUMBERS).fill_nan(None),
                "n": [1, 2, 3, 4, 5],
                "text": ["a", None, "c,d", 'q"q', "é"],
                "level": pl.Series(["low", "high", None, "low", "middle"], dtype=pl.Enum(levels)),
                "yes": [True, False, True, True, False],
            }
        )
    return pa.table(
        {
            "x": pa.array(NUMBERS, from_pandas=True),
            "n": [1, 2, 3, 4, 5],
            "text": ["a", None, "c,d", 'q"q', "é"],
            "level": pa.DictionaryArray.from_arrays(
                pa.array([0, 2, None, 0, 1], pa.int32()), levels
            ),
            "yes": [True, False, True, True, False],
        }
    )


def texts(frame: Frame, name: str) -> list[str]:
    column = frame.column(name)
    return [str((column.levels or ())[c]) if c >= 0 else "" for c in column.values]


@pytest.mark.parametrize("ending", WRITTEN)
@pytest.mark.parametrize("backend", BACKENDS)
def test_round_trip(tmp_path: Path, backend: str, ending: str):
    file = tmp_path / f"a{ending}"
    assert ec.write(table(backend), file) == {}
    back = Frame.of(ec.read(file, backend=backend))
    assert back.columns == ("x", "n", "text", "level", "yes")
    assert_array_equal(back.column("x").values, NUMBERS)
    assert_array_equal(back.column("n").values, [1, 2, 3, 4, 5])
    assert texts(back, "text") == ["a", "", "c,d", 'q"q', "é"]
    assert texts(back, "level") == ["low", "high", "", "low", "middle"]
    assert [word.lower() for word in texts(back, "yes")] == [
        "true",
        "false",
        "true",
        "true",
        "false",
    ]
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


@pytest.mark.parametrize("ending", [".sav", ".zsav", ".dta"])
def test_categories_keep_their_order(tmp_path: Path, ending: str):
    ec.write(table(), tmp_path / f"a{ending}")
    back = ec.read(tmp_path / f"a{ending}")
    assert back["level"].cat.categories.tolist() == ["low", "middle", "high"]


@pytest.mark.parametrize("ending", [".sav", ".dta"])
def test_labels_and_the_codes_they_were_read_from(tmp_path: Path, ending: str):
    codes = {1.0: "yes", 5.0: "no", 9.0: "unknown"}
    made = pd.DataFrame({"a": pd.Categorical(["no", "yes", None]), "b": [1.0, 2.0, 3.0]})
    made = attach_notes(made, {"a": "Agrees", "b": "Bs"}, {"a": codes})
    ec.write(made, tmp_path / f"a{ending}", labels={"b": "Number of b"})
    codes_back = ec.read(tmp_path / f"a{ending}", labels="codes")
    assert_array_equal(codes_back["a"], [5.0, 1.0, np.nan])
    notes = codes_back.attrs["echelon"]
    assert notes["labels"] == {"a": "Agrees", "b": "Number of b"}
    assert notes["value_labels"] == {"a": codes}
    again = tmp_path / f"b{ending}"
    ec.write(ec.read(tmp_path / f"a{ending}"), again)
    assert_array_equal(ec.read(again, labels="codes")["a"], [5.0, 1.0, np.nan])


def test_labels_in_parquet(tmp_path: Path):
    made = attach_notes(pd.DataFrame({"a": [1.0]}), {"a": "An a"}, {"a": {1.0: "one"}})
    ec.write(made, tmp_path / "a.parquet")
    back = Frame.of(ec.read(tmp_path / "a.parquet", backend="pyarrow"))
    assert back.labels == {"a": "An a"} and back.value_labels == {"a": {1.0: "one"}}


def test_dates(tmp_path: Path):
    made = pd.DataFrame({"d": pd.to_datetime(["2020-02-29", None, "1999-12-31"])})
    ec.write(made, tmp_path / "a.sav")
    back = ec.read(tmp_path / "a.sav")["d"]
    assert back[0] == pd.Timestamp(2020, 2, 29) and pd.isna(back[1])
    ec.write(pl.DataFrame({"d": [dt.date(2020, 2, 29), None]}), tmp_path / "b.dta")
    assert ec.read(tmp_path / "b.dta")["d"][0] == pd.Timestamp(2020, 2, 29)


def test_renamed_columns_are_said_and_labelled(tmp_path: Path):
    made = {"class:school": [1.0], "(Intercept)": [2.0], "Score": [3.0], "score": [4.0]}
    renamed = ec.write(made, tmp_path / "a.sav")
    assert renamed == {
        "class:school": "class_school",
        "(Intercept)": "Intercept",
        "score": "score_2",
    }
    labels = ec.read(tmp_path / "a.sav").attrs["echelon"]["labels"]
    assert labels == {new: old for old, new in renamed.items()}
    assert ec.write(made, tmp_path / "a.csv") == {}


@pytest.mark.parametrize("rule", [SPSS, STATA])
def test_names_are_valid_and_distinct(rule):
    long = "a" * 70
    names = [long, long + "b", "ä" * 40, "1", "", "..", "with", "x y", "x_y", "X.Y", "_x", "in"]
    made = valid_names(names, rule)
    assert len({name.lower() for name in made}) == len(names)
    assert all(0 < len(name.encode()) <= rule.longest for name in made)
    assert made[names.index("x_y")] == "x_y"
    assert not {name.lower() for name in made} & rule.reserved
    assert valid_names(made, rule) == made


def test_nothing_half_written(tmp_path: Path):
    file = tmp_path / "a.sav"
    ec.write({"a": [1.0]}, file)
    before = file.read_bytes()
    with pytest.raises(DataError, match="'b' holds values such as"):
        ec.write(pd.DataFrame({"a": [1.0], "b": [[1, 2]]}), file)
    with pytest.raises(FileFormatError, match="does not exist"):
        ec.write({"a": [1.0]}, tmp_path / "no" / "a.csv")
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.sav"]


def test_a_writer_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("disk on fire")

    monkeypatch.setattr("pyreadstat.write_sav", broken)
    with pytest.raises(FileFormatError, match="disk on fire"):
        ec.write({"a": [1.0]}, tmp_path / "a.sav")
    assert not list(tmp_path.iterdir())


def test_other_endings():
    with pytest.raises(FileFormatError, match=r"Did you mean '.sav'"):
        ec.write({"a": [1.0]}, "a.savv")
    with pytest.raises(FileFormatError, match="to_excel"):
        ec.write({"a": [1.0]}, "a.xlsx")
    with pytest.raises(FileFormatError, match="no ending"):
        ec.write({"a": [1.0]}, "a")


@pytest.mark.parametrize(("library", "file"), [("pyreadstat", "a.sav"), ("pyarrow", "a.parquet")])
def test_missing_libraries(tmp_path: Path, monkeypatch, library: str, file: str):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingDependency, match=r"echelon\[files\]"):
        ec.write(pd.DataFrame({"a": [1.0]}), tmp_path / file)
    assert not list(tmp_path.iterdir())
