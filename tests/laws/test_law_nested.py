"""Nested groups: what must not change when the table or the formula is only written differently."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from law_tables import seeds
from numpy.testing import assert_allclose
from test_law_derivatives import difference

import echelon as ec
from echelon.estimate.deviance import evaluate
from tolerances import CLOSED

RTOL = CLOSED["rtol"]
either = st.booleans()
FORMULAS = (
    "y ~ x + (1 | a / b)",
    "y ~ x + (x | a / b)",
    "y ~ x + w + (x || a) + (1 | a:b)",
    "y ~ x + (1 | a) + (x | a:b)",
    "y ~ x + (1 | a / b / c)",
    "y ~ x + (x | a) + (1 | a:b) + (1 | a:b:c)",
)
formulas = st.sampled_from(FORMULAS)


def three_level(seed: int) -> pd.DataFrame:
    """Rows in classrooms (c) in schools (b) in districts (a); numbers start anew in each group."""
    rng = np.random.default_rng(seed)
    places = [
        (a, b, c)
        for a in range(int(rng.integers(7, 12)))
        for b in range(int(rng.integers(2, 7)))
        for c in range(int(rng.integers(1, 4)))
    ]
    keys = np.repeat(np.array(places), rng.integers(2, 9, len(places)), axis=0)
    n = len(keys)
    x, w, y = rng.normal(size=n), rng.normal(size=n), rng.normal(size=n)
    for depth in (1, 2, 3):
        place = np.unique(keys[:, :depth], axis=0, return_inverse=True)[1].ravel()
        u = rng.normal(size=(place.max() + 1, 2))
        y = y + 0.8 * u[place, 0] + 0.5 * u[place, 1] * x
    table = pd.DataFrame({"y": y + 0.5 * x - 0.3 * w, "x": x, "w": w})
    for k, name in enumerate("abc"):
        table[name] = [f"{name}{number}" for number in keys[:, k]]
    return table.assign(precision=rng.uniform(0.5, 2.0, n))


@dataclass(frozen=True)
class Nested:
    """What a law compares of a fit; modes by factor and label."""

    numbers: dict[str, np.ndarray]
    modes: dict[str, dict[str, np.ndarray]]

    @classmethod
    def of(cls, fit: ec.LMM) -> Nested:
        assert fit.problem.engine.name == "nested"
        se = np.sqrt(np.diagonal(fit.vcov()))
        at = evaluate(fit.problem, fit.lam_working, fit.reml)
        numbers = {
            "deviance": np.array([fit.deviance]),
            "sigma": np.array([fit.sigma]),
            "theta": fit.optimum.theta,
            "t": fit.optimum.beta / se,
            "se": se,
        }
        modes = {}
        sweep = fit.problem.engine.sweep(fit.lam_working)
        parts = fit.problem.blocks.parts
        for group, part, known in zip(fit.moments.groups, parts, sweep.effects(), strict=True):
            e = np.einsum("qkj,k->qj", known.F, at.solve[-1])
            b = fit.optimum.lam[part, part] @ fit.lam_working[part, part].T @ e
            modes[group.factor] = dict(zip(map(str, group.levels), b.T, strict=True))
        return cls(numbers, modes)


def assert_same(ours: Nested, theirs: Nested, names: dict[str, str] | None = None) -> None:
    """Equal; `names` turns labels of theirs into labels of ours."""
    for key, value in theirs.numbers.items():
        atol = RTOL * max(1.0, float(np.abs(value).max())) * (0.01 if key == "deviance" else 1.0)
        assert_allclose(ours.numbers[key], value, rtol=0, atol=10 * atol, err_msg=key)
    for mine, other in zip(ours.modes.values(), theirs.modes.values(), strict=True):
        assert len(mine) == len(other)
        for label, value in other.items():
            assert_allclose(mine[(names or {}).get(label, label)], value, rtol=0, atol=100 * RTOL)


@given(seeds, either)
def test_a_slash_is_two_terms(seed: int, reml: bool) -> None:
    """(1 | a / b) = (1 | b:a) + (1 | a), as in lme4, and so with b:a written out."""
    data = three_level(seed)
    data["ba"] = data["b"] + ":" + data["a"]
    theirs = Nested.of(ec.lmer("y ~ x + (1 | a / b)", data, reml=reml))
    for random in ("(1 | b:a) + (1 | a)", "(1 | ba) + (1 | a)"):
        assert_same(Nested.of(ec.lmer(f"y ~ x + {random}", data, reml=reml)), theirs)


@given(seeds, either)
def test_order_of_the_terms(seed: int, reml: bool) -> None:
    data = three_level(seed)
    theirs = Nested.of(ec.lmer("y ~ x + (x | a) + (1 | a:b) + (1 | a:b:c)", data, reml=reml))
    ours = Nested.of(ec.lmer("y ~ x + (1 | a:b:c) + (x | a) + (1 | a:b)", data, reml=reml))
    theta = ours.numbers["theta"]
    back = {**ours.numbers, "theta": np.array([*theta[1:], theta[0]])}
    assert_same(Nested(back, {name: ours.modes[name] for name in theirs.modes}), theirs)


@given(seeds, formulas, either)
def test_relabelling_the_groups(seed: int, formula: str, reml: bool) -> None:
    """New names for districts, and other names for the schools of each district."""
    data = three_level(seed)
    rng = np.random.default_rng(seed)
    moved = data.copy()
    for name in "abc":
        labels = sorted(data[name].unique())
        moved[name] = data[name].map(dict(zip(labels, rng.permutation(labels), strict=True)))
    theirs = Nested.of(ec.lmer(formula, data, reml=reml))
    names = {}
    for factor in theirs.modes:
        old, new = (table[factor.split(":")].agg(":".join, axis=1) for table in (data, moved))
        names.update(zip(old, new, strict=True))
    assert_same(Nested.of(ec.lmer(formula, moved, reml=reml)), theirs, names)


@given(seeds, formulas, either)
def test_order_of_the_rows(seed: int, formula: str, reml: bool) -> None:
    data = three_level(seed)
    shuffled = data.sample(frac=1, random_state=seed)
    theirs = Nested.of(ec.lmer(formula, data, reml=reml))
    assert_same(Nested.of(ec.lmer(formula, shuffled, reml=reml)), theirs)


def dense_deviance(fit: ec.LMM, data: pd.DataFrame, weight: np.ndarray) -> float:
    """The model written out: V0 = W^-1 + sum over factors of Z D Z' within its groups."""
    y, X = data["y"].to_numpy(), np.column_stack([np.ones(len(data)), data["x"]])
    V0 = np.diag(1 / weight)
    lam, parts = fit.optimum.lam, fit.problem.blocks.parts
    for group, part in zip(fit.moments.groups, parts, strict=True):
        Z = np.column_stack(
            [np.ones(len(data)) if e == "(Intercept)" else data[e] for e in group.effects]
        )
        label = data[group.factor.split(":")].agg(":".join, axis=1).to_numpy()
        D = lam[part, part] @ lam[part, part].T
        V0 += np.where(label[:, None] == label[None, :], Z @ D @ Z.T, 0.0)
    inverse = np.linalg.inv(V0)
    XtV = X.T @ inverse
    e = y - X @ np.linalg.solve(XtV @ X, XtV @ y)
    df = len(y) - X.shape[1] if fit.reml else len(y)
    value = np.linalg.slogdet(V0)[1] + df * (1 + np.log(2 * np.pi * (e @ inverse @ e) / df))
    return float(value + np.linalg.slogdet(XtV @ X)[1] if fit.reml else value)


