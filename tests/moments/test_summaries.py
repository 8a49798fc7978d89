"""Moments of published summaries; the laws compare their fits (tests/laws)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.testing import assert_allclose

import echelon as ec
from tolerances import SAME


def test_moments_are_those_of_the_rows() -> None:
    rng = np.random.default_rng(4)
    g = np.repeat(np.arange(6), [2, 3, 4, 5, 6, 7])
    rows = pd.DataFrame({"y": 50 + rng.normal(size=27), "z": (g % 3).astype(float), "g": g})
    by = rows.groupby("g", as_index=False)
    table = by.agg(y=("y", "mean"), sd=("y", "std"), n=("y", "size"), z=("z", "first"))
    a = ec.lmer("y ~ z + (1 | g)", rows).moments
    b = ec.lmer("y ~ z + (1 | g)", summaries=table).moments
    assert (a.n, a.columns, a.groups[0].levels) == (b.n, b.columns, b.groups[0].levels)
    assert a.groups[0].count.tolist() == b.groups[0].count.tolist()
    assert_allclose(b.centre, a.centre, **SAME)
    assert_allclose(b.cross, a.cross, rtol=1e-11, atol=1e-10)
    assert_allclose(b.groups[0].ZtZ, a.groups[0].ZtZ, **SAME)
    assert_allclose(b.groups[0].ZtV, a.groups[0].ZtV, rtol=1e-11, atol=1e-10)
    assert b.log_weight == 0.0


def test_blocks_must_fit() -> None:
    import pytest

    from echelon.moments import GroupMoments, Moments

    with pytest.raises(ValueError, match="cross-products"):
        Moments(("(Intercept)", "y"), True, 3, 0.0, np.zeros(2), np.zeros((3, 3)))
    one = np.ones(2)
    with pytest.raises(ValueError, match="do not fit 2 groups"):
        GroupMoments(
            "g",
            (1, 2),
            ("x",),
            (1,),
            one[:1],
            np.ones(2, int),
            one,
            np.ones((2, 2, 2)),
            np.ones((2, 1, 3)),
        )
