"""Figures of residuals at both levels: what is drawn where."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import echelon as ec
from echelon import plot
from echelon.diagnose.level1 import row_residuals
from echelon.diagnose.level2 import group_residuals
from echelon.errors import DataError, NeedsRows, NotIdentified, UnknownColumn, UnknownOption


@pytest.fixture(scope="module")
def sleep():
    data = ec.datasets.load("sleepstudy", quiet=True)
    return ec.lmer("Reaction ~ Days + (Days | Subject)", data)


def _points(ax):
    """All points drawn."""
    from matplotlib.collections import PathCollection

    clouds = [c for c in ax.collections if isinstance(c, PathCollection)]
    return np.concatenate([np.asarray(c.get_offsets()) for c in clouds])


def test_residuals_against_fitted(sleep, ax):
    assert sleep.plot.residuals(ax=ax) is ax
    rows = row_residuals(sleep)
    drawn = ax.collections[0].get_offsets()
    np.testing.assert_array_equal(drawn, np.column_stack([rows.fitted, rows.standard]))
    assert sorted(line.get_ydata()[0] for line in ax.lines[:3]) == [-2.0, 0.0, 2.0]


def test_residuals_against_a_predictor(sleep, ax):
    sleep.plot.residuals("Days", ax=ax)
    assert ax.get_xlabel() == "Days"
    assert set(ax.collections[0].get_offsets()[:, 0]) == set(range(10))
    with pytest.raises(UnknownColumn, match="Days"):
        sleep.plot.residuals("Day", ax=ax)


def test_many_rows_are_hexagons(hsb, ax):
    hsb.plot.scale_location(ax=ax)
    counts = ax.collections[0].get_array()
    assert counts.sum() == hsb.n and len(counts) < 3000


def test_qq_marks_what_is_outside(sleep, ax):
    sleep.plot.qq(ax=ax)
    inside, outside = (c.get_offsets() for c in ax.collections[1:])
    assert len(inside) + len(outside) == sleep.n and len(outside) >= 3
    z = np.sort(row_residuals(sleep).standard)
    np.testing.assert_allclose(np.sort(_points(ax)[:, 1]), z)
    assert np.abs(outside[:, 1]).max() == np.abs(z).max()


def test_group_qq_has_a_panel_for_each_effect(sleep):
    figure = plot.new_figure()
    ax = sleep.plot.group_qq(ax=figure.subplots())
    panels = [a for a in figure.axes if a is not ax]
    assert [p.get_xlabel() for p in panels] == ["(Intercept)", "Days"]
    standard = group_residuals(sleep).standard
    for a, panel in enumerate(panels):
        np.testing.assert_allclose(np.sort(_points(panel)[:, 1]), np.sort(standard[:, a]))
    one = sleep.plot.group_qq(term="Days", ax=plot.new_figure().subplots())
    np.testing.assert_allclose(np.sort(_points(one)[:, 1]), np.sort(standard[:, 1]))


def test_a_group_far_out_is_named(ax):
    rng = np.random.default_rng(3)
    g = np.repeat([f"s{i}" for i in range(40)], 8)
    x = rng.standard_normal(320)
    y = np.repeat(rng.standard_normal(40), 8) + x + rng.standard_normal(320) + 9.0 * (g == "s7")
    fit = ec.lmer("y ~ x + (x | g)", pd.DataFrame(dict(y=y, x=x, g=g)))
    fit.plot.mahalanobis(ax=ax)
    assert "s7" in [t.get_text() for t in ax.texts]
    assert ax.get_xlim()[0] == 0 and "2 df" in ax.get_xlabel()


def test_group_residuals_against_sizes_and_predictors(eclsk, ax):
    eclsk.plot.group_residuals(ax=ax)
    found = group_residuals(eclsk)
    np.testing.assert_array_equal(
        ax.collections[0].get_offsets(), np.column_stack([found.n, found.standard[:, 0]])
    )
    other = eclsk.plot.group_residuals(against="sector", ax=plot.new_figure().subplots())
    assert len(other.get_xticklabels()) == 2
    third = eclsk.plot.group_residuals(against="schmeansesc", ax=plot.new_figure().subplots())
    assert third.get_xlabel() == "schmeansesc"


def test_effects_lie_within_their_ellipse(hsb, ax):
    hsb.plot.effects_scatter(ax=ax)
    T = hsb.optimum.covariance
    ring = np.column_stack(ax.lines[2].get_data())
    distance = np.einsum("ia,ab,ib->i", ring, np.linalg.inv(T), ring)
    np.testing.assert_allclose(distance, 5.991464547, rtol=1e-8)
    u = ax.collections[0].get_offsets()
    assert (np.einsum("ia,ab,ib->i", u, np.linalg.inv(T), u) < 5.99).mean() > 0.95


def test_what_cannot_be_drawn(timss, summaries, sleep, ax):
    with pytest.raises(DataError, match="two random coefficients"):
        timss.plot.effects_scatter(ax=ax)
    with pytest.raises(NeedsRows):
        summaries.plot.qq(ax=ax)
    with pytest.raises(UnknownOption, match="'Days'"):
        sleep.plot.group_qq(term="Day", ax=ax)
    rng = np.random.default_rng(1)
    data = pd.DataFrame(dict(y=rng.standard_normal(60), g=np.repeat(np.arange(12), 5)))
    data["y"] -= data.groupby("g").y.transform("mean")
    flat = ec.lmer("y ~ 1 + (1 | g)", data)
    for draw in (flat.plot.group_qq, flat.plot.mahalanobis, flat.plot.group_residuals):
        with pytest.raises(NotIdentified, match="variance"):
            draw(ax=ax)


def test_of_a_linear_model():
    hsb = ec.datasets.load("hsb", quiet=True)
    fit = ec.lm("mathach ~ ses", hsb)
    for draw in (fit.plot.residuals, fit.plot.scale_location, fit.plot.qq):
        assert draw(ax=plot.new_figure().subplots()).get_title(loc="left")
    assert ".plot.qq()" in repr(fit.plot)


def test_a_check_has_six_panels(hsb, timss, summaries):
    for fit, count in ((hsb, 6), (timss, 5), (summaries, 2)):
        figure = plot.new_figure()
        ax = fit.check().plot(ax=figure.subplots())
        assert len(figure.axes) == 1 + count
        assert ax.get_title(loc="left").endswith(".")


def test_the_gallery_has_those_that_apply(hsb, timss, summaries):
    names = {
        key: [name for name, _, _ in plot.figures(fit)]
        for key, fit in (("hsb", hsb), ("timss", timss), ("summaries", summaries))
    }
    rows = ["residuals", "scale_location", "qq"]
    groups = ["group_qq", "group_residuals"]
    assert names["hsb"][-7:] == [*rows, *groups, "effects_scatter", "mahalanobis"]
    assert names["timss"][-5:] == [*rows, *groups]
    assert names["summaries"][-2:] == groups and "qq" not in names["summaries"]
