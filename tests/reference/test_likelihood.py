"""Likelihood-ratio tests against lme4's anova and drop1 and lmerTest's ranova."""

from __future__ import annotations

import math

import numpy as np
import pytest
from reference_cases import IDS, fitted_model, model

import echelon as ec
from echelon.api.likelihood import TermTestsResult
from echelon.linalg.distributions import chi2_upper
from tolerances import OPTIMUM, RATIO

STOPPED_EARLY = {"sleep_scaleX": "sleep_rs", "sleep_scaleXbig": "sleep_rs"}
"""drop1's own refits of lme4 stop below the optimum there (`known_wrong_in_R`): the same model in
other units has the right numbers."""


def _with(key: str) -> list[str]:
    return [name for name in IDS if model(name).get(key)]


def _near(ours: float, theirs: float) -> bool:
    return math.isclose(ours, theirs, rel_tol=RATIO["rtol"], abs_tol=RATIO["atol"])


def _p_agrees(ours: float, theirs: float | None, chi_square: float, df: int) -> bool:
    """Whether p is the tail area of a chi-square as near as the chi-squares are."""
    if theirs is None:
        return math.isnan(ours)
    slack = RATIO["atol"] + RATIO["rtol"] * chi_square
    low, high = chi2_upper(chi_square + slack, df), chi2_upper(max(chi_square - slack, 0.0), df)
    return low * (1 - 1e-12) <= ours <= high * (1 + 1e-12)


@pytest.mark.parametrize("name", _with("lrt"))
@pytest.mark.parametrize("asked", [False, True], ids=["default", "asked"])
def test_two_models_are_compared_as_lme4_does(name: str, asked: bool) -> None:
    golden = model(name)["lrt"]
    refit = golden["refit_ML"] if asked else None
    found = ec.anova(
        fitted_model(name),
        fitted_model(golden["smaller"]),
        names=[name, golden["smaller"]],
        refit=refit,
    )
    table = golden["table"]
    assert found.models == tuple(row["model"] for row in table)
    assert found.parameters.tolist() == [row["npar"] for row in table]
    for ours, key in ((found.loglik, "logLik"), (found.deviance, "deviance")):
        assert np.abs(ours - [row[key] for row in table]).max() <= 2 * OPTIMUM["loglik"]
    for ours, key in ((found.aic, "AIC"), (found.bic, "BIC")):
        assert np.abs(ours - [row[key] for row in table]).max() <= 2 * OPTIMUM["loglik"]
    last = table[1]
    assert _near(found.chi_square[1], last["Chisq"])
    assert found.df[1] == last["Df"]
    assert _p_agrees(found.p_value[1], last["p"], last["Chisq"], last["Df"])


def _check_rows(found: TermTestsResult, rows: list[dict], df: str) -> None:
    """Every row of R's table in ours; R calls a table of nothing else "1"."""
    ours = {term: i for i, term in enumerate(found.terms)}
    for row in rows:
        i = 0 if row["LRT"] is None else ours[row["term"]]
        assert abs(found.aic[i] - row["AIC"]) <= 2 * OPTIMUM["loglik"], row
        if "logLik" in row:
            assert abs(found.loglik[i] - row["logLik"]) <= OPTIMUM["loglik"], row
            assert found.parameters[i] == row["npar"]
        if row["LRT"] is not None:
            assert found.df[i] == row[df], row
            assert _near(found.chi_square[i], row["LRT"]), (found.chi_square[i], row)
            assert _p_agrees(found.p_value[i], row["p"], row["LRT"], row[df]), row


@pytest.mark.parametrize("name", _with("ranova"))
def test_random_terms_are_tested_as_lmertest_does(name: str) -> None:
    _check_rows(fitted_model(name).ranova(), model(name)["ranova"], "Df")


@pytest.mark.parametrize("name", [n for n in _with("drop1_LRT") if n not in STOPPED_EARLY])
def test_fixed_terms_are_dropped_as_lme4_does(name: str) -> None:
    found, rows = fitted_model(name).drop1(), model(name)["drop1_LRT"]
    _check_rows(found, rows, "npar")
    assert len(found.terms) == len(rows)


@pytest.mark.parametrize("name", STOPPED_EARLY)
def test_where_lme4_stops_early_the_model_in_other_units_tells(name: str) -> None:
    """A likelihood has no units: that of sleep_rs is also the highest of the scaled model."""
    found, right = fitted_model(name).drop1(), fitted_model(STOPPED_EARLY[name]).drop1()
    assert np.abs(found.loglik - right.loglik).max() <= OPTIMUM["loglik"]
    assert _near(found.chi_square[1], right.chi_square[1])
    theirs = [row["AIC"] for row in model(name)["drop1_LRT"]]
    assert found.aic[0] < theirs[0] - 0.01
    assert (found.aic < np.array(theirs) + 2 * OPTIMUM["loglik"]).all()


@pytest.mark.parametrize("name", STOPPED_EARLY)
def test_random_terms_are_tested_where_lmertest_fails(name: str) -> None:
    found, right = fitted_model(name).ranova(), fitted_model(STOPPED_EARLY[name]).ranova()
    assert _near(found.chi_square[1], right.chi_square[1])
    assert found.df[1] == right.df[1] == 2


def test_a_slope_alone_is_compared_with_an_intercept_and_removed() -> None:
    """lmerTest puts (1 | g) in the place of (0 + x | g): no test. The row after it is one."""
    found = fitted_model("sleep_slopeonly").ranova()
    assert found.terms[1:] == ("Days in (0 + Days | Subject)", "(0 + Days | Subject)")
    assert found.df[1:].tolist() == [0.0, 1.0]
    assert math.isnan(found.p_value[1])
    whole = fitted_model("sleep_ri").ranova()
    assert abs(found.loglik[2] - whole.loglik[1]) <= OPTIMUM["loglik"]  # the same linear model
