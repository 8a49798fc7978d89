"""Nested and crossed factors: groups, reliability, shares of variance, explained variance."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import echelon as ec
from echelon.errors import DataError, NotIdentified
from echelon.multilevel import (
    group_values,
    null_model,
    reliability_values,
    stacked_groups,
    variance_shares,
)
from several_factors import CROSSED, CROSSED_SLOPES, THREE, THREE_SLOPES, answers, schools
from tolerances import CLOSED, OPTIMUM, SAME

sys.path.insert(0, str(Path(__file__).parents[1] / "reference"))
from reference_cases import table


@pytest.fixture(scope="session")
def fits() -> dict[str, ec.LMM]:
    nested, crossed = schools(), answers()
    return {
        "three": ec.lmer(THREE, nested),
        "three_slopes": ec.lmer(THREE_SLOPES, nested),
        "crossed": ec.lmer(CROSSED, crossed),
        "crossed_slopes": ec.lmer(CROSSED_SLOPES, crossed),
    }


NAMES = ("three", "three_slopes", "crossed", "crossed_slopes")
EVERY = [(name, place) for name in NAMES for place in (0, 1)]


class Dense:
    """The fitted model in n x n matrices, in the user's units."""

    def __init__(self, fit: ec.LMM) -> None:
        design = fit.built.design
        self.fit, self.y = fit, design.y
        columns = dict(zip(design.names, design.arrays, strict=True))
        self.X = np.column_stack([columns.get(name, np.ones(fit.n)) for name in fit.names])
        self.Z, self.T, start = [], [], 0
        for factor, group in zip(design.factors, fit.moments.groups, strict=True):
            q = len(group.effects)
            Z = np.column_stack([columns.get(name, np.ones(fit.n)) for name in group.effects])
            blocks = [
                np.where((factor.codes == j)[:, None], Z, 0.0) for j in range(len(group.levels))
            ]
            self.Z.append(blocks)
            self.T.append(fit.optimum.covariance[start : start + q, start : start + q])
            start += q
        self.V = self.without()

    def without(self, place: int = -1, j: int = -1) -> np.ndarray:
        """Var(y), without the effects of one group."""
        V = self.fit.optimum.sigma2 * np.eye(self.fit.n)
        for f, (blocks, T) in enumerate(zip(self.Z, self.T, strict=True)):
            for k, Z in enumerate(blocks):
                if (f, k) != (place, j):
                    V += Z @ T @ Z.T
        return V


def own_part_of(dense: Dense, effects: tuple[str, ...], rows: np.ndarray) -> np.ndarray:
    """(q, p) which fixed effects act on a group's coefficients: by name, and by what is constant."""
    names, X = dense.fit.names, dense.X[rows]
    A = np.zeros((len(effects), len(names)))
    constant = np.ptp(X, axis=0) < 1e-9
    for i, name in enumerate(names):
        if name in effects:
            A[effects.index(name), i] = 1.0
        elif constant[i]:
            A[effects.index("(Intercept)"), i] = X[0, i]
        elif name == "ses:funds" and "ses" in effects:  # funds is constant in schools and rooms
            A[effects.index("ses"), i] = X[0, names.index("funds")]
    return A


