"""`fit.predict`: rows, groups and options as users give them; the numbers are checked in the laws."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose

import echelon as ec
from echelon.errors import (
    DataError,
    EchelonWarning,
    FormulaError,
    NeedsRows,
    NotYetSupported,
    UnknownArgument,
    UnknownColumn,
    UnknownOption,
)
from tolerances import CLOSED, OPTIMUM, SAME

FORMULA = "Reaction ~ Days + (Days | Subject)"


@pytest.fixture(scope="module")
def sleep() -> pd.DataFrame:
    return ec.datasets.load("sleepstudy", quiet=True)


@pytest.fixture(scope="module")
def fit(sleep: pd.DataFrame) -> ec.LMM:
    return ec.lmer(FORMULA, sleep)


@pytest.fixture(scope="module")
def new() -> pd.DataFrame:
    rows = {"Days": [0.0, 9.0, 9.0], "Subject": ["308", "308", "399"]}
    return pd.DataFrame(rows, index=["a", "b", "c"])


# --- rows -----------------------------------------------------------------------------------


def test_one_row_each_with_the_callers_index(fit: ec.LMM, new: pd.DataFrame) -> None:
    found = fit.predict(new, new_groups="population")
    assert list(found.columns) == ["estimate"] and found.index.tolist() == ["a", "b", "c"]
    for make in (pl.DataFrame, pa.table):
        other = fit.predict(make(new.to_dict("list")), new_groups="population")
        assert type(other) is type(make({"x": [1]}))
        assert_allclose(np.asarray(other["estimate"]), found["estimate"], **SAME)
    assert list(fit.predict({"Days": [1], "Subject": ["308"]}).columns) == ["estimate"]


def test_without_rows_those_of_the_table_with_gaps(sleep: pd.DataFrame) -> None:
    data = sleep.assign(Subject=sleep["Subject"].astype(object))
    data.index = pd.Index([f"row {i}" for i in range(len(data))][::-1])
    data.loc["row 100", "Days"] = np.nan
    data.loc["row 5", "Reaction"] = np.nan
    fit = ec.lmer(FORMULA, data)
    data["p"] = fit.predict()
    assert data["p"].isna().sum() == 2 and np.isnan(data.loc["row 5", "p"])
    used = data["p"].dropna().to_numpy()
    assert_allclose(used, fit.fittedvalues, **SAME)
    again = fit.predict(data)["estimate"]
    assert np.isnan(again["row 100"]) and np.isfinite(again["row 5"])
    assert_allclose(again.drop(["row 100", "row 5"]), used, **SAME)


def test_own_rows_are_those_rows_as_new(fit: ec.LMM, sleep: pd.DataFrame) -> None:
    for options in ({}, {"interval": "confidence"}, {"interval": "prediction", "random": "none"}):
        own, given = fit.predict(**options), fit.predict(sleep, **options)
        pd.testing.assert_frame_equal(own, given, rtol=1e-12)


def test_an_offset_and_weights_of_the_fit(sleep: pd.DataFrame) -> None:
    data = sleep.assign(off=np.arange(180) / 10, w=1.0 + np.arange(180) % 3)
    named = ec.lmer("Reaction ~ Days + (1 | Subject)", data, offset="off", precision="w")
    given = ec.lmer(
        "Reaction ~ Days + (1 | Subject)",
        data,
        offset=data["off"].to_numpy(),
        precision=data["w"].to_numpy(),
    )
    own = named.predict(interval="prediction")
    pd.testing.assert_frame_equal(named.predict(data, interval="prediction"), own)
    told = given.predict(data, interval="prediction", offset="off", precision=data["w"])
    pd.testing.assert_frame_equal(told, own)
    with pytest.raises(DataError, match=r"offset=.*one number"):
        given.predict(data)
    with pytest.raises(DataError, match=r"precision=.*precision=1"):
        given.predict(data, offset="off", interval="prediction")
    with pytest.raises(DataError, match="'off', which new= does not have"):
        named.predict(data.drop(columns="off"))
    with pytest.raises(DataError, match="shape"):
        given.predict(data, offset=[1.0, 2.0])
    sd = [named.predict(data, interval="prediction", precision=p)["std_error"] for p in (1, 4)]
    assert_allclose(sd[0] ** 2 - sd[1] ** 2, 0.75 * named.sigma**2, **CLOSED)
    apart = named.predict(data)["estimate"] - named.predict(data, offset=0)["estimate"]
    assert_allclose(apart, data["off"], rtol=1e-9, atol=1e-9)


def test_transformations_are_those_of_the_fit(sleep: pd.DataFrame) -> None:
    data = sleep.assign(x=sleep["Days"] + 1)
    part = data.iloc[[3, 17, 44]]
    for fixed in ("poly(x, 2)", "scale(x)", "log(x)", "factor(Days)", "bs(x, df=4)"):
        fit = ec.lmer(f"log(Reaction) ~ {fixed} + offset(log(x)) + (scale(x) | Subject)", data)
        assert_allclose(fit.predict(part)["estimate"], fit.fittedvalues[[3, 17, 44]], **CLOSED)


def test_labels_are_matched_by_value_or_by_spelling(fit: ec.LMM, sleep: pd.DataFrame) -> None:
    numbers = sleep.assign(Subject=sleep["Subject"].astype(str).astype(int))
    assert_allclose(fit.predict(numbers)["estimate"], fit.fittedvalues, **CLOSED)
    other = ec.lmer(FORMULA, numbers)
    assert_allclose(other.predict(sleep)["estimate"], fit.fittedvalues, rtol=1e-6)


def test_a_nested_group_of_a_known_one() -> None:
    rng = np.random.default_rng(1)
    batch, cask = np.repeat(np.arange(12), 8), np.tile(np.repeat(np.arange(4), 2), 12)
    casks = rng.normal(size=(12, 4))[batch, cask]
    y = 2 * rng.normal(size=12)[batch] + casks + 0.5 * rng.normal(size=96)
    fit = ec.lmer("y ~ 1 + (1 | batch/cask)", {"y": y, "batch": batch, "cask": cask})
    new = pd.DataFrame({"batch": [3, 3], "cask": [0, 7]})
    found = fit.predict(new, new_groups="population", interval="confidence")
    known = fit.predict(new, random="batch", interval="confidence")
    assert found["estimate"][1] == pytest.approx(known["estimate"][1], rel=1e-12)
    assert found["std_error"][1] > known["std_error"][1]


# --- what counts ----------------------------------------------------------------------------


def test_grammar_of_random(fit: ec.LMM, sleep: pd.DataFrame) -> None:
    def of(random: object) -> np.ndarray:
        return np.asarray(fit.predict(sleep, random=random)["estimate"])

    for same in ("Subject", ["Subject"], "(Days | Subject)", "~ (1 + Days | Subject)"):
        assert np.array_equal(of("all"), of(same))
    split = "(1 | Subject) + (0 + Days | Subject)"
    assert np.array_equal(of("all"), of(split))
    only = of("(1 | Subject)") + of("(0 + Days | Subject)") - of("none")
    assert_allclose(only, of("all"), **SAME)
    assert np.array_equal(of([]), of("none"))


def test_parts_of_the_fixed_effects(fit: ec.LMM, sleep: pd.DataFrame) -> None:
    days = fit.predict(sleep, terms="Days", interval="confidence")
    assert_allclose(days["estimate"], 10.467285959 * sleep["Days"], rtol=1e-9)
    table = fit.coefficients()
    assert_allclose(days["std_error"], table["std_error"][1] * sleep["Days"], **CLOSED)
    assert_allclose(days["df"][days["std_error"] > 0], table["df"][1], rtol=1e-5)
    both = fit.predict(sleep, terms=["(Intercept)", "Days"])
    assert_allclose(both["estimate"], fit.predict(sleep, random="none")["estimate"], **SAME)
    with_random = fit.predict(sleep, terms=["(Intercept)", "Days"], random="all")
    assert_allclose(with_random["estimate"], fit.fittedvalues, **SAME)


def test_what_is_not_needed_need_not_be_there(fit: ec.LMM) -> None:
    assert len(fit.predict({"Days": [1, 2]}, random="none", interval="prediction")) == 2
    other = ec.lmer("Reaction ~ 1 + (Days | Subject)", ec.datasets.load("sleepstudy", quiet=True))
    assert len(other.predict({"z": [1, 2]}, random="none")) == 2
    with pytest.raises(UnknownColumn, match="Days"):
        other.predict({"z": [1, 2]}, random="none", interval="prediction")


# --- intervals ------------------------------------------------------------------------------


def test_three_standard_errors(fit: ec.LMM, new: pd.DataFrame) -> None:
    """The mean over groups, that of a group, an observation; unknown groups add their variance."""
    z, T = np.array([1.0, 9.0]), fit.optimum.covariance
    population = fit.predict(new, random="none", interval="confidence")["std_error"]
    group = fit.predict(new, new_groups="population", interval="confidence")["std_error"]
    row = fit.predict(new, new_groups="population", interval="prediction")["std_error"]
    anyone = fit.predict(new, random="none", interval="prediction")["std_error"]
    assert_allclose(row**2 - group**2, fit.sigma**2, **CLOSED)
    assert_allclose(group["c"] ** 2 - population["c"] ** 2, z @ T @ z, **CLOSED)
    assert row["c"] == pytest.approx(anyone["c"], rel=1e-12) and row["b"] < anyone["b"]


def test_level_and_degrees_of_freedom(fit: ec.LMM, sleep: pd.DataFrame, new: pd.DataFrame) -> None:
    options = {"new_groups": "population", "interval": "prediction"}
    t = fit.predict(new, **options)
    z = fit.predict(new, df="none", level=0.9, **options)
    assert np.isinf(z["df"]).all()
    assert_allclose(z["pred_high"] - z["estimate"], 1.6448536269514722 * z["std_error"], rtol=1e-12)
    assert (t["df"] > 10).all() and t["df"]["c"] < t["df"]["a"]
    plain = ec.lmer(FORMULA, sleep, df="none")
    assert np.isinf(plain.predict(new, **options)["df"]).all()
    with pytest.raises(UnknownOption, match="variance_parameters=True"):
        fit.predict(new, df="kenward-roger", **options)


def test_estimated_variances_make_intervals_longer(fit: ec.LMM, sleep: pd.DataFrame) -> None:
    plain = fit.predict(interval="confidence")
    counted = fit.predict(interval="confidence", variance_parameters=True)
    assert (counted["std_error"] > plain["std_error"]).all()
    assert (counted["std_error"] < 1.3 * plain["std_error"]).all()
    assert np.array_equal(counted["estimate"], plain["estimate"])


def test_linear_model_as_in_textbooks(sleep: pd.DataFrame) -> None:
    fit = ec.lm("Reaction ~ Days", sleep)
    at = pd.DataFrame({"Days": [0.0, 4.5, 20.0]})
    x, n = sleep["Days"], len(sleep)
    share = 1 / n + (at["Days"] - x.mean()) ** 2 / ((x - x.mean()) ** 2).sum()
    for interval, extra in (("confidence", 0.0), ("prediction", 1.0)):
        found = fit.predict(at, interval=interval)
        assert_allclose(found["std_error"], fit.sigma * np.sqrt(share + extra), **CLOSED)
        assert (found["df"] == n - 2).all()
    assert_allclose(fit.predict()["estimate"], fit.fittedvalues, **SAME)


def test_strata_of_the_residual(sleep: pd.DataFrame) -> None:
    data = sleep.assign(half=np.where(sleep["Days"] < 5, "early", "late"))
    fit = ec.lmer("Reaction ~ Days + (1 | Subject)", data, residual="by(half)")
    assert fit.residual is not None
    part = data.iloc[[1, 8]]
    group = fit.predict(part, interval="confidence")["std_error"] ** 2
    row = fit.predict(part, interval="prediction")["std_error"] ** 2
    assert_allclose(row - group, fit.residual.sd**2, **CLOSED)
    assert_allclose(
        fit.predict(interval="prediction").iloc[[1, 8]]["std_error"] ** 2, row, **CLOSED
    )
    with pytest.raises(UnknownColumn, match="half"):
        fit.predict(part.drop(columns="half"), interval="prediction")
    with pytest.raises(DataError, match="no residual variance"):
        fit.predict(part.assign(half="noon"), interval="prediction")


def test_fits_from_summaries_predict_new_rows() -> None:
    schools = ec.datasets.load("timss_summaries", quiet=True)
    fit = ec.lmer("mean ~ 1 + (1 | idschool)", summaries=ec.Summaries(schools, sd=73.756))
    found = fit.predict(schools, interval="prediction", variance_parameters=True)
    assert_allclose(found["estimate"], fit.coef()["(Intercept)"], **CLOSED)
    with pytest.raises(NeedsRows, match=r"predict\(table\)"):
        fit.predict()


def test_iterative_method() -> None:
    rng = np.random.default_rng(1)
    g, h = rng.integers(0, 60, 600), rng.integers(0, 40, 600)
    y = rng.normal(size=60)[g] + rng.normal(size=40)[h] + rng.normal(size=600)
    data = pd.DataFrame({"y": y, "g": g, "h": h})
    exact = ec.lmer("y ~ 1 + (1 | g) + (1 | h)", data)
    fit = ec.lmer("y ~ 1 + (1 | g) + (1 | h)", data, method="iterative", probes="exact")
    near = {"rtol": OPTIMUM["se"], "atol": OPTIMUM["se"] * exact.sigma}  # two searches' ends
    assert_allclose(fit.predict()["estimate"], exact.predict()["estimate"], **near)
    none = {"random": "none", "interval": "prediction"}
    assert_allclose(fit.predict(**none), exact.predict(**none), **near)
    for options in ({}, {"random": "g"}, {"variance_parameters": True}):
        some = {"new": data.head(20), "interval": "confidence", **options}
        assert_allclose(fit.predict(**some), exact.predict(**some), **near)
    with pytest.raises(NotYetSupported, match="fewer rows"):
        fit.predict(interval="confidence")


# --- refusals -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"random": "school"}, UnknownOption, "all, none, Subject"),
        ({"random": "(1 | school)"}, UnknownOption, r"\(Days \| Subject\)"),
        ({"random": "(x | Subject)"}, UnknownOption, "no effect x"),
        ({"random": "(1 | Subject"}, FormulaError, "parenthesis|closed|\\)"),
        ({"random": "x + (1 | Subject)"}, DataError, "terms="),
        ({"random": True}, DataError, "all"),
        ({"terms": "days"}, UnknownOption, "'Days'"),
        ({"terms": "Days", "interval": "prediction"}, DataError, "terms="),
        ({"interval": "both"}, UnknownOption, "confidence"),
        ({"new_groups": "zero"}, UnknownOption, "population|error"),
        ({"level": 95, "interval": "confidence"}, DataError, "level"),
        ({"allow_new_levels": True}, UnknownArgument, "new_groups="),
        ({"re_formula": None}, UnknownArgument, "random="),
        ({"newdata": 1}, UnknownArgument, "first argument"),
        ({"se_fit": True}, UnknownArgument, "interval="),
        ({"randon": "none"}, UnknownArgument, "'random'"),
        ({"offset": 3}, DataError, "new="),
    ],
)
def test_refused_in_words(
    fit: ec.LMM, options: dict[str, object], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        fit.predict(**options)


@pytest.mark.parametrize(
    ("table", "error", "words"),
    [
        (np.ones((3, 2)), DataError, "table is needed"),
        ({"Days": [1.0]}, UnknownColumn, 'random="none"'),
        ({"Subject": ["308"]}, UnknownColumn, "Days"),
        ({"Days": ["one"], "Subject": ["308"]}, DataError, "holds categories"),
        ({"Days": [np.inf], "Subject": ["308"]}, DataError, "infinite"),
        ({"Days": [1.0], "Subject": ["399"]}, DataError, "'399' for 'Subject'"),
        ({"Days": [1.0], "Subject": [None]}, DataError, "none for 'Subject'"),
        (pd.DataFrame({"Days": [], "Subject": []}), DataError, "no rows"),
    ],
)
def test_tables_refused_in_words(
    fit: ec.LMM, table: object, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        fit.predict(table)


def test_a_category_that_the_fit_has_not_seen(sleep: pd.DataFrame) -> None:
    fit = ec.lmer("Reaction ~ factor(Days) + (1 | Subject)", sleep)
    with pytest.raises(DataError, match="not seen"):
        fit.predict({"Days": [12], "Subject": ["308"]})


def test_another_coding_of_a_factor_is_refused() -> None:
    data = ec.datasets.load("sleepstudy", quiet=True).assign(
        half=lambda d: (d["Days"] > 4).map(str)
    )
    fit = ec.lmer("Reaction ~ half + (half | Subject)", data)
    with pytest.raises(NotYetSupported, match="as in the model"):
        fit.predict(random="(0 + half | Subject)")


def test_dropped_columns_leave_rows_open(sleep: pd.DataFrame) -> None:
    data = sleep.assign(twice=2 * sleep["Days"])
    fit = ec.lmer("Reaction ~ Days + twice + (1 | Subject)", data)
    assert_allclose(fit.predict(data)["estimate"], fit.fittedvalues, **SAME)
    with pytest.warns(EchelonWarning, match="1 of 2 rows cannot be predicted"):
        found = fit.predict(data.iloc[:2].assign(twice=[0.0, 5.0]))
    assert np.isfinite(found["estimate"][0]) and np.isnan(found["estimate"][1])
