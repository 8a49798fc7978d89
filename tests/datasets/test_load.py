from __future__ import annotations

import numpy as np
import pytest

from echelon import datasets
from echelon.data import Frame, group_mean
from echelon.errors import UnknownOption

BACKENDS = ("pandas", "polars", "pyarrow")
CLOSED = {"rtol": 1e-12}


def frame(name: str, backend: str = "pandas") -> Frame:
    return Frame.of(datasets.load(name, backend=backend, quiet=True))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", datasets.names())
def test_the_table_is_what_its_codebook_says(name, backend):
    book, table = datasets.codebook(name), frame(name, backend)
    assert table.backend == backend
    assert table.n == book.rows
    assert table.columns == tuple(column.name for column in book.columns)
    for variable in book.columns:
        kind = table.table.schema[variable.name]
        column = table.column(variable.name)
        assert not column.missing().any()
        if variable.type == "factor":
            assert column.levels == variable.levels
        else:
            assert str(kind) == {"int": "Int64", "float": "Float64"}[variable.type]
        if backend != "polars":
            assert column.label == variable.meaning


def test_timss_as_on_the_slides():
    table = frame("timss")
    schools = table.groups("idschool")
    assert len(schools.levels) == 20
    n = np.bincount(schools.values)
    assert (n.min(), n.max()) == (16, 51)
    score = table.column("bsmmatxx").values
    assert round(score.mean(), 2) == 482.64
    means = np.bincount(schools.values, score) / n
    assert round(means.mean(), 2) == 482.78
    assert round(means.var(ddof=1), 2) == 3697.67


def test_timss_summaries_are_those_of_timss():
    table, summaries = frame("timss"), frame("timss_summaries")
    ids = table.column("idschool").values
    for row, school in enumerate(summaries.column("idschool").values):
        scores = table.column("bsmmatxx").values[ids == school]
        wanted = [scores.size, scores.mean(), scores.std(ddof=1)]
        found = [summaries.column(name).values[row] for name in ("n", "mean", "sd")]
        np.testing.assert_allclose(found, wanted, **CLOSED)


def test_the_centred_school_means_of_eclsk_can_be_made():
    table = datasets.load("eclsk", quiet=True)
    made = group_mean(table, "ses", by="schid", center="groups", name="made")
    difference = Frame.of(made).column("made").values - Frame.of(made).column("schmeansesc").values
    assert np.abs(difference).max() < 1e-8  # the file has eight decimals
    assert len(Frame.of(table).groups("schid").levels) == 742


def test_hsb():
    table = frame("hsb")
    assert len(table.groups("school").levels) == 160
    assert round(table.column("mathach").values.mean(), 4) == 12.7479
    made = Frame.of(group_mean(table.native, "ses", by="school", name="m"))
    gap = table.column("ses").values - made.column("m").values - table.column("cses").values
    assert np.abs(gap).max() < 1e-12
    sectors = table.column("sector").values[
        np.unique(table.groups("school").values, return_index=True)[1]
    ]
    assert np.bincount(sectors).tolist() == [90, 70]


def test_the_note_is_given_once_and_never_when_quiet(capsys, monkeypatch):
    from importlib import import_module

    monkeypatch.setattr(import_module("echelon.datasets.load"), "_announced", set())
    datasets.load("timss", quiet=True)
    datasets.load("dyestuff")
    assert capsys.readouterr().err == ""
    datasets.load("timss")
    datasets.load("timss")
    captured = capsys.readouterr()
    assert captured.err.count("synthetic") == 1
    assert captured.out == ""


def test_every_load_is_a_fresh_table():
    first = datasets.load("dyestuff")
    first.loc[0, "Yield"] = 0
    assert datasets.load("dyestuff").loc[0, "Yield"] == 1545


def test_unknown_names():
    with pytest.raises(UnknownOption, match="Did you mean 'timss'"):
        datasets.load("tims")
    with pytest.raises(UnknownOption, match="backend"):
        datasets.load("timss", backend="spark")
