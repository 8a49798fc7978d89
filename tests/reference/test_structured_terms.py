"""Structured random effects against glmmTMB and nlme (glmmtmb/README.md)."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import reference_cases
from numpy.testing import assert_allclose

import echelon as ec
from echelon.infer import component_values
from tolerances import OPTIMUM

MODELS = Path(__file__).parent / "glmmtmb" / "models"
IDS = sorted(path.stem for path in MODELS.glob("*.json"))
NLME = dict(estimate=1e-4, loglik=1e-6)
"""lme() stops where its optimiser does; the top of a hill is flat."""


@cache
def reference(name: str) -> dict[str, Any]:
    return json.loads((MODELS / f"{name}.json").read_text("utf-8"))


@cache
def fitted(name: str) -> ec.LMM:
    expected = reference(name)
    table = reference_cases.table(expected["dataset"])
    return ec.lmer(expected["ours"], table, reml=expected["reml"])


def tolerance(expected: dict[str, Any], what: str) -> float:
    return (NLME if expected["program"] == "nlme" else OPTIMUM)[what]


def test_there_are_references() -> None:
    assert len(IDS) >= 12


@pytest.mark.parametrize("name", IDS)
def test_log_likelihood_and_parameters_counted(name: str) -> None:
    expected, fit = reference(name), fitted(name)
    assert fit.verdict.status == "converged"
    assert_allclose(
        -fit.deviance / 2, expected["logLik"], rtol=0, atol=tolerance(expected, "loglik")
    )
    p = len(fit.optimum.beta)
    assert fit.optimum.pairs.parameters + 1 + p == expected["parameters"]


@pytest.mark.parametrize("name", IDS)
def test_fixed_effects_and_sigma(name: str) -> None:
    expected, fit = reference(name), fitted(name)
    rtol = tolerance(expected, "estimate")
    assert_allclose(fit.sigma, expected["sigma"], rtol=rtol)
    scale = np.sqrt(np.diagonal(fit.vcov()))
    assert_allclose(fit.optimum.beta / scale, expected["fixef"] / scale, rtol=0, atol=rtol)
    assert_allclose(scale, expected["se"], rtol=max(rtol, OPTIMUM["se"]))


@pytest.mark.parametrize("name", IDS)
def test_covariances(name: str) -> None:
    expected, fit = reference(name), fitted(name)
    rtol = 10 * tolerance(expected, "estimate")
    D, start = fit.optimum.covariance, 0
    for term in expected["terms"]:
        stop = start + len(term["sd"])
        block, sd = D[start:stop, start:stop], np.array(term["sd"])
        assert_allclose(np.sqrt(np.diagonal(block)), sd, rtol=rtol)
        assert_allclose(block / np.outer(sd, sd), term["corr"], rtol=0, atol=rtol)
        start = stop
    assert start == len(D)


def test_components_show_the_parameters() -> None:
    """One row for the shared variance, one for the correlation, with standard errors."""
    fit = fitted("sleep_ar1_reml")
    day, rho, residual = component_values(fit).rows
    assert (day.term, day.with_term) == ("factor(Days)", "")
    assert (rho.term, rho.with_term) == ("factor(Days)", "rho (ar1)")
    (term,) = reference("sleep_ar1_reml")["terms"]
    assert_allclose(day.sd, term["sd"][0], rtol=1e-5)
    assert_allclose(rho.sd, term["corr"][0][1], rtol=1e-5)
    assert all(x > 0 for x in (day.sd_se, day.variance_se, rho.sd_se, residual.sd_se))


def test_lme4_two_as_its_documentation_prints() -> None:
    """lme4 issue 940: the parameters of ar1 by lme4 2.0, to its optimiser's precision."""
    table = reference_cases.table("sleepstudy")
    formula = "Reaction ~ factor(Days) + ar1(0 + factor(Days) | Subject)"
    fit = ec.lmer(formula, table, reml=False)
    assert_allclose(fit.theta, [3.1651148, 0.8802567], rtol=2e-6)
