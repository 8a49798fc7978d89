"""Fitting another response to a prepared design is fitting it."""

from __future__ import annotations

import numpy as np
import pytest
import several_tables
from hypothesis import given, settings
from hypothesis import strategies as st
from law_tables import FORMULAS, Answer, assert_same_answer, seeds, two_level
from numpy.testing import assert_allclose
from several_tables import several

import echelon as ec
from tolerances import OPTIMUM

formulas = st.sampled_from(FORMULAS)
either = st.booleans()


@given(seeds, formulas, either)
def test_the_same_response_gives_the_same_fit(seed: int, formula: str, reml: bool) -> None:
    data = two_level(seed)
    fit = ec.lmer(formula, data, reml=reml)
    assert_same_answer(Answer.of(fit.refit(data["y"])), Answer.of(fit))


@given(seeds, formulas, either)
def test_another_response_gives_its_own_fit(seed: int, formula: str, reml: bool) -> None:
    data = two_level(seed)
    other = two_level(seed, spread=0.5)["y"] + 0.3 * data["w"] ** 2
    fit = ec.lmer(formula, data, reml=reml)
    fresh = ec.lmer(formula, data.assign(y=other), reml=reml)
    again = fit.refit(other)
    assert_same_answer(Answer.of(again), Answer.of(fresh))
    assert_allclose(again.resid, fresh.resid, atol=1e-6)


@given(seeds, formulas, either)
def test_many_responses_are_single_ones(seed: int, formula: str, reml: bool) -> None:
    data = two_level(seed)
    fit = ec.lmer(formula, data, reml=reml)
    Y = data["y"].to_numpy()[:, None] + np.random.default_rng(seed).normal(size=(len(data), 4))
    many = fit.refit(Y)
    for r in range(4):
        one = ec.lmer(formula, data.assign(y=Y[:, r]), reml=reml)
        se = np.sqrt(np.diagonal(one.vcov()))
        top = max(np.abs(one.theta).max(), 1e-2)
        assert many.status[r] == one.verdict.status
        assert_allclose(many.deviance[r], one.deviance, rtol=OPTIMUM["deviance"])
        assert_allclose(many.theta[r] / top, one.theta / top, atol=1e-5)
        assert_allclose(many.beta[r] / se, one.optimum.beta / se, atol=1e-5)
        assert_allclose(many.std_error[r], se, rtol=1e-4)
        assert_allclose(many.sigma[r], one.sigma, rtol=1e-5)


@given(seeds, formulas, either)
def test_shifting_and_scaling_the_response(seed: int, formula: str, reml: bool) -> None:
    """A shift moves the constant by as much; a factor scales beta, its errors and sigma."""
    data = two_level(seed)
    fit = ec.lmer(formula, data, reml=reml)
    y = data["y"].to_numpy()
    found = fit.refit(np.column_stack([y, y + 1e4, 1e3 * y]))
    move = np.zeros(found.beta.shape[1])
    move[0] = 1e4
    se = found.std_error[0]
    assert_allclose((found.beta[1] - move - found.beta[0]) / se, 0, atol=1e-6)
    assert_allclose(found.beta[2] / 1e3 / se, found.beta[0] / se, atol=1e-6)
    assert_allclose(found.sigma / [1, 1, 1e3], found.sigma[0], rtol=1e-7)
    top = np.abs(found.theta[0]).max()
    assert_allclose(found.theta[1:] - found.theta[0], 0, atol=1e-6 * max(top, 1e-2))
    gained = 2 * fit.optimum.df * np.log(1e3)
    assert_allclose(found.deviance - [0, 0, gained], found.deviance[0], rtol=1e-9)


@settings(max_examples=2)
@given(seeds, either)
@pytest.mark.parametrize("formula", several_tables.FORMULAS)
def test_several_factors(formula: str, seed: int, reml: bool) -> None:
    data = several(seed)
    fit = ec.lmer(formula, data, reml=reml, precision="weight")
    other = data["y"] + np.random.default_rng(seed).normal(size=len(data))
    fresh = ec.lmer(formula, data.assign(y=other), reml=reml, precision="weight")
    again = fit.refit(other)
    many = fit.refit(np.column_stack([data["y"], other]))
    for deviance in (again.deviance, many.deviance[1]):
        assert deviance <= fresh.deviance + OPTIMUM["deviance"] * abs(fresh.deviance)
    if abs(again.deviance - fresh.deviance) < 1e-7:  # one optimum of one or two
        se = np.sqrt(np.diagonal(fresh.vcov()))
        assert_allclose(again.optimum.beta / se, fresh.optimum.beta / se, atol=1e-4)
        assert_allclose(many.beta[1] / se, fresh.optimum.beta / se, atol=1e-4)
