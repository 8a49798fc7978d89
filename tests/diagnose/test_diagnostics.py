"""Homogeneity, linearity, slopes within and between, collinearity: as results a user gets."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import echelon as ec
from echelon.errors import DataError, NeedsRows, NotYetSupported, UnknownArgument, UnknownColumn
from tolerances import CLOSED


@pytest.fixture(scope="module")
def hsb():
    return ec.datasets.load("hsb", quiet=True)


@pytest.fixture(scope="module")
def fit(hsb):
    return ec.lmer("mathach ~ ses + sector + (ses | school)", hsb)


def test_h_does_not_move_with_units_or_level_2(hsb):
    """Group variances do not know the level-2 part, nor units."""
    one = ec.lmer("mathach ~ ses + (ses | school)", hsb).variance_homogeneity()
    moved = hsb.assign(mathach=1e3 * hsb.mathach - 5, ses=hsb.ses * 0.01)
    two = ec.lmer("mathach ~ ses + sector * meanses + (ses | school)", moved)
    np.testing.assert_allclose(
        one.tests[0].statistic, two.variance_homogeneity().tests[0].statistic, **CLOSED
    )


def test_the_spread_is_that_of_the_groups():
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(300), 40)
    sd = np.exp(0.3 * rng.standard_normal(300))
    y = rng.standard_normal(300)[g] + sd[g] * rng.standard_normal(len(g))
    found = ec.lmer("y ~ 1 + (1 | g)", dict(y=y, g=g)).variance_homogeneity()
    assert found.spread == pytest.approx(np.log(sd).std(), abs=0.04)


def test_exact_moments_keep_the_level_where_hlm_does_not():
    """At ten degrees of freedom H is 11 percent too large on average; exact moments are right."""
    rng, J = np.random.default_rng(9), 200
    g = np.repeat(np.arange(J), 11)
    H = []
    for _ in range(40):
        y = rng.standard_normal(J)[g] + rng.standard_normal(len(g))
        tests = ec.lmer("y ~ 1 + (1 | g)", dict(y=y, g=g)).variance_homogeneity().tests
        H.append([tests[0].statistic, tests[1].statistic])
    mean = np.mean(H, axis=0) / (J - 1)
    error = np.sqrt(2 / (J - 1) / 40) * 1.3
    assert abs(mean[1] - 1) < 4 * error and mean[0] > 1 + 4 * error


def test_by_a_category_the_likelihood_ratio_is_that_of_two_fits(hsb, fit):
    found = fit.variance_homogeneity("sector")
    other = ec.lmer("mathach ~ ses + sector + (ses | school)", hsb, residual="by(sector)")
    ratio = found.tests[1]
    assert ratio.statistic == pytest.approx(fit.deviance - other.deviance, abs=1e-6)
    assert ratio.df1 == 1
    levels = dict(zip(found.variances.levels, found.variances.variance, strict=True))
    assert levels["Public"] > levels["Catholic"]


def test_a_structure_takes_the_difference_away(hsb):
    other = ec.lmer("mathach ~ ses + sector + (ses | school)", hsb, residual="by(sector)")
    found = other.variance_homogeneity("sector")
    assert [t.name for t in found.tests] == ["Brown-Forsythe"]
    ratio = np.sqrt(found.variances.variance[0] / found.variances.variance[1])
    assert ratio == pytest.approx(1, abs=0.01)


def test_homogeneity_says_what_it_cannot_do(fit):
    with pytest.raises(UnknownColumn, match="sector"):
        fit.variance_homogeneity("secter")
    with pytest.raises(DataError, match="scale_location"):
        fit.variance_homogeneity("ses")
    with pytest.raises(UnknownArgument, match="least"):
        fit.variance_homogeneity(lest=3)
    with pytest.raises(DataError, match="100 or more"):
        fit.variance_homogeneity(least=100)
    sleep = ec.datasets.load("sleepstudy", quiet=True)
    serial = ec.lmer("Reaction ~ Days + (1 | Subject)", sleep, residual="ar1(Days | Subject)")
    with pytest.raises(NotYetSupported, match="correlates"):
        serial.variance_homogeneity()


def test_contextual_slopes_are_those_of_the_model_with_means():
    """In a balanced design GLS does not depend on the variances, so that adding is refitting."""
    rng = np.random.default_rng(12)
    g = np.repeat(np.arange(40), 10)
    x = rng.standard_normal(40)[g] + rng.standard_normal(400)
    y = x + 2 * rng.standard_normal(40)[g] + rng.standard_normal(400)
    data = ec.group_mean(pd.DataFrame(dict(y=y, x=x, g=g)), "x", by="g")
    found = ec.lmer("y ~ x + (1 | g)", data).contextual().terms[0]
    larger = ec.lmer("y ~ x + x_m + (1 | g)", data).optimum.beta
    np.testing.assert_allclose([found.within[0], found.difference[0]], larger[1:], rtol=1e-6)


def test_centred_predictors_have_nothing_to_compare(hsb):
    assert ec.lmer("mathach ~ cses + (1 | school)", hsb).contextual().terms == ()
    own = hsb.groupby("school").ses.transform("mean")
    with_means = ec.lmer("mathach ~ ses + own + (1 | school)", hsb.assign(own=own))
    assert with_means.contextual().terms == ()
    assert "without its mean" in str(with_means.contextual())


def test_categories_have_means_too(hsb):
    found = ec.lmer("mathach ~ ses + minority + (1 | school)", hsb).contextual()
    assert [c.term for c in found.terms] == ["ses", "minority"]
    assert [c.numeric for c in found.terms] == [True, False]
    assert found.whole[0].df1 == 2
    frame = found.frame()
    np.testing.assert_allclose(frame.between, frame.within + frame.estimate)


def test_squares_are_found_and_those_in_the_model_left_out(hsb):
    rng = np.random.default_rng(1)
    data = hsb.assign(y=hsb.mathach + 3 * hsb.ses**2 + rng.standard_normal(len(hsb)))
    bent = ec.lmer("y ~ ses + size + sector + (1 | school)", data).linearity()
    by_name = {t.predictor: t for t in bent.tests}
    assert by_name["ses"].p_value < 1e-10 and by_name["ses"].level == 1
    assert by_name["size"].level == 2 and by_name["size"].df < 160
    assert "sector" not in by_name
    square = ec.lmer("y ~ ses + I(ses**2) + size + (1 | school)", data).linearity()
    assert "ses" not in {t.predictor for t in square.tests}


def test_collinearity_of_copies_and_few_predictors(hsb, fit):
    rng = np.random.default_rng(2)
    near = hsb.assign(twin=hsb.ses + 0.01 * rng.standard_normal(len(hsb)))
    found = ec.lmer("mathach ~ ses + twin + (1 | school)", near).collinearity()
    assert (found.vif > 1000).all() and set(found.pair) == {"ses", "twin"}
    np.testing.assert_allclose(found.tolerance * found.gvif, 1.0)
    with pytest.raises(DataError, match="one"):
        ec.lmer("mathach ~ ses + (1 | school)", hsb).collinearity()


@pytest.mark.parametrize("backend", ["polars", "pyarrow"])
def test_frames_come_back_in_the_callers_library(backend):
    hsb = ec.datasets.load("hsb", backend=backend, quiet=True)
    fit = ec.lmer("mathach ~ ses + sector + (1 | school)", hsb)
    for result in (fit.check(), fit.collinearity(), fit.linearity(), fit.contextual()):
        assert type(result.frame()).__module__.split(".")[0] == backend
    assert type(fit.variance_homogeneity().frame()).__module__.split(".")[0] == backend


def test_every_result_has_its_table(fit, tmp_path):
    results = [
        fit.variance_homogeneity(),
        fit.variance_homogeneity("sector"),
        fit.collinearity(),
        fit.linearity(),
        fit.contextual(),
    ]
    for i, result in enumerate(results):
        assert result._repr_html_().startswith("<")
        result.to_docx(tmp_path / f"{i}.docx")
        assert "nan" not in repr(result)


def test_summaries_are_told_what_is_missing():
    data = ec.datasets.load("timss_summaries", quiet=True)
    fit = ec.lmer("mean ~ 1 + (1 | idschool)", summaries=data)
    for ask in (fit.linearity, fit.contextual, fit.variance_homogeneity):
        with pytest.raises(NeedsRows):
            ask()
