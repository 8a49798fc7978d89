"""Which columns are kept: from left to right, as R's qr."""

from __future__ import annotations

import numpy as np
import pytest

from echelon import tolerances
from echelon.linalg.rank import independent_columns


def kept(X: np.ndarray) -> list[bool]:
    return independent_columns(X.T @ X, tolerances.RANK_CENTRED).tolist()


def test_combinations_of_earlier_columns_go() -> None:
    a, b, c = np.random.default_rng(1).normal(size=(3, 50))
    assert kept(np.column_stack([a, b, 2 * a - b, c, a])) == [True, True, False, True, False]
    assert kept(np.column_stack([a * 0, a])) == [False, True]


@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1e6, 1e12])
def test_units_do_not_matter(scale: float) -> None:
    a, b, c = np.random.default_rng(2).normal(size=(3, 50))
    assert kept(np.column_stack([a, scale * b, c, a + scale * b])) == [True, True, True, False]


def test_close_is_not_dependent() -> None:
    """Columns that differ by a part in 1e5 are two columns."""
    a, b = np.random.default_rng(3).normal(size=(2, 50))
    assert kept(np.column_stack([a, a + 1e-5 * b])) == [True, True]


def test_no_columns() -> None:
    assert independent_columns(np.empty((0, 0)), 1e-13).tolist() == []
