"""The table of fixed effects."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

import echelon as ec

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
