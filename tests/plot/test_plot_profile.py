"""The zeta plot holds the profile's points, its limits and its bounds."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib import pyplot
from numpy.testing import assert_allclose

import echelon as ec
from echelon.errors import UnknownOption
from echelon.plot.profile import LEVELS, profile_plot


@pytest.fixture(scope="module")
def fit():
    return ec.lmer("Reaction ~ Days + (Days | Subject)", ec.datasets.load("sleepstudy", quiet=True))


def panels(ax):
    return [panel for panel in ax.figure.axes if panel is not ax]


def test_one_panel_a_parameter_with_its_curve_and_limits(fit, ax):
    found = fit.profile()
    drawn = panels(found.plot(ax=ax))
    assert [panel.get_xlabel() for panel in drawn] == list(found.terms)
    reach = 1.959963984540054
    for panel, curve, low, high in zip(
        drawn, found.curves(), found.limits.low, found.limits.high, strict=True
    ):
        lines = {len(line.get_xdata()): line for line in panel.lines}
        assert_allclose(lines[len(curve.value)].get_xdata(), curve.value)
        dots = [(*line.get_xdata(), *line.get_ydata()) for line in panel.lines
                if line.get_marker() == "o"]  # fmt: skip
        assert_allclose(dots, [(low, -reach), (high, reach)])
        bottom, top = panel.get_ylim()
        assert bottom < -2.576 and top > 2.576


def test_a_bound_is_marked(ax):
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(6), 5)
    y = rng.normal(size=30)
    y -= np.array([y[g == j].mean() for j in range(6)])[g]
    flat = ec.lmer("y ~ 1 + (1 | g)", {"y": y, "g": g})
    drawn = panels(flat.plot.profile("variance", ax=ax))
    marks = [
        [line.get_xdata()[0] for line in panel.lines if line.get_linewidth() == 3.0]
        for panel in drawn
    ]
    assert marks == [[0.0], []]  # the SD between groups ends at zero, sigma does not


def test_levels_scale_and_a_figure_of_its_own(fit):
    ax = fit.plot.profile(["sd_Days|Subject", "sigma"], level=0.99, scale="variance")
    assert "99% intervals" in ax.get_title(loc="left").replace("\n", " ")
    assert [panel.get_xlabel() for panel in panels(ax)] == ["var_Days|Subject", "sigma2"]
    shown = [text.get_text() for text in panels(ax)[-1].texts]
    assert set(shown) <= {f"{100 * level:g}%" for level in LEVELS} and "99%" in shown
    pyplot.close(ax.figure)


def test_axes_without_a_grid(fit):
    from echelon.plot import new_figure

    host = new_figure().add_axes((0.1, 0.1, 0.8, 0.7))
    assert len(profile_plot(fit.profile("fixed"), ax=host).child_axes) == 2


def test_names_are_looked_at(fit):
    with pytest.raises(UnknownOption, match="Did you mean 'Days'"):
        fit.plot.profile("Dais")