@pytest.mark.parametrize(("name", "place"), EVERY)
def test_groups_are_those_of_dense_matrices(name, place, fits):
    """eb-mode, eb-conditional, eb-total, own-several."""
    fit = fits[name]
    dense, values = Dense(fit), group_values(fit, fit.factors[place])
    inverse, T = np.linalg.inv(dense.V), dense.T[place]
    e = dense.y - dense.X @ fit.optimum.beta
    for j in (0, 3, 7):
        Z = dense.Z[place][j]
        u = T @ Z.T @ inverse @ e
        np.testing.assert_allclose(values.u[j], u, rtol=1e-6, atol=1e-8)
        C = T - T @ Z.T @ inverse @ Z @ T
        np.testing.assert_allclose(values.conditional_sd[j] ** 2, np.diagonal(C), rtol=1e-6)
        share = 1 - np.diagonal(C) / np.diagonal(T)
        np.testing.assert_allclose(values.reliability[j], share, rtol=1e-6)
        A = own_part_of(dense, values.effects, Z.any(axis=1))
        np.testing.assert_allclose(values.predicted[j], A @ fit.optimum.beta, rtol=1e-6, atol=1e-8)
        left = A - T @ Z.T @ inverse @ dense.X
        total = C + left @ fit.optimum.vcov @ left.T
        np.testing.assert_allclose(values.posterior_se[j] ** 2, np.diagonal(total), rtol=1e-6)
        W = np.linalg.inv(dense.without(place, j))
        own = np.linalg.solve(Z.T @ W @ Z, Z.T @ W @ e)
        np.testing.assert_allclose(values.ols[j] - values.predicted[j], own, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("name", "place"), [pair for pair in EVERY if "slopes" not in pair[0]])
def test_empirical_bayes_is_the_adjusted_estimate_shrunk(name, place, fits):
    found = fits[name].groups(fits[name].factors[place])
    pulled = found.predicted + found.reliability * (found.adjusted - found.predicted)
    np.testing.assert_allclose(found.EB, pulled, rtol=1e-9)
    assert not {"V", "SE", "Delta", "weight"} & set(found.columns)


def test_observed_means_are_observed(fits):
    data = schools()
    found = fits["three"].groups("room:school")
    expected = data.groupby(["room", "school"]).y.mean()
    keys = [f"{room}:{school}" for room, school in expected.index]
    got = dict(zip(found["room:school"], found["mean"], strict=True))
    np.testing.assert_allclose([got[key] for key in keys], expected, **SAME)
    assert found["n"].sum() == len(data)


def test_coefficients_are_fixed_plus_random(fits):
    fit = fits["crossed_slopes"]
    for factor in fit.factors:
        found, u = fit.coef(factor), fit.ranef().query("group == @factor")
        for term in ("(Intercept)", "load"):
            expected = fit.fixef()[term] + u[u.term == term].estimate.to_numpy()
            np.testing.assert_allclose(found[term], expected, **SAME)


def test_the_order_of_the_factors_changes_nothing():
    data = answers()
    one = ec.lmer(CROSSED_SLOPES, data)
    other = ec.lmer("y ~ load + (load | item) + (load | pupil)", data)
    for factor in one.factors:
        a, b = one.groups(factor), other.groups(factor)
        for name in ("adjusted", "EB", "EB_se", "reliability"):
            np.testing.assert_allclose(a[name], b[name], rtol=1e-6)
        assert one.icc(factor) == pytest.approx(other.icc(factor), rel=1e-6)
    a, b = one.explained(), other.explained()
    pairs = [("pupil", "(Intercept)"), ("item", "(Intercept)"), ("Residual", "")]
    for pair in pairs:
        x, y = (
            float(t[(t.level == pair[0]) & (t.term == pair[1])].explained.iloc[0]) for t in (a, b)
        )
        assert x == pytest.approx(y, abs=1e-6)


def test_stacked_groups_hold_every_factor(fits):
    fit = fits["three"]
    found = stacked_groups(fit)
    assert found["group"].unique().tolist() == list(fit.factors)
    own = fit.groups("school")
    np.testing.assert_array_equal(found[found["group"] == "school"].EB, own.EB)
    assert list(found.columns[3:]) == list(own.columns[2:])


@pytest.mark.parametrize("backend", ["polars", "pyarrow"])
def test_tables_come_back_in_the_library_they_came_from(backend):
    fit = ec.lmer("diameter ~ 1 + (1 | plate) + (1 | sample)", table("Penicillin", backend))
    tables = (
        fit.groups("plate"),
        fit.icc_by_group(),
        fit.reliability(),
        fit.coef("sample"),
        fit.explained(),
        stacked_groups(fit),
    )
    assert all(type(t).__module__.startswith(backend) for t in tables)


