"""Pairs of codes, against sorting them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from echelon.linalg.pairing import pair


def check(first: np.ndarray, second: np.ndarray, J: int, K: int) -> None:
    pairs, place = np.unique(np.column_stack([first, second]), axis=0, return_inverse=True)
    before = first.copy(), second.copy()
    found = pair(first, second, J, K)
    assert np.array_equal(found.first, pairs[:, 0])
    assert np.array_equal(found.second, pairs[:, 1])
    assert np.array_equal(found.place, place.ravel())
    assert np.array_equal(first, before[0]) and np.array_equal(second, before[1])


@given(st.integers(0, 10**6), st.integers(1, 60), st.integers(1, 60), st.sampled_from("ix"))
def test_any_codes(seed: int, J: int, K: int, kind: str) -> None:
    """Codes that no row has are no pairs."""
    rng = np.random.default_rng(seed)
    dtype = np.int32 if kind == "i" else np.intp
    first, second = (rng.integers(0, size, 40).astype(dtype) for size in (J, K))
    check(first, second, J, K)


@given(st.integers(0, 10**6))
def test_nested_codes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    fine = rng.integers(0, 50, 300)
    coarse = rng.integers(0, 9, 50)[fine]
    check(fine, coarse, 50, 9)
    check(coarse, fine, 9, 50)
    check(fine, rng.permutation(50)[fine], 50, 50)


def test_nested_but_for_one_late_row() -> None:
    """What the first rows look like is not what is concluded."""
    fine = np.arange(20_000) % 5000
    coarse = fine // 100
    coarse[-1] = 7
    check(fine, coarse, 5000, 50)
    check(coarse, fine, 50, 5000)


def test_tables_too_large_to_count() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.integers(0, 30_000, 40_000), rng.integers(0, 70_000, 40_000)
    check(first, second, 30_000, 70_000)
