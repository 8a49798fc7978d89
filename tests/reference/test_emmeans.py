"""Marginal means and their comparisons against R's emmeans, mvtnorm and multcomp."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from reference_cases import IDS, fitted_model, model

import echelon as ec
from echelon.infer.estimates import Estimates
from echelon.infer.marginal.adjust import correlation
from echelon.linalg.largest import largest_tail, studentised
from tolerances import CLOSED, LATTICE, OPTIMUM, R_TUKEY

HERE = Path(__file__).parent / "emmeans"
KINDS = {
    "pairwise": "pairwise",
    "trt.vs.ctrl": "reference",
    "consec": "consecutive",
    "eff": "effects",
    "poly": "polynomial",
}
GOLDEN = [
    (name, at, method)
    for name in IDS
    for at, entry in enumerate(model(name).get("emmeans", []))
    for method in ("satterthwaite", "kenward_roger")
    if method in entry
]
DF = {"satterthwaite": OPTIMUM["df_printed"], "kenward_roger": OPTIMUM["df"]}


@cache
def stored() -> dict[str, Any]:
    return json.loads(gzip.decompress((HERE / "emmeans.json.gz").read_bytes()))


@cache
def table(name: str) -> pd.DataFrame:
    warp = pd.DataFrame(stored()["warp"])
    warp["tension"] = pd.Categorical(warp["tension"], ["L", "M", "H"])
    return warp if name == "warp" else warp[(warp["wool"] != "B") | (warp["tension"] != "H")]


def case(name: str) -> dict[str, Any]:
    return next(entry for entry in stored()["cases"] if entry["id"] == name)


def fitted(entry: dict[str, Any]) -> ec.LMM | ec.OLS:
    if entry["data"] == "model":
        return fitted_model(entry["call"])
    weights = "w" if entry["id"] == "weighted" else None
    return ec.lm(entry["call"], table(entry["data"]), precision=weights)


def column(rows: list[dict[str, Any]], *names: str) -> np.ndarray:
    name = next(name for name in names if name in rows[0])
    return np.array([np.nan if row.get(name) is None else row[name] for row in rows], float)


def compare(ours: Estimates, rows: list[dict[str, Any]], df: float, p: float) -> None:
    """Estimates in their standard errors, standard errors, df, limits and p-values."""
    estimate, se = column(rows, "emmean", "estimate"), column(rows, "SE")
    assert len(ours.names) == len(rows)
    same = dict(rtol=0, atol=OPTIMUM["estimate"], equal_nan=True)
    np.testing.assert_allclose(ours.estimate / se, estimate / se, **same)
    np.testing.assert_allclose(ours.std_error, se, rtol=OPTIMUM["se"])
    np.testing.assert_allclose(ours.df, column(rows, "df"), rtol=df)
    np.testing.assert_allclose(ours.p_value, column(rows, "p.value"), rtol=0, atol=p)
    if "lower.CL" in rows[0]:
        for mine, theirs in ((ours.conf_low, "lower.CL"), (ours.conf_high, "upper.CL")):
            np.testing.assert_allclose(mine / se, column(rows, theirs) / se, **same)


@pytest.mark.parametrize(("name", "at", "method"), GOLDEN)
def test_golden_means_and_pairs(name: str, at: int, method: str) -> None:
    entry = model(name)["emmeans"][at]
    spec, golden = entry["spec"], entry[method]
    means = fitted_model(name).emmeans(
        spec["specs"], by=spec["by"], at=spec["at"], df=method.replace("_", "-")
    )
    compare(means.values, golden["emmeans"], DF[method], 1e-9)
    compare(means.contrasts().values, golden["pairs_tukey"], DF[method], R_TUKEY)
    plain = means.contrasts(adjust="none").values
    compare(plain, golden["pairs_none"], DF[method], OPTIMUM["loglik"])


def test_every_golden_model_is_compared() -> None:
    assert len({name for name, _, _ in GOLDEN}) == 14


@pytest.mark.parametrize("name", [entry["id"] for entry in stored()["cases"]])
def test_weights_methods_and_adjustments(name: str) -> None:
    entry = case(name)
    df = OPTIMUM["df_printed"] if entry["data"] == "model" else CLOSED["rtol"]
    for made in entry["made"]:
        means = fitted(entry).emmeans(
            entry["specs"], by=entry["by"], at=entry["at"], weights=made["weights"]
        )
        compare(means.values, made["means"], df, 1e-9)
        for method, told in made["contrasts"].items():
            for adjust, rows in told["adjust"].items():
                if adjust == "dunnettx" or (name == "holed_both" and adjust != "none"):
                    continue  # an approximation; another count of the family (README)
                found = means.contrasts(KINDS[method], adjust).values
                compare(found, rows, df, R_TUKEY if adjust == "tukey" else 5e-7)


@pytest.mark.parametrize("name", [entry["id"] for entry in stored()["cases"]])
def test_largest_of_the_statistics_is_that_of_mvtnorm(name: str) -> None:
    entry = case(name)
    for made in entry["made"]:
        means = fitted(entry).emmeans(
            entry["specs"], by=entry["by"], at=entry["at"], weights=made["weights"]
        )
        for method, told in made["contrasts"].items():
            if "largest" not in told:
                continue
            found = means.contrasts(KINDS[method], "none")
            functions = means.functions.combined(found.weights)
            R = correlation(functions.L, functions.known.vcov)
            theirs = np.atleast_1d(told["largest"]["p"]).astype(float)
            families = len(theirs) // len(set(found.values.names))
            for rows in np.split(np.arange(len(theirs)), families):
                tail = largest_tail(R[np.ix_(rows, rows)])
                for i in rows:
                    whole = float(np.round(found.values.df[i]))  # mvtnorm has no other
                    ours = studentised(tail, found.values.statistic[i], whole)
                    assert ours == pytest.approx(theirs[i], abs=1e-6 if tail.exact else LATTICE)


@pytest.mark.parametrize(
    ("name", "formula", "precision"),
    [("sums", "breaks ~ wool + tension + x", None), ("weighted", "breaks ~ wool + tension", "w")],
)
def test_dunnett_is_that_of_multcomp(name: str, formula: str, precision: str | None) -> None:
    fit = ec.lm(formula, table("warp"), precision=precision)
    found = fit.emmeans("tension").contrasts("dunnett")
    assert found.adjust == "dunnett"
    np.testing.assert_allclose(found.values.p_value, stored()["multcomp"][name], atol=1e-6)


def test_dunnettx_of_emmeans_is_an_approximation() -> None:
    """How far off it is: why we do not follow it."""
    entry = case("cake_by")
    means = fitted(entry).emmeans(entry["specs"], by=entry["by"], at=entry["at"])
    rows = entry["made"][0]["contrasts"]["trt.vs.ctrl"]["adjust"]["dunnettx"]
    off = np.abs(means.contrasts("reference").values.p_value - column(rows, "p.value"))
    assert 1e-3 < off.max() < 0.03


def test_means_that_emmeans_cannot_estimate_are_ours() -> None:
    entry = case("holed_both")
    means = fitted(entry).emmeans(["wool", "tension"])
    assert np.isnan(means.values.estimate).tolist() == [False] * 5 + [True]
    assert "1 mean cannot be estimated" in " ".join(means.notes)
    pairs = means.contrasts()
    assert int(np.isfinite(pairs.values.estimate).sum()) == 10
    assert "5 of 15 comparisons cannot be estimated." in pairs.notes
