"""Influence plots: what is drawn is what the values say."""

import numpy as np
import pytest

import echelon as ec
from echelon.errors import DataError, UnknownOption
from echelon.plot.theme import new_figure

SLEEP = ec.datasets.load("sleepstudy", quiet=True)
FIT = ec.lmer("Reaction ~ Days + (Days | Subject)", SLEEP)


def axes():
    return new_figure().subplots()


def names(ax):
    return [text.get_text() for text in ax.texts]


def test_largest_rows_are_named():
    found = FIT.influence()
    ax = found.plot(top=2, ax=axes())
    largest = {str(i) for i in np.argsort(-found.cooks)[:2]}
    assert largest <= set(names(ax)) and any("4/N" in text for text in names(ax))
    heights = np.concatenate(
        [marks.get_offsets()[:, 1] for marks in ax.collections if len(marks.get_offsets()) > 1]
    )
    np.testing.assert_allclose(np.sort(heights.filled()), np.sort(found.cooks))
    assert "each row" in ax.get_title(loc="left")


def test_few_groups_have_rows_in_order():
    found = FIT.influence("Subject")
    ax = found.plot(ax=axes())
    shown = [label.get_text() for label in ax.get_yticklabels()]
    assert shown == [found.units.labels[j] for j in np.argsort(found.cooks)]


def test_many_groups_are_in_the_order_of_the_data():
    timss = ec.datasets.load("eclsk", quiet=True)
    found = ec.lmer("g1rscore ~ sector + (1 | schid)", timss).influence("schid")
    ax = found.plot(top=1, ax=axes())
    from echelon.plot.words import label

    assert label(found.units.labels[int(np.argmax(found.cooks))]) in names(ax)


def test_dfbetas_have_a_panel_a_coefficient():
    ax = FIT.plot.influence("Subject", kind="dfbetas", ax=axes())
    assert [panel.get_xlabel() for panel in ax.figure.axes[1:]] == ["(Intercept)", "Days"]


def test_lines_of_equal_distance_are_lme4s():
    found = FIT.influence()
    ax = found.plot(kind="leverage", ax=axes())
    lines = [line for line in ax.lines if len(line.get_xdata()) > 2]
    assert len(lines) == 4
    h, r = lines[0].get_data()
    np.testing.assert_allclose(r**2 * h / (1 - h) / 2, 0.5)
    assert "D = 0.5" in names(ax)
    linear = ec.lm("Reaction ~ Days", SLEEP).influence().plot(kind="leverage", ax=axes())
    assert "lines" not in linear.get_title(loc="left")


def test_unknown_kinds_are_refused():
    with pytest.raises(UnknownOption, match="cooks"):
        FIT.influence().plot(kind="cook")
    with pytest.raises(DataError, match="single rows"):
        FIT.influence("Subject").plot(kind="leverage")
