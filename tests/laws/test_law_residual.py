"""Laws of residual structures: dense matrices, special cases, and what may not change anything."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from law_tables import seeds
from numpy.testing import assert_allclose

import echelon as ec
from echelon.data import Frame
from echelon.design.build import build
from echelon.design.residual_layout import residual_design
from echelon.effects.empirical_bayes import all_effects
from echelon.estimate.correlation import Coordinates
from echelon.estimate.deviance import evaluate
from echelon.estimate.residual_model import ResidualModel
from echelon.formula import parse, parse_residual
from echelon.model.residual_fit import residual_columns
from echelon.moments.combine import combine
from echelon.moments.residual import ResidualMoments, residual_moments
from echelon.multilevel import group_values
from tolerances import CLOSED, OPTIMUM, SAME

STRUCTURES = (
    "by(sex)",
    "by(sex, part)",
    "ar1(t | id)",
    "car1(clock | id)",
    "cs(1 | id)",
    "by(sex) + ar1(t | id)",
    "by(part) + car1(clock | id)",
    "by(part) + cs(1 | id)",
)
FORMULAS = (
    "y ~ x + (0 + x | id)",
    "y ~ x + (0 + x | id) + (1 | school)",
    "y ~ 0 + sex + x + (0 + x | id)",
)


def panel(seed: int, *, J: int = 14, m: int = 6) -> pd.DataFrame:
    """Rows at times 0 to m - 1 with gaps, shuffled; part varies within id, sex between."""
    rng = np.random.default_rng(seed)
    ids, t = np.repeat(np.arange(J), m), np.tile(np.arange(m), J)
    e = rng.normal(size=(J, m))
    for k in range(1, m):
        e[:, k] = 0.5 * e[:, k - 1] + np.sqrt(0.75) * e[:, k]
    sex = np.where(np.arange(J) % 2 == 0, "f", "m")[ids]
    x = rng.normal(size=J * m)
    slope = rng.normal(size=J)[ids]
    y = 1 + x + 0.7 * slope * x + np.where(sex == "f", 1.0, 1.6) * e.ravel()
    y = y + 0.6 * rng.normal(size=4)[ids % 4]
    made = pd.DataFrame(
        {
            "y": y,
            "x": x,
            "t": t,
            "clock": t + rng.uniform(0, 0.9, J * m),
            "id": ids,
            "school": ids % 4,
            "sex": sex,
            "part": np.where(t < m // 2, "first", "later"),
            "w": rng.uniform(0.5, 2.0, J * m),
        }
    )
    kept = made[rng.random(J * m) > 0.15]
    return kept.sample(frac=1, random_state=seed % 1000).reset_index(drop=True)


@dataclass(frozen=True)
class Dense:
    """The model in n x n matrices, sharing nothing with the package."""

    data: pd.DataFrame
    kind: str | None
    strata: np.ndarray
    weights: np.ndarray

    def R(self, ratio: np.ndarray, phi: float) -> np.ndarray:
        d = self.data
        same = d["id"].to_numpy()[:, None] == d["id"].to_numpy()[None]
        C = np.eye(len(d))
        if self.kind is not None:
            time = d["clock" if self.kind == "car1" else "t"].to_numpy().astype(float)
            lag = np.abs(time[:, None] - time[None])
            C = np.where(same, np.float64(phi) ** lag, 0.0)
            if self.kind == "cs":
                C = np.where(same, phi, 0.0)
                np.fill_diagonal(C, 1.0)
        s = ratio[self.strata] / np.sqrt(self.weights)
        return s[:, None] * C * s[None]


def deviance(y: np.ndarray, X: np.ndarray, V0: np.ndarray, reml: bool) -> float:
    n, p = X.shape
    inverse = np.linalg.inv(V0)
    bread = X.T @ inverse @ X
    e = y - X @ np.linalg.solve(bread, X.T @ inverse @ y)
    df = n - p if reml else n
    rho2 = e @ inverse @ e
    value = np.linalg.slogdet(V0)[1] + df * (1 + np.log(2 * np.pi * rho2 / df))
    return float(value + np.linalg.slogdet(bread)[1] if reml else value)


def model_of(formula: str, residual: str, data: pd.DataFrame, precision=None) -> ResidualMoments:
    frame = Frame.of(data)
    built = build(parse(formula, frame.columns), frame, precision=precision)
    asked = parse_residual(residual, frame.columns)
    groups, time = residual_columns(asked, frame)
    return residual_moments(
        built.design, residual_design(asked, groups, time, built.design.factors)
    )


def strata_of(data: pd.DataFrame, residual: str) -> np.ndarray:
    names = [name for name in ("sex", "part") if name in residual.split("+")[0]]
    if not names:
        return np.zeros(len(data), dtype=int)
    labels = data[names].agg(":".join, axis=1)
    return np.unique(labels, return_inverse=True)[1]


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("residual", STRUCTURES)
@settings(max_examples=3)
@given(seed=seeds, reml=st.booleans(), weighted=st.booleans())
def test_deviance_is_the_dense_normal_density(formula, residual, seed, reml, weighted):
    """residual-model, residual-moments, ar1-inverse, cs-inverse: at a random point."""
    data = panel(seed)
    model = model_of(formula, residual, data, "w" if weighted else None)
    engine = ResidualModel(model, Coordinates.of(model.structure), reml)
    rng = np.random.default_rng(seed)
    z = rng.normal(scale=0.5, size=engine.coordinates.r)
    natural = engine.coordinates.natural(z)[0]
    H = engine.coordinates.strata
    lam_x, lam_1 = rng.uniform(0.3, 1.5, 2)
    dense = Dense(
        data,
        model.structure.spec.correlation,
        strata_of(data, residual),
        data["w"].to_numpy() if weighted else np.ones(len(data)),
    )
    phi = natural[-1] if engine.coordinates.correlated else 0.0
    V0 = dense.R(np.concatenate([[1.0], natural[:H]]), float(phi))
    x, ids = data["x"].to_numpy(), data["id"].to_numpy()
    V0 = V0 + lam_x**2 * np.where(ids[:, None] == ids[None], np.outer(x, x), 0.0)
    user = [lam_x]
    if "school" in formula:
        school = data["school"].to_numpy()
        V0 = V0 + lam_1**2 * (school[:, None] == school[None])
        user = [lam_x, lam_1]
    female = (data["sex"] == "f").to_numpy(float)
    first = [female, 1 - female] if "0 + sex" in formula else [np.ones(len(data))]
    task = engine.task(z)
    at = evaluate(task, np.linalg.solve(task.whiten, np.diag(user)), reml)
    expected = deviance(data["y"].to_numpy(), np.column_stack([*first, x]), V0, reml)
    assert_allclose(at.value, expected, rtol=1e-10)


@pytest.mark.parametrize("formula", FORMULAS[:2])
@pytest.mark.parametrize("residual", STRUCTURES)
@settings(max_examples=3)
@given(seed=seeds, reml=st.booleans())
def test_gradient_is_a_difference_quotient(formula, residual, seed, reml):
    """residual-gradient, at a random point and fixed D; with several factors log|I + M D| too."""
    model = model_of(formula, residual, panel(seed))
    engine = ResidualModel(model, Coordinates.of(model.structure), reml)
    rng = np.random.default_rng(seed)
    z, q = rng.normal(scale=0.5, size=engine.coordinates.r), engine.sets.base.q
    lam = np.diag(rng.uniform(0.3, 1.5, q))

    def value(point: np.ndarray) -> float:
        return evaluate(engine.task(point), lam, reml).value

    task = engine.task(z)
    found = engine.slopes(z, task, evaluate(task, lam, reml)).value + engine.logdet(z, lam)[0]
    h = 5e-3
    for i, step in enumerate(h * np.eye(len(z))):
        ahead = [value(z + k * step) - value(z - k * step) for k in (1, 2, 3)]
        quotient = (45 * ahead[0] - 9 * ahead[1] + ahead[2]) / (60 * h)
        assert_allclose(found[i], quotient, rtol=CLOSED["rtol"], atol=1e-6)


@pytest.mark.parametrize(
    "residual", ["by(sex) + ar1(t | id)", "car1(clock | id)", "by(part) + cs(1 | id)"]
)
def test_rows_again_are_the_sets(residual, monkeypatch):
    """Sets that are not kept: every combination from the rows is the sum of the sets."""
    kept = model_of(FORMULAS[1], residual, panel(3))
    monkeypatch.setattr("echelon.tolerances.MAX_SETS", 0)
    again = model_of(FORMULAS[1], residual, panel(3))
    assert kept.kept and not again.kept
    omega = np.random.default_rng(1).normal(size=kept.structure.sets)
    a, b = kept.combined(omega, 1.5), again.combined(omega, 1.5)
    for mine, yours in ((a.cross, b.cross), (a.groups[0].ZtV, b.groups[0].ZtV)):
        assert_allclose(mine, yours, rtol=1e-9, atol=1e-9)
    assert_allclose(a.crossings[0].blocks, b.crossings[0].blocks, atol=1e-9)
    assert_allclose(a.groups[1].weight, b.groups[1].weight, atol=1e-9)
    assert a.log_weight == b.log_weight == 1.5
    fit = ec.lmer("y ~ x + (0 + x | id)", panel(3), residual=residual)  # the search as well
    monkeypatch.undo()
    other = ec.lmer("y ~ x + (0 + x | id)", panel(3), residual=residual)
    assert_allclose(fit.deviance, other.deviance, rtol=OPTIMUM["deviance"])
    assert_allclose(fit.residual.estimates, other.residual.estimates, rtol=1e-5)


def test_strata_add_to_the_whole():
    """residual-moments with unit ratios: the sets of by(...) sum to the plain moments."""
    model = model_of(FORMULAS[1], "by(sex, part)", panel(5))
    whole = combine(model.sets, np.ones(4), like=model.base, log_weight=0.0)
    assert_allclose(whole.cross, model.base.cross, rtol=1e-10, atol=1e-10)
    for a, b in zip(whole.groups, model.base.groups, strict=True):
        assert_allclose(a.ZtZ, b.ZtZ, atol=1e-10)
        assert_allclose(a.ZtV, b.ZtV, atol=1e-10)
        assert_allclose(a.weight, b.weight, **SAME)
    for c, d in zip(whole.crossings, model.base.crossings, strict=True):
        assert_allclose(c.blocks, d.blocks, atol=1e-10)


@pytest.mark.parametrize(
    "residual", ["by(sex)", "ar1(t | id)", "cs(1 | id)", "by(part) + cs(1 | id)"]
)
def test_no_correlation_and_equal_variances_are_the_plain_model(residual):
    """phi = 0 and ratios of one: the same deviance at the plain model's estimates."""
    data = panel(8)
    plain = ec.lmer(FORMULAS[0], data)
    model = model_of(FORMULAS[0], residual, data)
    coordinates = Coordinates.of(model.structure)
    c = coordinates.coefficients(coordinates.start())
    assert_allclose(c.logdet, 0.0, atol=1e-12)
    engine = ResidualModel(model, coordinates, True)
    at = evaluate(engine.task(coordinates.start()), plain.lam_working, True)
    assert_allclose(at.value, plain.deviance, rtol=1e-11)
    fit = ec.lmer(FORMULAS[0], data, residual=residual)
    assert fit.deviance <= plain.deviance + 1e-8


