"""Coordinates of a model's columns, and responses drawn in them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import echelon as ec
import several_factors
from echelon import tolerances as constants
from echelon.effects.simulate import simulated_products, simulated_rows
from echelon.errors import TooLarge
from echelon.moments.responses import ResponseMoments, responses
from echelon.moments.span import Span, drawn, span
from tolerances import CLOSED

MODELS = (
    "Reaction ~ Days + (Days | Subject)",
    "Reaction ~ Days + (1 | Subject)",
    "Reaction ~ 0 + Days + (0 + Days | Subject)",
    "Reaction ~ 0 + C(Days) + (1 | Subject)",
    "Reaction ~ Days + twice + (Days | Subject)",
    several_factors.THREE,
    several_factors.THREE_SLOPES,
    several_factors.CROSSED,
    several_factors.CROSSED_SLOPES,
)


def fitted(formula: str, weighted: bool) -> ec.LMM:
    """A model of one of the tables, with weights and an offset."""
    if "Reaction" in formula:
        data = ec.datasets.load("sleepstudy", quiet=True).iloc[3:]
        data = data.assign(twice=2 * data["Days"])
    else:
        data = several_factors.schools() if "school" in formula else several_factors.answers()
    rng = np.random.default_rng(3)
    data = data.assign(w=rng.uniform(0.5, 2, len(data)), off=rng.normal(size=len(data)) + 5)
    options = {"precision": "w", "offset": "off"} if weighted else {}
    return ec.lmer(formula, data, **options)


def dense(fit: ec.LMM) -> np.ndarray:
    """[Z of each factor, 1 X] about their centres, times the root of the weights."""
    design, blocks = fit.built.design, []
    for group, factor in zip(fit.moments.groups, design.factors, strict=True):
        columns = [a for t in factor.terms for a in ([None] if t.intercept else []) + [*t.arrays]]
        Z = np.zeros((fit.n, len(group.levels), len(columns)))
        for a, (column, centre) in enumerate(zip(columns, group.centre, strict=True)):
            Z[np.arange(fit.n), factor.codes, a] = 1.0 if column is None else column - centre
        blocks.append(Z.reshape(fit.n, -1))
    V = np.column_stack([np.ones(fit.n), *design.arrays]) - fit.moments.centre[:-1]
    w = np.ones(fit.n) if design.precision is None else design.precision
    return np.column_stack([*blocks, V]) * np.sqrt(w)[:, None]


def coordinates(at: Span) -> np.ndarray:
    """The columns of `dense` in the coordinates of a span, in its order."""
    J, q, _ = at.N.shape
    own = np.zeros((J * q, J * q))
    for j in range(J):
        own[j * q : (j + 1) * q, j * q : (j + 1) * q] = at.N[j].T
    right = at.fixed if at.others is None else np.column_stack([at.others.toarray(), at.fixed])
    top = np.column_stack([own, right])
    below = np.column_stack([np.zeros((at.C.shape[1], J * q)), at.C.T])
    return np.vstack([top, below])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("formula", MODELS)
def test_coordinates_have_the_cross_products_of_the_columns(formula: str, weighted: bool) -> None:
    fit = fitted(formula, weighted)
    at, U = span(fit.moments), dense(fit)
    sizes = [g.ZtZ.shape[0] * g.ZtZ.shape[1] for g in fit.moments.groups]
    starts = np.cumsum([0, *sizes])
    order = [at.first, *(f for f in range(len(sizes)) if f != at.first)]
    place = np.concatenate(
        [*(np.arange(starts[f], starts[f + 1]) for f in order), np.arange(starts[-1], U.shape[1])]
    )
    found, G = coordinates(at), U.T @ U
    scale = np.sqrt(np.diagonal(G))
    scale = np.where(scale > 0, scale, 1.0)
    assert_allclose(
        (found.T @ found) / np.outer(scale, scale)[np.ix_(place, place)],
        (G / np.outer(scale, scale))[np.ix_(place, place)],
        atol=1e-10,
    )
    assert at.freedom == fit.n - np.linalg.matrix_rank(U / scale, tol=1e-6)


def about(fit: ec.LMM, given: ResponseMoments, centre: float) -> np.ndarray:
    """All products of each response about one centre, one column a response."""
    m, d = fit.moments, given.centre - centre
    parts = [
        (part + group.ZtV[:, :, :1] * d).reshape(-1, given.R)
        for part, group in zip(given.ZtY, m.groups, strict=True)
    ]
    yty = given.yty + 2 * d * given.VtY[0] + d**2 * m.weight
    return np.concatenate([given.VtY + m.cross[:-1, :1] * d, yty[None], *parts])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("formula", MODELS)
def test_products_are_distributed_as_those_of_rows(formula: str, weighted: bool) -> None:
    """Means, variances and covariances of all products, in Monte Carlo standard errors.

    The largest of m independent standard normals is below sqrt(2 log m) + 2 but once in a hundred.
    """
    fit, R = fitted(formula, weighted), 4000
    rng = np.random.default_rng(11)
    given = simulated_products(fit, span(fit.moments), R, rng)
    rows = responses(fit.moments, fit.built.design, simulated_rows(fit, R, rng))
    ours, theirs = (about(fit, x, float(given.centre[0])) for x in (given, rows))
    centre, sd = theirs.mean(axis=1), theirs.std(axis=1)
    alive = sd > 1e-9 * np.abs(theirs).max(axis=1)  # no variance: a group whose z are all zero
    a, b = ((x[alive] - centre[alive, None]) / sd[alive, None] for x in (ours, theirs))
    z = (a.mean(axis=1) - b.mean(axis=1)) / np.sqrt((a.var(axis=1) + b.var(axis=1)) / R)
    assert np.abs(z).max() < np.sqrt(2 * np.log(len(z))) + 2
    first, second = a @ a.T / R, b @ b.T / R
    spread = ((a**2) @ (a**2).T / R - first**2 + (b**2) @ (b**2).T / R - second**2) / R
    z = (first - second) / np.sqrt(spread)
    assert np.abs(z).max() < np.sqrt(2 * np.log(z.size / 2)) + 2


def test_moments_of_the_products_in_theory() -> None:
    """E y'Wy, Var Z'Wy and their covariance, from V = sigma^2 W^-1 + Z T Z' written out."""
    fit, R = fitted("Reaction ~ Days + (Days | Subject)", True), 20_000
    given = simulated_products(fit, span(fit.moments), R, np.random.default_rng(5))
    U, design = dense(fit), fit.built.design
    Z, root = U[:, :36], np.sqrt(design.precision)
    to_centred = np.linalg.inv(fit.group_moments.user_from_centred())
    T = np.kron(np.eye(18), to_centred @ fit.optimum.covariance @ to_centred.T)
    V = fit.sigma**2 * np.eye(fit.n) + Z @ T @ Z.T  # of root(W) y
    X = np.column_stack([np.ones(fit.n), *design.arrays])
    mean = root * (X @ fit.optimum.beta - given.centre[0])
    products = np.concatenate([given.VtY, given.ZtY[0].reshape(36, R)])
    columns = np.column_stack([U[:, 36:], Z])
    sd = np.sqrt(np.diagonal(columns.T @ V @ columns))
    z = (products.mean(axis=1) - columns.T @ mean) / (sd / np.sqrt(R))
    assert np.abs(z).max() < 4
    expected = np.trace(V) + mean @ mean
    variance = 2 * np.trace(V @ V) + 4 * mean @ V @ mean
    assert abs(given.yty.mean() - expected) < 4 * np.sqrt(variance / R)
    assert_allclose(given.yty.var(), variance, rtol=4 * np.sqrt(2.5 / R))


