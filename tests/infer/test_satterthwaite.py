"""Degrees of freedom of contrasts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import echelon as ec
from echelon.infer import satterthwaite
from tolerances import OPTIMUM


@pytest.fixture(scope="module")
def sleep() -> pd.DataFrame:
    return ec.datasets.load("sleepstudy")


@pytest.mark.parametrize(
    ("origin", "unit"), [(0, 1), (2015, 1), (45_000, 1), (1_700_000_000, 86_400)]
)
def test_origin_of_a_predictor_does_not_matter(sleep: pd.DataFrame, origin: int, unit: int) -> None:
    """Days, years, spreadsheet dates and seconds since 1970: the slope's df are 17."""
    data = sleep.assign(Days=unit * sleep["Days"] + origin)
    fit = ec.lmer("Reaction ~ Days + (Days | Subject)", data)
    assert_allclose(fit.coefficients()["df"][1], 17.0, rtol=OPTIMUM["df"])


@pytest.mark.parametrize("unit", [1e-90, 1e90])
def test_unit_near_the_ends_of_double_precision(sleep: pd.DataFrame, unit: float) -> None:
    """The square of a slope's variance leaves double precision; its df do not."""
    fit = ec.lmer("Reaction ~ Days + (1 | Subject)", sleep)
    again = ec.lmer("Reaction ~ Days + (1 | Subject)", sleep.assign(Days=unit * sleep["Days"]))
    with np.errstate(all="raise"):
        found = again.coefficients()["df"]
    assert_allclose(found, fit.coefficients()["df"], rtol=OPTIMUM["df"])


def test_contrasts(sleep: pd.DataFrame) -> None:
    """A contrast's df do not depend on its scale; the prediction at any day has df 17 here."""
    best = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep).optimum
    days = np.array([[1.0, 0.0], [1.0, 4.5], [10.0, 45.0], [0.0, -3.0]])
    assert_allclose(satterthwaite(best, days), 17.0, rtol=OPTIMUM["df"])


@pytest.mark.parametrize(("J", "n"), [(4, 3), (10, 5), (30, 2)])
def test_balanced_one_way_has_J_minus_1(J: int, n: int) -> None:
    rng = np.random.default_rng(J)
    g = np.repeat(np.arange(J), n)
    data = pd.DataFrame({"g": g, "y": 2 * rng.normal(size=J)[g] + rng.normal(size=J * n)})
    fit = ec.lmer("y ~ 1 + (1 | g)", data)
    assert_allclose(fit.coefficients()["df"], [J - 1], rtol=OPTIMUM["df"])


def test_balanced_level_2_factor_and_level_1_predictor() -> None:
    """A split plot: J - 2 for the groups' factor, J (n - 1) - 1 for a balanced level-1 one."""
    rng = np.random.default_rng(9)
    J, n = 14, 6
    g = np.repeat(np.arange(J), n)
    x = np.tile([-1.0, 1.0], J * n // 2)
    y = 2 * rng.normal(size=J)[g] + rng.normal(size=J * n)
    data = pd.DataFrame({"g": g, "x": x, "z": (g % 2) - 0.5, "y": y})
    df = ec.lmer("y ~ z + x + (1 | g)", data).coefficients()["df"]
    assert_allclose(df, [J - 2, J - 2, J * (n - 1) - 1], rtol=OPTIMUM["df"])


def test_none_is_the_normal_distribution(sleep: pd.DataFrame) -> None:
    fit = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep, df="none")
    table = fit.coefficients()
    assert np.isinf(table["df"]).all()
    assert_allclose(
        (table["conf_high"] - table["estimate"]) / table["std_error"], 1.959963984540054, rtol=1e-12
    )
    again = fit.coefficients(df="satterthwaite", level=0.9)
    assert_allclose(again["df"], 17.0, rtol=OPTIMUM["df"])
    assert ((again["conf_high"] - again["conf_low"]) > 0).all()
