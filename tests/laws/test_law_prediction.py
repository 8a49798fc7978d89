"""Variances of predictions and leverages against dense matrices, and against closed forms."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from law_tables import FORMULAS, seeds, two_level
from numpy.testing import assert_allclose
from several_tables import FORMULAS as SEVERAL
from several_tables import several
from test_law_residual import STRUCTURES, panel

import echelon as ec
from dense_prediction import DensePrediction, dense_of, spread
from echelon.effects.row_variance import hat_values, row_covariance, row_variance
from echelon.effects.rows import Rows, own_rows
from echelon.effects.shifted import around
from echelon.infer.satterthwaite import satterthwaite
from echelon.tolerances import VARIANCE_STEP
from tolerances import CLOSED

DERIVATIVE = dict(rtol=1e-5)
"""A quotient of differences with a step of 1e-3 standard errors: off by its square, 1e-6, times the
share of the third derivative."""


def mixed_rows(fit: ec.LMM, seed: int) -> Rows:
    """Rows of the model with groups drawn anew for every factor, some of them unseen.

    With several factors most of the pairs of groups have no row in the data.
    """
    rng, rows = np.random.default_rng(seed), own_rows(fit)
    some = rng.integers(0, rows.m, 60)
    codes = tuple(rng.integers(-1, len(group.levels), len(some)) for group in fit.moments.groups)
    return Rows(rows.X[some], rows.offset[some], tuple(Z[some] for Z in rows.Z), codes)


def check(fit: ec.LMM, R: np.ndarray, seed: int) -> None:
    """Variances, covariances and leverages of a fit against dense matrices."""
    dense, rows = dense_of(fit, R), mixed_rows(fit, seed)
    Z = spread(fit, rows)
    new = np.zeros(rows.m)
    for part, own, codes in zip(fit.problem.blocks.parts, rows.Z, rows.codes, strict=True):
        D = fit.optimum.covariance[part, part]
        new += np.where(codes < 0, np.einsum("ma,ab,mb->m", own, D, own), 0.0)
    assert_allclose(row_variance(fit, rows), dense.variance(rows.X, Z, Z) + new, rtol=1e-7)
    swapped = np.random.default_rng(seed + 1).permutation(rows.m)
    together = np.hstack([rows.X, Z])
    C = joint(dense)
    expected = np.einsum("mi,ij,mj->m", together, C, together[swapped])
    found = row_covariance(fit, rows, rows.take(swapped))
    assert_allclose(found, expected, rtol=1e-7, atol=1e-9 * np.abs(expected).max())
    assert_allclose(hat_values(fit), dense.hat(), rtol=1e-7, atol=1e-10)


def joint(dense: DensePrediction) -> np.ndarray:
    """Covariance of (beta_hat - beta, b_hat - b)."""
    A = np.vstack([dense.B, dense.U])
    own = np.zeros((len(A), len(dense.T)))
    own[dense.X.shape[1] :] = np.eye(len(dense.T))
    both = A @ dense.Z @ dense.T @ own.T
    return A @ dense.V @ A.T + own @ dense.T @ own.T - both - both.T


@given(seed=seeds, formula=st.sampled_from(FORMULAS), reml=st.booleans())
def test_one_factor(seed: int, formula: str, reml: bool) -> None:
    data = two_level(seed, groups=9)
    fit = ec.lmer(formula, data, reml=reml)
    check(fit, np.eye(len(data)), seed)


@given(seed=seeds, formula=st.sampled_from(SEVERAL))
def test_several_factors_nested_and_crossed(seed: int, formula: str) -> None:
    data = several(seed, rows=70)
    fit = ec.lmer(formula, data, precision="weight")
    check(fit, np.diag(1 / data["weight"]), seed)


@pytest.mark.parametrize("term", ["cs(x + w | g)", "ar1(0 + factor(t) | g)", "diag(x | g)"])
def test_structured_terms(term: str) -> None:
    data = two_level(5, groups=9, balanced=6)
    data["t"] = np.tile(np.arange(6), 9)
    fit = ec.lmer(f"y ~ x + w + {term}", data)
    check(fit, np.eye(len(data)), 5)


@given(seed=seeds, formula=st.sampled_from(SEVERAL[:6]))
def test_iterative_method(seed: int, formula: str) -> None:
    data = several(seed, rows=70)
    fit = ec.lmer(formula, data, method="iterative", probes="exact")
    dense, rows = dense_of(fit, np.eye(len(data))), mixed_rows(fit, seed)
    old = rows.take(np.flatnonzero(np.all([codes >= 0 for codes in rows.codes], axis=0)))
    Z = spread(fit, old)
    assert_allclose(row_variance(fit, old), dense.variance(old.X, Z, Z), **CLOSED)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_residual_structures(structure: str) -> None:
    data = panel(11)
    fit = ec.lmer("y ~ x + (0 + x | id) + (1 | school)", data, residual=structure, precision="w")
    assert fit.residual is not None
    kind = fit.residual.correlation
    same = data["id"].to_numpy()[:, None] == data["id"].to_numpy()[None]
    C = np.eye(len(data))
    if kind is not None:
        time = data["clock" if kind == "car1" else "t"].to_numpy().astype(float)
        lag = np.abs(time[:, None] - time[None])
        C = np.where(same, fit.residual.phi if kind == "cs" else fit.residual.phi**lag, 0.0)
        np.fill_diagonal(C, 1.0)
    s = fit.residual.ratio[fit.residual.stratum] / np.sqrt(data["w"].to_numpy())
    check(fit, s[:, None] * C * s, 3)


@given(seed=seeds, formula=st.sampled_from((*FORMULAS[:4], *SEVERAL[:2])))
def test_chosen_effects_of_an_observation(seed: int, formula: str) -> None:
    """Effects that are left out add all of their variance, and their covariance with the others."""
    data = several(seed, rows=90)
    fit = ec.lmer(formula, data)
    rows = own_rows(fit)
    dense, whole = dense_of(fit, np.eye(len(data))), spread(fit, rows)
    for random in ("(1 | g)", "(0 + x | g)", "g", "all"):
        wanted = {"(1 | g)": ("(Intercept)",), "(0 + x | g)": ("x",)}
        effects = fit.moments.groups[0].effects
        keep = [random in ("g", "all") or e in wanted.get(random, ()) for e in effects]
        if not any(keep):
            continue
        shown = Rows(
            rows.X,
            rows.offset,
            (rows.Z[0] * keep, *(Z * (random == "all") for Z in rows.Z[1:])),
            rows.codes,
        )
        known = len(rows.Z) if random == "all" else 1
        width = sum(len(g.levels) * len(g.effects) for g in fit.moments.groups[:known])
        target = np.zeros_like(whole)
        target[:, :width] = whole[:, :width]
        # the effects of the other factors are those of groups that nothing is known of
        other = np.zeros(rows.m)
        for part, Z in list(zip(fit.problem.blocks.parts, rows.Z, strict=True))[known:]:
            other += np.einsum("ma,ab,mb->m", Z, fit.optimum.covariance[part, part], Z)
        v = dense.variance(rows.X, spread(fit, shown), target) + other + fit.optimum.sigma2
        found = fit.predict(data, random=random, interval="prediction")
        assert_allclose(found["std_error"], np.sqrt(v), **CLOSED)
        expected = rows.X @ fit.optimum.beta + spread(fit, shown) @ dense.U @ data["y"].to_numpy()
        assert_allclose(found["estimate"], expected, rtol=1e-7, atol=1e-9)


# --- what predictions answer to in the variance parameters ----------------------------------


@pytest.mark.parametrize(
    "case",
    [
        ("y ~ x + z + (x | g)", {}),
        ("y ~ x + (x || g)", {"reml": False}),
        ("y ~ x + w + cs(x + w | g)", {}),
        ("y ~ x + (1 | g)", {"residual": "by(half)"}),
        ("y ~ x + (0 + x | g)", {"residual": "by(half) + ar1(t | g)"}),
        ("y ~ x + (0 + x | g)", {"residual": "car1(t | g)"}),
        ("y ~ x + (0 + x | g)", {"residual": "cs(1 | g)"}),
    ],
)
def test_neighbours_have_the_exact_derivatives_of_vcov(case: tuple[str, dict[str, object]]) -> None:
    formula, options = case
    data = two_level(17, groups=20, balanced=6)
    data["t"] = np.tile(np.arange(6), 20)
    data["half"] = np.where(data["t"] < 3, "early", "late")
    fit = ec.lmer(formula, data, **options)
    near = around(fit)
    same = near.at(np.zeros(len(near.root)))
    assert_allclose(same.optimum.beta, fit.optimum.beta, **CLOSED)
    assert_allclose(same.optimum.vcov, fit.optimum.vcov, **CLOSED)
    assert_allclose(near.root @ near.root.T, fit.optimum.varpar_covariance, rtol=1e-7, atol=1e-12)
    step = 2 * VARIANCE_STEP
    scale = np.abs(fit.optimum.vcov).max()
    for column, (ahead, behind) in zip(near.root.T, near.pairs(), strict=True):
        quotient = (ahead.optimum.vcov - behind.optimum.vcov) / step
        exact = np.tensordot(column, fit.optimum.vcov_gradient, 1)
        assert_allclose(quotient, exact, rtol=1e-5, atol=1e-6 * scale)


@given(seed=seeds, formula=st.sampled_from(FORMULAS))
def test_fixed_part_has_satterthwaites_degrees_of_freedom(seed: int, formula: str) -> None:
    data = two_level(seed, groups=12)
    fit = ec.lmer(formula, data)
    found = fit.predict(data, random="none", interval="confidence")
    assert_allclose(found["df"], satterthwaite(fit.optimum, own_rows(fit).X), **DERIVATIVE)
    theirs = fit.predictions(newdata=data).frame()
    assert_allclose(found["std_error"], theirs["std_error"], **CLOSED)
    assert_allclose(found["conf_low"], theirs["conf_low"], rtol=1e-5, atol=1e-6)


def balanced(seed: int, J: int = 12, n: int = 5) -> tuple[ec.LMM, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(J), n)
    y = 3 + rng.normal(size=J)[g] + 1.5 * rng.normal(size=J * n)
    data = pd.DataFrame({"y": y, "g": g})
    return ec.lmer("y ~ 1 + (1 | g)", data), data


def test_balanced_one_way_in_closed_form() -> None:
    """Shrinkage lam = n tau / (n tau + s2): the estimate answers to it by (mean_j - mean)."""
    J, n = 12, 5
    fit, data = balanced(1, J, n)
    tau, s2 = float(fit.optimum.covariance[0, 0]), fit.optimum.sigma2
    A = fit.optimum.component_covariance()  # of tau and s2
    mean, grand = data.groupby("g")["y"].mean().to_numpy(), data["y"].mean()
    lam, delta = n * tau / (n * tau + s2), n * tau + s2
    slope = np.array([n * s2, -n * tau]) / delta**2  # of lam in (tau, s2)
    new = pd.DataFrame({"g": [*range(J), 99]})
    found = fit.predict(
        new, new_groups="population", interval="confidence", variance_parameters=True
    )
    plain = fit.predict(new, new_groups="population", interval="confidence")
    known = s2 / n * lam + (1 - lam) ** 2 * delta / (n * J)
    moved = (slope @ A @ slope) * (mean - grand) ** 2
    assert_allclose(plain["std_error"][:J] ** 2, known, **CLOSED)
    assert_allclose((found["std_error"] ** 2 - plain["std_error"] ** 2)[:J], 2 * moved, rtol=1e-5)
    assert_allclose(found["std_error"][J], plain["std_error"][J], **CLOSED)
    observed = fit.predict(new, new_groups="population", interval="prediction")
    v = tau + s2 + delta / (n * J)
    along = np.array([1 + 1 / J, 1 + 1 / (n * J)])
    assert_allclose(observed["std_error"][J] ** 2, v, **CLOSED)
    assert_allclose(observed["df"][J], 2 * v**2 / (along @ A @ along), **DERIVATIVE)
