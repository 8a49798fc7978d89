"""Exact derivatives against central differences, on random designs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from law_tables import seeds, two_level
from numpy.testing import assert_allclose

import echelon as ec
from echelon.estimate.coordinates import Chart, chart
from echelon.estimate.deviance import evaluate
from echelon.estimate.problem import Problem
from tolerances import CLOSED

FORMULAS = (
    "y ~ x + z + (1 | g)",
    "y ~ x + (0 + x | g)",
    "y ~ x + z + (x | g)",
    "y ~ 0 + x + z + (x | g)",
    "y ~ x + (x || g)",
    "y ~ x + w + (x + w | g)",
    "y ~ x + w + (x + w || g)",
    "y ~ x + w + (1 | g) + (0 + x + w | g)",
)
formulas, either = st.sampled_from(FORMULAS), st.booleans()
RTOL = CLOSED["rtol"]


def difference(f: Callable[[np.ndarray], np.ndarray], x: np.ndarray, h: float = 2e-3) -> np.ndarray:
    """Derivatives of f along each entry of x, last axis; sixth order, so that h may be large."""
    columns = []
    for i in range(len(x)):
        step = np.zeros(len(x))
        step[i] = h
        ahead = [np.asarray(f(x + k * step)) - np.asarray(f(x - k * step)) for k in (1, 2, 3)]
        columns.append((45 * ahead[0] - 9 * ahead[1] + ahead[2]) / (60 * h))
    return np.stack(columns, axis=-1)


def problem_of(seed: int, formula: str) -> tuple[Problem, np.ndarray]:
    """A problem and a place away from its optimum and from the boundary."""
    problem = ec.lmer(formula, two_level(seed)).problem
    rng, shape = np.random.default_rng(seed), problem.pairs
    t = len(shape.row)
    return problem, np.where(shape.on_diagonal, rng.uniform(0.4, 1.6, t), rng.uniform(-0.8, 0.8, t))


def close(ours: np.ndarray, theirs: np.ndarray) -> None:
    assert_allclose(ours, theirs, rtol=RTOL, atol=RTOL * np.abs(theirs).max())


@given(seeds, formulas, either)
def test_gradient(seed: int, formula: str, reml: bool) -> None:
    problem, theta = problem_of(seed, formula)
    factor = problem.pairs.factor
    at = evaluate(problem, factor(theta), reml)
    close(at.gradient, difference(lambda t: evaluate(problem, factor(t), reml).value, theta))


@given(seeds, formulas, either)
def test_hessian(seed: int, formula: str, reml: bool) -> None:
    problem, theta = problem_of(seed, formula)
    factor = problem.pairs.factor
    at = evaluate(problem, factor(theta), reml)
    close(at.hessian, difference(lambda t: evaluate(problem, factor(t), reml).gradient, theta))
    assert_allclose(at.hessian, at.hessian.T, rtol=1e-9, atol=1e-9)


@given(seeds, formulas, either)
def test_slope_is_the_derivative_in_D(seed: int, formula: str, reml: bool) -> None:
    """d(deviance) = <S, dD> for a change of D = Lam Lam'."""
    problem, theta = problem_of(seed, formula)
    shape = problem.pairs
    at = evaluate(problem, shape.factor(theta), reml)

    def of_D(entries: np.ndarray) -> float:
        return evaluate(problem, np.linalg.cholesky(shape.symmetric(entries)), reml).value

    numerical = difference(of_D, shape.free(at.D), h=2e-4)
    twice = np.where(shape.on_diagonal, 1.0, 2.0)
    close(twice * shape.free(at.slope), numerical)


def interior(seed: int, formula: str, reml: bool) -> ec.LMM | None:
    """A fit well inside the parameter space, in the user's units."""
    fit = ec.lmer(formula, two_level(seed, groups=20), reml=reml)
    values = np.linalg.eigvalsh(fit.optimum.lam @ fit.optimum.lam.T)
    return fit if fit.verdict.status == "converged" and values[0] > 0.01 else None


def local(fit: ec.LMM) -> tuple[Chart, np.ndarray]:
    """The coordinates (x, sigma) of a fit's variance parameters."""
    at = evaluate(fit.problem, fit.lam_working, fit.reml)
    chart_ = chart(at, fit.problem.pairs)
    return chart_, np.append(chart_.x, fit.sigma)


@given(seeds, formulas, either)
def test_derivatives_of_vcov_and_of_the_covariance(seed: int, formula: str, reml: bool) -> None:
    """In (x, sigma): what Satterthwaite's method and the standard errors of variances rest on."""
    fit = interior(seed, formula, reml)
    if fit is None:
        return
    chart_, centre = local(fit)
    problem, back = fit.problem, fit.problem.fixed.back

    def vcov(parameters: np.ndarray) -> np.ndarray:
        at = evaluate(problem, chart_.factor(parameters[:-1] - chart_.x), fit.reml)
        half = np.linalg.solve(at.L, back.T)
        return parameters[-1] ** 2 * half.T @ half

    def covariance(x: np.ndarray) -> np.ndarray:
        lam = problem.whiten @ chart_.factor(x - chart_.x)
        return problem.pairs.free(lam @ lam.T)

    assert_allclose(vcov(centre), fit.vcov(), rtol=1e-9, atol=1e-12)
    numerical = difference(vcov, centre, h=1e-3)
    close(fit.optimum.vcov_gradient, np.moveaxis(numerical, -1, 0))
    close(fit.optimum.D_gradient, difference(covariance, chart_.x, h=1e-3))


@settings(max_examples=4)
@given(seeds, formulas, either)
def test_hessian_of_the_variance_parameters(seed: int, formula: str, reml: bool) -> None:
    """Of the deviance with sigma not profiled out, in (x, sigma)."""
    fit = interior(seed, formula, reml)
    if fit is None:
        return
    df = fit.optimum.df
    chart_, centre = local(fit)

    def gradient(parameters: np.ndarray) -> np.ndarray:
        def deviance(moved: np.ndarray) -> float:
            at = evaluate(fit.problem, chart_.factor(moved[:-1] - chart_.x), fit.reml)
            rest = at.value - df * (1 + np.log(2 * np.pi * at.rho2 / df))
            return rest + df * np.log(2 * np.pi * moved[-1] ** 2) + at.rho2 / moved[-1] ** 2

        return difference(deviance, parameters, h=4e-3)

    exact = 2 * np.linalg.inv(fit.optimum.varpar_covariance)
    scale = np.sqrt(np.diagonal(exact))
    numerical = difference(gradient, centre, h=4e-3)
    both = np.outer(scale, scale)
    assert_allclose(exact / both, numerical / both, rtol=0, atol=1e-6)
    assert np.abs(gradient(centre) / scale).max() < 1e-5
