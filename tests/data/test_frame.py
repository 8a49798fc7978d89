from __future__ import annotations

import datetime as dt

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from example_tables import EXPECTED

from echelon.data import Frame
from echelon.errors import DataError, UnknownColumn


@pytest.mark.parametrize("name", EXPECTED)
def test_every_kind_of_column_in_every_library(any_table, name, snapshot):
    before = snapshot(any_table)
    column = Frame.of(any_table).column(name)
    numbers, codes, levels, ordered = EXPECTED[name]
    assert (column.name, column.levels, column.ordered) == (name, levels, ordered)
    if numbers is not None:
        wanted = [np.nan if value is None else value for value in numbers]
        np.testing.assert_array_equal(column.values, np.array(wanted))
        assert column.values.dtype == np.float64
    else:
        assert column.values.tolist() == codes
        assert column.values.dtype == np.intp
    assert not column.values.flags.writeable
    assert snapshot(any_table) == before


@pytest.mark.parametrize("name", EXPECTED)
def test_groups_are_codes_whatever_the_column(any_table, name):
    column, groups = Frame.of(any_table).column(name), Frame.of(any_table).groups(name)
    assert groups.is_categorical
    assert not groups.values.flags.writeable
    if column.is_categorical:
        assert groups.levels == column.levels
        assert groups.values.tolist() == column.values.tolist()
        return
    present = ~np.isnan(column.values)
    assert list(groups.levels) == sorted(set(column.values[present].tolist()))
    assert (groups.values < 0).tolist() == (~present).tolist()
    rebuilt = np.array([*groups.levels, np.nan], dtype=float)[groups.values]
    np.testing.assert_array_equal(rebuilt, column.values)
    kind = float if name == "decimal" else int
    assert all(type(level) is kind for level in groups.levels)


def test_floats_are_the_callers_memory_and_cannot_be_written():
    x = np.array([1.0, 2.0])
    for table in (pd.DataFrame({"x": x}), pl.DataFrame({"x": x}), pa.table({"x": x})):
        first, second = (Frame.of(table).column("x").values for _ in range(2))
        assert np.shares_memory(first, second)
        with pytest.raises(ValueError, match="read-only"):
            first[0] = 5.0


def test_sparse_and_huge_integers():
    big = [10**15, 3, 10**15, -(2**62)]
    groups = Frame.of(pl.DataFrame({"g": big})).groups("g")
    assert groups.levels == (-(2**62), 3, 10**15)
    assert groups.values.tolist() == [2, 1, 2, 0]
    missing = Frame.of(pd.DataFrame({"g": pd.array([2**60 + 1, None], dtype="Int64")})).groups("g")
    assert missing.levels == (2**60 + 1,)
    unsigned = Frame.of(pl.DataFrame({"g": pl.Series([2**64 - 1, 0], dtype=pl.UInt64)})).groups("g")
    assert unsigned.levels == (0, 2**64 - 1)


def test_counting_and_sorting_give_the_same_codes():
    rng = np.random.default_rng(1)
    dense = rng.integers(-50, 400, 3000)
    by_counting = Frame.of({"g": dense}).groups("g")
    by_sorting = Frame.of({"g": dense * 10**9}).groups("g")
    assert by_counting.values.tolist() == by_sorting.values.tolist()
    assert [level * 10**9 for level in by_counting.levels] == list(by_sorting.levels)


def test_polars_categorical_is_sorted_and_ignores_other_tables():
    pl.Series(["zz", "c", "a"]).cast(pl.Categorical)
    table = pl.DataFrame({"g": pl.Series(["c", None, "b", "c"]).cast(pl.Categorical)})
    for column in (Frame.of(table).column("g"), Frame.of(table).groups("g")):
        assert column.levels == ("b", "c")
        assert column.values.tolist() == [1, -1, 0, 1]


def test_ordered_factors_and_integer_categories():
    ordered = pd.Categorical(["lo", "hi"], categories=["lo", "hi"], ordered=True)
    table = pd.DataFrame(
        {"o": ordered, "i": pd.Categorical([3, 1]), "f": pd.cut([1, 5], [0, 2, 6])}
    )
    frame = Frame.of(table)
    assert frame.column("o").ordered
    assert frame.column("i").levels == (1, 3)
    assert frame.column("f").levels == ("(0, 2]", "(2, 6]")
    arrow = pa.DictionaryArray.from_arrays(pa.array([0, 1]), pa.array([3, 1]), ordered=True)
    column = Frame.of(pa.table({"o": arrow})).column("o")
    assert (column.ordered, column.levels) == (True, (3, 1))


