"""Analysis of variance tables and linear hypotheses against lmerTest, pbkrtest and car."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from reference_cases import HERE, IDS, fitted_model, model

import echelon as ec
from echelon.infer import drop1_f
from echelon.infer.anova import Anova, anova_values
from tolerances import OPTIMUM

WRONG_DF_IN_R = ("sleep_scaleX", "sleep_scaleXbig")
"""lmerTest's numerical derivatives, and pbkrtest's solutions, break down on a slope in units of 1e6
(`known_wrong_in_R`); the tests are those of sleep_rs."""
WRONG_KR_IN_R = (*WRONG_DF_IN_R, "sleep_weights")
"""pbkrtest leaves precision weights out (see test_freedom.py)."""
TYPES = ("I", "II", "III")

F = {"Sum Sq": "sum_sq", "Mean Sq": "mean_sq", "NumDF": "df1", "F value": "statistic"}
CAR_F = {"F": "statistic", "Df": "df1"}
CHI = {"Chisq": "statistic", "Df": "df1"}


def having(*keys: str, without: tuple[str, ...] = ()) -> list[str]:
    found = []
    for name in IDS:
        at: Any = model(name)
        for key in keys:
            at = (at or {}).get(key)
        if at is not None and name not in without:
            found.append(name)
    return found


def compared(
    ours: Anova,
    rows: list[dict[str, Any]],
    keys: dict[str, str],
    p: str,
    df: str = "",
    tol: float = 0,
) -> None:
    """Every number of R's table; what R gives as missing we have as missing or as zero df.

    A p-value is compared by its logarithm, whose derivative in F and df is of the order of itself.
    """
    assert {row["term"].strip() for row in rows} == set(ours.names)
    for row in rows:
        i = ours.names.index(row["term"].strip())
        for key, attribute in keys.items():
            found, expected = getattr(ours, attribute)[i], row[key]
            if expected is None:
                assert np.isnan(found) or (attribute == "df1" and found == 0)
            else:
                assert_allclose(found, expected, rtol=OPTIMUM["estimate"], atol=0, err_msg=key)
        if df and row[df] is not None and row[p] is not None:
            assert_allclose(ours.df2[i], row[df], rtol=tol, atol=0)
        if row[p] is not None and row[p] > 1e-290:  # below, p underflows at different places
            reach = max(OPTIMUM["estimate"], tol) * max(1, -np.log(row[p]))
            assert_allclose(np.log(ours.p_value[i]), np.log(row[p]), rtol=0, atol=reach)


# --- the golden models ------------------------------------------------------------------------


@pytest.mark.parametrize("type", TYPES)
@pytest.mark.parametrize("name", having("anova", without=WRONG_DF_IN_R))
def test_satterthwaite(name: str, type: str) -> None:
    rows = model(name)["anova"][f"type{type}_satterthwaite"]
    ours = anova_values(fitted_model(name), type=type, df="satterthwaite")
    compared(ours, rows, F, "p", "DenDF", OPTIMUM["df_printed"])


@pytest.mark.parametrize("type", TYPES)
@pytest.mark.parametrize("name", having("anova", "typeI_kenward_roger", without=WRONG_KR_IN_R))
def test_kenward_roger(name: str, type: str) -> None:
    rows = model(name)["anova"][f"type{type}_kenward_roger"]
    ours = anova_values(fitted_model(name), type=type, df="kenward-roger")
    compared(ours, rows, F, "p", "DenDF", OPTIMUM["estimate"])


@pytest.mark.parametrize("df", ["satterthwaite", "kenward-roger"])
@pytest.mark.parametrize("type", TYPES)
@pytest.mark.parametrize("name", WRONG_DF_IN_R)
def test_where_R_is_wrong(name: str, type: str, df: str) -> None:
    """The unit of a predictor changes nothing."""
    ours = anova_values(fitted_model(name), type=type, df=df)
    good = anova_values(fitted_model("sleep_rs"), type=type, df=df)
    for attribute in ("statistic", "df2", "sum_sq"):
        found, expected = (getattr(x, attribute) for x in (ours, good))
        assert_allclose(found, expected, rtol=OPTIMUM["df"])
    rows = model("sleep_rs")["anova"][f"type{type}_{df.replace('-', '_')}"]
    assert_allclose(ours.df2, [row["DenDF"] for row in rows], rtol=OPTIMUM["df"])


@pytest.mark.parametrize("type", ("II", "III"))
@pytest.mark.parametrize("name", having("car_anova_chisq"))
def test_car_chi_square(name: str, type: str) -> None:
    ours = anova_values(fitted_model(name), type=type, df="none", containment="car")
    compared(ours, model(name)["car_anova_chisq"][type], CHI, "p")


@pytest.mark.parametrize("type", ("II", "III"))
@pytest.mark.parametrize("name", having("car_anova_F_KR", without=WRONG_KR_IN_R))
def test_car_kenward_roger(name: str, type: str) -> None:
    ours = anova_values(fitted_model(name), type=type, df="kenward-roger", containment="car")
    compared(ours, model(name)["car_anova_F_KR"][type], CAR_F, "p", "Df.res", OPTIMUM["estimate"])


@pytest.mark.parametrize("name", having("drop1_F_satterthwaite", without=WRONG_DF_IN_R))
def test_drop1(name: str) -> None:
    ours = drop1_f(fitted_model(name), "satterthwaite")
    compared(ours, model(name)["drop1_F_satterthwaite"], F, "p", "DenDF", OPTIMUM["df_printed"])


def test_every_table_is_looked_at() -> None:
    counts = [len(having("anova", key)) for key in ("typeI_satterthwaite", "typeI_kenward_roger")]
    assert counts == [66, 49]


# --- unbalanced designs, empty cells, terms without margins (anova/make.R) ----------------------

MARGINS = ("square", "nested", "no_margin")
"""lmerTest does not see that `a` is contained in `a:b` of y ~ a + a:b, where b is no term. What it
says with that put right is in the cases "..._counted"; what it says otherwise is no target."""
LM_ALIASED = ("twice",)
"""car compares models of lm() whose columns depend on each other: 0 df for what it tests of lmer()."""


@cache
def tables() -> dict[str, Any]:
    return json.loads((HERE / "anova" / "tables.json").read_text("utf-8"))


CASES = list(tables()["cases"])


@cache
def data(name: str = "all") -> pd.DataFrame:
    found = pd.read_csv(HERE / "anova" / "data.csv")
    found = found.assign(
        a=pd.Categorical(found["a"], ["low", "mid", "high"]),
        b=pd.Categorical(found["b"], ["yes", "no"]),
        o=pd.Categorical(found["o"], [1, 2, 3, 4], ordered=True),
    )
    return found if name == "all" else found[(found["a"] != "high") | (found["b"] != "no")]


def arguments(case: dict[str, Any]) -> dict[str, Any]:
    coded = {k: v.removeprefix("contr.") for k, v in (case["contrasts"] or {}).items()}
    return {"precision": "w" if case["weights"] else None, "contrasts": coded or None}


@cache
def unbalanced(name: str) -> ec.LMM:
    case = tables()["cases"][name]
    return ec.lmer(case["formula"], data(case["data"]), **arguments(case))


TABLES = [
    (name, type, df)
    for name in CASES
    for type in TYPES
    for df in ("Satterthwaite", "Kenward-Roger")
    if f"{type} {df}" in tables()["cases"][name] and (name not in MARGINS or type == "I")
]


@pytest.mark.parametrize(("name", "type", "df"), TABLES)
def test_unbalanced(name: str, type: str, df: str) -> None:
    rows = tables()["cases"][name][f"{type} {df}"]
    tolerance = OPTIMUM["df_printed" if df == "Satterthwaite" else "df"]
    ours = anova_values(unbalanced(name), type=type, df=df.lower())
    compared(ours, rows, F, "Pr(>F)", "DenDF", tolerance)


@pytest.mark.parametrize("name", CASES)
def test_unbalanced_drop1_and_car(name: str) -> None:
    case, fit = tables()["cases"][name], unbalanced(name)
    rows = case["drop Satterthwaite"]
    compared(drop1_f(fit), rows, F, "Pr(>F)", "DenDF", OPTIMUM["df_printed"])
    for type in (2, 3):
        if case[f"car {type}"] is not None:
            ours = anova_values(fit, type=type, df="none", containment="car")
            compared(ours, case[f"car {type}"], CHI, "Pr(>Chisq)")


@pytest.mark.parametrize("name", CASES)
def test_unbalanced_linear_model(name: str) -> None:
    """anova.lm: type I; car::Anova: type II."""
    case = tables()["cases"][name]
    formula = case["formula"].replace(" + (1 | g)", "").replace("(1 | g) + ", "")
    fit = ec.lm(formula, data(case["data"]), **arguments(case))
    squares = {"Sum Sq": "sum_sq", "Df": "df1", "F value": "statistic"}
    ours = anova_values(fit, type="I")
    assert ours.residual is not None
    last, rows = case["lm I"][-1], case["lm I"][:-1]
    assert_allclose(ours.residual, (last["Sum Sq"], last["Df"]), rtol=OPTIMUM["estimate"])
    tested = [i for i, count in enumerate(ours.df1) if count]
    assert [row["term"].strip() for row in rows] == [ours.names[i] for i in tested]
    for i, row in zip(tested, rows, strict=True):
        for key, attribute in squares.items():
            assert_allclose(getattr(ours, attribute)[i], row[key], rtol=OPTIMUM["estimate"])
    if case["lm car 2"] is not None and name not in LM_ALIASED:
        rows = [row for row in case["lm car 2"] if row["term"].strip() != "Residuals"]
        ours = anova_values(fit, type="II", containment="car")
        compared(ours, rows, squares, "Pr(>F)")


def test_linear_hypotheses() -> None:
    """lmerTest's contest1D and contestMD with values under test that are not zero."""
    golden = tables()["hypotheses"]
    fit = ec.lmer("y ~ x*a + z + (1 | g)", data())
    found = fit.contrast(golden["texts"])
    keys = {
        "Estimate": "estimate", "Std. Error": "std_error", "t value": "statistic",
        "df": "df", "lower": "conf_low", "upper": "conf_high",
    }  # fmt: skip
    for key, attribute in keys.items():
        rtol = OPTIMUM["df_printed" if key in ("df", "lower", "upper") else "se"]
        assert_allclose(getattr(found, attribute), [r[key] for r in golden["single"]], rtol=rtol)
    for texts, df, key in (
        (golden["texts"], "satterthwaite", "joint"),
        (golden["texts"][1:], "kenward-roger", "two_kenward_roger"),
        (golden["texts"], "kenward-roger", "three_kenward_roger"),
    ):
        joint, theirs = fit.contrast(texts, df=df).joint_test, golden[key]
        assert joint.df1 == theirs["NumDF"]
        assert_allclose(joint.statistic, theirs["F value"], rtol=OPTIMUM["se"])
        assert_allclose(joint.df2, theirs["DenDF"], rtol=OPTIMUM["df_printed"])
