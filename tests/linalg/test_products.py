"""Products in structure of arrays against matrix products."""

from __future__ import annotations

import numpy as np
import pytest

from echelon.linalg.products import lower, parts, times, transposed

RNG = np.random.default_rng(7)


@pytest.mark.parametrize(("a", "b", "c"), [(1, 1, 1), (2, 1, 3), (3, 2, 2)])
def test_times(a: int, b: int, c: int) -> None:
    A, B = RNG.normal(size=(a, b, 5)), RNG.normal(size=(4, b, c, 5))
    np.testing.assert_allclose(times(A, B), np.einsum("abj,tbcj->tacj", A, B), atol=1e-14)
    np.testing.assert_allclose(
        times(transposed(B), transposed(A)), np.einsum("tbcj,abj->tcaj", B, A), atol=1e-14
    )


@pytest.mark.parametrize(("a", "p"), [(1, 1), (1, 3), (2, 3)])
def test_lower(a: int, p: int) -> None:
    A, B = RNG.normal(size=(a, p, 5)), RNG.normal(size=(4, a, p, 5))
    row, col = np.tril_indices(p)
    whole = np.einsum("arj,tacj->trcj", A, B)
    np.testing.assert_allclose(lower(A, B), whole[:, row, col], atol=1e-14)


@pytest.mark.parametrize(("q", "p"), [(1, 1), (2, 3), (3, 0)])
def test_parts_of_a_packed_matrix(q: int, p: int) -> None:
    half = RNG.normal(size=(q + p, q + p, 4))
    whole = half + transposed(half)
    packed = whole[np.tril_indices(q + p)]
    at = parts(q, p)
    np.testing.assert_array_equal(packed[at.own], whole[:q, :q])
    np.testing.assert_array_equal(packed[at.border], whole[:q, q:])
    np.testing.assert_array_equal(packed[at.rest], whole[q:, q:][np.tril_indices(p)])