def test_compound_symmetry_is_a_random_intercept():
    """cs within g without a random intercept is the random-intercept model when rho >= 0."""
    rng = np.random.default_rng(4)
    g = np.repeat(np.arange(20), rng.integers(2, 9, 20))
    x = rng.normal(size=len(g))
    y = x + rng.normal(size=20)[g] + rng.normal(size=len(g))
    data = {"y": y, "x": x, "g": g, "block": g % 5}
    plain = ec.lmer("y ~ x + (1 | block/g)", data)
    cs = ec.lmer("y ~ x + (1 | block)", data, residual="cs(1 | g)")
    tau = component(plain, "g:block")
    assert_allclose(cs.deviance, plain.deviance, rtol=1e-10)
    assert_allclose(cs.optimum.beta, plain.optimum.beta, rtol=1e-6)
    assert_allclose(cs.vcov(), plain.vcov(), rtol=1e-5)
    assert_allclose(cs.optimum.sigma2, tau + plain.optimum.sigma2, rtol=1e-5)
    assert_allclose(cs.residual.phi, tau / (tau + plain.optimum.sigma2), rtol=1e-5)
    assert_allclose(cs.coefficients()["df"], plain.coefficients()["df"], rtol=1e-4)
    assert cs.criteria().parameters == plain.criteria().parameters


