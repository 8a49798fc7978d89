"""Influence of rows: closed forms against fits without the row, laws, edge cases."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

import echelon as ec
from echelon.diagnose.influence import row_influence_values, row_refits
from echelon.effects.residual_inverse import residual_inverse
from echelon.effects.rows import own_rows
from tolerances import CLOSED, OPTIMUM, SAME


def example(n_groups=14, seed=3):
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(n_groups), rng.integers(3, 9, n_groups))
    n = len(g)
    x, w = rng.normal(size=n), rng.uniform(0.5, 2.0, n)
    u = rng.normal(size=(n_groups, 2)) * [1.0, 0.6]
    y = 2 + 0.5 * x + u[g, 0] + u[g, 1] * x + rng.normal(size=n) / np.sqrt(w)
    return pd.DataFrame(
        {
            "y": y,
            "x": x,
            "w": w,
            "g": g,
            "h": rng.integers(0, 5, n),
            "sub": g * 10 + np.arange(n) % 2,
            "sex": np.where(np.arange(n) % 3, "f", "m"),
            "t": pd.Series(g).groupby(g).cumcount().to_numpy(),
            "off": rng.normal(size=n),
        }
    )


DATA = example()
MODELS = {
    "intercept": ("y ~ x + (1 | g)", {}),
    "slope": ("y ~ x + (x | g)", {}),
    "ml": ("y ~ x + (x | g)", {"reml": False}),
    "no intercept": ("y ~ 0 + sex + (1 | g)", {}),
    "crossed": ("y ~ x + (1 | g) + (1 | h)", {}),
    "nested": ("y ~ x + (1 | g) + (1 | sub)", {}),
    "weights": ("y ~ x + (x | g)", {"precision": "w"}),
    "offset": ("y ~ x + (1 | g)", {"offset": "off"}),
    "dropped": ("y ~ x + I(2 * x) + (1 | g)", {}),
    "cs": ("y ~ x + cs(1 + x | g)", {}),
    "strata": ("y ~ x + (1 | g)", {"residual": "by(sex)"}),
    "ar1": ("y ~ x + (0 + x | g)", {"residual": "ar1(t | g)"}),
    "cs residual": ("y ~ x + (0 + x | g)", {"residual": "by(sex) + cs(1 | g)"}),
}


def covariance(fit):
    """Var(y) over sigma^2, dense."""
    rows = own_rows(fit)
    V = np.linalg.inv(residual_inverse(fit).times(np.eye(rows.m)))
    for Z, codes, part in zip(rows.Z, rows.codes, fit.problem.blocks.parts, strict=True):
        S = Z @ fit.optimum.lam[part, part]
        V = V + S @ S.T * (codes[:, None] == codes)
    return V


def without(fit, V, gone):
    """Generalised least squares without some rows, V held: beta, and its covariance."""
    rows, keep = own_rows(fit), np.delete(np.arange(len(V)), gone)
    y = (fit.built.design.y - rows.offset)[keep]
    X, inverse = rows.X[keep], np.linalg.inv(V[np.ix_(keep, keep)])
    A = X.T @ inverse @ X
    return np.linalg.solve(A, X.T @ inverse @ y), fit.optimum.sigma2 * np.linalg.inv(A)


@pytest.mark.parametrize("name", MODELS)
def test_deletion_with_variances_held_is_exact(name):
    formula, options = MODELS[name]
    fit = ec.lmer(formula, DATA, **options)
    found, V = row_influence_values(fit), covariance(fit)
    C, p = fit.optimum.vcov, len(fit.names)
    full, _ = without(fit, V, [])
    for i in range(0, fit.n, 5):
        beta, left = without(fit, V, [i])
        d = full - beta
        expected = [
            d @ np.linalg.solve(C, d) / p,
            d @ np.linalg.solve(left, d) / p,
            np.linalg.det(left) / np.linalg.det(C),
            abs(np.trace(np.linalg.solve(C, left)) - p),
        ]
        ours = [getattr(found, m)[i] for m in ("cooks", "mdffits", "covratio", "covtrace")]
        np.testing.assert_allclose(ours, expected, rtol=OPTIMUM["estimate"], atol=1e-9)
        np.testing.assert_allclose(found.dfbeta[i], d, atol=OPTIMUM["estimate"] * np.sqrt(C.max()))
        scale = np.sqrt(np.diagonal(left))
        np.testing.assert_allclose(found.dfbetas[i], d / scale, atol=OPTIMUM["estimate"])


@pytest.mark.parametrize("name", ["slope", "weights", "crossed"])
def test_parts_of_the_leverage_are_those_of_the_hat_matrix(name):
    formula, options = MODELS[name]
    fit = ec.lmer(formula, DATA, **options)
    found, V, rows = row_influence_values(fit), covariance(fit), own_rows(fit)
    inverse = np.linalg.inv(V)
    H1 = rows.X @ np.linalg.solve(rows.X.T @ inverse @ rows.X, rows.X.T @ inverse)
    residual = np.ones(rows.m) if rows.precision is None else 1 / rows.precision
    H2 = (V - np.diag(residual)) @ inverse @ (np.eye(rows.m) - H1)
    np.testing.assert_allclose(found.leverage_fixed, np.diagonal(H1), **CLOSED)
    np.testing.assert_allclose(found.leverage_random, np.diagonal(H2), **CLOSED)
    np.testing.assert_allclose(found.leverage, np.diagonal(H1 + H2), **CLOSED)


@pytest.mark.parametrize("name", ["intercept", "slope", "weights", "ml"])
def test_refits_without_a_row_are_fits_of_the_other_rows(name):
    formula, options = MODELS[name]
    fit = ec.lmer(formula, DATA, **options)
    found = row_refits(fit)
    for i in range(0, fit.n, 9):
        other = ec.lmer(formula, DATA.drop(index=i), **options)
        se = np.sqrt(np.diagonal(other.optimum.vcov))
        np.testing.assert_allclose(
            (found.beta[i] - other.optimum.beta) / se, 0, atol=OPTIMUM["estimate"]
        )
        np.testing.assert_allclose(
            found.deviance[i], other.optimum.deviance, rtol=OPTIMUM["deviance"]
        )


def test_one_step_is_nearer_than_held():
    fit = ec.lmer("y ~ x + (x | g)", DATA)
    exact, step, held = (row_refits(fit, refit=how) for how in (True, "one-step", False))
    assert np.abs(step.beta - exact.beta).max() < 0.5 * np.abs(held.beta - exact.beta).max()
    closed = row_influence_values(fit)
    np.testing.assert_allclose(held.cooks, closed.cooks, rtol=OPTIMUM["estimate"], atol=1e-12)


def test_lme4s_distance_is_a_function_of_residual_and_leverage():
    fit = ec.lmer("y ~ x + (x | g)", DATA)
    found = row_influence_values(fit)
    r2, h = found.std_residual**2, found.leverage
    np.testing.assert_allclose(found.cooks_conditional, r2 * h / (1 - h) / 2, **CLOSED)
    structured = row_influence_values(ec.lmer("y ~ x + (0 + x | g)", DATA, residual="ar1(t | g)"))
    assert np.isnan(structured.cooks_conditional).all() and np.isfinite(structured.cooks).all()


def test_units_and_order_of_rows_do_not_matter():
    fit = ec.lmer("y ~ x + (x | g)", DATA)
    moved = DATA.assign(y=100 * DATA.y - 7, x=DATA.x / 1000)
    order = np.random.default_rng(1).permutation(len(DATA))
    other = ec.lmer("y ~ x + (x | g)", moved.iloc[order])
    a, b = row_influence_values(fit), row_influence_values(other)
    for measure in ("cooks", "covratio", "leverage", "std_residual"):
        np.testing.assert_allclose(
            getattr(b, measure), getattr(a, measure)[order], rtol=OPTIMUM["se"], atol=1e-9
        )


def test_a_row_alone_with_a_coefficient():
    data = DATA.assign(alone=(np.arange(len(DATA)) == 11).astype(float))
    found = row_influence_values(ec.lmer("y ~ x + alone + (1 | g)", data))
    assert np.flatnonzero(np.isnan(found.cooks)).tolist() == [11]
    assert np.isfinite(np.delete(found.dfbetas, 11, axis=0)).all()
    linear = row_influence_values(ec.lm("y ~ x + alone", data))
    assert np.flatnonzero(np.isnan(linear.cooks)).tolist() == [11]
    refitted = row_refits(ec.lmer("y ~ x + alone + (1 | g)", data))
    assert "alone not estimable" in refitted.reason[11] and np.isnan(refitted.beta[11, 2])
    assert np.isfinite(refitted.beta[11, :2]).all()


def test_linear_model_rows_are_fits_without_them():
    fit = ec.lm("y ~ x + sex", DATA, precision="w")
    found = row_influence_values(fit)
    for i in (0, 17, 40):
        other = ec.lm("y ~ x + sex", DATA.drop(index=i), precision="w")
        np.testing.assert_allclose(fit.beta - other.beta, found.dfbeta[i], **CLOSED)
        ratio = np.linalg.det(other.vcov_beta) / np.linalg.det(fit.vcov_beta)
        np.testing.assert_allclose(found.covratio[i], ratio, **CLOSED)
        d = fit.beta - other.beta
        np.testing.assert_allclose(
            found.mdffits[i], d @ np.linalg.solve(other.vcov_beta, d) / 3, **CLOSED
        )


def test_frame_is_of_the_callers_library_with_the_rows_labels():
    data = DATA.set_index(np.array([f"r{i}" for i in range(len(DATA))]))
    data.loc["r4", "x"] = np.nan
    fit = ec.lmer("y ~ x + (1 | g)", data)
    found = fit.influence()
    frame = found.frame()
    assert list(frame["row"][:5]) == ["r0", "r1", "r2", "r3", "r5"]
    assert {"g", "leverage", "cooks", "cooks_conditional", "dfbetas_x"} <= set(frame.columns)
    assert found.row[4] == 5
    other = found.without("r5")
    assert other.n == fit.n - 1 and isinstance(other, ec.LMM)
    again = ec.lmer("y ~ x + (1 | g)", data.drop(index="r5"))
    away = (other.optimum.beta - again.optimum.beta) / np.sqrt(np.diagonal(again.optimum.vcov))
    np.testing.assert_allclose(away, 0, atol=OPTIMUM["estimate"])
    with pytest.raises(ec.errors.DataError, match=r"There are|Did you mean"):
        found.without("r999")
    assert isinstance(
        ec.lmer("y ~ x + (1 | g)", pl.DataFrame(DATA)).influence().frame(), pl.DataFrame
    )
    assert fit.influence().table(top=3).to_text().count("r") > 3


def test_fits_from_summaries_have_no_rows():
    table = DATA.groupby("g").agg(n=("y", "size"), y=("y", "mean"), sd=("y", "std")).reset_index()
    fit = ec.lmer("y ~ 1 + (1 | g)", summaries=table)
    with pytest.raises(ec.errors.NeedsRows):
        fit.influence()


def test_the_same_twice():
    fit = ec.lmer("y ~ x + (x | g)", DATA)
    np.testing.assert_allclose(fit.influence().cooks, fit.influence().cooks, **SAME)
