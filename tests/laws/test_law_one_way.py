"""The one-way random effects model has closed forms: the formulas of the lecture."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from law_tables import seeds, two_level
from numpy.testing import assert_allclose

import echelon as ec
from tolerances import CLOSED

RTOL = CLOSED["rtol"]


def anova(data: pd.DataFrame) -> tuple[int, int, float, float]:
    """J, n, MSB, MSW of a balanced table."""
    groups = data.groupby("g")["y"]
    J, n = groups.ngroups, len(data) // groups.ngroups
    msb = n * groups.mean().var()
    return J, n, float(msb), float(groups.var().mean())


@given(seeds, st.integers(2, 12))
def test_balanced_reml_is_the_analysis_of_variance(seed: int, n: int) -> None:
    data = two_level(seed, balanced=n)
    J, n, msb, msw = anova(data)
    fit = ec.lmer("y ~ 1 + (1 | g)", data)
    if msb <= msw:
        return
    tau = (msb - msw) / n
    assert_allclose(fit.sigma**2, msw, rtol=RTOL)
    assert_allclose(fit.optimum.covariance[0, 0], tau, rtol=RTOL)
    assert_allclose(fit.optimum.beta, [data["y"].mean()], rtol=1e-12)
    assert_allclose(fit.vcov(), [[msb / (J * n)]], rtol=RTOL)
    assert_allclose(fit.coefficients()["df"], [J - 1], rtol=1e-6)


@given(seeds, st.integers(2, 12))
def test_balanced_maximum_likelihood(seed: int, n: int) -> None:
    data = two_level(seed, balanced=n)
    J, n, msb, msw = anova(data)
    between = (J - 1) / J * msb
    if between <= msw:
        return
    fit = ec.lmer("y ~ 1 + (1 | g)", data, reml=False)
    assert_allclose(fit.sigma**2, msw, rtol=RTOL)
    assert_allclose(fit.optimum.covariance[0, 0], (between - msw) / n, rtol=RTOL)


@pytest.mark.parametrize("reml", [True, False])
@given(seeds, st.integers(2, 12))
def test_no_variance_between_groups_is_exactly_zero(reml: bool, seed: int, n: int) -> None:
    """Groups more alike than chance: MSB < MSW."""
    data = two_level(seed, balanced=n)
    data["y"] -= 0.9 * (data.groupby("g")["y"].transform("mean") - data["y"].mean())
    fit = ec.lmer("y ~ 1 + (1 | g)", data, reml=reml)
    J, n, msb, msw = anova(data)
    if (msb if reml else (J - 1) / J * msb) >= msw:
        assert fit.verdict.status == "converged"
        return
    N = J * n
    assert fit.theta.tolist() == [0.0]
    assert fit.verdict.status == "boundary" and "zero variance" in fit.verdict.message
    total = float(((data["y"] - data["y"].mean()) ** 2).sum())
    assert_allclose(fit.sigma**2, total / (N - 1 if reml else N), rtol=RTOL)
    df = fit.coefficients()["df"]
    assert_allclose(df, [N - 1 if reml else N], rtol=1e-6)  # sigma alone: df = 2 v^2 / Var(v)
    ols = ec.lm("y ~ 1", data)
    if reml:
        assert_allclose(fit.bse, ols.bse, rtol=RTOL)
    assert (fit.ranef()["estimate"] == 0).all()
    components = fit.variance_components()
    assert components["variance"][0] == 0 and np.isnan(components["variance_se"][0])


@given(seeds)
def test_empirical_bayes_shrinks_the_mean(seed: int) -> None:
    """EB = lambda ybar + (1 - lambda) gamma; its SE and the weights of the lecture."""
    data = two_level(seed)
    fit = ec.lmer("y ~ 1 + (1 | g)", data)
    rows, groups = data.groupby("g")["y"], fit.groups("g")
    gamma, tau, sigma2 = fit.optimum.beta[0], fit.optimum.covariance[0, 0], fit.sigma**2
    n = rows.size().to_numpy()
    assert groups["n"].tolist() == n.tolist()
    assert_allclose(groups["mean"], rows.mean(), rtol=1e-9, atol=1e-12)
    V = sigma2 / n
    Delta = tau + V
    lam = tau / Delta
    for column, value in (
        ("V", V),
        ("SE", np.sqrt(V)),
        ("Delta", Delta),
        ("weight", 100 / Delta / (1 / Delta).sum()),
        ("reliability", lam),
        ("predicted", np.full(len(n), gamma)),
        ("EB", lam * rows.mean() + (1 - lam) * gamma),
        ("u", lam * (rows.mean() - gamma)),
    ):
        assert_allclose(groups[column], value, rtol=RTOL, atol=RTOL)
    with np.errstate(divide="ignore"):
        conditional = 1 / (1 / V + 1 / tau)
    assert_allclose(groups["cond_sd"] ** 2, conditional, rtol=RTOL, atol=1e-12)
    posterior = conditional + (1 - lam) ** 2 / (1 / Delta).sum()
    assert_allclose(groups["EB_se"] ** 2, posterior, rtol=RTOL, atol=1e-12)
    reach = 1.959963984540054 * np.sqrt(posterior)
    assert_allclose(groups["conf_high"] - groups["EB"], reach, rtol=RTOL)
    assert_allclose(groups["EB"] - groups["conf_low"], reach, rtol=RTOL)


@given(seeds, st.booleans())
def test_grand_mean_is_the_precision_weighted_mean(seed: int, reml: bool) -> None:
    fit = ec.lmer("y ~ 1 + (1 | g)", two_level(seed), reml=reml)
    groups = fit.groups()
    mean = np.average(groups["mean"], weights=1 / groups["Delta"])
    assert_allclose(fit.optimum.beta, [mean], rtol=RTOL, atol=RTOL)
    assert_allclose(fit.vcov(), [[1 / (1 / groups["Delta"]).sum()]], rtol=RTOL)


@given(seeds, st.booleans())
def test_means_as_outcomes_is_a_weighted_regression_of_means(seed: int, reml: bool) -> None:
    """gamma and its standard errors from the J means with weights 1 / Delta."""
    data = two_level(seed)
    fit = ec.lmer("y ~ z + (1 | g)", data, reml=reml)
    groups = fit.groups()
    W = np.column_stack([np.ones(fit.J), data.groupby("g")["z"].first()])
    weight = 1 / groups["Delta"].to_numpy()
    bread = np.linalg.inv(W.T @ (weight[:, None] * W))
    gamma = bread @ W.T @ (weight * groups["mean"])
    assert_allclose(fit.optimum.beta, gamma, rtol=RTOL, atol=RTOL)
    assert_allclose(fit.vcov(), bread, rtol=RTOL, atol=RTOL * bread.max())
    assert_allclose(groups["predicted"], W @ gamma, rtol=RTOL, atol=RTOL)
    eb = groups["reliability"] * groups["mean"] + (1 - groups["reliability"]) * (W @ gamma)
    assert_allclose(groups["EB"], eb, rtol=RTOL, atol=RTOL)


@pytest.mark.parametrize("c", [0.01, 7.0, 1e4])
@pytest.mark.parametrize("formula", ["y ~ x + (1 | g)", "y ~ x + (x | g)"])
@given(seeds)
def test_precision_weights_have_no_unit(c: float, formula: str, seed: int) -> None:
    """Weights times c: sigma^2 is in units of c, everything else stays; the deviance too."""
    data = two_level(seed)
    w = 0.5 + data["w"].to_numpy() ** 2
    a, b = (ec.lmer(formula, data, precision=k) for k in (w, c * w))
    assert_allclose(b.sigma**2, c * a.sigma**2, rtol=RTOL)
    assert_allclose(b.deviance, a.deviance, rtol=1e-9)
    assert_allclose(b.optimum.beta, a.optimum.beta, rtol=RTOL, atol=RTOL)
    assert_allclose(b.vcov(), a.vcov(), rtol=10 * RTOL, atol=10 * RTOL)
    assert_allclose(b.optimum.covariance, a.optimum.covariance, rtol=10 * RTOL, atol=10 * RTOL)
    assert_allclose(b.coefficients()["df"], a.coefficients()["df"], rtol=1e-5)
    assert_allclose(b.groups()["EB"], a.groups()["EB"], rtol=RTOL, atol=10 * RTOL)


@given(seeds)
def test_precision_weight_of_whole_numbers_are_averages(seed: int) -> None:
    """A row that is the mean of m equal rows: weight m is what makes sigma comparable."""
    data = two_level(seed)
    m = np.random.default_rng(seed).integers(1, 4, len(data))
    plain = ec.lmer("y ~ x + (1 | g)", data, precision=m)
    data["m"] = m
    named = ec.lmer("y ~ x + (1 | g)", data, precision="m")
    assert named.deviance == plain.deviance and (named.theta == plain.theta).all()
