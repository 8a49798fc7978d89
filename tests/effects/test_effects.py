"""Random effects, coefficients of each group, fitted values; the laws check them densely."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import echelon as ec
from echelon.effects.empirical_bayes import Effects, empirical_bayes
from tolerances import SAME


@pytest.fixture(scope="module")
def fit() -> ec.LMM:
    return ec.lmer("Reaction ~ Days + (Days | Subject)", ec.datasets.load("sleepstudy"))


def test_ranef_is_one_row_a_group_and_effect(fit: ec.LMM) -> None:
    table = fit.ranef(level=0.9)
    assert len(table) == 36 and table["term"].tolist() == ["(Intercept)", "Days"] * 18
    assert table["level"].nunique() == 18
    assert_allclose(
        table["conf_high"] - table["estimate"], 1.6448536269514722 * table["std_error"], rtol=1e-12
    )


def test_coef_is_fixed_plus_random(fit: ec.LMM) -> None:
    table, mode = fit.coef(), empirical_bayes(fit).mode
    assert list(table.columns) == ["Subject", "(Intercept)", "Days"]
    for i, name in enumerate(fit.names):
        assert_allclose(table[name], fit.optimum.beta[i] + mode[:, i], **SAME)


def test_coef_without_a_fixed_effect_of_the_name() -> None:
    sleep = ec.datasets.load("sleepstudy")
    fit = ec.lmer("Reaction ~ 1 + (Days | Subject)", sleep)
    assert_allclose(fit.coef()["Days"], empirical_bayes(fit).mode[:, 1], **SAME)


def test_random_effects_of_balanced_data_sum_to_zero(fit: ec.LMM) -> None:
    assert_allclose(empirical_bayes(fit).mode.sum(axis=0), 0, atol=1e-7)


def test_fitted_values_follow_the_rows_used() -> None:
    sleep = ec.datasets.load("sleepstudy")
    sleep.loc[[3, 70], "Reaction"] = np.nan
    fit = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep)
    kept = sleep["Reaction"].notna()
    assert len(fit.fittedvalues) == 178
    assert_allclose(fit.fittedvalues + fit.resid, sleep.loc[kept, "Reaction"], **SAME)
    by_hand = fit.coef().set_index("Subject").loc[sleep.loc[kept, "Subject"]]
    values = (
        by_hand["(Intercept)"].to_numpy() + by_hand["Days"].to_numpy() * sleep.loc[kept, "Days"]
    )
    assert_allclose(fit.fittedvalues, values, rtol=1e-11)


def test_fitted_values_of_a_linear_model() -> None:
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"x": rng.normal(size=30), "y": rng.normal(size=30)})
    fit = ec.lm("y ~ x", data)
    assert_allclose(fit.fittedvalues, fit.beta[0] + fit.beta[1] * data["x"], rtol=1e-12)
    assert_allclose(fit.resid.sum(), 0, atol=1e-12)


def test_shapes_are_checked() -> None:
    with pytest.raises(ValueError, match=r"expected \(3, 1, 1\)"):
        Effects(np.zeros((3, 1)), np.zeros((3, 2, 2)), np.zeros((3, 1, 1)))
