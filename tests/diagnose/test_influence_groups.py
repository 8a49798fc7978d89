"""Influence of groups: refits in one batch against fits without the group, laws, edge cases."""

import numpy as np
import pandas as pd
import pytest
from test_influence_rows import DATA, MODELS, covariance, without

import echelon as ec
from echelon.diagnose.influence import group_influence_values
from echelon.diagnose.influence.choose import displacement
from echelon.errors import (
    DataError,
    NotIdentified,
    NotYetSupported,
    UnknownArgument,
    UnknownOption,
)
from tolerances import CLOSED, OPTIMUM


def check_against_fits(found, formula, data, column, options):
    """Every third group: the estimates are those of the table without it."""
    for r in range(0, found.R, 3):
        other = ec.lmer(formula, data[data[column] != found.units.labels[r]], **options)
        se = np.sqrt(np.diagonal(other.optimum.vcov))
        np.testing.assert_allclose(
            (found.beta[r] - other.optimum.beta) / se, 0, atol=OPTIMUM["estimate"]
        )
        np.testing.assert_allclose(
            found.deviance[r], other.optimum.deviance, rtol=OPTIMUM["deviance"]
        )
        np.testing.assert_allclose(found.std_error[r], se, rtol=OPTIMUM["se"])
        np.testing.assert_allclose(
            found.components[r, -1], other.optimum.sigma2, rtol=OPTIMUM["estimate"]
        )


@pytest.mark.parametrize("name", [m for m in MODELS if m not in ("strata", "cs residual")])
def test_refits_are_fits_of_the_other_groups(name):
    formula, options = MODELS[name]
    found = group_influence_values(ec.lmer(formula, DATA, **options), "g", refit=True)
    assert found.method == "exact" and set(found.reason) == {""}
    check_against_fits(found, formula, DATA, "g", options)


@pytest.mark.parametrize("factor", ["h", "sub"])
def test_refits_by_every_factor(factor):
    formula = f"y ~ x + (1 | g) + (1 | {factor})"
    found = group_influence_values(ec.lmer(formula, DATA), factor)
    check_against_fits(found, formula, DATA, factor, {})


@pytest.mark.parametrize("structure", ["by(sex)", "by(sex) + cs(1 | g)", "car1(t | g)"])
def test_residual_structures_are_estimated_again(structure):
    formula, options = "y ~ x + (0 + x | g)", {"residual": structure}
    found = group_influence_values(ec.lmer(formula, DATA, **options), "g", refit=True)
    check_against_fits(found, formula, DATA, "g", options)


def test_rows_tied_by_residuals_are_not_divided():
    fit = ec.lmer("y ~ x + (0 + x | g)", DATA, residual="ar1(t | g)")
    found = group_influence_values(fit, DATA["h"].to_numpy(), refit=True)
    assert all("ties rows together" in reason for reason in found.reason)
    held = group_influence_values(fit, DATA["h"].to_numpy(), refit=False)
    assert np.isfinite(held.cooks).all()


@pytest.mark.parametrize("by", ["g", "labels"])
@pytest.mark.parametrize("name", MODELS)
def test_with_variances_held_deletion_is_exact(name, by):
    formula, options = MODELS[name]
    fit = ec.lmer(formula, DATA, **options)
    labels = DATA["g"] if by == "g" else DATA["g"] // 3
    found = group_influence_values(fit, by if by == "g" else labels.to_numpy(), refit=False)
    V = covariance(fit)
    for r in range(0, found.R, 2):
        beta, vcov = without(fit, V, np.flatnonzero(labels == found.units.labels[r]))
        se = np.sqrt(np.diagonal(vcov))
        np.testing.assert_allclose((found.beta[r] - beta) / se, 0, atol=OPTIMUM["estimate"])
        np.testing.assert_allclose(
            found.vcov[r], vcov, rtol=OPTIMUM["estimate"], atol=1e-9 * vcov.max()
        )


def test_measures_are_their_definitions():
    fit = ec.lmer("y ~ x + (x | g)", DATA)
    found, C = group_influence_values(fit, "g"), fit.optimum.vcov
    for r in (0, 5):
        d, left = fit.optimum.beta - found.beta[r], found.vcov[r]
        assert found.cooks[r] == pytest.approx(d @ np.linalg.solve(C, d) / 2, rel=CLOSED["rtol"])
        assert found.mdffits[r] == pytest.approx(
            d @ np.linalg.solve(left, d) / 2, rel=CLOSED["rtol"]
        )
        assert found.covratio[r] == pytest.approx(
            np.linalg.det(left) / np.linalg.det(C), rel=CLOSED["rtol"]
        )
        trace = abs(np.trace(np.linalg.solve(C, left)) - 2)
        assert found.covtrace[r] == pytest.approx(trace, rel=CLOSED["rtol"])
        other = found_fit(fit, found, r)
        assert found.displacement[r] == pytest.approx(displacement(fit, other), abs=1e-5)
    assert (found.displacement > 0).all()


