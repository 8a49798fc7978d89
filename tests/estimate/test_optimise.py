"""The search: few evaluations, one answer from anywhere, honest verdicts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import echelon as ec
from echelon.estimate.optimise import minimise, with_user_factor


@pytest.fixture(scope="module")
def sleep() -> ec.LMM:
    return ec.lmer("Reaction ~ Days + (Days | Subject)", ec.datasets.load("sleepstudy"))


def test_few_evaluations(sleep: ec.LMM) -> None:
    assert sleep.verdict.evaluations <= 8
    assert sleep.verdict.status == "converged" and sleep.verdict.distance_se < 1e-6


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(
    "formula", ["mathach ~ cses + (cses | school)", "mathach ~ ses + (1 | school)"]
)
def test_one_answer_from_any_start(formula: str, seed: int) -> None:
    fit = _hsb(formula)
    rng = np.random.default_rng(seed)
    q = fit.problem.q
    start = np.tril(rng.normal(size=(q, q))) * 10.0 ** rng.uniform(-3, 1)
    search = minimise(fit.problem, True, start)
    assert_allclose(search.at.value, fit.deviance, rtol=1e-12)
    assert_allclose(search.at.D, fit.lam_working @ fit.lam_working.T, rtol=1e-5, atol=1e-8)


_FITS: dict[str, ec.LMM] = {}


def _hsb(formula: str) -> ec.LMM:
    if formula not in _FITS:
        _FITS[formula] = ec.lmer(formula, ec.datasets.load("hsb"))
    return _FITS[formula]


def test_user_factor_is_the_fit(sleep: ec.LMM) -> None:
    at = with_user_factor(sleep.problem, sleep.theta, True)
    assert at is not None
    assert_allclose(at.value, sleep.deviance, rtol=1e-13)
    assert_allclose(np.sqrt(at.sigma2), sleep.sigma, rtol=1e-10)


@pytest.mark.parametrize("seed", range(6))
def test_a_variance_of_zero_is_exactly_zero(seed: int) -> None:
    """A slope that does not vary: zero, or a correlation of one; or a small positive variance."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(15), 6)
    x = rng.normal(size=90)
    y = x + rng.normal(size=15)[g] + rng.normal(size=90)
    fit = ec.lmer("y ~ x + (x || g)", pd.DataFrame({"g": g, "x": x, "y": y}))
    smaller = ec.lmer("y ~ x + (1 | g)", pd.DataFrame({"g": g, "x": x, "y": y}))
    assert fit.deviance <= smaller.deviance + 1e-8
    if fit.verdict.status == "boundary":
        assert 0.0 in fit.theta.tolist()
        assert_allclose(fit.deviance, smaller.deviance, rtol=1e-12)
        assert_allclose(fit.optimum.beta, smaller.optimum.beta, rtol=1e-7)
        assert "zero variance of x between g" in fit.verdict.message
    else:
        assert (fit.theta > 1e-3).all()


def test_variance_far_larger_than_the_residual() -> None:
    """Ratio 1e6: no bound stops the search."""
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(20), 5)
    data = pd.DataFrame({"g": g, "y": 1e3 * rng.normal(size=20)[g] + rng.normal(size=100)})
    fit = ec.lmer("y ~ 1 + (1 | g)", data)
    rows = data.groupby("g")["y"]
    msb, msw = 5 * rows.mean().var(), rows.var().mean()
    assert fit.verdict.status == "converged"
    assert_allclose(fit.theta, [np.sqrt((msb - msw) / 5 / msw)], rtol=1e-6)


@pytest.mark.parametrize("reml", [True, False])
def test_flat_parameters_are_named(reml: bool) -> None:
    """(1 | g) beside the cell means of a factor: the ridge is reported, not hidden."""
    rng = np.random.default_rng(4)
    g, f = np.repeat(np.arange(12), 9), np.tile(np.repeat(["a", "b", "c"], 3), 12)
    u = rng.normal(size=(12, 3)) + 2 * rng.normal(size=(12, 1))
    y = u[g, np.searchsorted(["a", "b", "c"], f)] + 0.5 * rng.normal(size=108)
    fit = ec.lmer("y ~ f + (f || g)", pd.DataFrame({"g": g, "f": f, "y": y}), reml=reml)
    assert fit.verdict.status == "converged" and "g.(Intercept)" in fit.verdict.flat
    assert "do not determine" in fit.verdict.message
