"""Structured random effects: what each is equal to, and derivatives in their own coordinates."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from law_tables import seeds
from numpy.testing import assert_allclose
from test_law_derivatives import difference

import echelon as ec
from echelon.estimate.bounds import factor, theta
from echelon.estimate.coordinates import chart
from echelon.estimate.deviance import Evaluation, evaluate
from echelon.estimate.optimise import minimise, with_user_factor
from echelon.estimate.problem import Problem
from echelon.infer import component_values, criteria
from echelon.linalg.structures import Kind, structure
from echelon.model.assemble import fit_moments
from tolerances import CLOSED

RTOL = CLOSED["rtol"]
either = st.booleans()
STRUCTURED = (
    "y ~ x + cs(0 + f | g)",
    "y ~ x + cs(0 + f | g, hom = TRUE)",
    "y ~ x + cs(x | g)",
    "y ~ x + diag(0 + f | g, hom = TRUE)",
    "y ~ x + ar1(0 + f | g)",
    "y ~ x + ar1(0 + f | g, hom = FALSE)",
    "y ~ x + (x | h) + ar1(0 + f | g)",
    "y ~ x + cs(0 + f | g, hom = TRUE) + (1 | h)",
    "y ~ x + (1 | block) + hetar1(0 + f | g)",
)
formulas = st.sampled_from(STRUCTURED)


def repeated(
    seed: int, levels: int = 4, *, rho: float = 0.5, spread: float = 1.0, kind: Kind = "ar1"
) -> pd.DataFrame:
    """A table of y, x, a category f within groups g (in blocks), h crossed with g, and weights w."""
    rng = np.random.default_rng(seed)
    J, n = 24, 24 * levels * 3
    g, f = np.divmod(np.arange(n), levels * 3)
    f = f % levels
    keep = rng.uniform(size=n) < 0.85  # unbalanced
    h = rng.integers(0, 9, n)
    R, _, _ = structure(kind, levels).correlation(rho)
    u = spread * rng.normal(size=(J, levels)) @ np.linalg.cholesky(R).T
    x = rng.normal(size=n) + 0.5 * rng.normal(size=J)[g]
    w = rng.uniform(0.5, 2, n)
    y = 1 + 0.4 * x + 0.5 * rng.normal(size=9)[h] + 0.3 * rng.normal(size=6)[g % 6]
    y = y + u[g, f] + 0.4 * rng.normal(size=J)[g] * x + rng.normal(size=n) / np.sqrt(w)
    label = np.array([f"g{j:02d}" for j in range(J)])
    names = np.array([f"t{k}" for k in range(levels)])
    table = {"y": y, "x": x, "w": w, "f": names[f], "g": label[g], "h": h, "block": g % 6}
    return pd.DataFrame(table)[keep].reset_index(drop=True)


def same(first: ec.LMM, second: ec.LMM) -> None:
    """Two spellings of one model."""
    assert_allclose(first.deviance, second.deviance, rtol=1e-9)
    assert_allclose(first.optimum.sigma2, second.optimum.sigma2, rtol=1e-5)
    assert_allclose(first.optimum.beta, second.optimum.beta, rtol=1e-5, atol=1e-6)
    assert_allclose(first.vcov(), second.vcov(), rtol=1e-5, atol=1e-8)
    df = [np.asarray(fit.coefficients()["df"]) for fit in (first, second)]
    assert_allclose(df[0], df[1], rtol=1e-4)


def converged(formula: str, table: pd.DataFrame, **options: object) -> ec.LMM | None:
    """A fit well inside the parameter space; None otherwise."""
    fit = ec.lmer(formula, table, **options)
    assert fit.verdict.status != "failed"
    values = np.linalg.eigvalsh(fit.optimum.lam @ fit.optimum.lam.T)
    return fit if fit.verdict.status == "converged" and values[0] > 1e-3 else None


# --- equal models ---------------------------------------------------------------------------


@given(seeds, either, either)
def test_homogeneous_cs_is_a_nested_factor(seed: int, reml: bool, weighted: bool) -> None:
    """cs(0 + f | g, hom = TRUE) is (1 | g) + (1 | g:f) when the correlation is positive."""
    table = repeated(seed, kind="homcs", spread=1.5)
    options = {"reml": reml, "precision": "w" if weighted else None}
    ours = converged("y ~ x + cs(0 + f | g, hom = TRUE)", table, **options)
    if ours is None or ours.theta[1] < 0.01:
        return
    nested = ec.lmer("y ~ x + (1 | g) + (1 | g:f)", table, **options)
    same(ours, nested)
    between, within = nested.optimum.covariance[0, 0], nested.optimum.covariance[1, 1]
    assert_allclose(ours.optimum.covariance[0, 0], between + within, rtol=1e-5)
    assert_allclose(ours.theta[1], between / (between + within), rtol=1e-4)
    assert criteria(ours).parameters == criteria(nested).parameters


@pytest.mark.parametrize("spelling", ["cs(0 + f | g)", "ar1(0 + f | g, hom = FALSE)"])
@given(seeds, either)
def test_two_effects_of_any_kind_are_unstructured(spelling: str, seed: int, reml: bool) -> None:
    table = repeated(seed, 2)
    ours = converged(f"y ~ x + {spelling}", table, reml=reml)
    if ours is None:
        return
    free = ec.lmer("y ~ x + (0 + f | g)", table, reml=reml)
    same(ours, free)
    assert_allclose(ours.optimum.covariance, free.optimum.covariance, rtol=1e-4, atol=1e-6)
    rows, others = component_values(ours).rows, component_values(free).rows
    for a, b in zip(rows, others, strict=True):
        assert_allclose([a.sd, a.sd_se], [b.sd, b.sd_se], rtol=1e-4)


@given(seeds, either)
def test_cs_of_intercept_and_slope_is_unstructured(seed: int, reml: bool) -> None:
    """Columns of a structured term are not centred: the structure holds in the user's columns."""
    table = repeated(seed).assign(x=lambda t: t.x + 3)
    ours = converged("y ~ x + cs(x | g)", table, reml=reml)
    if ours is not None:
        same(ours, ec.lmer("y ~ x + (x | g)", table, reml=reml))


