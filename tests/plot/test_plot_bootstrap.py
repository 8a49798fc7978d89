"""The histograms hold the replicates, the estimate and the limits."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import echelon as ec
from echelon.errors import UnknownOption


@pytest.fixture(scope="module")
def found():
    sleep = ec.datasets.load("sleepstudy", quiet=True)
    return ec.lmer("Reaction ~ Days + (Days | Subject)", sleep).bootstrap(n=200, rng=1)


def panels(ax):
    return [panel for panel in ax.figure.axes if panel is not ax]


@pytest.mark.parametrize("interval", ["percentile", "basic"])
def test_one_panel_a_number_with_its_replicates_and_limits(found, ax, interval):
    drawn = panels(found.plot(level=0.9, interval=interval, ax=ax))
    assert [panel.get_xlabel() for panel in drawn] == list(found.terms)
    limits = found.intervals(level=0.9, interval=interval)
    for i, panel in enumerate(drawn):
        counted = sum(bar.get_height() for bar in panel.patches)
        assert counted == np.isfinite(found.replicates[:, i]).sum()
        at = [line.get_xdata()[0] for line in panel.lines]
        assert_allclose(at, [found.estimate[i], limits.low[i], limits.high[i]])
    assert "90%" in ax.get_title(loc="left") and interval in ax.get_title(loc="left")


def test_a_statistic_of_ones_own(ax):
    sleep = ec.datasets.load("sleepstudy", quiet=True)
    fit = ec.lmer("Reaction ~ Days + (1 | Subject)", sleep)
    found = fit.bootstrap(lambda m: {"ICC": m.icc()}, n=30, rng=1)
    assert [panel.get_xlabel() for panel in panels(found.plot(ax=ax))] == ["ICC"]
    with pytest.raises(UnknownOption, match="interval"):
        found.plot(interval="percent", ax=ax)
