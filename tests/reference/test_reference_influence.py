"""Influence against lme4's numbers, HLMdiag's formulas in dense matrices, polished refits, and lm."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from reference_cases import ours_of, plain, table

import echelon as ec
from echelon.diagnose.influence import group_influence_values, row_influence_values
from tolerances import CLOSED, OPTIMUM

GOLDEN = json.loads((Path(__file__).parent / "influence" / "influence.json").read_text())
MIXED, LINEAR = GOLDEN["mixed"], GOLDEN["linear"]
MEASURES = ("cooks", "mdffits", "covratio", "covtrace")
GROUPS = [(name, by) for name, case in MIXED.items() for by in case["levels"]]
REFITS = [(name, by) for name, case in MIXED.items() for by in case["refits"]]


@cache
def fitted(name):
    case = MIXED[name]
    data = table(case["data"])
    if case["kept"] is not None:
        data = data.iloc[np.array(case["kept"]) - 1]
    return ec.lmer(case["formula"], data, reml=case["REML"], precision=case["weights"])


def places(name, fit):
    """R's coefficients among ours."""
    case = MIXED[name]
    golden = {"dataset": case["data"], "call": {"contrasts": None}}
    theirs = [plain(n) for n in ours_of(listed(case["names"]), golden)]
    return [list(map(plain, fit.names)).index(n) for n in theirs]


def listed(value):
    return value if isinstance(value, list) else [value]


def order_of(found, levels):
    """Places of R's levels among our groups."""
    own = [str(label) for label in found.units.labels]
    return [own.index(level) for level in levels]


def close(ours, theirs, rtol, scale=None):
    theirs = np.array(theirs, dtype=float)
    size = np.abs(theirs).max() if scale is None else scale
    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=rtol * size)


@pytest.mark.parametrize("name", MIXED)
def test_leverages_and_distances_of_rows(name):
    case, found = MIXED[name], row_influence_values(fitted(name))
    held, at = case["held"], np.array(case["held"]["at"]) - 1
    close(found.leverage, case["hat"], OPTIMUM["estimate"])
    close(found.cooks_conditional, case["cooks_lme4"], OPTIMUM["se"])
    close(found.leverage_fixed, held["fixef"], OPTIMUM["se"])
    close(found.leverage_random, held["ranef"], OPTIMUM["se"])
    for measure in MEASURES:
        close(getattr(found, measure)[at], held["rows"][measure], OPTIMUM["se"])


@pytest.mark.parametrize(("name", "by"), GROUPS)
def test_groups_with_variances_held(name, by):
    case = MIXED[name]
    fit = fitted(name)
    found = group_influence_values(fit, by, refit=False)
    rows, held = order_of(found, case["levels"][by]), case["held"]["groups"][by]
    for measure in MEASURES:
        close(getattr(found, measure)[rows], held[measure], OPTIMUM["se"])
    theirs = np.array(held["beta"]).reshape(len(rows), -1)
    se = np.sqrt(np.diagonal(fit.optimum.vcov))[places(name, fit)]
    away = (found.beta[np.ix_(rows, places(name, fit))] - theirs) / se
    np.testing.assert_allclose(away, 0, atol=OPTIMUM["se"])


@pytest.mark.parametrize(("name", "by"), REFITS)
def test_refits_without_each_group(name, by):
    case, fit = MIXED[name], fitted(name)
    found = group_influence_values(fit, by, refit=True)
    rows, kept = order_of(found, case["refits"][by]["levels"]), places(name, fit)
    for r, other in zip(rows, case["refits"][by]["fits"], strict=True):
        se = np.array(listed(other["se"]))
        away = (found.beta[r, kept] - np.array(listed(other["beta"]))) / se
        np.testing.assert_allclose(away, 0, atol=OPTIMUM["se"])
        np.testing.assert_allclose(found.std_error[r, kept], se, rtol=OPTIMUM["se"])
        assert found.deviance[r] <= other["deviance"] * (1 + OPTIMUM["deviance"])
        np.testing.assert_allclose(found.deviance[r], other["deviance"], rtol=OPTIMUM["deviance"])
        np.testing.assert_allclose(
            np.sqrt(found.components[r, -1]), other["sigma"], rtol=OPTIMUM["se"]
        )


@pytest.mark.parametrize("name", LINEAR)
def test_rows_of_linear_models(name):
    case = LINEAR[name]
    fit = ec.lm(case["formula"], table(case["data"]), precision=case["weights"])
    found = row_influence_values(fit)
    pairs = {"leverage": "hat", "std_residual": "rstandard"}
    for ours in ("leverage", "std_residual", "cooks", "dffits", "covratio", "dfbetas", "dfbeta"):
        theirs = np.array(case[pairs.get(ours, ours)])
        np.testing.assert_allclose(getattr(found, ours), theirs, **CLOSED)