def found_fit(fit, found, r):
    return ec.lmer("y ~ x + (x | g)", DATA[DATA.g != found.units.labels[r]])


@pytest.mark.parametrize("reml", [True, False])
def test_displacement_is_the_criterion_at_the_other_estimates(reml):
    fit = ec.lmer("y ~ x + (1 | g)", DATA, reml=reml)
    found, V0 = group_influence_values(fit, "g"), covariance(fit)
    rows = DATA["g"].to_numpy()
    X, y = np.column_stack([np.ones(fit.n), DATA.x]), DATA.y.to_numpy()

    def criterion(beta, d, sigma2):
        V = sigma2 * (np.eye(fit.n) + d * (rows[:, None] == rows))
        e = y - X @ beta
        value = fit.n * np.log(2 * np.pi) + np.linalg.slogdet(V)[1] + e @ np.linalg.solve(V, e)
        if reml:
            value += np.linalg.slogdet(X.T @ np.linalg.solve(V, X))[1] - 2 * np.log(2 * np.pi)
        return value

    best = fit.optimum
    base = criterion(best.beta, best.lam[0, 0] ** 2, best.sigma2)
    assert V0.shape == (fit.n, fit.n)
    for r in range(0, found.R, 4):
        tau, sigma2 = found.components[r]
        there = criterion(found.beta[r], tau / sigma2, sigma2)
        assert found.displacement[r] == pytest.approx(there - base, abs=OPTIMUM["loglik"])


def many(J=400, seed=5):
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(J), rng.integers(2, 25, J))
    x = rng.normal(size=len(g))
    u = rng.normal(size=(J, 2)) * [1.0, 0.5]
    y = 1 + x + u[g, 0] + u[g, 1] * x + 2 * rng.normal(size=len(g))
    return pd.DataFrame({"y": y, "x": x, "g": g})


@pytest.mark.parametrize("formula", ["y ~ x + (1 | g)", "y ~ x + (x | g)"])
def test_error_of_one_step_falls_with_the_square_of_the_number_of_groups(formula):
    errors = []
    for J in (100, 400):
        fit = ec.lmer(formula, many(J))
        exact = group_influence_values(fit, "g", refit=True)
        step = group_influence_values(fit, "g", refit="one-step")
        se = np.sqrt(np.diagonal(fit.optimum.vcov))
        change = np.median(np.abs((exact.beta - fit.optimum.beta) / se))
        assert np.median(np.abs((exact.beta - step.beta) / se)) < 0.01 * change
        errors.append(np.median(np.abs(step.components / exact.components - 1)))
        close = np.median(np.abs(step.displacement / exact.displacement - 1))
        assert close < 0.05
    assert errors[1] < errors[0] / 8


def test_very_many_groups_take_one_step_unless_asked(monkeypatch):
    from echelon import tolerances

    monkeypatch.setattr(tolerances, "DELETED_WORK", 100.0)
    fit = ec.lmer("y ~ x + (1 | g)", DATA)
    found = fit.influence("g")
    assert found.method == "one-step" and "one Newton step" in " ".join(found.table().notes)
    assert fit.influence("g", refit=True).method == "exact"
    monkeypatch.setattr(tolerances, "DELETED_SINGLE", 10.0)
    assert ec.lmer("y ~ x + (1 | g) + (1 | h)", DATA).influence("h").method == "held"


def test_boundary_fits_and_deletions_that_reach_it():
    rng = np.random.default_rng(2)
    data = DATA.assign(y=rng.normal(size=len(DATA)))
    for formula in ("y ~ x + (1 | g)", "y ~ x + (x | g)"):
        fit = ec.lmer(formula, data)
        found = group_influence_values(fit, "g")
        check_against_fits(found, formula, data, "g", {})
    assert fit.verdict.status == "boundary" and found.boundary.any()
    step = group_influence_values(fit, "g", refit="one-step")
    assert np.isfinite(step.cooks).all() and np.isfinite(step.displacement).all()
    held = group_influence_values(fit, "g", refit=False)
    np.testing.assert_allclose(held.cooks, row_free(fit, held), rtol=OPTIMUM["estimate"])


def row_free(fit, held):
    """Cook's distances from the estimates themselves."""
    d = fit.optimum.beta - held.beta
    return np.einsum("rp,pq,rq->r", d, np.linalg.inv(fit.optimum.vcov), d) / d.shape[1]


def test_a_coefficient_that_only_one_group_tells():
    data = DATA.assign(special=(DATA.g == 4).astype(float))
    fit = ec.lmer("y ~ x + special + (1 | g)", data)
    found = fit.influence("g")
    r = found.units.place(4)
    assert "special not estimable" in found.reason[r] and np.isnan(found.beta[r, 2])
    alone = ec.lmer("y ~ x + (1 | g)", data[data.g != 4])
    np.testing.assert_allclose(found.beta[r, :2], alone.optimum.beta, rtol=OPTIMUM["estimate"])
    assert np.isfinite(np.delete(found.cooks, r)).all() and np.isnan(found.cooks[r])
    assert "special not estimable" in " ".join(found.table().notes)
    for refit in (False, "one-step"):
        other = fit.influence("g", refit=refit)
        assert np.isnan(other.beta[r, 2]) or other.reason[r]


