"""Figures of fits with several grouping factors."""

from __future__ import annotations

import numpy as np
import pytest

import echelon as ec
from echelon import plot
from echelon.multilevel import group_values
from several_factors import CROSSED_SLOPES, THREE, answers, schools


@pytest.fixture(scope="module")
def three():
    return ec.lmer(THREE + " + sector", schools())


@pytest.fixture(scope="module")
def crossed():
    return ec.lmer(CROSSED_SLOPES, answers())


def names(fit):
    return [name for name, _, _ in plot.figures(fit)]


def test_the_figures_of_every_factor(three, crossed):
    assert names(three) == [
        "distributions_room_school",
        "shrinkage_room_school",
        "caterpillar_room_school",
        "league_room_school",
        "distributions_school",
        "shrinkage_school",
        "caterpillar_school",
        "league_school",
        "means_by_funds",
        "means_by_skill",
        "residuals",
        "scale_location",
        "qq",
        "group_qq_room_school",
        "group_residuals_room_school",
        "group_qq_school",
        "group_residuals_school",
    ]
    assert names(crossed)[:7] == [
        "distributions_pupil",
        "shrinkage_pupil_intercept",
        "caterpillar_pupil_intercept",
        "league_pupil_intercept",
        "shrinkage_pupil_load",
        "caterpillar_pupil_load",
        "league_pupil_load",
    ]


def test_a_predictor_is_drawn_for_the_groups_it_belongs_to(three):
    found = {name: draw.options.get("factor") for name, _, draw in plot.figures(three)}
    assert found["means_by_funds"] == "school"
    assert found["means_by_skill"] == "room:school"


@pytest.mark.parametrize("name", ["three", "crossed"])
def test_each_is_drawn_inside_its_figure(name, request):
    for figure_name, caption, draw in plot.figures(request.getfixturevalue(name)):
        figure = plot.new_figure(draw.groups)
        ax = figure.subplots()
        assert draw(ax) is ax and caption.endswith(".")
        figure.draw_without_rendering()
        inner, outer = figure.get_tightbbox(), figure.bbox_inches
        assert inner.x0 >= outer.x0 and inner.x1 <= outer.x1, figure_name
        assert inner.y0 >= outer.y0 and inner.y1 <= outer.y1, figure_name


@pytest.mark.parametrize("factor", ["pupil", "item"])
def test_caterpillar_shows_the_factor_asked_for(factor, crossed, ax):
    crossed.plot.caterpillar(factor, term="load", ax=ax)
    (points,) = [c for c in ax.collections if c.get_label() == "estimate"]
    expected = np.sort(group_values(crossed, factor).eb[:, 1])
    np.testing.assert_allclose(points.get_offsets()[:, 0], expected)
    assert f"groups of {factor}" in ax.get_title(loc="left").replace("\n", " ")


def test_shrinkage_starts_at_the_adjusted_estimate(three, ax):
    three.plot.shrinkage("school", ax=ax)
    (points,) = [c for c in ax.collections if "adjusted" in str(c.get_label())]
    expected = np.sort(group_values(three, "school").ols[:, 0])
    np.testing.assert_allclose(points.get_offsets()[:, 0], expected)


def test_means_by_groups_of_a_factor(three, ax):
    three.plot.means_by("ses", factor="school", by="sector", ax=ax)
    points = np.vstack([c.get_offsets() for c in ax.collections])
    expected = schools().groupby("school").y.mean()
    np.testing.assert_allclose(np.sort(points[:, 1]), np.sort(expected))


def test_without_variance_there_is_no_shrinkage_to_draw(ax, tmp_path):
    data = schools()
    data["y"] = data.y - data.groupby(["school", "room"]).y.transform("mean") + data.school
    fit = ec.lmer("y ~ 1 + (1 | school/room)", data)
    assert "shrinkage_room_school" not in names(fit) and "shrinkage_school" in names(fit)
    with pytest.raises(ec.errors.DataError, match="variance is zero"):
        fit.plot.shrinkage("room:school", ax=ax)
    assert len(fit.plot.save_all(tmp_path)) == len(names(fit))
