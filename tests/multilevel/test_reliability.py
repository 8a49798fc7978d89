from __future__ import annotations

import numpy as np
import pytest

import echelon as ec
from echelon.multilevel import group_values, reliability_values
from tolerances import CLOSED, SAME


def test_balanced_closed_form(balanced):
    """1 - MSW / MSB for the mean of a group in a balanced one-way design."""
    anova = ec.oneway("y", "g", balanced)
    fit = ec.lmer("y ~ 1 + (1 | g)", balanced)
    found = reliability_values(fit).reliability[0]
    np.testing.assert_allclose(found, 1 - anova.within / anova.between, **CLOSED)


def test_mean_of_the_groups_own(hsb_full):
    expected = np.nanmean(group_values(hsb_full).reliability, axis=0)
    np.testing.assert_allclose(reliability_values(hsb_full).reliability, expected, **SAME)


def test_zero_variance_is_unreliable():
    y = np.array([1.0, 9, 2, 8, 3, 7, 4, 6])
    fit = ec.lmer("y ~ 1 + (1 | g)", {"y": y, "g": np.repeat([0, 1, 2, 3], 2)})
    assert reliability_values(fit).reliability.tolist() == [0.0]


def test_only_groups_with_an_estimate_of_their_own_count():
    rng = np.random.default_rng(5)
    g = np.repeat(np.arange(15), [1, 2] + [8] * 13)
    x = rng.normal(size=len(g))
    x[g == 1] = 0.3  # two rows, one value of x: no slope of its own
    u = rng.normal(size=(15, 2)) * 2
    fit = ec.lmer(
        "y ~ x + (x | g)", {"y": u[g, 0] + u[g, 1] * x + rng.normal(size=len(g)), "x": x, "g": g}
    )
    found = reliability_values(fit)
    assert found.groups_used == 13
    assert ((found.reliability > 0) & (found.reliability < 1)).all()
    assert fit.variance_tests()["df"].tolist() == [12, 12]


def test_rows_and_summaries_agree(timss, timss_summaries):
    rows = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    given = ec.lmer("mean ~ 1 + (1 | idschool)", summaries=timss_summaries)
    np.testing.assert_allclose(
        reliability_values(given).reliability, reliability_values(rows).reliability, rtol=1e-9
    )


def test_hsb_against_the_book(hsb):
    """.901; .908 and .260: recalled as those HLM printed for raudenbush2002, ch. 4; not looked up.
    The same from R are in tests/reference/hlm."""
    null = ec.lmer("mathach ~ 1 + (1 | school)", hsb).reliability()
    assert null["reliability"].tolist() == pytest.approx([0.901], abs=6e-4)
    slopes = ec.lmer("mathach ~ cses + (cses | school)", hsb).reliability()
    assert slopes["reliability"].tolist() == pytest.approx([0.908, 0.260], abs=5e-3)
    assert slopes["groups_used"].tolist() == [160, 160]


@pytest.mark.parametrize("unit", [1e-7, 1e-3, 1e4, 1e7])
def test_the_unit_of_a_slope_does_not_matter(unit):
    sleep = ec.datasets.load("sleepstudy", quiet=True)
    plain = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep).groups()
    sleep["Days"] = sleep["Days"] * unit
    scaled = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep).groups()
    assert np.isfinite(scaled["reliability"]).all()
    np.testing.assert_allclose(scaled["reliability"], plain["reliability"], rtol=1e-5)
    slopes = plain["term"] == "Days"
    np.testing.assert_allclose(scaled["ols"][slopes] * unit, plain["ols"][slopes], rtol=1e-9)