def test_without_noise_and_effects_a_response_is_its_mean() -> None:
    fit = fitted("Reaction ~ Days + (Days | Subject)", True)
    at, k = span(fit.moments), len(fit.moments.columns)
    coefficients = np.arange(1.0, k)
    none = (np.zeros((18, 2, 1)),)
    given = drawn(at, coefficients, none, 0.0, 7.0, np.random.default_rng(1))
    cross, group = fit.moments.cross[:-1, :-1], fit.group_moments
    assert_allclose(given.VtY[:, 0], cross @ coefficients, **CLOSED)
    assert_allclose(given.yty[0], coefficients @ cross @ coefficients, **CLOSED)
    assert_allclose(
        given.ZtY[0][:, :, 0], group.ZtV[:, :, :-1] @ coefficients, rtol=1e-7, atol=1e-7
    )
    assert given.centre[0] == 7.0


def test_too_many_effects_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    fit = fitted(several_factors.CROSSED, False)
    monkeypatch.setattr(constants, "MAX_SPAN", 5)
    with pytest.raises(TooLarge, match="12 effects"):
        span(fit.moments)
    found = fit.bootstrap(n=4, rng=1)  # from rows then
    assert found.counts["failed"] == 0


def test_a_row_a_group() -> None:
    """As many dimensions as rows: nothing is left outside."""
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(12), 2)
    data = pd.DataFrame(
        {"y": rng.normal(size=24) + rng.normal(size=12)[g], "g": g, "h": np.arange(24) % 4}
    )
    fit = ec.lmer("y ~ 1 + (1 | g)", data)
    assert span(fit.moments).freedom == 12
