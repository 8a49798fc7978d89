"""The fixed columns that are kept, and the way back to the user's units."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import echelon as ec
from echelon.errors import NotIdentified


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    rng = np.random.default_rng(6)
    g = np.repeat(np.arange(12), 7)
    x = rng.normal(size=84) + 20
    f = np.array(["a", "b", "c"])[np.arange(84) % 3]
    y = 100 + x + (f == "b") + rng.normal(size=12)[g] + rng.normal(size=84)
    return pd.DataFrame({"g": g, "x": x, "f": f, "y": y, "one": 1.0})


def test_cell_means_are_the_model_with_a_constant(data: pd.DataFrame) -> None:
    """Without a constant that the columns still span: y may be centred, beta comes back."""
    cells = ec.lmer("y ~ 0 + f + x + (1 | g)", data, reml=False)
    constant = ec.lmer("y ~ f + x + (1 | g)", data, reml=False)
    assert_allclose(cells.deviance, constant.deviance, rtol=1e-11)
    assert_allclose(cells.theta, constant.theta, rtol=1e-7)
    b, c = cells.optimum.beta, constant.optimum.beta
    assert_allclose(b[:3], [c[0], c[0] + c[1], c[0] + c[2]], rtol=1e-9)
    assert_allclose(cells.fittedvalues, constant.fittedvalues, rtol=1e-9)


def test_cell_means_far_from_zero(data: pd.DataFrame) -> None:
    moved = data.assign(y=data["y"] + 1e7)
    a = ec.lmer("y ~ 0 + f + (1 | g)", data)
    b = ec.lmer("y ~ 0 + f + (1 | g)", moved)
    assert_allclose(b.optimum.beta - 1e7, a.optimum.beta, rtol=1e-8)
    assert_allclose(b.deviance, a.deviance, rtol=1e-9)


def test_a_column_of_ones_is_a_constant(data: pd.DataFrame) -> None:
    a = ec.lmer("y ~ 0 + one + x + (1 | g)", data)
    b = ec.lmer("y ~ x + (1 | g)", data)
    assert a.names == ("one", "x")
    assert_allclose(a.optimum.beta, b.optimum.beta, rtol=1e-9)
    assert_allclose(a.vcov(), b.vcov(), rtol=1e-6)


def test_no_constant_anywhere(data: pd.DataFrame) -> None:
    fit = ec.lmer("y ~ 0 + x + (0 + x | g)", data)
    assert fit.names == ("x",) and fit.effects == ("x",)
    scaled = ec.lmer("y ~ 0 + x + (0 + x | g)", data.assign(x=data["x"] * 1e4))
    assert_allclose(scaled.optimum.beta * 1e4, fit.optimum.beta, rtol=1e-8)


def test_no_fixed_effects_at_all(data: pd.DataFrame) -> None:
    """y ~ 0 + (1 | g): a mean of zero is assumed; the closed form is about zero."""
    centred = data.assign(y=data["y"] - data["y"].mean())
    fit = ec.lmer("y ~ 0 + (1 | g)", centred)
    assert fit.names == () and fit.vcov().shape == (0, 0)
    rows = centred.groupby("g")["y"]
    msb, msw = 7 * (rows.mean() ** 2).mean(), rows.var().mean()
    assert_allclose(fit.sigma**2, msw, rtol=1e-7)
    assert_allclose(fit.optimum.covariance, [[(msb - msw) / 7]], rtol=1e-6)
    assert len(fit.coefficients()) == 0


def test_order_of_collinear_columns_decides(data: pd.DataFrame) -> None:
    more = data.assign(x2=3 * data["x"] - 5)
    assert ec.lmer("y ~ x + x2 + (1 | g)", more).dropped == ("x2",)
    assert ec.lmer("y ~ x2 + x + (1 | g)", more).dropped == ("x",)


def test_factors_with_the_same_groups_cannot_share_an_effect(data: pd.DataFrame) -> None:
    """Relabelled groups are the same groups, whatever their order; other effects may be divided."""
    twins = data.assign(copy=11 - data["g"], x=data["x"] - 20)
    words = (
        r"'g' and 'copy' divide the rows into the same groups, so the variance of \(Intercept\) "
        r"cannot be divided between them\. Keep one of them\."
    )
    for formula in ("y ~ x + (1 | g) + (1 | copy)", "y ~ x + (1 | g) + (x | copy)"):
        with pytest.raises(NotIdentified, match=words):
            ec.lmer(formula, twins)
    divided = ec.lmer("y ~ x + (1 | g) + (0 + x | copy)", twins, reml=False)
    together = ec.lmer("y ~ x + (x || g)", twins, reml=False)
    assert_allclose(divided.deviance, together.deviance, rtol=1e-9)


def test_factors_with_as_many_groups_are_not_the_same(data: pd.DataFrame) -> None:
    """Twelve groups each, one row of which is in another group."""
    near = data.assign(near=data["g"].where(data.index > 0, 1))
    assert ec.lmer("y ~ x + (1 | g) + (1 | near)", near).factors == ("g", "near")
