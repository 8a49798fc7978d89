"""`fit.residuals(kind)`: laws in dense matrices, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from residual_tables import STRUCTURES, covariance, fit, noise_covariance, table

import echelon as ec
from echelon.effects.residual_law import row_sd, whitened
from echelon.effects.rows import own_rows
from echelon.errors import NeedsRows, NotYetSupported, UnknownArgument, UnknownOption
from tolerances import CLOSED, SAME

EVERY = [(None, None), (None, "w"), *((s, None) for s in STRUCTURES), (STRUCTURES[2], "w")]


@pytest.fixture(scope="module")
def line() -> ec.OLS:
    return ec.lm("y ~ x + sex", table(), precision="w")


@pytest.mark.parametrize(("residual", "precision"), EVERY)
def test_conditional_and_marginal_are_those_of_dense_algebra(residual, precision):
    of = fit(residual, precision)
    V, rows = covariance(of), own_rows(of)
    marginal = of.built.design.y - rows.X @ of.optimum.beta
    assert_allclose(of.residuals("marginal"), marginal, **SAME)
    conditional = noise_covariance(of) @ np.linalg.solve(V, marginal)
    assert_allclose(of.residuals(), conditional, rtol=1e-9, atol=1e-10)
    assert_allclose(of.residuals("conditional"), of.resid, **SAME)


@pytest.mark.parametrize(("residual", "precision"), EVERY)
def test_standardized_have_variance_one(residual, precision):
    """Over the root of the diagonal of R P R, whatever the structure."""
    of = fit(residual, precision)
    V, R, X = covariance(of), noise_covariance(of), own_rows(of).X
    inverse = np.linalg.inv(V)
    P = inverse - inverse @ X @ np.linalg.solve(X.T @ inverse @ X, X.T @ inverse)
    variance = np.diagonal(R @ P @ R)
    assert_allclose(of.residuals("standardized"), of.resid / np.sqrt(variance), **CLOSED)


@pytest.mark.parametrize(("residual", "precision"), EVERY)
def test_scaled_and_pearson(residual, precision):
    of = fit(residual, precision)
    sd = np.sqrt(np.diagonal(noise_covariance(of)))
    assert_allclose(row_sd(of), sd, **CLOSED)
    assert_allclose(of.residuals("scaled"), of.resid / sd, **CLOSED)
    assert_allclose(of.residuals("pearson"), of.sigma * of.resid / sd, **CLOSED)


@pytest.mark.parametrize(("residual", "precision"), EVERY)
def test_normalized_are_white(residual, precision):
    of = fit(residual, precision)
    R = noise_covariance(of)
    L = np.column_stack([whitened(of, e) for e in np.eye(of.n)])
    assert_allclose(L @ R @ L.T, np.eye(of.n), atol=1e-10)
    assert_allclose(of.residuals("normalized"), L @ of.resid, rtol=1e-9, atol=1e-12)


def test_normalized_is_the_inverse_of_the_cholesky_factor_in_order_of_time():
    of = fit("ar1(t | id)")
    used = table()[table()["y"].notna()]
    order = np.lexsort((used["t"], used["id"]))
    lower = np.linalg.cholesky(noise_covariance(of)[np.ix_(order, order)])
    expected = np.linalg.solve(lower, of.resid[order])
    assert_allclose(of.residuals("normalized")[order], expected, rtol=1e-9, atol=1e-12)


def test_without_a_correlation_normalized_are_scaled():
    for of in (fit(), fit("by(sex)"), fit(None, "w")):
        assert_allclose(of.residuals("normalized"), of.residuals("scaled"), **SAME)


def test_linear_model_as_its_hat_matrix(line: ec.OLS):
    used = table()[table()["y"].notna()]
    X = np.column_stack([np.ones(line.n), used["x"], used["sex"] == "m"]).astype(float)
    w = used["w"].to_numpy()
    hat = X @ np.linalg.solve(X.T @ (w[:, None] * X), X.T * w)
    left = 1 - np.diagonal(hat)
    assert_allclose(line.residuals(), used["y"] - hat @ used["y"], rtol=1e-9, atol=1e-12)
    assert_allclose(line.residuals("marginal"), line.residuals(), **SAME)
    assert_allclose(line.residuals("pearson"), np.sqrt(w) * line.resid, **CLOSED)
    scaled = np.sqrt(w) * line.resid / line.sigma
    assert_allclose(line.residuals("scaled"), scaled, **CLOSED)
    assert_allclose(line.residuals("standardized"), scaled / np.sqrt(left), **CLOSED)


def test_a_row_that_the_model_reproduces_has_none():
    data = pd.DataFrame({"y": [1.0, 2.0, 4.0, 9.0], "x": ["a", "a", "a", "b"]})
    standardized = ec.lm("y ~ x", data).residuals("standardized")
    assert np.isnan(standardized[3]) and np.isfinite(standardized[:3]).all()


def test_what_is_refused():
    of = fit()
    with pytest.raises(UnknownOption, match="kind='conditional' here"):
        of.residuals("response")
    with pytest.raises(UnknownOption, match="Did you mean 'pearson'"):
        of.residuals("pearsson")
    with pytest.raises(UnknownArgument, match="kind"):
        of.residuals(type="pearson")


def test_summaries_have_none(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("echelon.api.fitting.warn", lambda fit: None)
    groups = pd.DataFrame({"g": list("abcdef"), "y": [1.0, 3, 2, 5, 4, 7], "n": 5, "sd": 1.0})
    of = ec.lmer("y ~ 1 + (1 | g)", summaries=groups)
    for what in (of.residuals, of.augment, of.simulate):
        with pytest.raises(NeedsRows):
            what()


def test_the_iterative_method_has_no_errors_of_fitted_values():
    rng = np.random.default_rng(3)
    a, b = rng.integers(0, 20, 400), rng.integers(0, 15, 400)
    data = pd.DataFrame({"y": rng.normal(size=400) + rng.normal(size=20)[a], "a": a, "b": b})
    of = ec.lmer("y ~ 1 + (1 | a) + (1 | b)", data, method="iterative", rng=1)
    with pytest.raises(NotYetSupported, match='kind="scaled"'):
        of.residuals("standardized")
    found = of.augment(data)
    assert found[["residual_standardized", "leverage"]].isna().all().all()
    assert_allclose(found["residual"], of.residuals("pearson"), **SAME)