@given(seeds, either)
def test_diagonal(seed: int, reml: bool) -> None:
    table = repeated(seed)
    same(
        ec.lmer("y ~ x + diag(x | g)", table, reml=reml),
        ec.lmer("y ~ x + (x || g)", table, reml=reml),
    )
    same(
        ec.lmer("y ~ x + diag(1 | g, hom = TRUE)", table, reml=reml),
        ec.lmer("y ~ x + (1 | g)", table, reml=reml),
    )
    same(
        ec.lmer("y ~ x + diag(0 + f | g, hom = TRUE)", table, reml=reml),
        ec.lmer("y ~ x + (1 | g:f)", table, reml=reml),
    )


@given(seeds)
def test_diagonal_of_a_factor_has_a_variance_for_each_level(seed: int) -> None:
    """Not lme4's `||`, which leaves the levels correlated."""
    table = repeated(seed, 3)
    fit = ec.lmer("y ~ x + diag(0 + f | g)", table)
    columns = pd.get_dummies(table.f).astype(float).add_prefix("is_")
    text = " + ".join(f"(0 + {name} | g)" for name in columns)
    same(fit, ec.lmer(f"y ~ x + {text}", pd.concat([table, columns], axis=1)))


@given(seeds, either)
def test_no_correlation_is_the_diagonal(seed: int, reml: bool) -> None:
    """The deviance at given parameters: ar1 and cs with a correlation of 0."""
    table = repeated(seed)
    plain = ec.lmer("y ~ x + diag(0 + f | g, hom = TRUE)", table, reml=reml)
    at = with_user_factor(plain.problem, np.array([0.8]), reml)
    for kind in ("ar1", "cs"):
        fit = ec.lmer(f"y ~ x + {kind}(0 + f | g, hom = TRUE)", table, reml=reml)
        there = with_user_factor(fit.problem, np.array([0.8, 0.0]), reml)
        assert_allclose(there.value, at.value, rtol=1e-12)


# --- what does not matter -------------------------------------------------------------------


