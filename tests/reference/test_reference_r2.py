"""R squared, ICC and variances against performance 0.10.2 and insight 0.19.0, on every model.

Where insight is wrong it is by name, and shown to be: it leaves out random slopes that it does not
recognise, and gives up where a fit is singular.
"""

import numpy as np
import pytest
from reference_cases import IDS, fitted_model, model, table

import echelon as ec
from echelon.multilevel import variance_shares
from tolerances import CLOSED, OPTIMUM

SLOPES_LEFT_OUT = (
    "machines_dbar_factor",
    "sleep_dbar",
    "sleep_poly",
    "subjitem_dbar",
    "subjitem_f",
)
"""insight counts the variances of the intercepts only: terms of `||`, of poly(), and of one of
several factors."""
GIVEN_UP = ("dyestuff2", "singular_rs", "singular_ri")
"""insight finds no random variance in a singular fit, and performance no conditional R squared."""
NAMED = (*SLOPES_LEFT_OUT, *GIVEN_UP)


def _first(value: object) -> float:
    return float(value[0] if isinstance(value, list) else value)


@pytest.mark.parametrize("name", IDS)
def test_fixed_and_residual_variance(name):
    golden, share = model(name)["insight_variance"], variance_shares(fitted_model(name))
    assert share.fixed == pytest.approx(
        _first(golden["var.fixed"]), rel=OPTIMUM["estimate"], abs=1e-12
    )
    assert share.residual == pytest.approx(_first(golden["var.residual"]), rel=OPTIMUM["estimate"])


@pytest.mark.parametrize("name", [name for name in IDS if name not in NAMED])
def test_r2_and_icc(name):
    golden, fit = model(name), fitted_model(name)
    share, r2 = variance_shares(fit), fit.r2()
    found = [share.random, r2.marginal, r2.conditional, fit.icc(), fit.icc(adjusted=False)]
    expected = [
        _first(golden["insight_variance"]["var.random"]),
        golden["r2"]["marginal"],
        golden["r2"]["conditional"],
        golden["icc"]["adjusted"],
        golden["icc"]["unadjusted"],
    ]
    assert found == pytest.approx(expected, rel=OPTIMUM["estimate"], abs=1e-12)


@pytest.mark.parametrize("name", SLOPES_LEFT_OUT)
def test_insight_leaves_out_slopes(name):
    """Its random variance is the sum of the intercepts'; ours is the mean of z'Tz over the rows."""
    golden, fit = model(name), fitted_model(name)
    variances = golden["insight_variance"]
    intercepts = sum(variances["var.intercept"].values())
    assert _first(variances["var.random"]) == pytest.approx(intercepts, rel=1e-12)
    assert any(value > 0 for value in variances["var.slope"].values())
    share = variance_shares(fit)
    assert share.random == pytest.approx(_over_rows(fit), **_relative(CLOSED))
    fixed, residual = _first(variances["var.fixed"]), _first(variances["var.residual"])
    assert golden["r2"]["marginal"] == pytest.approx(fixed / (fixed + intercepts + residual))
    assert share.random != pytest.approx(intercepts, rel=0.05)


@pytest.mark.parametrize("name", GIVEN_UP)
def test_insight_gives_up_on_singular_fits(name):
    golden, fit = model(name), fitted_model(name)
    assert golden["insight_variance"].get("var.random") is None
    assert golden["r2"]["conditional"] is None
    assert golden.get("icc") is None
    assert fit.verdict.status == "boundary"
    share = variance_shares(fit)
    assert share.random == pytest.approx(_over_rows(fit), **_relative(CLOSED), abs=1e-12)
    assert fit.r2().conditional == pytest.approx(
        (share.fixed + share.random) / (share.fixed + share.random + share.residual)
    )


def _relative(kind: dict[str, float]) -> dict[str, float]:
    return {"rel": kind["rtol"]}


def _over_rows(fit: ec.LMM) -> float:
    """The mean of z'Tz over the rows, from the columns of the design."""
    total = 0.0
    for place, factor in enumerate(fit.built.design.factors):
        columns = [
            column
            for term in factor.terms
            for column in (*([np.ones(fit.n)] if term.intercept else []), *term.arrays)
        ]
        z = np.column_stack(columns)
        ends = np.cumsum([len(group.effects) for group in fit.moments.groups])
        part = slice(int(ends[place]) - z.shape[1], int(ends[place]))
        T = fit.optimum.covariance[part, part]
        total += float(np.mean(np.einsum("ia,ab,ib->i", z, T, z)))
    return total


def test_poly_slopes_are_those_of_the_raw_column():
    """The model of sleep_poly with a raw slope: the same fit, of which insight gives our number."""
    raw = ec.lmer("Reaction ~ poly(Days, 2) + (Days | Subject)", table("sleepstudy"))
    poly = fitted_model("sleep_poly")
    assert raw.optimum.deviance == pytest.approx(poly.optimum.deviance, rel=OPTIMUM["deviance"])
    assert raw.r2().conditional == pytest.approx(poly.r2().conditional, rel=OPTIMUM["estimate"])
    golden = model("sleep_quad")  # the same model, of raw columns
    assert poly.r2().conditional == pytest.approx(golden["r2"]["conditional"], rel=1e-6)
