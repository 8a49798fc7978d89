from __future__ import annotations

import sys

import numpy as np
import pytest

from echelon.data import Column, Frame, to_native
from echelon.errors import MissingDependency, UnknownOption

FACTOR = Column("g", np.array([1, -1, 0]), ("v", "u"), ordered=False)


def kept(table: object, name: str) -> list[object]:
    """The values as Python objects, missing as None."""
    listed = Frame.of(table).table.get_column(name)
    gone = listed.is_null().to_list()
    return [None if absent else value for value, absent in zip(listed.to_list(), gone, strict=True)]


@pytest.mark.parametrize(
    ("values", "wanted", "kind"),
    [
        ([1, None, 3], [1, None, 3], "Int64"),
        (np.array([1, 2, 3]), [1, 2, 3], "Int64"),
        ([np.int64(1), 2, None], [1, 2, None], "Int64"),
        (np.array([1, None, 2], dtype=object), [1, None, 2], "Int64"),
        ([1.5, None, float("nan")], [1.5, None, None], "Float64"),
        (np.array([1.5, np.nan, 2.0]), [1.5, None, 2.0], "Float64"),
        ([1, 2.5, None], [1.0, 2.5, None], "Float64"),
        (("a", None, "c"), ["a", None, "c"], "String"),
        ([308, "x", None], ["308", "x", None], "String"),
        ([True, None, False], [True, None, False], "Boolean"),
        (Column("x", np.array([1.0, np.nan, 2.0])), [1.0, None, 2.0], "Float64"),
        (FACTOR, ["u", None, "v"], None),
    ],
)
def test_values_keep_their_kind(backend, values, wanted, kind):
    table = to_native({"x": values}, backend)
    assert Frame.of(table).backend == backend
    assert kept(table, "x") == wanted
    if kind is not None:
        assert str(Frame.of(table).table.schema["x"]) == kind


def test_factors_keep_their_levels(backend):
    column = Frame.of(to_native({"g": FACTOR}, backend)).column("g")
    assert column.levels == ("v", "u")
    assert column.values.tolist() == [1, -1, 0]


def test_ordered_integer_levels():
    factor = Column("g", np.array([1, 0]), (5, 3), ordered=True)
    for backend in ("pandas", "pyarrow"):
        column = Frame.of(to_native({"g": factor}, backend)).column("g")
        assert (column.levels, column.ordered) == ((5, 3), True)
    assert Frame.of(to_native({"g": factor}, "polars")).column("g").levels == ("5", "3")


def test_empty(backend):
    assert Frame.of(to_native({}, backend)).columns == ()
    assert Frame.of(to_native({"a": [], "b": np.array([], float)}, backend)).n == 0


def test_unknown_and_absent_backends(monkeypatch):
    with pytest.raises(UnknownOption, match="Did you mean 'polars'"):
        to_native({}, "polar")
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(MissingDependency, match="polars"):
        to_native({}, "polars")
