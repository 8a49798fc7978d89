"""Standardised residuals of rows and groups: laws, not numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import echelon as ec
from echelon.diagnose.level1 import row_residuals
from echelon.diagnose.level2 import group_residuals
from echelon.errors import DataError, NeedsRows, UnknownColumn
from tolerances import CLOSED


def _load(name):
    return ec.datasets.load(name, quiet=True)


def _several(rng, J=30):
    n = rng.integers(1, 9, J)
    g = np.repeat(np.arange(J), n)
    x, w = rng.standard_normal(len(g)), rng.standard_normal(J)[g]
    y = 1 + x + w + rng.standard_normal(J)[g] + 0.5 * rng.standard_normal(J)[g] * x
    return pd.DataFrame(dict(y=y + rng.standard_normal(len(g)), x=x, w=w, g=g, h=g % 4))


def test_balanced_distances_sum_to_the_groups():
    """At the REML estimates of a balanced one-way model mean squares are their expectations."""
    fit = ec.lmer("Yield ~ 1 + (1 | Batch)", _load("dyestuff"))
    np.testing.assert_allclose(group_residuals(fit).distance.sum(), 6.0, **CLOSED)
    np.testing.assert_allclose(np.square(row_residuals(fit).standard).sum(), 30.0, **CLOSED)


@pytest.mark.parametrize("formula", ["y ~ x + w + (x | g)", "y ~ x + (1 | g) + (1 | h)"])
def test_variance_of_the_effects_in_dense_matrices(formula):
    """Var(u_hat) = T Z'P Z T for every factor, P of the dense covariance."""
    data = _several(np.random.default_rng(4))
    fit = ec.lmer(formula, data)
    X = np.column_stack([np.ones(len(data)), *(data[c] for c in fit.names[1:])])
    V = fit.sigma**2 * np.eye(len(data))
    Zs = []
    start = 0
    for group in fit.moments.groups:
        q = len(group.effects)
        T = fit.optimum.covariance[start : start + q, start : start + q]
        start += q
        one = (data[group.factor].to_numpy()[:, None] == np.array(group.levels)) * 1.0
        columns = [np.ones(len(data)), data.x.to_numpy()][:q]
        Z = np.concatenate([one * c[:, None] for c in columns], axis=1)  # effect after effect
        big = np.kron(T, np.eye(len(group.levels)))
        V += Z @ big @ Z.T
        Zs.append((Z, big, q))
    inverse = np.linalg.inv(V)
    P = inverse - inverse @ X @ np.linalg.solve(X.T @ inverse @ X, X.T @ inverse)
    for factor, (Z, big, q) in zip(fit.factors, Zs, strict=True):
        found = group_residuals(fit, factor)
        dense = big @ Z.T @ P @ Z @ big
        J = len(found.levels)
        sd = np.sqrt(np.diagonal(dense).reshape(q, J).T)
        np.testing.assert_allclose(found.sd, sd, rtol=1e-7, atol=1e-9)
        for j in range(J):
            own = dense[j::J, j::J]
            if found.rank[j] == q:
                distance = found.u[j] @ np.linalg.solve(own, found.u[j])
                np.testing.assert_allclose(found.distance[j], distance, rtol=1e-6)


def test_groups_that_say_less_than_all_have_fewer_degrees_of_freedom():
    fit = ec.lmer("y ~ x + w + (x | g)", _several(np.random.default_rng(4)))
    found = group_residuals(fit)
    single = found.n == 1
    assert single.any() and (found.rank[single] == 1).all() and (found.rank[~single] == 2).any()
    assert np.isfinite(found.comparable).all() and (found.p_value <= 1).all()


def test_a_variance_of_zero_leaves_nothing():
    rng = np.random.default_rng(1)
    data = pd.DataFrame(dict(y=rng.standard_normal(60), g=np.repeat(np.arange(12), 5)))
    data["y"] -= data.groupby("g").y.transform("mean")
    fit = ec.lmer("y ~ 1 + (1 | g)", data)
    found = group_residuals(fit)
    assert (found.rank == 0).all() and np.isnan(found.standard).all()
    assert (found.p_value == 1).all() and (found.distance == 0).all()


def test_structures_are_standardised_by_themselves():
    """With the law of its own structure, the residuals of every stratum have the same spread."""
    rng = np.random.default_rng(8)
    g = np.repeat(np.arange(60), 12)
    k = np.where(rng.random(len(g)) < 0.5, "a", "b")
    e = rng.standard_normal(len(g)) * np.where(k == "a", 1.0, 3.0)
    data = pd.DataFrame(dict(y=rng.standard_normal(60)[g] + e, k=k, g=g))
    plain = row_residuals(ec.lmer("y ~ k + (1 | g)", data)).standard
    own = row_residuals(ec.lmer("y ~ k + (1 | g)", data, residual="by(k)")).standard
    ratio = [z[k == "b"].std() / z[k == "a"].std() for z in (plain, own)]
    assert ratio[0] > 2.5 and abs(ratio[1] - 1) < 0.02


def test_summaries_have_groups_but_no_rows():
    fit = ec.lmer("mean ~ 1 + (1 | idschool)", summaries=_load("timss_summaries"))
    assert np.isfinite(group_residuals(fit).distance).all()
    with pytest.raises(NeedsRows):
        row_residuals(fit)


def test_factors_are_named():
    fit = ec.lmer("y ~ x + (1 | g) + (1 | h)", _several(np.random.default_rng(4)))
    with pytest.raises(DataError, match="'g', 'h'"):
        group_residuals(fit)
    with pytest.raises(UnknownColumn, match="Did you mean 'g'"):
        group_residuals(fit, "gg")
