from __future__ import annotations

import pytest

from echelon.show.fit import Room, fill, rooms, widths, wrap
from echelon.show.grid import make_grid
from echelon.show.metrics import arial, monospace, times


@pytest.mark.parametrize("measure", [monospace, times, arial])
def test_every_line_fits_the_room_of_its_column(any_table, measure):
    grid = make_grid(any_table, "unicode")
    made = rooms(grid, measure)
    for k, block in enumerate(grid.blocks):
        for row in block.rows:
            for cell, room, numeric in zip(row, made, grid.numeric, strict=True):
                for line in cell.lines:
                    space = fill(line, room, measure, k) if numeric else 0.0
                    assert measure(line.text) + space <= room.natural + 1e-9
                    assert room.minimum <= room.natural + 1e-9


def test_wide_columns_give_way_first():
    made = [Room(30.0, 10.0), Room(8.0, 4.0)]
    assert widths(made, 40.0) == [30.0, 8.0]
    narrow = widths(made, 28.0)
    assert narrow is not None
    assert narrow == pytest.approx([20.0, 8.0])
    assert widths(made, 13.0) is None


def test_wrapping_loses_nothing():
    text = "some words and_one_that_is_longer_than_a_line end"
    lines = wrap(text, 12, monospace)
    assert max(map(len, lines)) <= 12
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