def component(fit: ec.LMM, factor: str) -> float:
    table = fit.variance_components()
    return float(table["variance"][table["group"] == factor].iloc[0])


@settings(max_examples=4)
@given(seed=seeds)
def test_relabelled_strata(seed):
    """Another reference: the same deviance, SDs, effects and degrees of freedom."""
    data = panel(seed)
    other = data.assign(sex=data["sex"].map({"f": "z", "m": "a"}))
    a = ec.lmer(FORMULAS[0], data, residual="by(sex) + ar1(t | id)")
    b = ec.lmer(FORMULAS[0], other, residual="by(sex) + ar1(t | id)")
    assert_allclose(a.deviance, b.deviance, rtol=1e-10)
    assert_allclose(a.residual.sd, b.residual.sd[::-1], rtol=1e-6)
    assert_allclose(a.residual.sd_se, b.residual.sd_se[::-1], rtol=1e-4)
    assert_allclose(a.residual.phi, b.residual.phi, rtol=1e-6, atol=1e-7)
    assert_allclose(a.optimum.beta, b.optimum.beta, rtol=1e-6)
    assert_allclose(a.coefficients()["df"], b.coefficients()["df"], rtol=1e-4)
    assert_allclose(a.optimum.covariance, b.optimum.covariance, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("residual", ["by(sex) + ar1({} | id)", "car1({} | id)"])
def test_time_reversed_moved_and_rescaled(residual):
    """ar1 and car1 know differences of times only, and do not know their direction."""
    data = panel(11)
    name = "t" if "car1" not in residual else "clock"
    fit = ec.lmer(FORMULAS[0], data, residual=residual.format(name))
    reversed_ = ec.lmer(
        FORMULAS[0], data.assign(back=1000 - data[name]), residual=residual.format("back")
    )
    assert_allclose(reversed_.deviance, fit.deviance, rtol=1e-11)
    assert_allclose(reversed_.residual.phi, fit.residual.phi, rtol=1e-6)
    slower = ec.lmer(
        FORMULAS[0], data.assign(slow=3 * data[name]), residual=residual.format("slow")
    )
    assert_allclose(slower.deviance, fit.deviance, rtol=1e-11)
    assert_allclose(slower.residual.phi**3, fit.residual.phi, rtol=1e-6)
    assert_allclose(
        slower.residual.phi_se * 3 * slower.residual.phi**2, fit.residual.phi_se, rtol=1e-5
    )


def test_order_of_rows_is_a_time():
    """ar1(1 | id) is ar1(t | id) for rows sorted by t without gaps; car1 agrees for phi > 0."""
    data = panel(12).sort_values(["t"], kind="stable").reset_index(drop=True)
    data["rank"] = data.groupby("id").cumcount()
    a = ec.lmer(FORMULAS[0], data, residual="ar1(1 | id)")
    b = ec.lmer(FORMULAS[0], data, residual="ar1(rank | id)")
    c = ec.lmer(FORMULAS[0], data, residual="car1(rank | id)")
    assert a.residual.phi > 0.1
    for other in (b, c):
        assert_allclose(other.deviance, a.deviance, rtol=1e-10)
        assert_allclose(other.residual.phi, a.residual.phi, rtol=1e-6)


@pytest.mark.parametrize("residual", STRUCTURES)
def test_effects_and_unpacking(residual):
    """Empirical Bayes estimates and their variances, V and reliability, in dense matrices."""
    data = panel(21)
    fit = ec.lmer("y ~ x + (0 + x | id)", data, residual=residual)
    found, kind = fit.residual, fit.residual.correlation
    dense = Dense(data, kind, strata_of(data, residual), np.ones(len(data)))
    R = dense.R(found.ratio, 0.0 if kind is None else found.phi)
    s2, tau = fit.optimum.sigma2, float(fit.optimum.covariance[0, 0])
    x, ids = data["x"].to_numpy(), data["id"].to_numpy()
    X, y = np.column_stack([np.ones(len(x)), x]), data["y"].to_numpy()
    V = s2 * R + tau * np.where(ids[:, None] == ids[None], np.outer(x, x), 0.0)
    e = y - X @ fit.optimum.beta
    (effects,) = all_effects(fit)
    values = group_values(fit)
    for j, level in enumerate(fit.group_moments.levels):
        z = np.where(ids == level, x, 0.0)
        assert_allclose(effects.mode[j, 0], tau * z @ np.linalg.solve(V, e), rtol=1e-6, atol=1e-8)
        left = tau - tau**2 * z @ np.linalg.solve(V, z)
        assert_allclose(effects.var[j, 0, 0], left, rtol=1e-6, atol=1e-10)
        own = s2 / (z @ np.linalg.solve(R, z))
        assert_allclose(values.V[j, 0], own, rtol=1e-6)
        assert_allclose(values.reliability[j, 0], tau / (tau + own), rtol=1e-6, atol=1e-10)
    assert_allclose(fit.fittedvalues + fit.resid, y, **SAME)