@given(seeds)
def test_labels_and_direction_of_time(seed: int) -> None:
    """Names of groups, and the order of the rows; time backwards is the same AR(1)."""
    table = repeated(seed)
    fit = ec.lmer("y ~ x + ar1(0 + f | g)", table)
    rng = np.random.default_rng(seed)
    names = dict(zip(sorted(set(table.g)), rng.permutation(24), strict=True))
    moved = table.assign(g=table.g.map(names)).sample(frac=1, random_state=1)
    same(fit, ec.lmer("y ~ x + ar1(0 + f | g)", moved))
    backwards = table.assign(f=table.f.map({"t0": "d", "t1": "c", "t2": "b", "t3": "a"}))
    again = ec.lmer("y ~ x + ar1(0 + f | g)", backwards)
    same(fit, again)
    assert_allclose(fit.theta, again.theta, rtol=1e-4, atol=1e-5)


@given(seeds)
def test_pieces_of_a_table_add(seed: int) -> None:
    table = repeated(seed)
    fit = ec.lmer("y ~ x + ar1(0 + f | g)", table)
    half = np.arange(len(table)) < len(table) // 2
    pieces = [ec.lmer("y ~ x + ar1(0 + f | g)", table[part]).moments for part in (half, ~half)]
    whole = pieces[0] + pieces[1]
    again = fit_moments(whole, fit.spec, reml=True, df="satterthwaite", source=fit.source)
    assert_allclose(again.optimum.deviance, fit.deviance, rtol=1e-9)
    other = ec.lmer("y ~ x + cs(0 + f | g)", table[half]).moments
    with pytest.raises(ValueError, match="different random effects"):
        pieces[1] + other


@given(seeds, formulas)
def test_where_the_search_starts_does_not_matter(seed: int, formula: str) -> None:
    """A search from a random place ends no lower."""
    fit = ec.lmer(formula, repeated(seed, 3))
    problem, rng = fit.problem, np.random.default_rng(seed)
    start = factor(parameters(problem, rng), problem.pairs)
    found = minimise(problem, True, start)
    assert found.at.value > fit.deviance - 1e-6


# --- derivatives ----------------------------------------------------------------------------


def parameters(problem: Problem, rng: np.random.Generator, low: float = 0.3) -> np.ndarray:
    """Random parameters of every block, away from the bounds."""
    out = []
    for kind, block in problem.pairs.blocks:
        q = block.stop - block.start
        if kind == "us":
            lam = np.tril(rng.uniform(-0.6, 0.6, (q, q)), -1) + np.diag(rng.uniform(low, 1.5, q))
            out.append(lam.T[np.triu_indices(q)])
        else:
            form = structure(kind, q)
            out.append(rng.uniform(low, 1.5, form.scales))
            if form.correlated:
                a, b = form.bounds
                out.append([rng.uniform(0.9 * a, 0.9 * b)])
    return np.concatenate(out)


def evaluated(problem: Problem, lam: np.ndarray, reml: bool) -> Evaluation:
    at = evaluate(problem, lam, reml)
    assert at is not None
    return at


def close(ours: np.ndarray, theirs: np.ndarray) -> None:
    assert_allclose(ours, theirs, rtol=RTOL, atol=RTOL * np.abs(theirs).max())


@given(seeds, formulas, either)
def test_parameters_there_and_back(seed: int, formula: str, reml: bool) -> None:
    problem = ec.lmer(formula, repeated(seed, 3), reml=reml).problem
    given_ = parameters(problem, np.random.default_rng(seed))
    lam = factor(given_, problem.pairs)
    assert_allclose(theta(lam, problem.pairs), given_, rtol=1e-12)
    assert_allclose(lam, np.tril(lam), rtol=0, atol=0)


@settings(max_examples=5)
@given(seeds, formulas, either)
def test_gradient_and_hessian_in_local_coordinates(seed: int, formula: str, reml: bool) -> None:
    problem = ec.lmer(formula, repeated(seed, 3), reml=reml).problem
    lam = factor(parameters(problem, np.random.default_rng(seed)), problem.pairs)
    check_derivatives(problem, lam, reml)


