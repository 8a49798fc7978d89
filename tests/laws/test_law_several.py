"""Several grouping factors: derivatives, the dense model, and what must not matter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from several_tables import FORMULAS, DenseSeveral, several
from test_law_derivatives import close, difference
from test_law_moments import fit_of, moments_of, pieces_of

import echelon as ec
from echelon.effects.empirical_bayes import all_effects
from echelon.estimate.border import Border, border
from echelon.estimate.crossed import Crossed
from echelon.estimate.deviance import evaluate
from echelon.estimate.optimise import with_user_factor
from echelon.estimate.problem import Problem
from tolerances import CLOSED

seeds, either = st.integers(0, 10**6), st.booleans()
every_formula = pytest.mark.parametrize("formula", FORMULAS)
RTOL = CLOSED["rtol"]


def problem_of(seed: int, formula: str) -> tuple[Problem, np.ndarray]:
    """A problem and a place away from its optimum and from the boundary."""
    problem = ec.lmer(formula, several(seed), precision="weight").problem
    rng, shape = np.random.default_rng(seed), problem.pairs
    t = len(shape.row)
    return problem, np.where(shape.on_diagonal, rng.uniform(0.3, 1.4, t), rng.uniform(-0.6, 0.6, t))


@every_formula
@settings(max_examples=3)
@given(seeds, either)
def test_gradient_and_hessian(formula: str, seed: int, reml: bool) -> None:
    problem, theta = problem_of(seed, formula)
    factor = problem.pairs.factor
    at = evaluate(problem, factor(theta), reml)
    close(at.gradient, difference(lambda t: evaluate(problem, factor(t), reml).value, theta))
    close(at.hessian, difference(lambda t: evaluate(problem, factor(t), reml).gradient, theta))


@every_formula
@settings(max_examples=3)
@given(seeds, either)
def test_gradient_and_hessian_at_the_boundary(formula: str, seed: int, reml: bool) -> None:
    """One effect without variance: the deviance is even in it, and derivatives exist."""
    problem, theta = problem_of(seed, formula)
    shape = problem.pairs
    gone = seed % shape.q
    theta = np.where((shape.row == gone) | (shape.col == gone), 0.0, theta)
    at = evaluate(problem, shape.factor(theta), reml)
    close(at.gradient, difference(lambda t: evaluate(problem, shape.factor(t), reml).value, theta))
    close(
        at.hessian, difference(lambda t: evaluate(problem, shape.factor(t), reml).gradient, theta)
    )


@every_formula
@settings(max_examples=3)
@given(seeds, either)
def test_everything_against_the_dense_model(formula: str, seed: int, reml: bool) -> None:
    fit = ec.lmer(formula, several(seed), precision="weight", reml=reml)
    dense, shape = DenseSeveral.of(fit), fit.optimum.pairs
    rng = np.random.default_rng(seed)
    theta = np.where(shape.on_diagonal, rng.uniform(0, 2, len(shape.row)), rng.normal(size=1))
    lam = shape.factor(theta)
    at = with_user_factor(fit.problem, theta, reml)
    assert_allclose(at.value, dense.deviance(lam @ lam.T, reml), rtol=1e-10)
    D, sigma2 = fit.optimum.covariance / fit.optimum.sigma2, fit.optimum.sigma2
    _, beta, bread, rho2 = dense.parts(D)
    assert_allclose(fit.deviance, dense.deviance(D, reml), rtol=1e-10)
    assert_allclose(fit.optimum.beta, beta, rtol=RTOL, atol=RTOL)
    assert_allclose(fit.vcov(), sigma2 * bread, rtol=RTOL, atol=1e-10)
    df = len(dense.y) - (len(beta) if reml else 0)
    assert_allclose(sigma2, rho2 / df, rtol=RTOL)
    mode, covariance = dense.effects(D)
    ours = all_effects(fit)
    assert_allclose(np.concatenate([e.mode.ravel() for e in ours]), mode, rtol=1e-6, atol=1e-7)
    start = 0
    for effects in ours:
        J, q = effects.mode.shape
        own = covariance[start : start + J * q, start : start + J * q].reshape(J, q, J, q)
        own = own[np.arange(J), :, np.arange(J), :]
        assert_allclose(effects.var / sigma2, own, rtol=1e-6, atol=1e-8)
        start += J * q


TURNED = {
    "y ~ x + z + (1 | g) + (1 | h)": "y ~ x + z + (1 | h) + (1 | g)",
    "y ~ x + w + (x | g) + (w || h)": "y ~ x + w + (w || h) + (x | g)",
    "y ~ x + (1 | g / h) + (1 | k)": "y ~ x + (1 | k) + (1 | g) + (1 | h:g)",
    "y ~ x + (x | g / h)": "y ~ x + (x | g) + (x | h:g)",
    "y ~ 0 + x + z + (1 | g) + (1 | h) + (1 | g:h)": "y ~ 0 + x + z + (1 | g:h) + (1 | h) + (1 | g)",
}


@given(seeds, st.sampled_from(sorted(TURNED)))
def test_order_of_the_terms_does_not_matter(seed: int, formula: str) -> None:
    data = several(seed)
    fit, other = ec.lmer(formula, data), ec.lmer(TURNED[formula], data)
    assert set(other.factors) == set(fit.factors)
    assert_allclose(other.deviance, fit.deviance, rtol=1e-9)
    se = np.sqrt(np.diagonal(fit.vcov()))
    assert_allclose(other.optimum.beta / se, fit.optimum.beta / se, rtol=0, atol=1e-5)
    columns = ["group", "term", "with_term"]
    a = fit.variance_components().set_index(columns)["variance"]
    b = other.variance_components().set_index(columns)["variance"]
    assert_allclose(b[a.index], a, rtol=1e-4, atol=1e-5 * a.abs().max())


@given(seeds)
def test_nested_coding_is_the_explicit_interaction(seed: int) -> None:
    data = several(seed)
    data["both"] = data["h"] + ":" + data["g"]
    written = ec.lmer("y ~ x + (x | g) + (1 | both)", data)
    for formula in ("y ~ x + (x | g) + (1 | h:g)", "y ~ x + (x | g) + (1 | g:h)"):
        assert_allclose(ec.lmer(formula, data).deviance, written.deviance, rtol=1e-10)
    slash = ec.lmer("y ~ x + (1 | g / h)", data)
    assert_allclose(
        slash.deviance, ec.lmer("y ~ x + (1 | g) + (1 | both)", data).deviance, rtol=1e-10
    )


@every_formula
@settings(max_examples=2)
@given(seeds, st.integers(2, 5))
def test_pieces_add_in_any_order(formula: str, seed: int, count: int) -> None:
    data = several(seed)
    parts = [moments_of(formula, piece) for piece in pieces_of(data, seed, count)]
    whole = fit_of(formula, moments_of(formula, data))
    for order in (parts, parts[::-1]):
        fit = fit_of(formula, sum(order[1:], start=order[0]))
        assert_allclose(fit.optimum.deviance, whole.optimum.deviance, rtol=1e-9)
        assert_allclose(fit.optimum.vcov, whole.optimum.vcov, rtol=1e-4)


@given(seeds, either)
def test_a_factor_without_variance_is_no_factor(seed: int, reml: bool) -> None:
    data = several(seed)
    both = ec.lmer("y ~ x + (x | g) + (1 | h)", data, reml=reml)
    alone = ec.lmer("y ~ x + (x | g)", data, reml=reml)
    theta = np.append(alone.theta, 0.0)
    at = with_user_factor(both.problem, theta, reml)
    assert_allclose(at.value, alone.deviance, rtol=1e-11)
    assert_allclose(at.sigma2, alone.optimum.sigma2, rtol=1e-9)


@given(seeds, either)
def test_independent_terms_add(seed: int, reml: bool) -> None:
    """Terms of one factor written apart, together by ||, or as two copies of the factor."""
    data = several(seed)
    data["copy"] = data["g"]
    apart = ec.lmer("y ~ x + (1 | g) + (0 + x | g) + (1 | h)", data, reml=reml)
    bars = ec.lmer("y ~ x + (x || g) + (1 | h)", data, reml=reml)
    copies = ec.lmer("y ~ x + (1 | g) + (0 + x | copy) + (1 | h)", data, reml=reml)
    assert_allclose(bars.deviance, apart.deviance, rtol=1e-10)
    assert_allclose(copies.deviance, apart.deviance, rtol=1e-9)


@settings(max_examples=3)
@given(seeds)
def test_labels_do_not_matter(seed: int) -> None:
    data, rng = several(seed), np.random.default_rng(seed)
    other = data.copy()
    for name in ("g", "h", "k"):
        labels = data[name].unique()
        other[name] = data[name].map(dict(zip(labels, rng.permutation(labels), strict=True)))
    other = other.iloc[rng.permutation(len(other))]
    for formula in FORMULAS:
        a, b = ec.lmer(formula, data), ec.lmer(formula, other)
        assert_allclose(b.deviance, a.deviance, rtol=1e-9)


def with_strategy(engine: Crossed, strategy: str) -> Crossed:
    """The same engine, its border multiplied in another way."""
    old = engine.border
    lists = old.lists if strategy == "pairs" else None
    return replace(engine, border=Border(old.rows, old.columns, strategy, lists))


@pytest.mark.parametrize("formula", [f for f in FORMULAS if "/" not in f and "g:h" not in f])
@pytest.mark.parametrize("reml", [True, False])
def test_ways_to_multiply_agree(formula: str, reml: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pair lists, dense blocks and sparse products are one thing."""
    monkeypatch.setattr("echelon.tolerances.DENSE_FLOPS", 1.0)  # pair lists are always cheaper
    problem = ec.lmer(formula, several(3), precision="weight").problem
    engine = Crossed.of(problem.blocks)
    assert border(engine.border.rows).strategy == "pairs"
    lam = problem.pairs.factor(np.where(problem.pairs.on_diagonal, 0.8, 0.2))
    at = {
        way: evaluate(replace(problem, engine=with_strategy(engine, way)), lam, reml)
        for way in ("pairs", "dense", "sparse")
    }
    for way in ("dense", "sparse"):
        assert_allclose(at[way].value, at["pairs"].value, rtol=1e-13)
        close(at[way].gradient, at["pairs"].gradient)
        close(at[way].hessian, at["pairs"].hessian)


