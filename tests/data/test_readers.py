from __future__ import annotations

import datetime as dt
import gzip
import struct
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyreadstat
import pytest

from echelon.data import Frame, read
from echelon.errors import DataError, FileFormatError, MissingDependency, UnknownOption

FILES = Path(__file__).parent / "files"
TABLE = pd.DataFrame(
    {
        "x": [1.0, 2.0, 9.0, np.nan],
        "partly": [1.0, 2.0, 3.0, 1.0],
        "doubtful": [1.0, 8.0, 9.0, 1.0],
        "s": ["a", "b", "", "d"],
    }
)
COLUMN_LABELS = {"x": "Agreement", "s": "Town"}
VALUE_LABELS = {
    "x": {1.0: "yes", 2.0: "no", 9.0: "omitted"},
    "partly": {1.0: "one"},
    "doubtful": {1.0: "sure", 8.0: "don't know", 9.0: "don't know"},
}
CSV = 'id,score,town,code\n1,1.5,a,NA\n2,NA,"b, c",x\n3,,,y\n'


def write_spss(path: Path) -> Path:
    pyreadstat.write_sav(
        TABLE,
        str(path),
        column_labels=COLUMN_LABELS,
        variable_value_labels=VALUE_LABELS,
        missing_ranges={"x": [9.0]},
    )
    return path


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".tsv", ".CSV"])
def test_text_files(tmp_path, backend, ending):
    text = CSV.replace(",", "\t").replace("b\t c", "b, c") if ending == ".tsv" else CSV
    path = tmp_path / f"a{ending}"
    path.write_bytes(gzip.compress(text.encode()) if ending.endswith("gz") else text.encode())
    frame = Frame.of(read(path, backend=backend))
    assert frame.backend == backend
    assert frame.groups("id").levels == (1, 2, 3)
    np.testing.assert_array_equal(frame.column("score").values, [1.5, np.nan, np.nan])
    assert frame.column("town").levels == ("a", "b, c")
    assert frame.column("town").values.tolist() == [0, 1, -1]
    assert frame.column("code").values.tolist() == [-1, 0, 1]


def test_parquet(tmp_path, backend):
    pq.write_table(pa.table({"x": [1.5, None], "s": ["a", "b"]}), tmp_path / "a.parquet")
    frame = Frame.of(read(tmp_path / "a.parquet", backend=backend))
    assert frame.backend == backend
    np.testing.assert_array_equal(frame.column("x").values, [1.5, np.nan])


@pytest.mark.parametrize("ending", [".sav", ".zsav"])
def test_spss_labels_become_categories_where_all_are_labelled(tmp_path, backend, ending):
    frame = Frame.of(read(write_spss(tmp_path / f"a{ending}"), backend=backend))
    x = frame.column("x")
    assert x.levels == ("yes", "no")  # in the order of the codes; 9 is user-missing
    assert x.values.tolist() == [0, 1, -1, -1]
    assert not frame.column("partly").is_categorical
    assert frame.column("doubtful").values.tolist() == [1.0, 8.0, 9.0, 1.0]
    assert frame.column("s").values.tolist() == [0, 1, -1, 2]
    if backend != "polars":
        assert x.label == "Agreement"
        assert frame.value_labels == VALUE_LABELS


def test_spss_codes(tmp_path, backend):
    frame = Frame.of(read(write_spss(tmp_path / "a.sav"), backend=backend, labels="codes"))
    np.testing.assert_array_equal(frame.column("x").values, [1.0, 2.0, np.nan, np.nan])


def test_stata(tmp_path, backend):
    path = tmp_path / "a.dta"
    pyreadstat.write_dta(
        TABLE.assign(e=[1.5, 12345.678, 2.5, 3.5], day=[dt.date(2020, 1, 31)] * 4),
        str(path),
        column_labels=["Agreement", "", "", "Town", "", ""],
        variable_value_labels={"x": {1: "yes", 2: "no", 9: "omitted"}},
    )
    # No writer here makes Stata's extended missing values: put .c in place of a number
    extended = struct.pack("<Q", 0x7FE0_0300_0000_0000)
    path.write_bytes(path.read_bytes().replace(struct.pack("<d", 12345.678), extended))
    frame = Frame.of(read(path, backend=backend))
    np.testing.assert_array_equal(frame.column("e").values, [1.5, np.nan, 2.5, 3.5])
    assert frame.column("x").levels == ("yes", "no", "omitted")
    assert frame.column("s").values.tolist() == [0, 1, -1, 2]
    with pytest.raises(DataError, match="dates"):
        frame.column("day")


def test_sas_transport(tmp_path, backend):
    labels = ["Agreement", "", "", ""]
    pyreadstat.write_xport(TABLE, str(tmp_path / "a.xpt"), column_labels=labels)
    frame = Frame.of(read(tmp_path / "a.xpt", backend=backend))
    np.testing.assert_array_equal(frame.column("x").values, TABLE["x"].to_numpy())
    assert frame.column("s").levels == ("a", "b", "d")