def check_derivatives(problem: Problem, lam: np.ndarray, reml: bool, h: float = 2e-3) -> None:
    local = chart(evaluated(problem, lam, reml), problem.pairs)

    def value(step: np.ndarray) -> float:
        return evaluated(problem, local.factor(step), reml).value

    def gradient(step: np.ndarray) -> np.ndarray:
        return difference(value, step, h=h)

    zero = np.zeros_like(local.x)
    close(local.gradient, gradient(zero))
    numerical = difference(gradient, zero, h=h)
    assert_allclose(local.hessian, numerical, rtol=1e-5, atol=1e-5 * np.abs(numerical).max())


@settings(max_examples=5)
@given(seeds, st.sampled_from((1e-2, 1e-4, 0.0)), st.sampled_from(("low", "high")))
def test_derivatives_near_the_bounds_of_the_correlation(
    seed: int, distance: float, end: str
) -> None:
    """The deviance is smooth in the angle, even at a bound and on both sides of it."""
    for formula in ("y ~ x + ar1(0 + f | g)", "y ~ x + cs(0 + f | g)"):
        problem = ec.lmer(formula, repeated(seed, 3)).problem
        values = parameters(problem, np.random.default_rng(seed))
        ((kind, block),) = problem.pairs.blocks
        low, high = structure(kind, block.stop).bounds
        values[-1] = low * (1 - distance) if end == "low" else high * (1 - distance)
        check_derivatives(problem, factor(values, problem.pairs), True)


@given(seeds, formulas)
def test_derivatives_of_covariance_and_vcov(seed: int, formula: str) -> None:
    """In (x, sigma): what Satterthwaite's method and the standard errors of components rest on."""
    fit = converged(formula, repeated(seed, 3))
    if fit is None:
        return
    local = chart(evaluated(fit.problem, fit.lam_working, True), fit.problem.pairs)
    problem, back = fit.problem, fit.problem.fixed.back

    def vcov(z: np.ndarray) -> np.ndarray:
        at = evaluated(problem, local.factor(z[:-1]), True)
        half = np.linalg.solve(at.L, back.T)
        return (fit.sigma + z[-1]) ** 2 * half.T @ half

    def covariance(step: np.ndarray) -> np.ndarray:
        lam = problem.whiten @ local.factor(step)
        return problem.pairs.free(lam @ lam.T)

    zero = np.zeros(len(local.x) + 1)
    close(fit.optimum.vcov_gradient, np.moveaxis(difference(vcov, zero, h=1e-3), -1, 0))
    close(fit.optimum.D_gradient, difference(covariance, zero[:-1], h=1e-3))


@settings(max_examples=5)
@given(seeds, formulas, either)
def test_hessian_of_the_variance_parameters(seed: int, formula: str, reml: bool) -> None:
    """Of the deviance with sigma not profiled out: the standard errors of components."""
    fit = converged(formula, repeated(seed, 3), reml=reml)
    if fit is None or fit.verdict.flat:
        return
    df, problem = fit.optimum.df, fit.problem
    local = chart(evaluated(problem, fit.lam_working, reml), problem.pairs)

    def deviance(z: np.ndarray) -> float:
        at = evaluated(problem, local.factor(z[:-1]), reml)
        rest = at.value - df * (1 + np.log(2 * np.pi * at.rho2 / df))
        sigma = fit.sigma + z[-1]
        return rest + df * np.log(2 * np.pi * sigma**2) + at.rho2 / sigma**2

    zero = np.zeros(len(local.x) + 1)
    numerical = difference(lambda z: difference(deviance, z, h=4e-3), zero, h=4e-3)
    exact = 2 * np.linalg.inv(fit.optimum.varpar_covariance)
    scale = np.sqrt(np.abs(np.diagonal(exact)))
    both = np.outer(scale, scale)
    assert_allclose(exact / both, numerical / both, rtol=0, atol=1e-5)


# --- bounds and what the data do not say ----------------------------------------------------


def test_no_variance_at_all() -> None:
    table = repeated(3).assign(y=np.random.default_rng(8).normal(size=len(repeated(3))))
    found = set()
    for text in ("ar1(0 + f | g)", "cs(0 + f | g, hom = TRUE)", "diag(0 + f | g, hom = TRUE)"):
        fit = ec.lmer(f"y ~ x + {text}", table)
        assert fit.verdict.status in ("boundary", "converged"), fit.verdict
        found.add(fit.verdict.status)
    # a residual that is negatively correlated within g and f leaves nothing to the random effects
    rows = table.assign(y=table.y - table.groupby(["g", "f"]).y.transform("mean"))
    for text in ("ar1(0 + f | g)", "cs(0 + f | g)", "diag(0 + f | g, hom = TRUE)"):
        fit = ec.lmer(f"y ~ x + {text}", rows)
        assert fit.verdict.status == "boundary"
        assert "zero variance of f between g" in fit.verdict.message
        free = ec.lm("y ~ x", rows)
        assert_allclose(fit.optimum.beta, free.beta, rtol=1e-7)
        assert np.isnan([row.sd_se for row in component_values(fit).rows[:-1]]).all()


