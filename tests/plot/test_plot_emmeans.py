"""The figure of marginal means."""

from __future__ import annotations

import numpy as np
import pytest

import echelon as ec
from echelon.errors import DataError


def drawn(ax):
    """Middle and ends of each error bar, line by line."""
    return [
        (bars.lines[0].get_ydata(), [part[:, 1] for part in bars.lines[2][0].get_segments()])
        for bars in ax.containers
    ]


def test_means_and_intervals_are_those_of_the_table(eclsk, ax):
    eclsk.plot.emmeans("sector", labels=("public", "private"), ax=ax)
    values = eclsk.emmeans("sector").values
    ((middle, ends),) = drawn(ax)
    assert middle == pytest.approx(values.estimate)
    assert np.ravel(ends) == pytest.approx(
        np.column_stack([values.conf_low, values.conf_high]).ravel()
    )
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["public", "private"]
    assert ax.get_legend() is None


def test_one_line_a_level_of_by_on_a_numeric_axis(hsb, ax):
    at = {"meanses": [0.5, -0.5, 0]}
    means = hsb.emmeans("meanses", by="sector", at=at)
    means.plot(ax=ax)
    levels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert levels == list(dict.fromkeys(means.frame()["sector"]))
    for k, (middle, _) in enumerate(drawn(ax)):
        own = means.values.estimate[3 * k : 3 * k + 3]
        assert middle == pytest.approx(own[[1, 2, 0]])  # from left to right
    styles = {bars.lines[0].get_linestyle() for bars in ax.containers}
    markers = {bars.lines[0].get_marker() for bars in ax.containers}
    assert len(styles) == len(markers) == 2  # told apart without colour


def test_a_linear_model_has_the_figure_too(ax):
    data = ec.datasets.load("eclsk", quiet=True)
    ec.lm("g1rscore ~ sector + ses", data).emmeans("sector").plot(ax=ax)
    assert len(drawn(ax)[0][0]) == 2


def test_what_is_no_figure_is_refused(eclsk, ax):
    with pytest.raises(DataError, match="overall mean"):
        eclsk.emmeans().plot(ax=ax)
    with pytest.raises(DataError, match="labels="):
        eclsk.plot.emmeans("sector", labels=("public",), ax=ax)
    with pytest.raises(DataError, match="6 is most"):
        eclsk.plot.emmeans("sector", by="schmeansesc", at={"schmeansesc": range(7)}, ax=ax)