def test_spss_portable_reaches_its_reader(tmp_path, monkeypatch):
    # Nothing here writes .por, so only the way to the reader is tested
    path = write_spss(tmp_path / "a.sav").rename(tmp_path / "a.por")
    monkeypatch.setattr(pyreadstat, "read_por", pyreadstat.read_sav)
    assert Frame.of(read(path)).column("x").levels == ("yes", "no")


def test_stata_as_haven_writes_it(backend):
    frame = Frame.of(read(FILES / "labelled.dta", backend=backend))
    agree = frame.column("agree")
    assert (agree.levels, agree.values.tolist()) == (("yes", "no"), [0, 1, -1, -1])
    np.testing.assert_array_equal(frame.column("x").values, [1.5, np.nan, 2.0, 3.0])


def test_sas(backend):
    frame = Frame.of(read(FILES / "plain.sas7bdat", backend=backend))
    np.testing.assert_array_equal(frame.column("x").values, [1.5, np.nan, 3.0])
    assert frame.column("s").values.tolist() == [0, -1, 1]
    assert frame.column("x").label == ("" if backend == "polars" else "Score")


@pytest.mark.parametrize("file", ["pupils.rds", "one.rda"])
def test_r_data_frames(backend, file):
    frame = Frame.of(read(FILES / file, backend=backend))
    np.testing.assert_array_equal(frame.column("id").values, [1, 2, np.nan])
    np.testing.assert_array_equal(frame.column("score").values, [1.5, np.nan, 3.0])
    assert frame.column("town").values.tolist() == [0, -1, 1]
    assert frame.column("level").levels == ("low", "middle", "high")
    assert frame.column("level").values.tolist() == [0, 2, -1]
    grade = frame.column("grade")
    assert (grade.levels, grade.ordered) == (("B", "A"), backend != "polars")
    assert frame.column("passed").values.tolist() == [1, -1, 0]
    born = frame.table.get_column("born").dt.to_string("%Y-%m-%d").to_list()
    assert [born[0], born[2]] == ["2010-01-31", "1969-12-31"]


def test_several_r_data_frames():
    with pytest.raises(FileFormatError, match="several data frames: pupils, schools"):
        read(FILES / "two.rda")
    assert Frame.of(read(FILES / "two.rda", name="schools")).n == 2
    with pytest.raises(FileFormatError, match="Did you mean 'schools'"):
        read(FILES / "two.rda", name="school")
    with pytest.raises(FileFormatError, match="no data frame"):
        read(FILES / "none.rda")
    with pytest.raises(DataError, match="name="):
        read(FILES / "pupils.rds", name="pupils")
    assert Frame.of(read(FILES / "tibble.rds")).columns == ("school", "size")


@pytest.mark.parametrize(
    "ending", [".sav", ".dta", ".sas7bdat", ".xpt", ".por", ".rds", ".rda", ".parquet", ".csv.gz"]
)
def test_content_that_is_not_what_the_ending_says(tmp_path, backend, ending):
    path = tmp_path / f"a{ending}"
    path.write_bytes(b"this is no data file\x00\xff" * 20)
    with pytest.raises(FileFormatError, match="cannot be read as"):
        read(path, backend=backend)


def test_an_empty_text_file(tmp_path, backend):
    (tmp_path / "a.csv").write_text("")
    with pytest.raises(FileFormatError, match=r"cannot be read as \.csv"):
        read(tmp_path / "a.csv", backend=backend)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.savv", "Did you mean '.sav'.*Supported: .csv"),
        ("a", "has no ending.*Supported"),
        ("a.xlsx", "spreadsheet"),
        ("timms.csv", "Did you mean 'timss.csv'"),
        ("nowhere/a.csv", "does not exist"),
    ],
)
def test_names_that_cannot_be_read(tmp_path, name, message):
    (tmp_path / "timss.csv").write_text(CSV)
    with pytest.raises(FileFormatError, match=message):
        read(tmp_path / name)


def test_options_and_missing_libraries(tmp_path, monkeypatch):
    path = write_spss(tmp_path / "a.sav")
    with pytest.raises(UnknownOption, match="'categories'"):
        read(path, labels="category")
    with pytest.raises(UnknownOption, match="backend"):
        read(path, backend="panda")
    monkeypatch.setitem(sys.modules, "pyreadstat", None)
    with pytest.raises(MissingDependency, match=r"echelon\[files\]"):
        read(path)
    monkeypatch.setitem(sys.modules, "rdata", None)
    with pytest.raises(MissingDependency, match="rdata"):
        read(FILES / "pupils.rds")


@pytest.mark.parametrize("backend", ["pandas", "polars", "pyarrow"])
def test_numbers_in_text_are_read_to_the_last_bit(tmp_path, backend):
    numbers = np.random.default_rng(1).normal(size=2_000) * 10.0 ** np.arange(-6, 4).repeat(200)
    path = tmp_path / "n.csv"
    path.write_text("x\n" + "\n".join(map(repr, numbers.tolist())) + "\n", encoding="utf-8")
    column = read(path, backend=backend)["x"]
    assert np.array_equal(np.asarray(column.to_numpy()), numbers)
