"""Variance inflation by car, H by one lm() a school, Brown and Forsythe's test by car."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import echelon as ec
from echelon.diagnose.spread import brown_forsythe
from tolerances import CLOSED, OPTIMUM

HERE = Path(__file__).parent
VIF = json.loads((HERE / "vif" / "vif.json").read_text("utf-8"))
H = json.loads((HERE / "homogeneity" / "homogeneity.json").read_text("utf-8"))
FORMULAS = {
    "null": ("mathach ~ 1 + (1 | school)", 10),
    "ses": ("mathach ~ ses + sector + (1 | school)", 10),
    "several": ("mathach ~ ses + sex + minority + (ses | school)", 10),
    "larger": ("mathach ~ ses + (ses | school)", 40),
}


@pytest.fixture(scope="module")
def hsb():
    data = ec.datasets.load("hsb", quiet=True)
    size = np.select([data["size"] < 800, data["size"] < 1600], ["small", "medium"], "large")
    return data.assign(sizeband=size)


@pytest.mark.parametrize("name", [name for name in VIF if name != "versions"])
def test_variance_inflation(name, hsb):
    said = VIF[name]
    found = (ec.lm if name == "linear" else ec.lmer)(said["formula"], hsb).collinearity()
    assert list(found.terms) == said["term"] and list(found.columns) == said["df"]
    # covariances of two programs' optima, so their standard errors' tolerance
    np.testing.assert_allclose(found.gvif, said["gvif"], rtol=OPTIMUM["se"])
    np.testing.assert_allclose(found.scaled, said["scaled"], rtol=OPTIMUM["se"])
    np.testing.assert_allclose(found.condition, said["condition"], **CLOSED)
    np.testing.assert_allclose(found.centred, said["centred"], **CLOSED)


@pytest.mark.parametrize("name", list(FORMULAS))
def test_homogeneity_of_level_1_variances(name, hsb):
    formula, least = FORMULAS[name]
    test = ec.lmer(formula, hsb).variance_homogeneity(least=least).tests[0]
    said = H[name]
    np.testing.assert_allclose(test.statistic, said["H"], **CLOSED)
    assert test.df1 == said["df"]
    np.testing.assert_allclose(test.p_value, said["p"], **CLOSED)


@pytest.mark.parametrize("by", ["school", "sector"])
def test_brown_forsythe(by, hsb):
    said = H[f"levene_{by}"]
    codes = np.unique(hsb[by].astype(str), return_inverse=True)[1]
    test = brown_forsythe(hsb["mathach"].to_numpy(), codes)
    np.testing.assert_allclose([test.statistic, test.p_value], [said["F"], said["p"]], **CLOSED)
    assert (test.df1, test.df2) == (said["df1"], said["df2"])