@pytest.mark.parametrize("kind", ["ar1", "homcs", "cs"])
def test_correlation_of_one(kind: Kind) -> None:
    """An effect shared by all levels: (1 | g)."""
    table = repeated(5, rho=0.999999, kind="homcs", spread=1.0)
    y = table.y - table.groupby(["g", "f"]).y.transform("mean")
    u = np.random.default_rng(4).normal(size=24)
    table = table.assign(y=y + u[table.g.str[1:].astype(int)])
    fit = ec.lmer(f"y ~ x + {kind}(0 + f | g)", table)
    assert fit.verdict.status == "boundary"
    assert "a correlation of 1, its bound, for f of g" in fit.verdict.message
    rho = component_values(fit).rows[-2]
    assert rho.sd == 1.0 and np.isnan(rho.sd_se)
    if kind != "cs":
        assert_allclose(fit.deviance, ec.lmer("y ~ x + (1 | g)", table).deviance, rtol=1e-8)


def test_smallest_correlation_of_compound_symmetry() -> None:
    """Effects that sum to zero within groups: the lower bound -1 / (q - 1)."""
    rng = np.random.default_rng(6)
    table = repeated(6, 3)
    u = 2 * rng.normal(size=(24, 3))
    u -= u.mean(axis=1, keepdims=True)
    g, f = table.g.str[1:].astype(int), table.f.str[1:].astype(int)
    noise = rng.normal(size=len(table))
    noise -= pd.Series(noise).groupby(table.g).transform("mean").to_numpy()
    fit = ec.lmer("y ~ 1 + cs(0 + f | g, hom = TRUE)", table.assign(y=u[g, f] + 0.5 * noise))
    assert fit.verdict.status == "boundary"
    assert_allclose(fit.theta[1], -0.5, rtol=1e-12)
    assert "a correlation of -0.5" in fit.verdict.message


def test_one_effect_without_variance() -> None:
    """A scale at zero among others that are correlated: no stationary point, but an optimum."""
    rng = np.random.default_rng(12)
    table = repeated(12, 4)
    u = 1.5 * rng.normal(size=24)[:, None] + 0.3 * rng.normal(size=(24, 4))
    g, f = table.g.str[1:].astype(int), table.f.str[1:].astype(int)
    y = u[g, f] + 0.7 * rng.normal(size=len(table))
    y = np.where(f == 2, rng.normal(size=len(table)) - 0.4 * u[g, 0], y)
    fit = ec.lmer("y ~ 0 + f + cs(0 + f | g)", table.assign(y=y))
    assert fit.verdict.status == "boundary"
    assert "zero variance of f[t2] between g" in fit.verdict.message
    assert fit.theta[2] == 0.0
    lam = factor(fit.theta, fit.problem.pairs)
    value = with_user_factor(fit.problem, fit.theta, True).value
    assert_allclose(value, fit.deviance, rtol=1e-10)
    rng = np.random.default_rng(1)
    for _ in range(40):  # nothing near is better
        near = np.abs(fit.theta + 0.05 * rng.normal(size=len(fit.theta)))
        near[-1] = min(near[-1], 0.999)
        assert with_user_factor(fit.problem, near, True).value >= fit.deviance - 1e-9
    assert lam.shape == (4, 4)
    assert np.isfinite(np.asarray(fit.coefficients()["df"])).all()


