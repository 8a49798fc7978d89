"""The table of fixed effects."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

import echelon as ec
from echelon.errors import NotIdentified

COLUMNS = ["term", "estimate", "std_error", "df", "statistic", "p_value", "conf_low", "conf_high"]


@pytest.fixture(scope="module")
def fits() -> list[ec.LMM | ec.OLS]:
    sleep = ec.datasets.load("sleepstudy")
    return [ec.lmer("Reaction ~ Days + (Days | Subject)", sleep), ec.lm("Reaction ~ Days", sleep)]


@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
def test_columns_hang_together(fits: list[ec.LMM | ec.OLS], level: float) -> None:
    for fit in fits:
        table = fit.coefficients(level=level)
        assert list(table.columns) == COLUMNS and table["term"].tolist() == list(fit.names)
        assert_allclose(table["statistic"], table["estimate"] / table["std_error"], rtol=1e-14)
        p = 2 * stats.t.sf(np.abs(table["statistic"]), table["df"])
        assert_allclose(table["p_value"], p, rtol=1e-9)
        reach = stats.t.ppf((1 + level) / 2, table["df"]) * table["std_error"]
        assert_allclose(table["conf_high"], table["estimate"] + reach, rtol=1e-9)
        assert_allclose(table["conf_low"], table["estimate"] - reach, rtol=1e-9)
        assert fit.confint(level=level).equals(table[["term", "conf_low", "conf_high"]])


def test_habits_of_other_programs(fits: list[ec.LMM | ec.OLS]) -> None:
    for fit in fits:
        table = fit.coefficients()
        for habit, column in (
            (fit.params, "estimate"),
            (fit.bse, "std_error"),
            (fit.tvalues, "statistic"),
            (fit.pvalues, "p_value"),
            (fit.fixef(), "estimate"),
        ):
            assert habit.to_dict() == dict(zip(table["term"], table[column], strict=True))
        assert_allclose(np.sqrt(np.diagonal(fit.cov_params())), table["std_error"], rtol=1e-14)


def test_what_is_returned_is_the_callers(fits: list[ec.LMM | ec.OLS]) -> None:
    """Writing into a result does not reach into the fit."""
    for fit in fits:
        before = fit.coefficients()
        fit.vcov()[:] = 0
        table, params = fit.coefficients(), fit.params
        table["estimate"] = 0.0
        params["Days"] = 0.0
        assert fit.coefficients().equals(before)


def test_residual_df_of_a_linear_model(fits: list[ec.LMM | ec.OLS]) -> None:
    assert (fits[1].coefficients()["df"] == 178).all()


def test_perfect_fits_have_no_tests() -> None:
    x = np.arange(8.0)
    fit = ec.lm("y ~ x", {"x": x, "y": 2 * x + 1})
    table = fit.coefficients()
    assert np.isnan(table["p_value"]).all() and np.isnan(table["statistic"]).all()
    assert np.isnan(fit.fvalue) and np.isnan(fit.f_pvalue)
    assert any("fits the response exactly" in note for note in fit.notes)
    for kind in ("II", "III"):
        assert np.isnan(fit.anova(type=kind, containment="car").p_value).all()
    with pytest.raises(NotIdentified, match="exactly"):
        fit.coefficients(robust="CR2", cluster=x)


def test_what_is_zero_by_the_model_has_no_degrees_of_freedom() -> None:
    sleep = ec.datasets.load("sleepstudy", quiet=True)
    fit = ec.lmer("Reaction ~ 0 + Days + (1 | Subject)", sleep)
    means = fit.emmeans("Days", at={"Days": [0, 1]})
    assert means.values.std_error[0] == 0 and np.isnan(means.values.df[0])
    assert means.values.conf_low[0] == means.values.conf_high[0] == 0
    assert "inf" not in repr(means)