def test_units_do_not_matter() -> None:
    """lme4 stops short or warns where a predictor is of scale 1e6."""
    data = several(5)
    plain = ec.lmer("y ~ x + (x | g) + (x | h)", data)
    for factor in (1e-6, 1e6):
        scaled = data.assign(x=data["x"] * factor, y=data["y"] * 1e3)
        fit = ec.lmer("y ~ x + (x | g) + (x | h)", scaled)
        assert fit.verdict.status == plain.verdict.status
        shift = 2 * len(data) * np.log(1e3) - 2 * (np.log(1e3 / factor) + np.log(1e3))
        assert_allclose(fit.deviance - shift, plain.deviance, rtol=1e-8)
        assert_allclose(fit.optimum.beta[1] * factor / 1e3, plain.optimum.beta[1], rtol=1e-6)


def test_shifted_predictors_do_not_matter() -> None:
    data = several(6)
    plain = ec.lmer("y ~ x + (x | g) + (x | h)", data)
    moved = ec.lmer("y ~ x + (x | g) + (x | h)", data.assign(x=data["x"] + 2019, y=data["y"] + 1e6))
    assert_allclose(moved.deviance, plain.deviance, rtol=1e-7)
    assert_allclose(moved.optimum.beta[1], plain.optimum.beta[1], rtol=1e-6)


def test_a_table_without_a_pair_is_fine() -> None:
    """Partially crossed: most pairs of groups share no row."""
    half = several(7)
    data = pd.concat([half.assign(g=half["g"] + tag) for tag in "ab"])
    fit = ec.lmer("y ~ x + (1 | g) + (1 | h)", data)
    dense = DenseSeveral.of(fit)
    D = fit.optimum.covariance / fit.optimum.sigma2
    assert_allclose(fit.deviance, dense.deviance(D, True), rtol=1e-10)