def test_object_columns_of_one_kind():
    table = pd.DataFrame(
        {"n": [1, 2.5, None], "b": [True, None, False], "e": [None] * 3}, dtype=object
    )
    frame = Frame.of(table)
    assert frame.column("n").values.tolist()[:2] == [1.0, 2.5]
    assert frame.column("b").values.tolist() == [1, -1, 0]
    assert np.isnan(frame.column("e").values).all()
    assert frame.groups("e").levels == ()
    odd = Frame.of(pl.DataFrame({"o": pl.Series(["b", None, "a"], dtype=pl.Object)}))
    assert odd.column("o").values.tolist() == [1, -1, 0]


def test_object_columns_mixed_after_many_rows_are_refused():
    table = pd.DataFrame({"x": pd.Series(["a"] * 500 + [1], dtype=object)})
    with pytest.raises(DataError, match=r"'x'.* int and str.*to_numeric"):
        Frame.of(table).column("x")


DAY = dt.datetime(2020, 1, 1)


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"d": [DAY]}),
        pd.DataFrame({"d": pd.Series([DAY.date()], dtype=object)}),
        pl.DataFrame({"d": [DAY]}),
        pl.DataFrame({"d": [DAY.date()]}),
        pa.table({"d": [DAY.date()]}),
    ],
)
def test_dates_are_refused_with_advice(table):
    for read in (Frame.of(table).column, Frame.of(table).groups):
        with pytest.raises(DataError, match=r"'d' holds dates or times.*Turn it into a number"):
            read("d")


def test_lists_are_refused():
    with pytest.raises(DataError, match="neither numbers nor"):
        Frame.of(pl.DataFrame({"x": [[1], [2]]})).column("x")
    with pytest.raises(DataError, match="type list"):
        Frame.of(pd.DataFrame({"x": [[1], [2]]})).column("x")


def test_what_counts_as_a_table():
    lazy = nw.from_native(pl.LazyFrame({"x": [1]}))
    assert Frame.of(lazy).backend == "polars"
    assert Frame.of(nw.from_native(pd.DataFrame({"x": [1]}))).backend == "pandas"
    assert Frame.of(pa.table({"x": [1]})).backend == "pyarrow"
    mapped = Frame.of({"x": np.arange(3), "s": ("a", "b", "c")})
    assert (mapped.backend, mapped.n, mapped.columns) == ("pandas", 3, ("x", "s"))
    assert Frame.of(mapped) is mapped
    assert repr(mapped) == "Frame(pandas, 3 rows: x, s)"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("a.csv", "ec.read"),
        ([1, 2], "not list"),
        (np.zeros((2, 2)), "not ndarray"),
        (pd.Series([1]), "not Series"),
        (pl.Series([1]), "not Series"),
        (None, "not NoneType"),
        ({"x": [1, 2], "y": [1]}, "x 2, y 1"),
        ({"x": 1}, "one value a row"),
        ({"x": np.zeros((2, 2))}, "one value a row"),
        ({1: [1]}, "must be text"),
        (pd.DataFrame([[1, 2]]), "must be text"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "more than once: 'a'"),
        (pa.table([[1], [2]], names=["a", "a"]), "more than once: 'a'"),
    ],
)
def test_what_is_no_table(table, message):
    with pytest.raises(DataError, match=message):
        Frame.of(table)


def test_unknown_column_offers_the_nearest():
    with pytest.raises(UnknownColumn, match=r"formula\).*Did you mean 'school'"):
        Frame.of({"school": [1]}).groups("schol", "the formula")


def test_empty_tables(backend):
    table = {
        "pandas": pd.DataFrame({"x": np.array([], float), "s": pd.Series([], dtype="str")}),
        "polars": pl.DataFrame({"x": [], "s": []}, schema={"x": pl.Float64, "s": pl.String}),
        "pyarrow": pa.table({"x": pa.array([], pa.float64()), "s": pa.array([], pa.string())}),
    }[backend]
    frame = Frame.of(table)
    assert frame.n == 0
    assert frame.column("x").values.size == 0
    assert frame.groups("s").levels == ()


def test_labels_travel():
    table = pd.DataFrame({"x": [1.0]})
    table.attrs["echelon"] = {"labels": {"x": "Score"}, "value_labels": {"x": {1.0: "one"}}}
    frame = Frame.of(table)
    assert frame.column("x").label == "Score"
    assert frame.value_labels == {"x": {1.0: "one"}}
    added = frame.with_columns({"y": np.array([2.0])})
    assert Frame.of(added).column("x").label == "Score"
