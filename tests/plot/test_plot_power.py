"""Power curves go through the plans, and end at what was asked for."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import echelon as ec
from echelon.errors import DataError, UnknownOption
from tolerances import CLOSED


def curves(ax):
    """Lines that are long, by order of drawing, and their marks."""
    lines = [line for line in ax.lines if len(line.get_xdata()) > 8 and line.get_marker() == "None"]
    marks = [line for line in ax.lines if line.get_linestyle() == "None" and len(line.get_xdata())]
    return lines, marks


def test_each_line_is_the_power_of_its_plans(ax):
    found = ec.power(J=[20, 40, 60], n=[10, 30], icc=0.2, effect=0.4)
    lines, marks = curves(found.plot(ax=ax))
    assert ax.get_legend_handles_labels()[1] == ["n = 10", "n = 30"]
    for n, line, mark in zip((10, 30), lines, marks, strict=True):
        J = line.get_xdata()
        assert_allclose(line.get_ydata(), ec.power(J=J, n=n, icc=0.2, effect=0.4).power, **CLOSED)
        assert_allclose(mark.get_xdata(), [20, 40, 60])
        on = np.interp(mark.get_xdata(), J, line.get_ydata())
        assert_allclose(mark.get_ydata(), on, atol=1e-3)
    styles = {line.get_linestyle() for line in lines} | {m.get_marker() for m in marks}
    assert len(styles) == 4  # told apart without colour
    assert {0.8} <= {line.get_ydata()[0] for line in ax.lines if len(set(line.get_ydata())) == 1}


def test_along_rows_and_smallest_effects(ax):
    found = ec.mdes(J=40, n=[5, 10, 20, 40], icc=0.2)
    lines, _ = curves(found.plot(ax=ax))
    assert ax.get_xlabel() == "Rows in each group n" and "80% power" in ax.get_title(loc="left")
    n = lines[0].get_xdata()
    assert (n.min(), n.max()) == (5, 40)
    want = [ec.mdes(J=40, n=int(each), icc=0.2).effect[0] for each in n[::9]]
    assert_allclose(lines[0].get_ydata()[::9], want, **CLOSED)


def test_sample_sizes_are_marked_where_the_curve_has_the_power(ax):
    found = ec.sample_size(n=20, icc=0.2, effect=[0.25, 0.5], power=[0.8, 0.9])
    lines, marks = curves(found.plot(ax=ax))
    assert len(lines) == 2 and ax.get_legend_handles_labels()[1] == [
        "effect = 0.25",
        "effect = 0.5",
    ]
    placed = sorted(x for mark in marks for x in mark.get_xdata())
    assert placed == sorted(found.cells.J)
    across = {line.get_ydata()[0] for line in ax.lines if len(set(line.get_ydata())) == 1}
    assert {0.8, 0.9} <= across


def test_precision_and_plans_without_a_size_are_drawn(ax):
    found = ec.sample_size("mean", n=25, icc=0.2, half_width=[0.1, 0.2])
    assert found.plot(ax=ax).get_ylabel() == "Half-width of the interval"
    ax.clear()
    lines, marks = curves(ec.sample_size(J=10, icc=0.1, effect=0.6).plot(ax=ax))
    assert not marks and lines[0].get_ydata().max() < 0.8


def test_too_many_lines_and_other_axes_are_refused(ax):
    many = ec.power(J=[20, 40], n=[5, 10, 15, 20, 25, 30, 35], icc=0.2, effect=0.4)
    with pytest.raises(DataError, match="7 curves"):
        many.plot(ax=ax)
    assert (
        len(curves(ec.power(J=[20, 40], n=[5, 25], icc=0.2, effect=1).plot(x="n", ax=ax))[0]) == 2
    )
    with pytest.raises(UnknownOption, match="x='K'"):
        many.plot(x="K", ax=ax)
