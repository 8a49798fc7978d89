"""Groups formed by one or several columns."""

from __future__ import annotations

import numpy as np

from echelon.data import Column
from echelon.design.factors import interaction


def column(name: str, codes: list[int], levels: tuple[object, ...]) -> Column:
    return Column(name, np.array(codes, dtype=np.intp), levels)


SCHOOL = column("school", [0, 0, 1, 1, 2], (10, 20, 30))
ROOM = column("room", [1, 0, 1, 1, 0], ("a", "b"))


def test_one_column_keeps_its_levels() -> None:
    codes, levels = interaction([SCHOOL])
    assert (codes.tolist(), levels) == ([0, 0, 1, 1, 2], (10, 20, 30))


def test_several_columns_are_joined_as_in_r() -> None:
    """Combinations without rows are no groups; the first column varies slowest."""
    codes, levels = interaction([SCHOOL, ROOM])
    assert levels == ("10:a", "10:b", "20:b", "30:a")
    assert codes.tolist() == [1, 0, 2, 2, 3]
    codes, levels = interaction([ROOM, SCHOOL])
    assert levels == ("a:10", "a:30", "b:10", "b:20")
    assert codes.tolist() == [2, 0, 3, 3, 1]


def test_many_levels_do_not_overflow() -> None:
    n = 70_000
    many = [Column(name, np.arange(n), tuple(range(n))) for name in "abc"]
    codes, levels = interaction(many)
    assert len(levels) == n and codes.tolist() == list(range(n))


def test_levels_that_no_row_has_are_no_groups() -> None:
    """Neither unused levels nor, where one column determines the other, unused codes."""
    unused = column("school", [0, 0, 2, 2], (10, 20, 30))
    nested = column("room", [0, 1, 3, 3], ("a", "b", "c", "d"))
    assert interaction([unused, nested])[1] == ("10:a", "10:b", "30:d")
    codes, levels = interaction([nested, unused])
    assert levels == ("a:10", "b:10", "d:30")
    assert codes.tolist() == [0, 1, 2, 2]


def test_three_columns() -> None:
    hour = column("hour", [1, 0, 1, 0, 0], (8, 9))
    codes, levels = interaction([SCHOOL, ROOM, hour])
    assert levels == ("10:a:8", "10:b:9", "20:b:8", "20:b:9", "30:a:8")
    assert codes.tolist() == [1, 0, 3, 2, 4]
