"""What the figures hold: every group, at the values that `group_values` gives, in order."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.collections import LineCollection, PathCollection

from echelon import plot
from echelon.errors import DataError, NeedsRows, UnknownColumn, UnknownOption
from echelon.multilevel import group_values
from echelon.plot import new_figure
from echelon.plot.distributions import SHARES, group_quantiles

FITS = ("timss", "eclsk", "hsb", "summaries")


@pytest.fixture(params=FITS)
def fit(request):
    return request.getfixturevalue(request.param)


def points(ax, label=None):
    found = [c for c in ax.collections if isinstance(c, PathCollection)]
    if label is not None:
        found = [c for c in found if c.get_label().startswith(label)]
    return np.concatenate([np.asarray(c.get_offsets()) for c in found])


def segments(ax):
    found = [c for c in ax.collections if isinstance(c, LineCollection)]
    return np.concatenate([np.asarray(c.get_segments()) for c in found])


def by_place(ax, label, J):
    """Values of the marks, by their place 1 to J."""
    across, up = points(ax, label).T
    value, place = (across, up) if J <= 40 else (up, across)
    assert sorted(place) == list(range(1, J + 1))
    return value[np.argsort(place)]


@pytest.mark.parametrize("interval", ["total", "conditional"])
def test_caterpillar_shows_every_group_in_order(fit, ax, interval):
    values = group_values(fit, level=0.9, interval=interval)
    assert fit.plot.caterpillar(level=0.9, interval=interval, ax=ax) is ax
    shown = by_place(ax, "estimate", fit.J)
    assert (np.diff(shown) >= 0).all()
    assert shown == pytest.approx(np.sort(values.eb[:, 0]))
    ends = segments(ax)[:, :, 0 if fit.J <= 40 else 1]
    assert np.sort(ends[:, 0]) == pytest.approx(np.sort(values.conf_low[:, 0]))
    assert np.sort(ends[:, 1]) == pytest.approx(np.sort(values.conf_high[:, 0]))


def test_caterpillar_in_the_order_of_the_data(timss, eclsk, ax):
    plot.caterpillar(timss, "idschool", order="data", ax=ax)
    assert by_place(ax, "estimate", 20)[::-1] == pytest.approx(group_values(timss).eb[:, 0])
    names = [text.get_text() for text in ax.get_yticklabels()][::-1]
    assert names == [str(level) for level in timss.group_moments.levels]
    other = new_figure().subplots()
    plot.caterpillar(eclsk, order="data", ax=other)
    assert by_place(other, "estimate", 742) == pytest.approx(group_values(eclsk).eb[:, 0])


def test_caterpillar_of_a_slope(hsb, ax):
    hsb.plot.caterpillar(term="cses", ax=ax)
    assert by_place(ax, "estimate", hsb.J) == pytest.approx(np.sort(group_values(hsb).eb[:, 1]))
    assert "slope of mathach on cses" in ax.get_title(loc="left").replace("\n", " ").lower()


def test_the_grand_mean_is_a_line_and_own_predictions_are_marks(timss, eclsk, ax):
    timss.plot.caterpillar(ax=ax)
    (line,) = ax.get_lines()
    assert line.get_xdata() == pytest.approx([timss.optimum.beta[0]] * 2)
    assert any("grand mean 482.8" in text.get_text() for text in ax.texts)
    other = new_figure().subplots()
    eclsk.plot.caterpillar(ax=other)
    order = np.argsort(group_values(eclsk).eb[:, 0], kind="stable")
    expected = group_values(eclsk).predicted[order, 0]
    assert by_place(other, "prediction", 742) == pytest.approx(expected)
    assert not other.get_lines()


def test_shrinkage_leads_from_observed_to_estimate(timss, ax):
    values = group_values(timss)
    timss.plot.shrinkage(ax=ax)
    order = np.argsort(values.ols[:, 0], kind="stable")
    assert by_place(ax, "observed", 20) == pytest.approx(values.ols[order, 0])
    assert by_place(ax, "empirical", 20) == pytest.approx(values.eb[order, 0])
    assert segments(ax)[:, :, 0] == pytest.approx(
        np.column_stack([values.ols[order, 0], values.eb[order, 0]])
    )


def test_shrinkage_in_columns_for_many_groups(eclsk, hsb, ax):
    values = group_values(eclsk)
    eclsk.plot.shrinkage(ax=ax)
    expected = np.stack([values.ols[:, 0], values.eb[:, 0], values.predicted[:, 0]], axis=1)
    assert segments(ax)[:, :, 1] == pytest.approx(expected)
    assert len(ax.get_xticks()) == 3
    other = new_figure().subplots()
    hsb.plot.shrinkage(term="cses", ax=other)
    assert len(other.get_xticks()) == 2  # one prediction for all: a line instead of a column


def test_observed_means_against_size(fit, ax):
    values = group_values(fit)
    fit.plot.observed(ax=ax)
    assert points(ax) == pytest.approx(np.column_stack([values.n, values.ols[:, 0]]))
    half = np.diff(segments(ax)[:, :, 1], axis=1)[:, 0] / 2
    assert half == pytest.approx(1.959963984540054 * values.SE[:, 0])


def test_weights_sum_to_hundred_beside_their_two_extremes(fit, ax):
    values = group_values(fit)
    fit.plot.weights(ax=ax)
    assert points(ax) == pytest.approx(np.column_stack([values.n, values.weight[:, 0]]))
    assert points(ax)[:, 1].sum() == pytest.approx(100)
    equal, by_rows = ax.get_lines()
    assert equal.get_ydata() == pytest.approx([100 / fit.J] * 2)
    n, share = by_rows.get_data()
    assert share[1] / n[1] == pytest.approx(100 / values.n.sum())


@pytest.mark.parametrize("name", ["timss", "eclsk", "hsb"])
def test_distributions_are_ordered_by_the_means(name, request, ax):
    fit = request.getfixturevalue(name)
    fit.plot.distributions(ax=ax)
    design = fit.built.design
    mean = np.bincount(design.factors[0].codes, weights=design.y) / fit.group_moments.count
    drawn = by_place(ax, "mean", fit.J) if fit.J <= 40 else ax.get_lines()[1].get_ydata()
    assert drawn == pytest.approx(np.sort(mean))


def test_quantiles_are_those_of_numpy(timss):
    design = timss.built.design
    codes = design.factors[0].codes
    q = group_quantiles(design.y, codes, timss.J)
    for j in range(timss.J):
        assert q[:, j] == pytest.approx(np.quantile(design.y[codes == j], SHARES))
    alone = group_quantiles(np.array([3.0, 1.0, 2.0]), np.array([1, 0, 1], dtype=np.int32), 2)
    assert alone[:, 0] == pytest.approx([1.0] * 5)


def test_summaries_have_no_distributions(summaries):
    with pytest.raises(NeedsRows, match="distribution of the response"):
        summaries.plot.distributions()


@pytest.mark.parametrize(
    "name", ["caterpillar", "shrinkage", "observed", "distributions", "weights"]
)
def test_without_axes_pyplot_shows_the_figure(timss, name):
    ax = getattr(timss.plot, name)()
    assert pyplot.gcf() is ax.figure
    pyplot.close(ax.figure)


def test_a_slip_leaves_no_figure_open(timss):
    with pytest.raises(UnknownColumn, match="idschool"):
        timss.plot.caterpillar("school")
    with pytest.raises(UnknownOption, match="Intercept"):
        timss.plot.shrinkage(term="ses")
    with pytest.raises(UnknownOption, match="estimate"):
        timss.plot.caterpillar(order="size")
    with pytest.raises(UnknownOption, match="total"):
        timss.plot.caterpillar(interval="SE")
    with pytest.raises(DataError, match=r"0\.95"):
        timss.plot.observed(level=95)


def test_a_variance_of_zero_is_drawn(ax):
    import pandas as pd

    import echelon as ec

    y = np.random.default_rng(1).normal(size=304)
    fit = ec.lmer("y ~ 1 + (1 | g)", pd.DataFrame({"y": y, "g": np.repeat(np.arange(38), 8)}))
    assert fit.verdict.status == "boundary"
    fit.plot.caterpillar(ax=ax)
    assert np.ptp(by_place(ax, "estimate", 38)) == 0
