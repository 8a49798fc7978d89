"""Slopes, their comparisons and predictions against emmeans; see emtrends/README.md."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from reference_cases import table

import echelon as ec
from tolerances import OPTIMUM

GOLDEN = json.loads((Path(__file__).parent / "emtrends" / "emtrends.json").read_text("utf-8"))
METHODS = ("satterthwaite", "kenward-roger", "residual")
SLOPES = [(k, df) for k, case in GOLDEN["slopes"].items() for df in METHODS if df in case]
PREDICTIONS = [(k, df) for k, case in GOLDEN["predictions"].items() for df in METHODS if df in case]


@cache
def fitted(dataset: str, formula: str) -> ec.LMM | ec.OLS:
    return (ec.lmer if "|" in formula else ec.lm)(formula, table(dataset))


def column(rows: list[dict[str, Any]], name: str) -> np.ndarray:
    return np.array([row[name] for row in rows], dtype=float)


def check(ours: Any, theirs: list[dict[str, Any]], estimate: str) -> None:
    """Estimates to 1e-6, SE and df to 1e-5; limits and tests follow from these."""
    assert_allclose(ours.estimate, column(theirs, estimate), rtol=OPTIMUM["estimate"])
    assert_allclose(ours.std_error, column(theirs, "SE"), rtol=OPTIMUM["se"])
    assert_allclose(ours.df, column(theirs, "df"), rtol=OPTIMUM["df"])
    assert_allclose(ours.statistic, column(theirs, "t.ratio"), rtol=OPTIMUM["se"])
    width = ours.conf_high - ours.conf_low
    for mine, name in ((ours.conf_low, "lower.CL"), (ours.conf_high, "upper.CL")):
        assert (np.abs(mine - column(theirs, name)) <= OPTIMUM["se"] * width).all()


@pytest.mark.parametrize(("name", "df"), SLOPES)
def test_slopes_are_those_of_emtrends(name: str, df: str) -> None:
    case = GOLDEN["slopes"][name]
    fit = fitted(case["dataset"], case["formula"])
    found = fit.slopes(case["variable"], by=case["by"], at=case["at"] or None, df=df)
    check(found.values, case[df], f"{case['variable']}.trend")
    pairs = found.contrasts("pairwise", "none").values
    check(pairs, case[f"{df}_pairs"], "estimate")


@pytest.mark.parametrize(("name", "df"), PREDICTIONS)
def test_predictions_are_those_of_the_reference_grid(name: str, df: str) -> None:
    case = GOLDEN["predictions"][name]
    found = fitted(case["dataset"], case["formula"]).predictions(case["at"], df=df)
    frame = found.frame()
    keys = [key for key in case[df][0] if key in frame.columns and key not in ("df", "estimate")]
    order = {tuple(str(row[key]) for key in keys): row for row in case[df]}
    theirs = [
        order[tuple(f"{v:g}" if isinstance(v, float) else str(v) for v in values)]
        for values in frame[keys].itertuples(index=False)
    ]
    assert len(theirs) == len(case[df])
    check(found.values, theirs, "prediction")
