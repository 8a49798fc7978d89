"""Laws of cluster-robust covariances: the dense formula, closed forms, invariance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import echelon as ec
from dense_sandwich import DenseSandwich
from echelon.infer import uncertainty
from tolerances import CLOSED, OPTIMUM

SEEDS = st.integers(0, 10_000)
FORMULAS = (
    "y ~ x + z + (1 | g)",
    "y ~ x * z + (x | g)",
    "y ~ x + z + (x || g)",
    "y ~ 0 + x + z + (1 | g)",
    "y ~ x + z + (1 | top / g)",
    "y ~ x + alone + (1 | g)",
    "y ~ x + z + (1 | g) + (1 | item)",  # items within clusters, crossed with g inside them
)


def table(seed):
    """Groups g in clusters `top`, unbalanced, with singletons; one cluster has a dummy."""
    rng = np.random.default_rng(seed)
    n, G = 70, 16
    g = np.sort(rng.choice(G, n, p=rng.dirichlet(np.full(G, 3.0))))
    top = g // 3
    x = rng.normal(size=n) + rng.normal(size=G)[g]
    item = top * 5 + rng.integers(0, 5, n)
    y = x + rng.normal(size=G)[g] * (1 + x) + rng.normal(size=30)[item] + rng.normal(size=n)
    return pd.DataFrame({
        "g": g, "top": top, "item": item, "x": x, "z": rng.normal(size=G)[g], "y": y,
        "alone": (top == top[0]).astype(float), "w": rng.uniform(0.3, 3, n),
        "o": rng.normal(size=n),
    })  # fmt: skip


def close(ours, dense, scale):
    assert np.abs((ours - dense) / scale).max() < CLOSED["rtol"]


def compare(fit, data, cluster):
    codes = np.unique(data["top" if cluster is not None else "g"], return_inverse=True)[1]
    p = len(fit.names)
    for correction in ("CR0", "CR2"):
        known = uncertainty(fit, "satterthwaite", robust=correction, cluster=cluster)
        dense = DenseSandwich.of_fit(fit, codes, correction == "CR2")
        size = np.sqrt(np.diag(dense.vcov))
        close(known.vcov, dense.vcov, np.outer(size, size))
        expected = [dense.df(row) for row in np.eye(p)]
        np.testing.assert_allclose(known.df(np.eye(p)), expected, **CLOSED)
        L = np.eye(p)[1:]
        assert known.freedom.hotelling(L) == pytest.approx(dense.hotelling(L), rel=CLOSED["rtol"])
        if correction == "CR0":
            plain = uncertainty(fit, robust="CR0", cluster=cluster).vcov
            close(plain, known.vcov, np.outer(size, size))


@pytest.mark.parametrize("formula", FORMULAS)
@given(seed=SEEDS)
def test_dense_formula(formula, seed):
    data = table(seed)
    fit = ec.lmer(formula, data, precision="w" if seed % 2 else None, offset="o")
    several = len(fit.factors) > 1 or "alone" in formula or seed % 3 == 0
    compare(fit, data, data["top"] if several else None)


@given(seed=SEEDS)
def test_dense_formula_linear(seed):
    data = table(seed)
    for formula in ("y ~ x + z", "y ~ 0 + x * z", "y ~ x + alone"):
        fit = ec.lm(formula, data, precision="w" if seed % 2 else None)
        compare(fit, data, data["top"])


@given(seed=SEEDS)
def test_one_row_a_cluster_is_hc(seed):
    """CR0 is HC0, CR1S is HC1, CR2 is HC2."""
    data = table(seed)
    fit = ec.lm("y ~ x + z", data)
    X, e, n = fit.built.design.fixed_matrix(), fit.resid, len(data)
    bread = np.linalg.inv(X.T @ X)
    leverage = np.einsum("ip,pr,ir->i", X, bread, X)
    one = range(n)
    for correction, scale in (
        ("CR0", 1.0),
        ("CR1", n / (n - 1)),
        ("CR1S", n / (n - 3)),
        ("CR2", 1 / (1 - leverage)),
    ):
        hc = bread @ (X.T * (scale * e**2)) @ X @ bread
        vcov = uncertainty(fit, robust=correction, cluster=one).vcov
        np.testing.assert_allclose(vcov, hc, **CLOSED)


@settings(max_examples=3)  # 70 fits each
@given(seed=SEEDS)
def test_cr2_is_unbiased_where_the_model_holds(seed):
    """The sandwich is quadratic in y: its values at the unit vectors add up to its expectation."""
    data = table(seed)
    expected = np.zeros((3, 3))
    for row in range(len(data)):
        unit = data.assign(y=np.eye(len(data))[row])
        expected += uncertainty(ec.lm("y ~ x + z", unit), robust="CR2", cluster=data["top"]).vcov
    X = ec.lm("y ~ x + z", data).built.design.fixed_matrix()
    np.testing.assert_allclose(expected, np.linalg.inv(X.T @ X), **CLOSED)


@pytest.mark.parametrize("formula", FORMULAS[:5])
@given(seed=SEEDS)
def test_cr2_is_unbiased_with_random_effects(formula, seed):
    """The expectation under the fitted model, in coordinates where (X'V^-1 X)^-1 = I, is I."""
    data = table(seed)
    known = uncertainty(ec.lmer(formula, data), robust="CR2", cluster=data["top"])
    assert known.determined == 0
    np.testing.assert_allclose(known.freedom.total, np.eye(len(known.vcov)), atol=CLOSED["rtol"])


@given(seed=SEEDS)
def test_balanced_mean(seed):
    """Equal groups: CR2 of the mean is REML's variance, on J - 1 degrees of freedom."""
    rng = np.random.default_rng(seed)
    J, n = int(rng.integers(3, 12)), int(rng.integers(2, 8))
    g = np.repeat(np.arange(J), n)
    y = 5 * rng.normal(size=J)[g] + rng.normal(size=J * n)
    fit = ec.lmer("y ~ 1 + (1 | g)", {"y": y, "g": g})
    known = uncertainty(fit, robust="CR2")
    np.testing.assert_allclose(known.vcov, fit.optimum.vcov, **CLOSED)
    np.testing.assert_allclose(known.df(np.eye(1)), J - 1, **CLOSED)


@given(seed=SEEDS)
def test_order_labels_and_units(seed):
    """Order of rows, names of clusters, origin of x and unit of y change nothing."""
    data = table(seed)
    order = np.random.default_rng(seed).permutation(len(data))
    other = data.assign(x=data["x"] + 50, y=1000 * data["y"], g="g" + data["g"].astype(str))
    other = other.iloc[order]
    one = ec.lmer("y ~ x + z + (x | g)", data).coefficients(robust="CR2", cluster=data["top"])
    labels = other["top"].map(lambda t: f"cluster {9 - t}")
    two = ec.lmer("y ~ x + z + (x | g)", other).coefficients(robust="CR2", cluster=labels)
    for column in ("std_error", "df"):
        scale = 1000 if column == "std_error" else 1
        ratio = (two[column] / (scale * one[column])).to_numpy()[1:]
        np.testing.assert_allclose(ratio, 1, rtol=OPTIMUM["se"])


def test_summaries_as_rows():
    """n, mean and sd of each group give the rows' sandwich when the predictors are the groups'."""
    data = table(7)
    data["x"] = data.groupby("g")["x"].transform("mean")
    by = data.groupby("g")
    summaries = by[["x", "z", "top"]].first().assign(
        y=by["y"].mean(), n=by.size(), sd=by["y"].std()
    ).reset_index()  # fmt: skip
    rows = ec.lmer("y ~ x + z + (1 | g)", data)
    few = ec.lmer("y ~ x + z + (1 | g)", summaries=summaries)
    for correction in ("CR0", "CR1", "CR1S", "CR2"):
        a, b = uncertainty(rows, robust=correction), uncertainty(few, robust=correction)
        np.testing.assert_allclose(a.vcov, b.vcov, rtol=OPTIMUM["se"])
        np.testing.assert_allclose(a.df(np.eye(3)), b.df(np.eye(3)), rtol=OPTIMUM["se"])
    a = uncertainty(rows, robust="CR2", cluster=data["top"])
    b = uncertainty(few, robust="CR2", cluster=summaries["top"])
    np.testing.assert_allclose(a.vcov, b.vcov, rtol=OPTIMUM["se"])


def test_many_clusters_are_condensed():
    """Beyond some clusters only the sums of products are kept: the degrees of freedom stay."""
    rng = np.random.default_rng(3)
    n = 500
    data = {"x": rng.normal(size=n), "y": rng.normal(size=n)}
    fit = ec.lm("y ~ x", data)
    known = uncertainty(fit, robust="CR2", cluster=range(n))
    assert len(known.freedom.own) < 60
    X = fit.built.design.fixed_matrix()
    dense = DenseSandwich.of(X, fit.built.design.y, np.eye(n), np.arange(n), True)
    np.testing.assert_allclose(known.df(np.eye(2)), [dense.df(r) for r in np.eye(2)], **CLOSED)
    assert known.freedom.hotelling(np.eye(2)) == pytest.approx(
        dense.hotelling(np.eye(2)), rel=CLOSED["rtol"]
    )


def test_rows_in_chunks(monkeypatch):
    """Cross-products of some clusters at a time, and of all at once, are the same."""
    data = table(11)
    fit = ec.lmer("y ~ x + z + (1 | top / g)", data, precision="w")
    once = uncertainty(fit, robust="CR2")
    monkeypatch.setattr("echelon.tolerances.BATCH_ENTRIES", 40)
    monkeypatch.setattr("echelon.tolerances.ROBUST_ENTRIES", 500)
    again = uncertainty(fit, robust="CR2")
    np.testing.assert_allclose(once.vcov, again.vcov, **CLOSED)
    np.testing.assert_allclose(once.df(np.eye(3)), again.df(np.eye(3)), **CLOSED)
