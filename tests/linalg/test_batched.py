"""Closed forms of many small matrices against LAPACK one by one."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from echelon.linalg.batched import resolvent
from echelon.linalg.symmetric import semidefinite_factor


@pytest.mark.parametrize("rank", [0, 1, 9])
@pytest.mark.parametrize("q", [1, 2, 3, 4])
def test_resolvent(q: int, rank: int) -> None:
    """(I + M D)^-1, (I + M D)^-1 M and log|I + M D|; D of any rank, M too."""
    rng = np.random.default_rng(q)
    half = rng.normal(size=(20, q, q))
    half[0] = 0.0  # a group without information
    half[1, :, 1:] = 0.0  # a group of one row
    M = half @ half.transpose(0, 2, 1)
    root = rng.normal(size=(q, q)) * (np.arange(q) < rank)
    D = root @ root.T
    at = resolvent(np.ascontiguousarray(M.transpose(1, 2, 0)), semidefinite_factor(D))
    for j in range(20):
        inverse = np.linalg.inv(np.eye(q) + M[j] @ D)
        assert_allclose(at.R[:, :, j], inverse, rtol=1e-9, atol=1e-10)
        assert_allclose(at.W[:, :, j], D @ inverse, rtol=1e-9, atol=1e-10)
        assert_allclose(at.K[:, :, j], inverse @ M[j], rtol=1e-9, atol=1e-9)
        assert_allclose(
            at.logdet[j], np.linalg.slogdet(np.eye(q) + M[j] @ D)[1], rtol=1e-9, atol=1e-10
        )
    assert_allclose(at.K, at.K.transpose(1, 0, 2), rtol=1e-12, atol=1e-12)
