"""Structured correlation matrices."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from echelon.linalg.structures import Kind, parameter_count, structure
from echelon.linalg.symmetric import pairs
from tolerances import SAME

KINDS: tuple[Kind, ...] = ("homdiag", "cs", "homcs", "ar1", "hetar1")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("r", [-0.2, 0.0, 0.7])
def test_derivatives_in_the_correlation(kind: Kind, r: float) -> None:
    form, h = structure(kind, 4), 1e-5
    R, first, second = form.correlation(r)
    ahead, behind = form.correlation(r + h), form.correlation(r - h)
    assert_allclose(np.diagonal(R), 1.0, **SAME)
    assert_allclose(first, (ahead[0] - behind[0]) / (2 * h), rtol=1e-8, atol=1e-9)
    assert_allclose(second, (ahead[1] - behind[1]) / (2 * h), rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("kind", ["cs", "ar1"])
@pytest.mark.parametrize("size", [2, 3, 6])
def test_positive_definite_between_the_bounds_only(kind: Kind, size: int) -> None:
    form = structure(kind, size)
    low, high = form.bounds
    for r in (low, high):
        assert abs(np.linalg.eigvalsh(form.correlation(r)[0])[0]) < 1e-12
    for r in (0.99 * low, 0.99 * high):
        assert np.linalg.eigvalsh(form.correlation(r)[0])[0] > 0
    assert np.linalg.eigvalsh(form.correlation(1.01 * low)[0])[0] < 0


def test_blocks_know_their_structure() -> None:
    shape = pairs((2, 3), ("us", "ar1"))
    assert shape.blocks == (("us", slice(0, 2)), ("ar1", slice(2, 5)))
    assert shape.parameters == 3 + 2 and len(shape.row) == 3 + 6
    assert pairs((2, 3)).parameters == 9
    assert parameter_count("hetar1", 10) == 11