def test_a_variance_of_zero_shrinks_everything():
    data = schools()
    data["y"] = data.y - data.groupby(["school", "room"]).y.transform("mean") + data.school
    fit = ec.lmer("y ~ 1 + (1 | school/room)", data)
    found = fit.groups("room:school")
    assert fit.verdict.status == "boundary"
    assert (found.u == 0).all() and (found.reliability == 0).all() and found.adjusted.isna().all()
    assert fit.icc("room:school") == 0.0
    assert reliability_values(fit, "room:school").reliability[0] == 0.0


# reliability


def test_reliabilities_of_a_balanced_nested_design_have_a_closed_form():
    """Ten batches of three casks of two tests: `rel-nested`."""
    fit = ec.lmer("strength ~ 1 + (1 | batch/cask)", table("Pastes"))
    cask, batch, sigma2 = fit.variance_components()["variance"]
    inner = cask / (cask + sigma2 / 2)
    outer = batch / (batch + (cask + sigma2 / 2) / 3)
    found = fit.reliability()
    np.testing.assert_allclose(found.reliability, [inner, outer], **CLOSED)
    assert found.groups_used.tolist() == [30, 10]
    assert found.eb_reliability[1] == pytest.approx(outer, rel=1e-9)
    assert found.eb_reliability[0] < inner


def test_reliabilities_of_three_levels_group_by_group(fits):
    """`rel-nested` with slopes at both levels, in loops."""
    fit = fits["three_slopes"]
    dense = Dense(fit)
    (T2, T3), sigma2 = dense.T, fit.optimum.sigma2
    design = fit.built.design
    rooms, at = design.factors[0].codes, design.factors[1].codes
    lam2, precision = [], np.zeros((len(dense.Z[1]), 2, 2))
    for j, Z in enumerate(dense.Z[0]):
        V = sigma2 * np.linalg.inv(Z.T @ Z)
        lam2.append(np.diagonal(T2) / np.diagonal(T2 + V))
        precision[at[rooms == j][0]] += np.linalg.inv(T2 + V)
    V3 = np.linalg.inv(precision)
    lam3 = [np.diagonal(T3) / np.diagonal(T3 + V) for V in V3]
    found = fit.reliability()
    np.testing.assert_allclose(
        found.reliability, [*np.mean(lam2, axis=0), *np.mean(lam3, axis=0)], **CLOSED
    )
    one = fit.reliability("school")
    assert one["group"].tolist() == ["school", "school"]


def test_crossed_groups_have_no_estimate_of_their_own(fits):
    found = fits["crossed"].reliability()
    assert found.reliability.isna().all() and found.groups_used.tolist() == [0, 0]
    expected = [fits["crossed"].groups(f).reliability.mean() for f in ("pupil", "item")]
    np.testing.assert_allclose(found.eb_reliability, expected, **SAME)


def test_one_factor_keeps_its_columns(balanced):
    fit = ec.lmer("y ~ 1 + (1 | g)", balanced)
    assert list(fit.reliability().columns) == ["group", "term", "reliability", "groups_used"]
    values = reliability_values(fit)
    np.testing.assert_allclose(values.determined, values.reliability, **CLOSED)


# shares of variance

PERFORMANCE = {
    "angle ~ recipe + temp + (1 | replicate/recipe)": (
        "cake", 0.668708004690511, 0.594405161880861, 0.111114032265904, 0.705519194146765),
    "score ~ Machine + (1 | Worker) + (1 | Worker:Machine)": (
        "Machines", 0.975469155070494, 0.519242114795201, 0.467700119377248, 0.986942234172449),
    "strength ~ 1 + (1 | batch/cask)": (
        "Pastes", 0.937041363679589, 0.937041363679589, 0.0, 0.937041363679589),
    "diameter ~ 1 + (1 | plate) + (1 | sample)": (
        "Penicillin", 0.936336824976214, 0.936336824976214, 0.0, 0.936336824976214),
    "y ~ ses + trt * urban + (1 | sch/cl)": (
        "threelevel", 0.28805364722572, 0.255443875100105, 0.113207287738531, 0.368651162838635),
}  # fmt: skip
"""ICC adjusted and unadjusted, R squared marginal and conditional: R 4.2.2, lme4 1.1-31,
performance 0.10.2, from the optimum that `tests/reference/README.md` describes."""