def test_groups_of_one_row_and_summaries():
    data = pd.concat([DATA, DATA.iloc[[0]].assign(g=99)], ignore_index=True)
    found = ec.lmer("y ~ x + (1 | g)", data).influence("g")
    check_against_fits(found, "y ~ x + (1 | g)", data, "g", {})
    table = data.groupby("g").agg(n=("y", "size"), y=("y", "mean"), sd=("y", "std")).reset_index()
    table["sd"] = table["sd"].fillna(0.0)
    table["big"] = (table["n"] > 6).astype(float)
    rows = data.merge(table[["g", "big"]], on="g")
    a = ec.lmer("y ~ big + (1 | g)", summaries=table).influence("g")
    b = ec.lmer("y ~ big + (1 | g)", rows).influence("g")
    np.testing.assert_allclose(a.beta, b.beta, **CLOSED)
    np.testing.assert_allclose(a.components, b.components, rtol=OPTIMUM["estimate"])
    np.testing.assert_array_equal(a.size, b.size)
    other = a.without(3)
    np.testing.assert_allclose(
        other.optimum.beta, a.beta[a.units.place(3)], rtol=OPTIMUM["estimate"]
    )


def test_linear_models_by_labels():
    fit = ec.lm("y ~ x + sex", DATA)
    found = fit.influence(DATA["g"])
    assert found.units.name == "g"
    for r in (0, 6):
        other = ec.lm("y ~ x + sex", DATA[DATA.g != found.units.labels[r]])
        np.testing.assert_allclose(found.beta[r], other.beta, **CLOSED)
        np.testing.assert_allclose(found.std_error[r] ** 2, np.diagonal(other.vcov_beta), **CLOSED)
    assert isinstance(found.without(3), ec.OLS)


def test_significance_that_hangs_on_one_group():
    rng = np.random.default_rng(8)
    data = pd.DataFrame({"g": np.repeat(np.arange(12), 6), "x": np.tile(np.arange(6.0), 12)})
    data["y"] = rng.normal(size=72)
    data.loc[data.g == 3, "y"] += 2.5 * data.x
    fit = ec.lmer("y ~ x + (1 | g)", data)
    found = fit.influence("g")
    frame = found.frame()
    assert frame.loc[frame.g == 3, "flips"].item() == "x"
    before = fit.coefficients()["p_value"][1]
    after = found.p_value[found.units.place(3), 1]
    assert before < 0.05 < after
    assert "Flips" in found.table().to_text()


def test_frame_table_and_refit():
    fit = ec.lmer("y ~ x + (x | g)", DATA)
    found = fit.influence("g")
    frame = found.frame(estimates=True)
    named = {
        "g",
        "n",
        "cooks",
        "covratio",
        "displacement",
        "dfbetas_x",
        "change_sigma2",
        "estimate_x",
    }
    assert named <= set(frame.columns) and len(frame) == 14
    assert frame["n"].sum() == fit.n
    assert "change_sigma2" not in fit.influence("g", refit=False).frame().columns
    other = found.without("5")
    np.testing.assert_allclose(other.optimum.beta, found.beta[5], rtol=OPTIMUM["estimate"])
    assert other.n == fit.n - (DATA.g == 5).sum() and 5 not in other.group().levels
    assert other.influence("g").R == 13


def test_messages():
    fit, linear = ec.lmer("y ~ x + (1 | g)", DATA), ec.lm("y ~ x", DATA)
    with pytest.raises(UnknownArgument, match=r'fit.influence\("school"\)'):
        fit.influence(group="g")
    with pytest.raises(DataError, match=r"Did you mean 'x'|by=data"):
        fit.influence("xx")
    with pytest.raises(UnknownOption, match="one-step"):
        fit.influence("g", refit="one step")
    with pytest.raises(DataError, match=r"one label for each of the"):
        fit.influence([1, 2, 3])
    with pytest.raises(DataError, match="no grouping factor"):
        linear.influence("g")
    with pytest.raises(NotIdentified, match="has 2 groups"):
        fit.influence(DATA["sex"])
    with pytest.raises(DataError, match="has no group 'none'"):
        fit.influence("g").without("none")
    with pytest.raises(NotYetSupported, match="one grouping factor"):
        ec.lmer("y ~ x + (1 | g) + (1 | h)", DATA).influence("h", refit="one-step")
    crossed = ec.lmer("y ~ x + (1 | g) + (1 | h)", DATA, method="iterative")
    with pytest.raises(NotYetSupported, match="iterative"):
        crossed.influence("h")
