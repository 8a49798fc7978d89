"""Residuals of every kind against lme4's and nlme's, in units of the residual SD."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from nlme_cases import IDS as NLME
from nlme_cases import model as nlme_model
from reference_cases import IDS, fitted_model, model, table
from test_nlme import fitted as nlme_fit

import echelon as ec
from tolerances import NLME_PLAIN, OPTIMUM

KINDS = {
    "resid_response": "conditional",
    "resid_pearson": "pearson",
    "resid_pearson_scaled": "scaled",
}

NORMALIZED = json.loads((Path(__file__).parent / "nlme" / "normalized.json").read_text())
CORRELATED = {
    "ar1": ("Orthodont", "distance ~ age + (1 | Subject)", "ar1(1 | Subject)", "Subject"),
    "ar1_by": (
        "Orthodont",
        "distance ~ age + (1 | Subject)",
        "by(Sex) + ar1(1 | Subject)",
        "Subject",
    ),
    "car1": ("BodyWeight", "weight ~ Time + (1 | Rat)", "car1(Time | Rat)", "Rat"),
}


def gap(ours, golden, size):
    """Largest difference of the first values, of the sum a row, and of the root mean square."""
    n, first = golden["n"], np.array(golden["first"])
    assert len(ours) == n
    return max(
        np.abs(ours[: len(first)] - first).max() / size,
        abs(ours.sum() - golden["sum"]) / n / size,
        abs(np.sqrt(np.mean(ours**2)) - np.sqrt(golden["sumsq"] / n)) / size,
    )


@pytest.mark.parametrize("key", KINDS)
@pytest.mark.parametrize("name", IDS)
def test_against_lme4(name, key):
    fit, golden = fitted_model(name), model(name)
    size = 1.0 if key == "resid_pearson_scaled" else golden["sigma"]
    assert gap(fit.residuals(KINDS[key]), golden[key], size) < OPTIMUM["estimate"]


@pytest.mark.parametrize("name", NLME)
def test_scaled_are_nlmes_pearson(name):
    fit, golden = nlme_fit(name), nlme_model(name)
    assert gap(fit.residuals("scaled"), golden["resid_pearson"], 1.0) < OPTIMUM["estimate"]
    response = gap(fit.residuals(), golden["resid_response"], golden["sigma"])
    assert response < OPTIMUM["estimate"]


@pytest.mark.parametrize("name", [name for name in IDS if "hatvalues" in model(name)])
def test_standardized_by_lme4s_leverages(name):
    """rstandard by hand: lme4's Pearson residuals over sigma sqrt(1 - its hatvalues)."""
    golden = model(name)
    ours = fitted_model(name).residuals("standardized")
    h = np.array(golden["hatvalues"]["first"])
    theirs = np.array(golden["resid_pearson_scaled"]["first"]) / np.sqrt(1 - h)
    first = ours[: len(theirs)]
    # where little is left of a row both are quotients of small differences
    assert np.nanmax(np.abs(first - theirs) * (1 - h)) < OPTIMUM["estimate"]
    assert np.isfinite(first).all()


@pytest.mark.parametrize("name", CORRELATED)
def test_normalized_are_nlmes(name):
    golden, (dataset, formula, residual, group) = NORMALIZED[name], CORRELATED[name]
    data = table(dataset)
    ours = ec.lmer(formula, data, residual=residual).residuals("normalized")
    assert np.abs(ours[:20] - golden["first"]).max() < NLME_PLAIN
    lengths = (
        data.assign(square=ours**2, g=data[group].astype(str)).groupby("g")["square"].sum() ** 0.5
    )
    theirs = np.sqrt(golden["by_group"])
    assert np.abs(lengths[golden["groups"]].to_numpy() - theirs).max() < NLME_PLAIN