def test_a_correlation_the_data_do_not_know_is_named() -> None:
    """Each group has rows of one level only."""
    table = repeated(2, 3)
    table = table[table.f == table.groupby("g").f.transform(lambda f: f.iloc[len(f) // 2])]
    for kind, named in (("cs", "g.f.rho"), ("ar1", "g.f.rho")):
        fit = ec.lmer(f"y ~ x + {kind}(0 + f | g)", table)
        assert fit.verdict.flat == (named,)
        assert named in fit.verdict.message


def test_a_time_series_without_measurement_error_says_so() -> None:
    """One row a level: the residual variance may run to zero, its limit an AR(1) of the rows."""
    rng = np.random.default_rng(4)
    J, T = 30, 5
    noise = rng.normal(size=(J, T + 1))
    u = noise[:, 1:] + 0.6 * noise[:, :-1]  # correlated at lag 1 only: less persistent than AR(1)
    table = {"y": u.ravel(), "g": np.repeat(np.arange(J), T), "t": np.tile(np.arange(T), J)}
    fit = ec.lmer("y ~ 1 + ar1(0 + factor(t) | g)", table, reml=False)
    assert fit.verdict.status == "boundary"
    assert "residual variance runs to zero beside that of factor(t) of g" in fit.verdict.message

    def of_rows(rho: float) -> float:
        V = rho ** np.abs(np.subtract.outer(np.arange(T), np.arange(T)))
        inverse, one = np.linalg.inv(V), np.ones(T)
        mean = (u @ inverse @ one).sum() / (J * one @ inverse @ one)
        rho2 = np.einsum("ja,ab,jb->", u - mean, inverse, u - mean)
        logdet = J * np.linalg.slogdet(V)[1]
        return float(logdet + J * T * (1 + np.log(2 * np.pi * rho2 / (J * T))))

    best = min(of_rows(rho) for rho in np.linspace(fit.theta[1] - 0.05, fit.theta[1] + 0.05, 2001))
    assert_allclose(fit.deviance, best, rtol=0, atol=1e-4)  # a limit


def test_effects_that_are_the_residual_are_refused() -> None:
    table = repeated(2, 3).drop_duplicates(["g", "f"])
    for text in ("diag(0 + f | g, hom = TRUE)", "cs(0 + f | g, hom = TRUE)"):
        with pytest.raises(ec.errors.NotIdentified, match="Each row has its own random effect"):
            ec.lmer(f"y ~ x + {text}", table)
    assert ec.lmer("y ~ x + ar1(0 + f | g)", table).n == len(table)


# --- the model written out ------------------------------------------------------------------


def indicators(values: pd.Series) -> np.ndarray:
    return pd.get_dummies(values).to_numpy(float)


@given(seeds, either)
def test_crossed_weighted_and_structured_against_dense_matrices(seed: int, reml: bool) -> None:
    """Two structured factors, crossed, with precision weights: the deviance of V itself."""
    table = repeated(seed, 3)
    formula = "y ~ x + ar1(0 + f | g, hom = FALSE) + cs(x | h, hom = TRUE)"
    fit = ec.lmer(formula, table, reml=reml, precision="w")
    given_ = parameters(fit.problem, np.random.default_rng(seed))
    at = with_user_factor(fit.problem, given_, reml)
    s, rho, t, r = given_[:3], given_[3], given_[4], given_[5]
    first = np.outer(s, s) * rho ** np.abs(np.subtract.outer(range(3), range(3)))
    second = t**2 * np.array([[1, r], [r, 1]])
    F, G, H = indicators(table.f), indicators(table.g), indicators(table.h)
    slopes = np.column_stack([np.ones(len(table)), table.x])
    V = np.diag(1 / table.w.to_numpy())
    V += (F @ first @ F.T) * (G @ G.T) + (slopes @ second @ slopes.T) * (H @ H.T)
    X, y, n = slopes, table.y.to_numpy(), len(table)
    bread = X.T @ np.linalg.solve(V, X)
    beta = np.linalg.solve(bread, X.T @ np.linalg.solve(V, y))
    rho2 = (y - X @ beta) @ np.linalg.solve(V, y - X @ beta)
    df = n - 2 if reml else n
    value = np.linalg.slogdet(V)[1] + df * (1 + np.log(2 * np.pi * rho2 / df))
    value += np.linalg.slogdet(bread)[1] if reml else 0.0
    assert_allclose(at.value, value, rtol=1e-10)
    assert_allclose(at.sigma2, rho2 / df, rtol=1e-9)
