"""Free entries of block-diagonal symmetric matrices, and their factors."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from echelon.linalg.symmetric import pairs, semidefinite_factor
from tolerances import CLOSED, SAME

SIZES = [(1,), (2,), (3,), (1, 1), (1, 2), (2, 1, 3)]
every_shape = pytest.mark.parametrize("sizes", SIZES)


def test_order_is_that_of_lme4() -> None:
    """Lower triangle, column by column, block after block."""
    shape = pairs((3, 2))
    positions = list(zip(shape.row.tolist(), shape.col.tolist(), strict=True))
    assert positions == [(0, 0), (1, 0), (2, 0), (1, 1), (2, 1), (2, 2), (3, 3), (4, 3), (4, 4)]
    assert shape.q == 5 and shape.starts == (0, 3)


@every_shape
def test_free_entries_there_and_back(sizes: tuple[int, ...]) -> None:
    shape, rng = pairs(sizes), np.random.default_rng(1)
    theta = rng.normal(size=len(shape.row))
    assert_allclose(shape.free(shape.factor(theta)), theta, **SAME)
    D = shape.symmetric(theta)
    assert_allclose(D, D.T, **SAME)
    assert_allclose(shape.free(D), theta, **SAME)


@every_shape
def test_derivatives_of_the_factor(sizes: tuple[int, ...]) -> None:
    """D = Lam Lam' and <S, D> against central differences, which are exact for a quadratic."""
    shape, rng = pairs(sizes), np.random.default_rng(2)
    theta = rng.normal(size=len(shape.row))
    entries = rng.normal(size=len(shape.row))
    S = shape.symmetric_slope(entries)
    t, h = len(theta), 0.5

    def D(at: np.ndarray) -> np.ndarray:
        lam = shape.factor(at)
        return shape.free(lam @ lam.T)

    steps = np.eye(t) * h
    numerical = np.column_stack([(D(theta + s) - D(theta - s)) / (2 * h) for s in steps])
    assert_allclose(shape.factor_jacobian(shape.factor(theta)), numerical, atol=1e-12)

    def value(at: np.ndarray) -> float:
        lam = shape.factor(at)
        return float((S * (lam @ lam.T)).sum())

    assert_allclose(value(theta), entries @ D(theta), rtol=1e-10, atol=1e-12)
    second = np.array(
        [
            [
                (
                    value(theta + a + b)
                    - value(theta + a - b)
                    - value(theta - a + b)
                    + value(theta - a - b)
                )
                / (4 * h * h)
                for b in steps
            ]
            for a in steps
        ]
    )
    assert_allclose(shape.factor_curvature(S), second, rtol=CLOSED["rtol"], atol=1e-11)


@every_shape
def test_trace_form_is_the_sum_of_traces(sizes: tuple[int, ...]) -> None:
    shape, rng = pairs(sizes), np.random.default_rng(3)
    q, t = shape.q, len(shape.row)
    A, B = (x + x.transpose(0, 2, 1) for x in rng.normal(size=(2, 5, q, q)))
    row, col = shape.all_row, shape.all_col
    by_pairs = B[:, row, col].T @ A[:, row, col]
    E = shape.basis.reshape(t, q, q)
    expected = np.einsum("iab,jbc,lcd,jda->il", E, A, E, B)
    assert_allclose(shape.trace_form(by_pairs), expected, rtol=1e-10, atol=1e-10)


@every_shape
def test_congruence(sizes: tuple[int, ...]) -> None:
    shape, rng = pairs(sizes), np.random.default_rng(4)
    U, start = np.zeros((shape.q, shape.q)), 0
    for size in sizes:
        U[start : start + size, start : start + size] = rng.normal(size=(size, size))
        start += size
    entries = rng.normal(size=len(shape.row))
    moved = U @ shape.symmetric(entries) @ U.T
    assert_allclose(shape.congruence(U) @ entries, shape.free(moved), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("rank", [0, 1, 2, 3])
def test_factor_of_a_semidefinite_matrix(rank: int) -> None:
    rng = np.random.default_rng(5)
    half = rng.normal(size=(3, rank))
    D = half @ half.T
    lam = semidefinite_factor(D)
    assert_allclose(lam @ lam.T, D, rtol=1e-10, atol=1e-12)
    assert (np.triu(lam, 1) == 0).all()
    assert np.count_nonzero(np.diagonal(lam)) == rank


def test_factor_keeps_exact_zeros_and_any_scale() -> None:
    assert (semidefinite_factor(np.zeros((2, 2))) == 0).all()
    D = np.diag([1e12, 0.0, 1e-12])
    assert_allclose(semidefinite_factor(D), np.diag([1e6, 0.0, 1e-6]), **SAME)
