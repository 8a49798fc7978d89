"""The league table and comparison intervals as figures."""

from __future__ import annotations

import numpy as np
import pytest

import echelon as ec
from echelon import plot
from several_factors import CROSSED, answers


def lines(ax):
    """(low, high, position) of every horizontal interval drawn."""
    found = []
    for collection in ax.collections:
        for segment in getattr(collection, "get_segments", list)():
            (x0, y0), (x1, y1) = segment
            if y0 == y1:
                found.append((x0, x1, y0))
    return np.array(sorted(found, key=lambda line: -line[2]))


@pytest.mark.parametrize("name", ["timss", "eclsk", "summaries"])
def test_the_intervals_are_those_of_the_ranks(name, request, ax):
    fit = request.getfixturevalue(name)
    fit.plot.league(n=500, ax=ax)
    frame = fit.ranks(n=500).frame()
    drawn = lines(ax)
    np.testing.assert_allclose(drawn[:, 0], frame["rank_low"] - 0.4)
    np.testing.assert_allclose(drawn[:, 1], frame["rank_high"] + 0.4)
    np.testing.assert_array_equal(drawn[:, 2], np.arange(len(frame), 0, -1))


def test_groups_are_named_best_on_top(timss, ax):
    timss.plot.league(n=500, ax=ax)
    names = [text.get_text() for text in ax.get_yticklabels()]
    expected = [str(int(x)) for x in timss.ranks(n=500).frame()["idschool"]]
    assert names[::-1] == expected


def test_the_key_counts_who_is_lost(timss, ax):
    timss.plot.league(n=500, ax=ax)
    lost = int(timss.ranks(n=500).undecided.sum())
    said = [text.get_text() for text in ax.get_legend().get_texts()]
    assert said == [
        f"above or below the middle ({20 - lost})",
        f"cannot be told from the middle ({lost})",
    ]


def test_the_tenths_and_the_middle(timss, ax):
    from matplotlib.patches import Polygon

    timss.plot.league(n=500, ax=ax)
    corners = [
        p.get_path().vertices if isinstance(p, Polygon) else p.get_bbox() for p in ax.patches
    ]
    bands = sorted(
        (float(np.min(c[:, 0])), float(np.max(c[:, 0]))) for c in map(np.asarray, corners)
    )
    assert bands == [(0.5, 2.5), (18.5, 20.5)]
    assert {"first 2", "last 2", "middle"} <= {text.get_text() for text in ax.texts}
    assert any(np.allclose(line.get_xdata(), 10.5) for line in ax.lines)


def test_a_result_draws_itself(timss, ax):
    found = timss.ranks(n=500, best="lowest")
    found.plot(ax=ax)
    assert "lowest" in ax.get_xlabel()
    np.testing.assert_allclose(lines(ax)[:, 0], found.frame()["rank_low"] - 0.4)


def test_what_is_ranked_is_in_the_title(eclsk, ax):
    eclsk.plot.league(n=200, ax=ax)
    assert "beyond its prediction" in ax.get_title(loc="left").replace("\n", " ")
    other = plot.new_figure().subplots()
    eclsk.plot.league(n=200, of="coefficient", ax=other)
    assert "beyond" not in other.get_title(loc="left")


def test_shades_differ_in_grey(eclsk, ax):
    """Intervals, bands and points keep apart without colour."""
    from matplotlib.colors import to_rgb

    eclsk.plot.league(n=200, ax=ax)
    colours = [c.get_color()[0] for c in ax.collections if hasattr(c, "get_segments")]
    colours += [p.get_facecolor() for p in ax.patches[:1]]
    weights = np.array([0.299, 0.587, 0.114])
    light = sorted(float(weights @ to_rgb(colour)) for colour in colours)
    assert min(np.diff(light)) > 0.1


def test_figures_leave_out_what_cannot_be_ranked():
    flat = {"g": np.repeat(np.arange(5), 2), "y": [0.0, 1.0] * 5}
    fit = ec.lmer("y ~ 1 + (1 | g)", flat)
    assert "league" not in [name for name, _, _ in plot.figures(fit)]
    crossed = ec.lmer(CROSSED, answers(), method="iterative", rng=1)
    assert not [name for name, _, _ in plot.figures(crossed) if name.startswith("league")]


@pytest.mark.parametrize("name", ["timss", "eclsk"])
def test_comparison_intervals_are_drawn(name, request, ax):
    found = request.getfixturevalue(name).comparison_intervals()
    found.plot(ax=ax)
    order = np.argsort(found.estimate, kind="stable")
    (points,) = [c for c in ax.collections if not hasattr(c, "get_segments")]
    along = 0 if name == "timss" else 1
    np.testing.assert_allclose(points.get_offsets()[:, along], found.estimate[order])
    assert "do not overlap" in ax.get_title(loc="left").replace("\n", " ")
    said = ax.get_xlabel() if name == "timss" else ax.get_ylabel()
    assert ("less the grand mean" if name == "timss" else "beyond its prediction") in said


def test_nothing_is_drawn_outside(eclsk):
    for level in (0.5, 0.99):
        figure = plot.new_figure()
        eclsk.comparison_intervals(level=level).plot(ax=figure.subplots())
        figure.draw_without_rendering()
        inner, outer = figure.get_tightbbox(), figure.bbox_inches
        assert inner.x0 >= outer.x0 and inner.x1 <= outer.x1
        assert inner.y0 >= outer.y0 and inner.y1 <= outer.y1
