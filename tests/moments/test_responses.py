"""Responses compressed later have the moments they would have had from the start."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import echelon as ec
from echelon import tolerances as constants
from echelon.moments import from_rows
from echelon.moments.responses import ResponseMoments, responses, with_response


def table() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    n = 300
    return pd.DataFrame(
        {
            "y": rng.normal(size=n),
            "x": rng.normal(size=n) + 3,
            "g": rng.integers(0, 12, n),
            "h": rng.integers(0, 7, n),
            "weight": rng.uniform(0.5, 2, n),
            "off": rng.normal(size=n) + 1,
        }
    )


@pytest.mark.parametrize(
    "formula",
    ["y ~ x + (x | g)", "y ~ x + (0 + x | g)", "y ~ 0 + x + (x || g)", "y ~ x + (x | g) + (1 | h)"],
)
@pytest.mark.parametrize("options", [{}, {"precision": "weight", "offset": "off"}])
@pytest.mark.parametrize("R", [1, 5])
def test_as_from_rows(formula: str, options: dict, R: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ROW_BLOCK", 64)
    monkeypatch.setattr("echelon.api.fitting.warn", lambda fit: None)
    fit = ec.lmer(formula, table(), **options)
    design = fit.built.design
    Y = np.random.default_rng(2).normal(size=(fit.n, R)) * 2 + 1000
    given = responses(fit.moments, design, Y)
    for r in range(R):
        ours = with_response(fit.moments, given, r, "y")
        theirs = from_rows(replace(design, y=Y[:, r]))
        assert ours.columns == theirs.columns
        assert_allclose(ours.centre, theirs.centre, rtol=1e-13)
        assert_allclose(ours.cross, theirs.cross, rtol=1e-11, atol=1e-9)
        for mine, other in zip(ours.groups, theirs.groups, strict=True):
            assert_allclose(mine.ZtV, other.ZtV, rtol=1e-10, atol=1e-9)


def test_shapes_are_checked() -> None:
    with pytest.raises(ValueError, match="2 centres"):
        ResponseMoments(np.zeros(2), np.zeros((3, 1)), np.zeros(2), ())
