"""Reliabilities and chi-square statistics of HSB against R: an lmer fit and one lm() a school."""

import json
from pathlib import Path

import pytest

import echelon as ec

GOLDEN = json.loads((Path(__file__).parent / "hlm" / "hlm_quantities.json").read_text())
FORMULAS = {
    "null": "mathach ~ 1 + (1 | school)",
    "means": "mathach ~ meanses + (1 | school)",
    "slopes": "mathach ~ cses + (cses | school)",
    "full": "mathach ~ meanses * cses + sector * cses + (cses | school)",
}


@pytest.mark.parametrize("name", FORMULAS)
def test_against_r(name):
    fit, golden = ec.lmer(FORMULAS[name], ec.datasets.load("hsb", quiet=True)), GOLDEN[name]

    def several(key):
        return golden[key] if isinstance(golden[key], list) else [golden[key]]

    tests, reliability = fit.variance_tests(), fit.reliability()
    assert tests["chi_square"].tolist() == pytest.approx(several("chi_square"), rel=1e-5)
    assert tests["df"].tolist() == several("df")
    assert tests["variance"].tolist() == pytest.approx(several("tau"), rel=1e-5)
    assert reliability["reliability"].tolist() == pytest.approx(several("reliability"), rel=1e-5)
