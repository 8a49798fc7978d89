"""Every answer against the model written out with dense matrices."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from dense_model import Dense
from hypothesis import given
from hypothesis import strategies as st
from law_tables import seeds, two_level
from numpy.testing import assert_allclose

import echelon as ec
from echelon.effects.empirical_bayes import empirical_bayes
from echelon.estimate.optimise import with_user_factor
from echelon.multilevel.groups import group_values
from tolerances import CLOSED

RTOL = CLOSED["rtol"]
CASES = {
    "y ~ x + z + (1 | g)": (("x", "z"), ()),
    "y ~ x + z + (x | g)": (("x", "z"), ("x",)),
    "y ~ x + (x || g)": (("x",), ("x",)),
    "y ~ x + w + (x + w | g)": (("x", "w"), ("x", "w")),
}


def dense_of(data: pd.DataFrame, formula: str) -> Dense:
    fixed, random = CASES[formula]
    one = np.ones(len(data))
    return Dense(
        y=(data["y"] - data["o"]).to_numpy(),
        X=np.column_stack([one, *(data[name] for name in fixed)]),
        Z=np.column_stack([one, *(data[name] for name in random)]),
        g=pd.factorize(data["g"], sort=True)[0],
        w=data["k"].to_numpy(),
    )


def case(seed: int, formula: str, reml: bool) -> tuple[ec.LMM, Dense]:
    data = two_level(seed, groups=9)
    data["k"], data["o"] = 0.5 + data["w"] ** 2, 3 * data["z"]
    fit = ec.lmer(formula, data, reml=reml, precision="k", offset="o")
    return fit, dense_of(data, formula)


formulas = st.sampled_from(sorted(CASES))


@given(seeds, formulas, st.booleans())
def test_deviance_anywhere(seed: int, formula: str, reml: bool) -> None:
    fit, dense = case(seed, formula, reml)
    rng = np.random.default_rng(seed)
    shape = fit.optimum.pairs
    theta = np.where(
        shape.on_diagonal, rng.uniform(0, 2, len(shape.row)), rng.normal(size=len(shape.row))
    )
    lam = shape.factor(theta)
    at = with_user_factor(fit.problem, theta, reml)
    assert at is not None
    assert_allclose(at.value, dense.deviance(lam @ lam.T, None, reml), rtol=1e-10)
    assert_allclose(at.sigma2, dense.sigma2(lam @ lam.T, reml), rtol=RTOL)


@given(seeds, formulas, st.booleans())
def test_estimates_at_the_optimum(seed: int, formula: str, reml: bool) -> None:
    fit, dense = case(seed, formula, reml)
    D = fit.optimum.covariance / fit.optimum.sigma2
    beta, bread = dense.beta(D)
    assert_allclose(fit.optimum.sigma2, dense.sigma2(D, reml), rtol=RTOL)
    assert_allclose(fit.optimum.beta, beta, rtol=RTOL, atol=RTOL)
    assert_allclose(fit.vcov(), fit.optimum.sigma2 * bread, rtol=RTOL, atol=1e-10)
    assert_allclose(fit.deviance, dense.deviance(D, None, reml), rtol=1e-10)


@given(seeds, formulas, st.booleans())
def test_nothing_near_is_better(seed: int, formula: str, reml: bool) -> None:
    """The optimum is one: no step of one percent in the factor lowers the dense deviance."""
    fit, dense = case(seed, formula, reml)
    best, rng = fit.deviance, np.random.default_rng(seed)
    for _ in range(4):
        step = rng.normal(size=fit.theta.shape) * 0.01 * np.abs(fit.theta).max()
        lam = fit.optimum.pairs.factor(fit.theta + step)
        assert dense.deviance(lam @ lam.T, None, reml) >= best - 1e-9 * abs(best)


@given(seeds, formulas)
def test_empirical_bayes_and_its_variances(seed: int, formula: str) -> None:
    fit, dense = case(seed, formula, True)
    D = fit.optimum.covariance / fit.optimum.sigma2
    modes, conditional, _ = dense.effects(D, fit.optimum.sigma2)
    effects = empirical_bayes(fit)
    assert_allclose(effects.mode, modes, rtol=RTOL, atol=RTOL)
    assert_allclose(effects.var, conditional, rtol=RTOL, atol=RTOL)


@given(seeds)
def test_posterior_se_counts_the_fixed_effects(seed: int) -> None:
    """Var(beta0 + u_hat_j - (beta0 + u_j)) from the dense covariance of (beta_hat, u_hat - u)."""
    fit, dense = case(seed, "y ~ x + z + (1 | g)", True)
    D, sigma2 = fit.optimum.covariance / fit.optimum.sigma2, fit.optimum.sigma2
    _, bread = dense.beta(D)
    inverse = np.linalg.inv(dense.V0(D))
    values = group_values(fit)
    for j in range(fit.J):
        rows = dense.g == j
        A = (np.where(rows[:, None], dense.Z, 0.0) @ D).T @ inverse
        own = np.array([1.0, 0.0, dense.X[rows][0, 2]])[None]  # the group's own prediction
        left = own - A @ dense.X
        C = np.where(rows[:, None], dense.Z, 0.0) @ D
        total = sigma2 * (D - A @ C + left @ bread @ left.T)
        assert_allclose(values.posterior_se[j, 0] ** 2, total[0, 0], rtol=RTOL)


@given(seeds, formulas)
def test_fitted_values(seed: int, formula: str) -> None:
    fit, dense = case(seed, formula, True)
    D = fit.optimum.covariance / fit.optimum.sigma2
    beta, _ = dense.beta(D)
    modes, *_ = dense.effects(D, fit.optimum.sigma2)
    linear = dense.X @ beta + np.einsum("iq,iq->i", dense.Z, modes[dense.g])
    data = two_level(seed, groups=9)
    assert_allclose(fit.fittedvalues, linear + 3 * data["z"], rtol=RTOL, atol=RTOL)
    assert_allclose(fit.fittedvalues + fit.resid, data["y"], rtol=1e-12)


@pytest.mark.parametrize("formula", ["y ~ x + z", "y ~ 0 + x + z"])
@given(seeds)
def test_linear_model_is_least_squares(formula: str, seed: int) -> None:
    data = two_level(seed)
    data["k"], data["o"] = 0.5 + data["w"] ** 2, 3 * data["z"]
    fit = ec.lm(formula, data, precision="k", offset="o")
    X = np.column_stack([data["x"], data["z"]])
    if "0" not in formula:
        X = np.column_stack([np.ones(len(data)), X])
    y, w, n = (data["y"] - data["o"]).to_numpy(), data["k"].to_numpy(), len(data)
    bread = np.linalg.inv(X.T @ (w[:, None] * X))
    beta = bread @ X.T @ (w * y)
    rss = float(w @ (y - X @ beta) ** 2)
    assert_allclose(fit.beta, beta, rtol=RTOL, atol=RTOL)
    assert_allclose(fit.rss, rss, rtol=RTOL)
    assert_allclose(fit.vcov(), bread * rss / fit.df_resid, rtol=RTOL, atol=1e-12)
    loglik = -0.5 * (n * np.log(2 * np.pi * rss / n) + n - np.log(w).sum())
    assert_allclose(fit.llf, loglik, rtol=1e-10)
    centre = np.average(y, weights=w) if "0" not in formula else 0.0
    tss = float(w @ (y - centre) ** 2)
    assert_allclose(fit.rsquared, 1 - rss / tss, rtol=RTOL)
    k = X.shape[1] - ("0" not in formula)
    assert_allclose(fit.fvalue, (tss - rss) / k / (rss / fit.df_resid), rtol=RTOL)
    assert (fit.df_model, fit.df_resid) == (k, n - X.shape[1])
