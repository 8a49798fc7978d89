"""What a reader of the results is told."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import echelon as ec
from echelon.errors import EchelonWarning


def table(J: int = 12, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(J), rng.integers(3, 12, J))
    y = rng.normal(size=J)[g] + rng.normal(size=len(g))
    return pd.DataFrame({"g": g, "x": rng.normal(size=len(g)), "y": y})


def test_nothing_to_say() -> None:
    assert ec.lmer("y ~ x + (1 | g)", table()).notes == ()
    assert ec.lm("y ~ x", table()).notes == ()


def test_few_groups() -> None:
    (note,) = ec.lmer("y ~ x + (1 | g)", table(6)).notes
    assert "6 groups" in note
    (note,) = ec.lmer("y ~ x + (1 | g)", table(6), df="none").notes
    assert "too narrow" in note and "satterthwaite" in note


def test_left_out_columns_and_rows() -> None:
    data = table().assign(twice=lambda d: 2 * d["x"])
    data.loc[4, "x"] = np.nan
    notes = ec.lmer("y ~ x + twice + (1 | g)", data).notes
    assert any("twice" in note for note in notes)
    assert any("1 left out" in note for note in notes)


@pytest.mark.parametrize("percent", [False, True])
def test_own_weights(percent: bool) -> None:
    data = table()
    groups = ec.lmer("y ~ 1 + (1 | g)", data).groups().set_index("g")
    column = groups["weight"] if percent else 1 / groups["Delta"]
    with pytest.warns(EchelonWarning, match="applies them already"):
        ec.lmer("y ~ 1 + (1 | g)", data, precision=data["g"].map(column))


@pytest.mark.parametrize("c", [1.0, 1.5, 0.1, 1e6])
@pytest.mark.parametrize("seed", range(8))
def test_equal_weights_are_nobodys(seed: int, c: float) -> None:
    data = table(seed=seed)
    fit = ec.lmer("y ~ 1 + (1 | g)", data, precision=np.full(len(data), c))
    assert not any("weights twice" in note for note in fit.notes)


def test_measurement_errors_are_no_own_weights() -> None:
    data = table()
    rng = np.random.default_rng(2)
    by_group = rng.uniform(0.5, 2, 12)[data["g"]]
    by_row = rng.uniform(0.5, 2, len(data))
    size = data.groupby("g")["y"].transform("size").to_numpy(dtype=float)
    for weight in (by_group, by_row, size):
        fit = ec.lmer("y ~ 1 + (1 | g)", data, precision=weight)
        assert not any("weights twice" in note for note in fit.notes)
