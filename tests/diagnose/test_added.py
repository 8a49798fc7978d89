"""Added columns: the same as generalised least squares with the variances of the fit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import echelon as ec
from echelon.diagnose.added import additions, extend
from echelon.effects.residual_inverse import residual_inverse
from tolerances import CLOSED


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(11)
    n = rng.integers(4, 9, 25)
    g = np.repeat(np.arange(25), n)
    t = np.concatenate([np.arange(m) for m in n])
    x, k = rng.standard_normal(len(g)), np.where(rng.random(len(g)) < 0.5, "a", "b")
    y = 2 + x + rng.standard_normal(25)[g] + rng.standard_normal(len(g))
    return pd.DataFrame(dict(y=y, x=x, g=g, h=g % 6, t=t, k=k, w=rng.uniform(0.5, 2, len(g))))


CASES = [
    ("y ~ x + (x | g)", {}),
    ("y ~ 0 + x + k + (1 | g)", {}),
    ("y ~ x + (1 | g) + (1 | h)", {}),
    ("y ~ x + (1 | g)", dict(precision="w")),
    ("y ~ x + k + (1 | g)", dict(residual="by(k)")),
    ("y ~ x + (1 | g)", dict(residual="ar1(t | g)")),
    ("y ~ x + (0 + x | g)", dict(residual="by(k) + cs(1 | g)")),
    ("y ~ x + (1 | g) + (1 | h)", dict(method="iterative", rng=1)),
]


def _covariance(fit, data):
    """Dense V / sigma^2 of the rows."""
    inverse = residual_inverse(fit).times(np.eye(len(data)))
    V, start = np.linalg.inv(inverse), 0
    for group in fit.moments.groups:
        q = len(group.effects)
        D = fit.optimum.covariance[start : start + q, start : start + q] / fit.sigma**2
        start += q
        Z = np.column_stack(
            [np.ones(len(data)) if e == "(Intercept)" else data[e] for e in group.effects]
        )
        same = data[group.factor].to_numpy()[:, None] == data[group.factor].to_numpy()
        V += (Z @ D @ Z.T) * same
    return V


@pytest.mark.parametrize("formula,options", CASES, ids=lambda v: str(v)[:34])
def test_against_dense_generalised_least_squares(data, formula, options):
    fit = ec.lmer(formula, data, **options)
    square = np.square(data.x.to_numpy() - 0.3)
    (found,) = additions(fit, {"square": {"square": square}})
    design = fit.built.design
    place = dict(zip(design.names, design.arrays, strict=True))
    X = np.column_stack([place.get(name, np.ones(len(data))) for name in fit.names])
    W = np.column_stack([X, square])
    inverse = np.linalg.inv(_covariance(fit, data))
    A = W.T @ inverse @ W
    beta = np.linalg.solve(A, W.T @ inverse @ data.y.to_numpy())
    se = fit.sigma * np.sqrt(np.diagonal(np.linalg.inv(A)))
    rtol = 1e-5 if "method" in options else CLOSED["rtol"]  # conjugate gradients
    np.testing.assert_allclose(found.estimate[0], beta[-1], rtol=rtol)
    np.testing.assert_allclose(found.std_error[0], se[-1], rtol=rtol)
    slopes = [i for i, name in enumerate(fit.names) if name == "x"]
    np.testing.assert_allclose(found.beta[slopes], beta[slopes], rtol=rtol)
    np.testing.assert_allclose(found.F, (beta[-1] / se[-1]) ** 2, rtol=10 * rtol)


@pytest.mark.parametrize("formula,options", CASES[:-1], ids=lambda v: str(v)[:34])
def test_the_columns_of_the_model_keep_their_covariance(data, formula, options):
    """Nothing is added: the products are those the fit's standard errors are made of."""
    fit = ec.lmer(formula, data, **options)
    found = extend(fit, {"square": np.square(data.x.to_numpy())})
    p = len(fit.names)
    own = found.sigma2 * np.linalg.inv(found.products[:p, :p])
    slope = fit.names.index("x")
    np.testing.assert_allclose(own[slope, slope], fit.optimum.vcov[slope, slope], **CLOSED)


def test_of_a_linear_model_it_is_the_t_test_of_the_larger_model(data):
    """But for the residual variance, which is that of the smaller model."""
    fit = ec.lm("y ~ x + k", data)
    larger = ec.lm("y ~ x + k + I(x**2)", data)
    (found,) = additions(fit, {"square": {"square": np.square(data.x.to_numpy())}})
    at = larger.names.index("I(x**2)")
    np.testing.assert_allclose(found.estimate[0], larger.beta[at], **CLOSED)
    se = np.sqrt(larger.vcov_beta[at, at] * fit.sigma2 / larger.sigma2)
    np.testing.assert_allclose(found.std_error[0], se, **CLOSED)


def test_what_the_model_has_already_is_left_out(data):
    fit = ec.lmer("y ~ x + k + (1 | g)", data)
    x = data.x.to_numpy()
    sets = {
        "repeat": {"twice x": 2 * x + 1},
        "square": {"square": x**2},
        "the same square": {"moved": (x - 5) ** 2},
        "two": {"square": x**2, "cube": x**3, "both": x**2 - x**3},
    }
    found = {one.name: one for one in additions(fit, sets)}
    assert list(found) == ["square", "the same square", "two"]
    np.testing.assert_allclose(found["square"].F, found["the same square"].F, rtol=1e-6)
    assert found["two"].df1 == 2 and found["two"].columns == ("square", "cube")


def test_degrees_of_freedom_are_counted_by_level(data):
    fit = ec.lmer("y ~ x + (1 | g)", data)
    mean = data.groupby("g").x.transform("mean").to_numpy()
    rows, groups = additions(fit, {"a": {"a": data.x.to_numpy() ** 2}, "b": {"b": mean}})
    assert groups.df2 == 25 - 1 - 1
    assert rows.df2 == len(data) - 25 - 2
