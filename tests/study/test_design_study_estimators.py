"""Every estimator of the design study is that of the library on the rows behind the products."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import echelon as ec
from echelon.moments.responses import ResponseMoments
from echelon.study.estimators import estimates
from echelon.study.model import columns, design_moments
from echelon.study.predictors import Plan, predictors
from echelon.study.setting import Setting
from tolerances import CLOSED, OPTIMUM

J, R = 14, 12
TERMS = ["(Intercept)", "w", "x", "w:x"]


def rows(rng: np.random.Generator) -> pd.DataFrame:
    n = rng.integers(1, 12, J)
    g = np.repeat(np.arange(J), n)
    w = (rng.permutation(J) < J // 2).astype(float)[g]
    x = rng.standard_normal(len(g)) + 0.6 * rng.standard_normal(J)[g]
    return pd.DataFrame({"g": g, "w": w, "x": x})


def responses(data: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """The last ones without variance between groups, so that some searches end at zero."""
    g, scale = data["g"].to_numpy(), np.where(np.arange(R) < R - 4, 1.0, 0.0)
    u = rng.standard_normal((2, J, R)) * np.array([0.8, 0.5])[:, None, None] * scale
    return (
        3
        + u[0][g]
        + (0.4 + u[1][g]) * data["x"].to_numpy()[:, None]
        + rng.standard_normal((len(g), R))
    )


def one_way(data: pd.DataFrame, Y: np.ndarray) -> Setting:
    return setting(data, Y, (), ())


def setting(data: pd.DataFrame, Y: np.ndarray, effects: tuple[str, ...], slopes: tuple[str, ...]):
    by = data.groupby("g")
    n = by.size().to_numpy()
    means, groups = np.zeros((J, 0)), np.zeros((J, 0))
    within = np.zeros((J, 0, 0))
    if effects:
        means, groups = by[["x"]].mean().to_numpy(), by[["w"]].first().to_numpy()
        apart = data["x"].to_numpy() - means[data["g"], 0]
        within = np.bincount(data["g"], apart**2)[:, None, None]
    given = predictors(None, {"w": 0.5} if effects else None, effects)
    at = columns(given, effects, slopes)
    plan = Plan(n, means, within, groups)
    full = design_moments(plan, at, tuple(range(len(at.effects))))
    z = np.column_stack([np.ones(len(data)), *([data["x"]] if effects else [])])
    ones = np.eye(J)[data["g"]]
    ZtY = np.einsum("ij,ia,ir->jar", ones, z, Y)
    X = np.einsum("ia,iap->ip", z, at.weights(plan)[data["g"]])
    q = len(at.random)
    return Setting(
        plan,
        at,
        full,
        ResponseMoments(np.zeros(R), X.T @ Y, (Y**2).sum(axis=0), (ZtY,)),
        np.diag([0.64, 0.25])[:q, :q],
        1.0,
    )


@pytest.fixture(scope="module")
def data() -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(7)
    table = rows(rng)
    return table, responses(table, rng)


def coefficients(fit: ec.LMM | ec.OLS, **options: object) -> tuple[np.ndarray, ...]:
    found = fit.coefficients(**options)
    order = [{"x:w": "w:x"}.get(term, term) for term in found["term"]]
    found = found.set_index(pd.Index(order))
    return tuple(found[name].to_numpy() for name in ("estimate", "std_error", "df"))


@pytest.mark.parametrize(
    ("name", "formula", "reml", "df"),
    [
        ("reml", "y ~ w + x + w:x + (x | g)", True, "satterthwaite"),
        ("ml", "y ~ w + x + w:x + (x | g)", False, "satterthwaite"),
        ("reml_bw", "y ~ w + x + w:x + (x | g)", True, "between-within"),
        ("reml_intercepts", "y ~ w + x + w:x + (1 | g)", True, "satterthwaite"),
    ],
)
def test_multilevel(data, name, formula, reml, df):
    table, Y = data
    found = estimates(setting(table, Y, ("w", "x", "w:x"), ("x",)), [name])[name]
    for r in range(R):
        fit = ec.lmer(formula, table.assign(y=Y[:, r]), reml=reml, df=df)
        theirs = coefficients(fit)
        assert_allclose(found.estimate[r], theirs[0], rtol=OPTIMUM["estimate"])
        assert_allclose(found.std_error[r], theirs[1], rtol=OPTIMUM["se"])
        assert_allclose(found.df[r], theirs[2], rtol=OPTIMUM["df"])
        variances = [*np.diagonal(fit.optimum.covariance), fit.optimum.sigma2]
        kept = np.isfinite(found.variances[r])
        assert kept.sum() == len(variances)
        assert_allclose(found.variances[r][kept], variances, rtol=1e-5, atol=1e-9)


def test_some_searches_end_at_zero(data):
    """Or the comparison above says nothing of degrees of freedom there."""
    table, Y = data
    found = estimates(setting(table, Y, ("w", "x", "w:x"), ("x",)), ["reml"])["reml"]
    assert 0 < np.count_nonzero(found.variances[:, 0] == 0) < R


def test_rows_and_clusters(data):
    table, Y = data
    at = setting(table, Y, ("w", "x", "w:x"), ("x",))
    found = estimates(at, ["rows", "rows_robust"])
    for r in range(R):
        fit = ec.lm("y ~ w + x + w:x", table.assign(y=Y[:, r]))
        robust = coefficients(fit, robust="CR2", cluster=table["g"])
        for ours, theirs in (("rows", coefficients(fit)), ("rows_robust", robust)):
            for name, value in zip(("estimate", "std_error", "df"), theirs, strict=True):
                assert_allclose(getattr(found[ours], name)[r], value, **CLOSED)


def test_means(data):
    table, Y = data
    found = estimates(setting(table, Y, ("w", "x", "w:x"), ("x",)), ["means"])["means"]
    for r in range(R):
        means = table.assign(y=Y[:, r]).groupby("g").mean()
        theirs = coefficients(ec.lm("y ~ w + x + w:x", means))
        for name, value in zip(("estimate", "std_error", "df"), theirs, strict=True):
            assert_allclose(getattr(found, name)[r], value, **CLOSED)


def test_one_way(data):
    """The grand mean and the variance between groups, as `oneway` has them."""
    table, Y = data
    found = estimates(one_way(table, Y), ["rows", "means", "balanced", "weighted", "reml"])
    for r in range(R):
        theirs = ec.oneway("y", "g", table.assign(y=Y[:, r]))
        share = theirs.n0 / theirs.n_mean
        expected = {
            "rows": (theirs.mean_rows, np.nan),
            "means": (theirs.mean_groups, theirs.tau00_balanced),
            "balanced": (theirs.mean_rows, theirs.tau00_anova * share),
            "weighted": (np.nan, theirs.tau00_anova),
            "reml": (theirs.gamma00, theirs.tau00),
        }
        for name, (mean, tau) in expected.items():
            for ours, value in ((found[name].estimate, mean), (found[name].variances, tau)):
                if np.isfinite(value):
                    assert_allclose(ours[r, 0], value, rtol=OPTIMUM["estimate"], atol=1e-9)
        between = theirs.var_groups / theirs.J
        assert_allclose(found["means"].std_error[r, 0], np.sqrt(between), **CLOSED)
        balanced = np.sqrt(theirs.between / theirs.n)
        assert_allclose(found["balanced"].std_error[r, 0], balanced, **CLOSED)


def test_known_variances(data):
    """Generalised least squares, written out in matrices."""
    table, Y = data
    at = setting(table, Y, ("w", "x", "w:x"), ("x",))
    found = estimates(at, ["known"])["known"]
    g, w, x = (table[name].to_numpy() for name in "gwx")
    X = np.column_stack([np.ones(len(g)), w, x, w * x])
    V = np.equal.outer(g, g) * (0.64 + 0.25 * np.outer(x, x)) + np.eye(len(g))
    spread = np.linalg.inv(X.T @ np.linalg.solve(V, X))
    assert_allclose(found.estimate.T, spread @ X.T @ np.linalg.solve(V, Y), **CLOSED)
    assert_allclose(found.std_error[0], np.sqrt(np.diagonal(spread)), **CLOSED)
