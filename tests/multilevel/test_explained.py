from __future__ import annotations

import numpy as np
import pytest

import echelon as ec
from echelon.errors import DataError, NotIdentified
from echelon.multilevel import explained_values, null_model
from tolerances import CLOSED


def test_the_null_explains_nothing(timss):
    fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    values = explained_values(fit)
    np.testing.assert_allclose(values.explained, 0, atol=1e-7)
    assert values.levels == ("idschool", "Residual")


@pytest.mark.parametrize("reml", [True, False])
def test_the_null_is_refitted_from_the_same_moments(hsb, reml):
    fit = ec.lmer("mathach ~ meanses + cses + (cses | school)", hsb, reml=reml)
    own = ec.lmer("mathach ~ 1 + (1 | school)", hsb, reml=reml)
    made = null_model(fit)
    np.testing.assert_allclose(made.optimum.covariance, own.optimum.covariance, **CLOSED)
    np.testing.assert_allclose(made.optimum.sigma2, own.optimum.sigma2, **CLOSED)
    np.testing.assert_allclose(made.optimum.deviance, own.optimum.deviance, **CLOSED)


def test_weights_and_offset_are_kept(sleep):
    table = sleep.assign(w=np.linspace(0.5, 2, len(sleep)), shift=np.sin(np.arange(len(sleep))))
    extras = {"precision": "w", "offset": "shift"}
    fit = ec.lmer("Reaction ~ Days + (Days | Subject)", table, **extras)
    own = ec.lmer("Reaction ~ 1 + (1 | Subject)", table, **extras)
    np.testing.assert_allclose(null_model(fit).optimum.beta, own.optimum.beta, **CLOSED)
    np.testing.assert_allclose(null_model(fit).optimum.sigma2, own.optimum.sigma2, **CLOSED)


def test_null_without_a_random_intercept(sleep):
    """A full set of indicators holds the constant; a slope alone does not."""
    half = sleep.assign(half=np.where(sleep["Days"] < 5, "early", "late"))
    indicators = ec.lmer("Reaction ~ 0 + half + (0 + half | Subject)", half)
    own = ec.lmer("Reaction ~ 1 + (1 | Subject)", half)
    np.testing.assert_allclose(null_model(indicators).optimum.sigma2, own.optimum.sigma2, **CLOSED)
    slope = ec.lmer("Reaction ~ Days + (0 + Days | Subject)", sleep)
    with pytest.raises(NotIdentified, match=r"explained\(null=...\)"):
        slope.explained()


def test_hsb_against_the_book(hsb, hsb_full):
    """69 percent of tau_00, 6 percent of sigma^2: recalled as those of raudenbush2002, ch. 4; not
    looked up."""
    means = ec.lmer("mathach ~ meanses + (1 | school)", hsb).explained()
    assert means["explained"][0] == pytest.approx(0.69, abs=5e-3)
    slopes = ec.lmer("mathach ~ cses + (cses | school)", hsb)
    assert slopes.explained()["explained"][1] == pytest.approx(0.063, abs=1e-3)
    full = hsb_full.explained(slopes)
    assert full["term"].tolist() == ["(Intercept)", "cses", ""]
    assert full["explained"][0] == pytest.approx(0.73, abs=5e-3)


def test_negative_values_are_reported(hsb):
    """A predictor without differences between schools raises the estimate of tau_00."""
    found = ec.lmer("mathach ~ cses + (1 | school)", hsb).explained()
    assert found["explained"][0] < 0 < found["explained"][1]


def test_a_null_of_other_data_is_refused(hsb, timss):
    fit = ec.lmer("mathach ~ meanses + (1 | school)", hsb)
    with pytest.raises(DataError, match="number of rows: 7000, here: 7185"):
        fit.explained(ec.lmer("mathach ~ 1 + (1 | school)", hsb.iloc[:7000]))
    with pytest.raises(DataError, match="response: bsmmatxx"):
        fit.explained(ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss))
    with pytest.raises(DataError, match="not OLS"):
        fit.explained(ec.lm("mathach ~ 1", hsb))


def test_rows_and_summaries_agree(eclsk):
    by = eclsk.groupby("schid")["g1rscore"]
    table = by.agg(n="size", mean="mean", sd="std").reset_index()
    table["sector"] = eclsk.groupby("schid")["sector"].first().to_numpy()
    given = ec.lmer("mean ~ sector + (1 | schid)", summaries=table).explained()
    rows = ec.lmer("g1rscore ~ sector + (1 | schid)", eclsk).explained()
    np.testing.assert_allclose(given["variance_null"], rows["variance_null"], rtol=1e-7)
    np.testing.assert_allclose(given["explained"], rows["explained"], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("structure", ["by(late)", "ar1(Days | Subject)"])
def test_residual_structures(sleep, structure):
    """The null model has the same structure, estimated again; residual variances are means."""
    table = sleep.assign(late=np.where(sleep["Days"] < 5, "early", "late"))
    fit = ec.lmer("Reaction ~ Days + (Days | Subject)", table, residual=structure)
    own = ec.lmer("Reaction ~ 1 + (1 | Subject)", table, residual=structure)
    made = null_model(fit)
    np.testing.assert_allclose(made.residual.sd, own.residual.sd, rtol=1e-6)
    np.testing.assert_allclose(made.optimum.covariance, own.optimum.covariance, rtol=1e-5)
    np.testing.assert_allclose(made.optimum.deviance, own.optimum.deviance, rtol=1e-9)
    found = fit.explained()
    before, after = (np.mean(f.residual.sd[f.residual.stratum] ** 2) for f in (own, fit))
    np.testing.assert_allclose(found["explained"].iloc[-1], 1 - after / before, rtol=1e-5)
    given = fit.explained(own)
    np.testing.assert_allclose(found["explained"], given["explained"], rtol=1e-4, atol=1e-6)
