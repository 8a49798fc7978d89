"""Standard errors of variance components: the delta method, and where there is none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import echelon as ec
from echelon.infer import component_values
from tolerances import CLOSED


def balanced(seed: int, J: int = 12, n: int = 6) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(J), n)
    return pd.DataFrame({"g": g, "y": rng.normal(size=J)[g] + rng.normal(size=J * n)})


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_balanced_one_way(seed: int) -> None:
    """Var(MSB) = 2 E^2 / (J - 1), Var(MSW) = 2 E^2 / (J (n - 1)), independent (searle1992)."""
    data = balanced(seed)
    J, n = 12, 6
    rows = data.groupby("g")["y"]
    msb, msw = n * rows.mean().var(), rows.var().mean()
    table = ec.lmer("y ~ 1 + (1 | g)", data).variance_components()
    var_b, var_w = 2 * msb**2 / (J - 1), 2 * msw**2 / (J * (n - 1))
    assert_allclose(table["variance"], [(msb - msw) / n, msw], rtol=CLOSED["rtol"])
    se = np.sqrt([(var_b + var_w) / n**2, var_w])
    assert_allclose(table["variance_se"], se, rtol=1e-6)
    assert_allclose(table["sd_se"], se / (2 * np.sqrt(table["variance"])), rtol=1e-6)


def test_order_and_labels() -> None:
    sleep = ec.datasets.load("sleepstudy")
    table = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep).variance_components()
    assert table["group"].tolist() == ["Subject"] * 3 + ["Residual"]
    assert table["term"].tolist() == ["(Intercept)", "Days", "(Intercept)", ""]
    assert table["with_term"].tolist() == ["", "", "Days", ""]
    sd = table["sd"]
    assert_allclose(table["variance"][2], sd[2] * sd[0] * sd[1], rtol=1e-12)
    assert -1 < sd[2] < 1


def test_units_of_the_slope_scale_its_error() -> None:
    sleep = ec.datasets.load("sleepstudy")
    a = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep).variance_components()
    hours = sleep.assign(Hours=24 * sleep["Days"])
    b = ec.lmer("Reaction ~ Hours + (Hours | Subject)", hours).variance_components()
    power = np.array([0, 2, 1, 0])
    assert_allclose(b["variance_se"] * 24.0**power, a["variance_se"], rtol=1e-6)
    assert_allclose(b["sd_se"][2], a["sd_se"][2], rtol=1e-6)  # a correlation has no unit


def test_origin_of_the_slope_does_not_change_its_error() -> None:
    """The years as they stand: same slope variance, same standard error."""
    sleep = ec.datasets.load("sleepstudy")
    a = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep).variance_components()
    for origin in (100, 2015, 45_000):
        moved = sleep.assign(Days=sleep["Days"] + origin)
        b = ec.lmer("Reaction ~ Days + (Days | Subject)", moved).variance_components()
        assert_allclose(b["variance_se"][1], a["variance_se"][1], rtol=1e-5)
        assert_allclose(b["variance_se"][3], a["variance_se"][3], rtol=1e-5)


def test_at_the_boundary_there_is_no_standard_error() -> None:
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(10), 4)
    x, u = rng.normal(size=40), rng.normal(size=10)
    data = pd.DataFrame({"g": g, "x": x, "y": u[g] * (1 + 0.3 * x) + rng.normal(size=40)})
    fit = ec.lmer("y ~ x + (x | g)", data)
    assert fit.verdict.status == "boundary" and "correlation of +1 or -1" in fit.verdict.message
    table = fit.variance_components()
    assert table["sd"][2] == 1.0 and np.isnan(table["sd_se"][2])


def test_variance_by_name() -> None:
    values = component_values(ec.lmer("y ~ 1 + (1 | g)", balanced(1)))
    assert values.variance("(Intercept)") > 0 and values.variance("Residual") > 0
    with pytest.raises(LookupError, match="slope"):
        values.variance("slope")
