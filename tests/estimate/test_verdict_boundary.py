"""At the boundary too, variances that the data do not determine are named."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import echelon as ec
from echelon.errors import EchelonWarning


def table(seed: int) -> pd.DataFrame:
    """Twelve groups with an intercept each; x varies, one has one value in every group."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(12), 8)
    y = rng.normal(size=12)[g] + rng.normal(size=96)
    group_mean = np.bincount(g, y) / 8
    x = rng.normal(size=96)
    y = y - (y - group_mean[g]) @ x / (x @ x) * x * 0.98  # no slope varies
    return pd.DataFrame({"y": y, "x": x, "one": 1.0 + 1e-9 * rng.normal(size=96), "g": g})


def test_flat_directions_are_named_beside_a_zero_variance() -> None:
    found = 0
    for seed in range(12):
        fit = ec.lmer("y ~ 1 + (1 | g) + (0 + x | g) + (0 + one | g)", table(seed))
        if fit.verdict.status == "boundary" and fit.optimum.lam[0, 0] and fit.optimum.lam[2, 2]:
            found += 1
            assert fit.verdict.flat == ("g.(Intercept)", "g.one")
            assert "determine g.(Intercept), g.one" in fit.verdict.message
    assert found


def test_an_ordinary_zero_variance_names_nothing_flat() -> None:
    for seed in range(6):
        fit = ec.lmer("y ~ 1 + (1 | g) + (0 + x | g)", table(seed))
        assert fit.verdict.flat == ()


@pytest.mark.parametrize("seed", range(8))
def test_a_variance_that_nothing_tells_is_no_estimate(seed: int) -> None:
    """As many group-level coefficients as groups: REML is flat in the variance, up to rounding."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(2 + seed % 2), 8)
    z = rng.normal(size=3)[g]
    data = {"g": g, "z": z, "x": rng.normal(size=len(g)), "z2": z**2}
    data["y"] = rng.normal(size=3)[g] + data["x"] + rng.normal(size=len(g))
    with pytest.warns(EchelonWarning, match="too few for this model"):
        fit = ec.lmer("y ~ x + z + z2 + (1 | g)", data)
    assert fit.verdict.status == "failed"
