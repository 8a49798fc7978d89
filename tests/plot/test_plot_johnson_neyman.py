"""The Johnson-Neyman figure: what is drawn is what was found."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import echelon as ec

pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def fit():
    hsb = ec.datasets.load("hsb", quiet=True)
    return ec.lmer("mathach ~ ses * meanses + ses * sector + (ses | school)", hsb)


def test_lines_bands_and_boundaries(fit, ax):
    found = fit.johnson_neyman("sector", "ses")
    assert fit.plot.johnson_neyman("sector", "ses", ax=ax) is ax
    low, high = ax.get_xlim()
    lines = [line for line in ax.get_lines() if len(line.get_xdata()) > 2]
    shown = [r for r in found.regions if max(r.low, low) < min(r.high, high)]
    assert len(lines) == len(shown) == len(ax.collections) - 1  # and the strokes of the data
    for line, region in zip(lines, shown, strict=True):
        x, y = line.get_xdata(), line.get_ydata()
        assert_allclose(y, found.at(x).estimate, rtol=1e-12)
        assert x.min() >= region.low and x.max() <= region.high
        assert line.get_linestyle() == ("-" if region.sign else "--")
    upright = [line.get_xdata()[0] for line in ax.get_lines() if len(set(line.get_xdata())) == 1]
    inside = found.boundaries[(found.boundaries > low) & (found.boundaries < high)]
    assert_allclose(sorted(upright), inside)
    assert "Difference in mathach, Catholic − Public" in ax.get_title("left").replace("\n", " ")


def test_strokes_are_the_groups(fit, ax):
    found = fit.johnson_neyman("ses", "meanses", at={"sector": "Catholic"})
    found.plot(ax=ax)
    strokes = ax.collections[-1].get_segments()
    assert len(strokes) == len(np.unique(found.by_group)) <= 160
    assert "at sector = Catholic" in ax.get_title("left").replace("\n", " ")


def test_of_a_linear_model_and_without_boundaries(ax):
    hsb = ec.datasets.load("hsb", quiet=True)
    found = ec.lm("mathach ~ ses * meanses", hsb).johnson_neyman("ses", "meanses")
    found.plot(ax=ax)
    assert ax.get_ylabel() == "Slope of mathach on ses"
