"""Stacked bars of a decomposition of variance."""

from __future__ import annotations

import numpy as np
import pytest

import echelon as ec
from echelon.errors import DataError
from echelon.plot.theme import new_figure


@pytest.mark.parametrize(
    "formula", ["mathach ~ ses + (ses | school)", "mathach ~ 1 + (1 | school)"]
)
def test_every_bar_is_of_height_one(formula):
    fit = ec.lmer(formula, ec.datasets.load("hsb", quiet=True))
    found = fit.r2_decomposition()
    ax = found.plot(ax=new_figure().subplots())
    heights = np.zeros(3)
    for patch in ax.patches:
        heights[round(patch.get_x() + patch.get_width() / 2)] += patch.get_height()
    np.testing.assert_allclose(heights, 1, rtol=1e-12)
    shares = {row[0]: row[3] / found.total for row in found.components()}
    drawn = [text.get_text() for text in ax.texts]
    assert f"{shares['m']:.2f}" in drawn


def test_method_of_plots():
    sleep = ec.datasets.load("sleepstudy", quiet=True)
    fit = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep)
    ax = fit.plot.r2_bars(ax=new_figure().subplots())
    assert ax.get_title(loc="left") == "Variance of Reaction by source and level"
    with pytest.raises(DataError, match="cross"):
        ec.lmer("Reaction ~ 1 + (1 | Subject) + (1 | Days)", sleep).plot.r2_bars()