@given(seeds, st.sampled_from([f for f in FORMULAS if "w" not in f]), either)
def test_the_model_written_out_with_weights(seed: int, formula: str, reml: bool) -> None:
    data = three_level(seed)
    fit = ec.lmer(formula, data, reml=reml, precision="precision")
    assert fit.problem.engine.name == "nested"
    assert_allclose(
        fit.deviance, dense_deviance(fit, data, data["precision"].to_numpy()), rtol=1e-9
    )


@given(seeds, formulas, either)
def test_scaling_the_weights(seed: int, formula: str, reml: bool) -> None:
    """sigma takes it up: the groups and the coefficients are what they were."""
    data = three_level(seed)
    theirs = Nested.of(ec.lmer(formula, data, reml=reml, precision="precision"))
    more = data.assign(precision=4 * data["precision"])
    ours = Nested.of(ec.lmer(formula, more, reml=reml, precision="precision"))
    numbers = {
        **ours.numbers,
        "sigma": ours.numbers["sigma"] / 2,
        "theta": 2 * ours.numbers["theta"],
    }
    assert_same(Nested(numbers, ours.modes), theirs)


# --- derivatives of the deviance -------------------------------------------------------------------


@pytest.mark.parametrize("boundary", [False, True])
@given(seeds, formulas, either)
def test_gradient_and_hessian(boundary: bool, seed: int, formula: str, reml: bool) -> None:
    problem = ec.lmer(formula, three_level(seed)).problem
    rng, shape = np.random.default_rng(seed), problem.pairs
    t = len(shape.row)
    theta = np.where(shape.on_diagonal, rng.uniform(0.4, 1.6, t), rng.uniform(-0.8, 0.8, t))
    if boundary:  # lam and -lam are one model, so that 0 is an ordinary point
        theta = np.where(rng.uniform(size=t) < 0.5, 0.0, theta)
    at = evaluate(problem, shape.factor(theta), reml)
    gradient = difference(lambda x: evaluate(problem, shape.factor(x), reml).value, theta)
    hessian = difference(lambda x: evaluate(problem, shape.factor(x), reml).gradient, theta)
    scale = np.abs(hessian).max()
    assert_allclose(at.gradient, gradient, rtol=1e-7, atol=1e-8 * scale)
    assert_allclose(at.hessian, hessian, rtol=1e-7, atol=1e-7 * scale)
