"""The iterative method: the exact one where both work, laws, and honest Monte Carlo errors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import echelon as ec
from echelon.api.results import LMM
from echelon.errors import DataError, NoConvergence, NotYetSupported, TooLarge, UnknownOption
from echelon.estimate.deviance import evaluate
from echelon.estimate.iterative.engine import Iterative, IterativeSweep
from echelon.estimate.iterative.probes import Probes
from echelon.estimate.problem import Problem
from echelon.model.assemble import fit_lmm
from echelon.multilevel.explained import null_model

TWO = "y ~ x + (1 | u) + (1 | i)"
THREE = "y ~ x + (1 | u) + (1 | i) + (1 | d)"
SLOPE = "y ~ x + (x | u) + (1 | i)"
CORE_SLOPE = "y ~ x + (1 | u) + (x || i) + (1 | d)"


def ratings(rows: int, J: int, K: int, L: int = 5, seed: int = 0) -> pd.DataFrame:
    """Students rate lecturers, some far oftener than others, in departments (as InstEval)."""
    rng = np.random.default_rng(seed)
    u, i = rng.integers(0, J, rows), (K * rng.random(rows) ** 1.6).astype(int)
    d, x = rng.integers(0, L, rows), rng.normal(size=rows)
    y = 3 + 0.5 * x + rng.normal(0, 0.6, J)[u] + rng.normal(0, 0.3, J)[u] * x
    y += rng.normal(0, 0.8, K)[i] + rng.normal(0, 0.4, L)[d] + rng.normal(0, 1.0, rows)
    weight = rng.uniform(0.5, 2, rows)
    return pd.DataFrame({"y": y, "x": x, "u": u, "i": i, "d": d, "weight": weight})


@pytest.fixture(scope="module")
def small() -> pd.DataFrame:
    return ratings(600, 70, 60)


@pytest.fixture(scope="module")
def middle() -> pd.DataFrame:
    return ratings(12_000, 1_500, 250, 10)


def with_probes(formula: str, data: object, probes: Probes, *, reml: bool = True) -> LMM:
    return LMM.of(fit_lmm(formula, data, reml=reml, df="satterthwaite", probes=probes))


def iteratively(task: Problem, count: object) -> Problem:
    return replace(task, engine=Iterative.of(task.blocks, Probes(count, 1)))


def sweep_of(task: Problem, lam: np.ndarray) -> IterativeSweep:
    found = task.engine.sweep(lam)
    assert isinstance(found, IterativeSweep)
    return found


def components(fit: LMM) -> np.ndarray:
    best = fit.optimum
    return np.append(best.pairs.free(best.covariance), best.sigma2)


# --- the exact engine -------------------------------------------------------------------------


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("formula", [TWO, THREE, SLOPE, CORE_SLOPE])
def test_unit_vectors_for_probes_are_the_exact_engine(
    small: pd.DataFrame, formula: str, reml: bool
) -> None:
    task = ec.lmer(formula, small, precision="weight").problem
    same = iteratively(task, "exact")
    for last in (0.5, 0.0):  # inside, and with a variance of zero
        lam = task.pairs.factor(np.linspace(0.4, 0.8, len(task.pairs.row)))
        lam[-1] = 0.0
        lam[-1, -1] = last
        exact, found = evaluate(task, lam, reml), evaluate(same, lam, reml)
        assert exact is not None and found is not None
        assert_allclose(found.value, exact.value, rtol=1e-10)
        assert_allclose(found.beta, exact.beta, rtol=1e-9)
        for name in ("gradient", "slope", "hessian", "hessian_D"):
            wanted = getattr(exact, name)
            assert_allclose(getattr(found, name), wanted, atol=1e-8 * np.abs(wanted).max())


@pytest.mark.parametrize("formula", [TWO, THREE, SLOPE, CORE_SLOPE])
def test_effects_are_exact_whatever_the_probes(small: pd.DataFrame, formula: str) -> None:
    fit = ec.lmer(formula, small)
    task = iteratively(fit.problem, 2)
    wanted = fit.problem.engine.sweep(fit.lam_working).effects()
    for exact, found in zip(wanted, task.engine.sweep(fit.lam_working).effects(), strict=True):
        assert_allclose(found.F, exact.F, atol=1e-8 * np.abs(exact.F).max())
        assert_allclose(found.W, exact.W, atol=1e-10 * np.abs(exact.W).max())


@pytest.mark.parametrize("formula", [TWO, SLOPE])
def test_same_optimum_with_unit_vectors(small: pd.DataFrame, formula: str) -> None:
    exact = ec.lmer(formula, small)
    found = with_probes(formula, small, Probes("exact", 0))
    assert_allclose(found.deviance, exact.deviance, rtol=1e-10)
    assert_allclose(found.theta, exact.theta, rtol=1e-5)
    assert_allclose(found.optimum.beta, exact.optimum.beta, rtol=1e-6)
    assert not found.verdict.monte_carlo.variances.any()


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("formula", [TWO, THREE, SLOPE])
def test_agrees_within_its_own_errors(middle: pd.DataFrame, formula: str, reml: bool) -> None:
    exact = ec.lmer(formula, middle, reml=reml)
    found = ec.lmer(formula, middle, reml=reml, method="iterative", rng=1)
    errors = found.verdict.monte_carlo
    assert found.verdict.status == "converged"
    assert (np.abs(components(found) - components(exact)) < 3 * errors.variances + 1e-7).all()
    assert abs(found.deviance - exact.deviance) < 3 * errors.deviance
    assert np.nanmax(errors.share) < 0.1 and errors.deviance < 0.1
    se = np.sqrt(np.diagonal(exact.optimum.vcov))
    assert (np.abs(found.optimum.beta - exact.optimum.beta) < 1e-3 * se).all()
    assert_allclose(found.bse, exact.bse, rtol=1e-2)


def test_fixed_effects_are_exact_for_given_variances(middle: pd.DataFrame) -> None:
    """beta within 1e-6 standard errors of the exact engine at the same covariance factor."""
    found = ec.lmer(THREE, middle, method="iterative")
    exact = ec.lmer(THREE, middle).problem
    at = evaluate(exact, found.lam_working, True)
    assert at is not None
    beta = exact.fixed.back @ at.beta + exact.fixed.shift
    se = np.sqrt(np.diagonal(found.optimum.vcov))
    assert (np.abs(found.optimum.beta - beta) < 1e-6 * se).all()
    assert_allclose(found.optimum.sigma2, at.sigma2, rtol=1e-10)


def test_a_variance_of_zero(middle: pd.DataFrame) -> None:
    nothing = middle.assign(d=np.random.default_rng(3).integers(0, 120, len(middle)))
    exact, found = ec.lmer(THREE, nothing), ec.lmer(THREE, nothing, method="iterative")
    assert exact.verdict.status == found.verdict.status == "boundary"
    assert components(found)[2] == 0
    assert_allclose(found.theta, exact.theta, atol=1e-3)
    assert "zero variance of (Intercept) between d" in found.verdict.message


# --- laws -------------------------------------------------------------------------------------


def test_the_same_seed_is_the_same_fit(middle: pd.DataFrame) -> None:
    fits = [ec.lmer(TWO, middle, method="iterative", rng=s) for s in (4, 4, 5)]
    assert fits[0].deviance == fits[1].deviance
    assert (fits[0].theta == fits[1].theta).all()
    assert fits[0].deviance != fits[2].deviance
    generator = np.random.default_rng(8)
    assert ec.lmer(TWO, middle, method="iterative", rng=generator).verdict.monte_carlo.seed != 0


def test_the_order_of_rows_does_not_matter(middle: pd.DataFrame) -> None:
    """To rounding where the order of the groups stays; else to the Monte Carlo error."""
    fit = ec.lmer(TWO, middle, method="iterative")
    shuffled = ec.lmer(TWO, middle.sample(frac=1, random_state=1), method="iterative")
    assert_allclose(shuffled.deviance, fit.deviance, rtol=1e-10)
    assert_allclose(shuffled.theta, fit.theta, rtol=1e-7)
    labels = np.random.default_rng(2).permutation(1_500)
    renamed = ec.lmer(TWO, middle.assign(u=labels[middle["u"]]), method="iterative")
    errors = np.hypot(fit.verdict.monte_carlo.variances, renamed.verdict.monte_carlo.variances)
    assert (np.abs(components(renamed) - components(fit)) < 4 * errors).all()
    assert abs(renamed.deviance - fit.deviance) < fit.verdict.monte_carlo.meaningless * 1.5


def test_the_order_of_factors_does_not_matter(small: pd.DataFrame) -> None:
    a = with_probes("y ~ x + (1 | u) + (x | i)", small, Probes("exact", 0))
    b = with_probes("y ~ x + (x | i) + (1 | u)", small, Probes("exact", 0))
    assert_allclose(a.deviance, b.deviance, rtol=1e-10)
    assert_allclose(sorted(a.theta), sorted(b.theta), rtol=1e-5)


def test_units_do_not_matter(middle: pd.DataFrame) -> None:
    fit = ec.lmer(SLOPE, middle, method="iterative")
    scaled = ec.lmer(
        SLOPE, middle.assign(x=middle["x"] * 1e3, y=middle["y"] * 10), method="iterative"
    )
    errors, other = fit.verdict.monte_carlo, scaled.verdict.monte_carlo
    assert_allclose(components(scaled)[0], 100 * components(fit)[0], rtol=1e-6)
    assert_allclose(other.share, errors.share, rtol=1e-3)
    assert_allclose(other.variances[0], 100 * errors.variances[0], rtol=1e-3)


def test_more_probes_less_noise(middle: pd.DataFrame) -> None:
    few = ec.lmer(TWO, middle, method="iterative", probes=16).verdict.monte_carlo
    many = ec.lmer(TWO, middle, method="iterative", probes=240).verdict.monte_carlo
    assert np.nanmax(many.share) < 0.5 * np.nanmax(few.share)
    assert many.deviance < 0.6 * few.deviance


def test_conditional_sd_of_named_groups(middle: pd.DataFrame) -> None:
    exact, found = ec.lmer(SLOPE, middle), ec.lmer(SLOPE, middle, method="iterative")
    table = exact.ranef()
    for factor in ("u", "i"):
        some = found.conditional_sd(factor, [7, 3])
        wanted = pd.concat(
            [table[(table["group"] == factor) & (table["level"] == j)] for j in (7, 3)]
        )
        assert list(some["term"]) == list(wanted["term"])
        assert_allclose(some["std_error"], wanted["std_error"], rtol=1e-3)
        assert_allclose(exact.conditional_sd(factor, [7, 3])["std_error"], wanted["std_error"])
    with pytest.raises(DataError, match="'i' has no group 9999"):
        found.conditional_sd("i", [9999])


def test_conditional_sds_not_solved_for_are_nan(
    middle: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("echelon.tolerances.SOLVED_WORK", 0)
    table = ec.lmer(TWO, middle, method="iterative").ranef()
    assert table["std_error"].isna().all() and table["estimate"].notna().all()


# --- what is said and refused -----------------------------------------------------------------


def test_the_verdict_says_it(middle: pd.DataFrame) -> None:
    fit = ec.lmer(TWO, middle, method="iterative", probes=10, rng=3)
    said = fit.verdict.message
    for part in ("Iterative method with 10 random probes", "rng=3", "mean nothing", "AIC"):
        assert part in said
    assert said in fit.notes
    assert f"{fit.verdict.monte_carlo.deviance:.2g}" in said
    assert ec.lmer(TWO, middle).verdict.monte_carlo is None


def test_the_null_model_is_fitted_the_same_way(middle: pd.DataFrame) -> None:
    found = null_model(ec.lmer(TWO, middle, method="iterative", rng=7))
    assert found.verdict.monte_carlo.seed == 7
    exact = null_model(ec.lmer(TWO, middle))
    assert_allclose(found.optimum.deviance, exact.optimum.deviance, rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "kind", "said"),
    [
        ({"probes": 5}, DataError, "belong to method"),
        ({"rng": 5}, DataError, "belong to method"),
        ({"method": "iterative", "probes": 1}, DataError, "at least 2"),
        ({"method": "iteratve"}, UnknownOption, "Did you mean 'iterative'"),
        ({"method": "REML"}, DataError, "reml=True"),
        ({"method": "iterative", "residual": "by(d)"}, NotYetSupported, "residual="),
    ],
)
def test_options_that_do_not_go_together(
    small: pd.DataFrame, options: dict, kind: type, said: str
) -> None:
    with pytest.raises(kind, match=said):
        ec.lmer(TWO, small, **options)


def test_one_factor_is_refused(small: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="two crossed grouping factors"):
        ec.lmer("y ~ x + (1 | u)", small, method="iterative")


def test_too_large_names_the_method(small: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("echelon.tolerances.MAX_CORE", 10)
    with pytest.raises(TooLarge, match='method="iterative"'):
        ec.lmer(TWO, small)
    assert ec.lmer(TWO, small, method="iterative").verdict.status == "converged"


def test_slow_convergence_is_an_error(small: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("echelon.tolerances.CG_STEPS", 3)
    with pytest.raises(NoConvergence, match='method="exact"'):
        ec.lmer(TWO, small, method="iterative")


# --- calibration ------------------------------------------------------------------------------


def local(seed: int) -> pd.DataFrame:
    """Pupils who meet neighbouring teachers only: the hard case, with much noise."""
    rng = np.random.default_rng(seed)
    J, K = 3_000, 300
    u = np.repeat(np.arange(J), 4)
    i = (u // 10 + rng.integers(-1, 2, len(u))) % K
    y = rng.normal(0, 2, J)[u] + rng.normal(0, 2, K)[i] + rng.normal(size=len(u))
    return pd.DataFrame({"y": y, "u": u, "i": i})


@pytest.mark.slow
@pytest.mark.parametrize("design", ["dense", "local"])
def test_monte_carlo_errors_are_calibrated(middle: pd.DataFrame, design: str) -> None:
    """Over 20 seeds, deviations from the exact fit are as large as the errors reported.

    The mean square of 20 normal deviates is within 0.25 and 2.8 but for 1e-4 on either side; errors
    estimated from 20 probes spread it a little more.
    """
    data, formula = (middle, TWO) if design == "dense" else (local(1), "y ~ 1 + (1|u) + (1|i)")
    exact = ec.lmer(formula, data)
    z = []
    for seed in range(20):
        fit = ec.lmer(formula, data, method="iterative", rng=seed)
        errors = fit.verdict.monte_carlo
        gap = components(fit) - components(exact)
        z.append([*(gap / errors.variances), (fit.deviance - exact.deviance) / errors.deviance])
    square = np.mean(np.square(z), axis=0)
    assert (square > 0.25).all() and (square < 2.8).all(), square
    assert (np.abs(np.mean(z, axis=0)) < 4 / np.sqrt(20)).all()
