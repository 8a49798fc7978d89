"""Small matrices along the last axis agree with LAPACK, one by one."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from echelon.linalg.stacked import (
    cholesky,
    gram,
    left_singular,
    lower_factor,
    lower_inverse,
    multiply,
)

RNG = np.random.default_rng(1)


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_cholesky_and_inverse(k: int) -> None:
    A = gram(RNG.normal(size=(k + 2, k, 7)))
    L = cholesky(A)
    for r in range(7):
        assert_allclose(L[..., r], np.linalg.cholesky(A[..., r]), rtol=1e-11, atol=1e-12)
    identity = np.repeat(np.eye(k)[:, :, None], 7, axis=2)
    assert_allclose(multiply(lower_inverse(L), L), identity, atol=1e-11)


def test_one_bad_matrix_does_not_stop_the_others() -> None:
    A = np.stack([np.eye(2), np.diag([1.0, -1.0]), np.full((2, 2), np.nan)], axis=-1)
    finite = np.isfinite(cholesky(A)).all(axis=(0, 1))
    assert finite.tolist() == [True, False, False]


@pytest.mark.parametrize("q", [1, 2, 3])
def test_left_singular(q: int) -> None:
    F = RNG.normal(size=(q, q, 9))
    Q, singular = left_singular(F)
    assert_allclose(
        multiply(Q.transpose(1, 0, 2), Q), np.repeat(np.eye(q)[..., None], 9, 2), atol=1e-14
    )
    assert_allclose(singular.T, np.linalg.svd(F.transpose(2, 0, 1), compute_uv=False), rtol=1e-12)
    again = multiply(Q * singular**2, Q.transpose(1, 0, 2))
    assert_allclose(again, multiply(F, F.transpose(1, 0, 2)), atol=1e-13)


def test_a_small_second_singular_value_keeps_its_digits() -> None:
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    F = (turn @ np.diag([1.0, 1e-9]) @ turn)[:, :, None]
    _, singular = left_singular(F)
    assert_allclose(singular[:, 0], [1.0, 1e-9], rtol=1e-6)


@pytest.mark.parametrize("q", [1, 2, 3])
def test_lower_factor(q: int) -> None:
    F = RNG.normal(size=(q, q, 6))
    F[:, -1, 0] = 0.0  # a direction at exactly zero stays there
    L = lower_factor(F)
    assert_allclose(
        multiply(L, L.transpose(1, 0, 2)), multiply(F, F.transpose(1, 0, 2)), atol=1e-13
    )
    assert not np.triu(L.transpose(2, 0, 1), 1).any()
    assert L[-1, -1, 0] == 0.0
    assert (np.einsum("aar->ar", L) >= 0).all()