@pytest.mark.parametrize("formula", PERFORMANCE)
def test_shares_are_those_of_performance(formula):
    name, adjusted, unadjusted, marginal, conditional = PERFORMANCE[formula]
    fit = ec.lmer(formula, table(name))
    assert fit.icc() == pytest.approx(adjusted, rel=OPTIMUM["estimate"])
    assert fit.icc(adjusted=False) == pytest.approx(unadjusted, rel=OPTIMUM["estimate"])
    assert fit.r2().marginal == pytest.approx(marginal, rel=OPTIMUM["estimate"], abs=1e-12)
    assert fit.r2().conditional == pytest.approx(conditional, rel=OPTIMUM["estimate"])
    parts = [fit.icc(factor) for factor in fit.factors]
    assert sum(parts) == pytest.approx(fit.icc(), rel=SAME["rtol"])
    by_group = fit.icc_by_group()
    np.testing.assert_allclose(by_group["share"], [*parts, 1 - fit.icc()], rtol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_random_variance_is_the_mean_over_the_rows(name, fits):
    dense, found = Dense(fits[name]), variance_shares(fits[name])
    for part, blocks, T in zip(found.by_factor, dense.Z, dense.T, strict=True):
        whole = sum(Z @ T @ Z.T for Z in blocks)
        assert part == pytest.approx(float(np.diagonal(whole).mean()), rel=1e-9)


def test_correlations_of_two_rows(fits):
    three = fits["three"].icc_by_group().set_index("group")
    assert three.correlation["room:school"] == pytest.approx(
        three.share["room:school"] + three.share["school"]
    )
    assert three.correlation["school"] == three.share["school"]
    crossed = fits["crossed"].icc_by_group()
    np.testing.assert_array_equal(crossed.correlation[:2], crossed.share[:2])
    worker = ec.lmer("score ~ Machine + (1 | Worker) + (1 | Worker:Machine)", table("Machines"))
    found = worker.icc_by_group()["correlation"].tolist()
    assert found[1] > found[0]  # whatever the order of the formula


# explained variance and tests


@pytest.mark.parametrize(
    ("formula", "null", "data"),
    [
        (THREE_SLOPES, "y ~ 1 + (1 | school/room)", schools()),
        (CROSSED_SLOPES, CROSSED, answers()),
        ("y ~ load + (load || pupil) + (1 | item)", CROSSED, answers()),
    ],
)
@pytest.mark.parametrize("reml", [True, False])
def test_the_null_model_is_the_one_fitted_to_rows(formula, null, data: Any, reml):
    fit, direct = ec.lmer(formula, data, reml=reml), ec.lmer(null, data, reml=reml)
    made = null_model(fit)
    np.testing.assert_allclose(made.optimum.covariance, direct.optimum.covariance, rtol=1e-6)
    assert made.optimum.deviance == pytest.approx(direct.optimum.deviance, rel=1e-10)
    np.testing.assert_allclose(
        fit.explained()["explained"], fit.explained(direct)["explained"], rtol=1e-5
    )
    assert fit.explained()["level"].tolist() == [*fit.factors, "Residual"]


def test_the_null_model_names_the_factor_it_cannot_have():
    fit = ec.lmer("y ~ load + (1 | pupil) + (0 + load | item)", answers())
    with pytest.raises(NotIdentified, match="random intercept of 'item'"):
        fit.explained()


def test_the_chi_square_test_is_refused(fits):
    with pytest.raises(DataError, match=r"2: 'pupil', 'item'.*log-likelihoods"):
        fits["crossed"].variance_tests()
