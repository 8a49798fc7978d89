"""Predictions of the fixed part: rows, grids, averages, new tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose

import echelon as ec
from echelon.errors import DataError, UnknownColumn
from tolerances import SAME

MODEL = "mathach ~ ses * sector + I(ses^2) + meanses + (ses | school)"


@pytest.fixture(scope="module")
def hsb() -> pd.DataFrame:
    return ec.datasets.load("hsb", quiet=True)


@pytest.fixture(scope="module")
def fit(hsb: pd.DataFrame) -> ec.LMM:
    return ec.lmer(MODEL, hsb)


@pytest.fixture(scope="module")
def line(hsb: pd.DataFrame) -> ec.OLS:
    return ec.lm("mathach ~ ses * sector", hsb)


def test_rows_are_x_beta(fit: ec.LMM, line: ec.OLS) -> None:
    for model in (fit, line):
        X = model.built.design.fixed_matrix()
        found = model.predictions()
        assert_allclose(found.values.estimate, X @ np.asarray(model.params), rtol=SAME["rtol"])
        V = model.cov_params()
        se = np.sqrt(np.einsum("ij,jk,ik->i", X, V, X))
        assert_allclose(found.values.std_error, se, rtol=1e-10)
    assert_allclose(line.predictions().values.estimate, line.fittedvalues, rtol=1e-12)


def test_the_average_is_the_mean_of_the_fitted_values(line: ec.OLS, fit: ec.LMM) -> None:
    assert_allclose(line.predictions(average=True).values.estimate, line.fittedvalues.mean())
    rows = fit.predictions().values.estimate
    assert_allclose(fit.predictions(average=True).values.estimate, rows.mean(), rtol=1e-12)


def test_averages_by_predictor_and_by_group(fit: ec.LMM, hsb: pd.DataFrame) -> None:
    rows = pd.Series(fit.predictions().values.estimate)
    for by in ("sector", "school"):
        found = fit.predictions(by=by).frame()
        expected = rows.groupby(hsb[by], observed=True).mean()
        assert_allclose(found["estimate"], expected.loc[found[by]], rtol=1e-11)
    both = fit.predictions(by=["sector", "school"]).frame()
    assert len(both) == hsb["school"].nunique()


def test_counterfactual_averages(fit: ec.LMM, hsb: pd.DataFrame) -> None:
    found = fit.predictions({"sector": ["Public", "Catholic"], "ses": [0, 1]}, average=True).frame()
    for row in found.itertuples():
        everyone = hsb.assign(sector=row.sector, ses=float(row.ses))
        mean = fit.predictions(newdata=everyone).values.estimate.mean()
        assert_allclose(row.estimate, mean, rtol=1e-11)
    within = fit.predictions({"ses": [0, 1]}, by="sector").frame()
    assert list(within.columns)[:3] == ["ses", "sector", "estimate"] and len(within) == 4


def test_a_grid_has_all_combinations(fit: ec.LMM) -> None:
    found = fit.predictions({"ses": [-1, 0, 1]})
    assert len(found.values.estimate) == 6
    assert "meanses at the mean." in found.notes and found.notes[0].startswith("Population level")
    new = found.frame()[["ses", "sector", "meanses"]]
    again = fit.predictions(newdata=new).values
    assert_allclose(again.estimate, found.values.estimate, rtol=SAME["rtol"])
    assert_allclose(again.df, found.values.df, rtol=1e-9)


@pytest.mark.parametrize("make", [pl.from_pandas, pa.Table.from_pandas, lambda d: dict(d.items())])
def test_new_tables_of_any_library(fit: ec.LMM, hsb: pd.DataFrame, make: object) -> None:
    head = hsb.head(7)[["ses", "sector", "meanses"]]
    found = fit.predictions(newdata=make(head))  # type: ignore[operator]
    assert_allclose(found.values.estimate, fit.predictions().values.estimate[:7], rtol=1e-12)


def test_own_df_for_each_row(fit: ec.LMM) -> None:
    by_method = {
        df: fit.predictions({"ses": [-1, 2]}, df=df).values for df in ("none", "satterthwaite")
    }
    assert len(set(by_method["satterthwaite"].df.round(3))) == 4
    assert np.isinf(by_method["none"].df).all()
    assert_allclose(by_method["none"].std_error, by_method["satterthwaite"].std_error, rtol=1e-12)
    robust = fit.predictions({"ses": [-1, 2]}, robust="CR2").values
    assert robust.method == "CR2" and (robust.std_error != by_method["none"].std_error).all()


def test_offsets_are_part_of_the_prediction(hsb: pd.DataFrame) -> None:
    plain = ec.lm("mathach ~ sector", hsb)
    moved = ec.lm("mathach ~ sector + offset(meanses)", hsb)
    rows = moved.predictions().values
    assert_allclose(rows.estimate, moved.fittedvalues, rtol=1e-12)
    new = moved.predictions(newdata=hsb.head(5)).values
    assert_allclose(new.estimate, rows.estimate[:5], rtol=1e-12)
    assert_allclose(rows.conf_high - rows.estimate, rows.estimate - rows.conf_low, rtol=1e-9)
    assert (
        plain.predictions().notes == () and "The offset is included." in moved.predictions().notes
    )


def test_missing_rows_and_summaries(hsb: pd.DataFrame) -> None:
    holes = hsb.astype({"ses": float}).copy()
    holes.loc[[3, 9], "ses"] = np.nan
    fit = ec.lm("mathach ~ ses", holes)
    assert len(fit.predictions().values.estimate) == len(hsb) - 2
    groups = hsb.groupby("school", observed=True)
    table = groups.agg(
        mean=("mathach", "mean"),
        sd=("mathach", "std"),
        n=("mathach", "size"),
        meanses=("meanses", "first"),
    ).reset_index()
    few = ec.lmer("mean ~ meanses + (1 | school)", summaries=table)
    whole = ec.lmer("mathach ~ meanses + (1 | school)", hsb)
    a, b = (m.predictions(average=True).values for m in (few, whole))
    assert_allclose(a.estimate, b.estimate, rtol=1e-6)
    assert_allclose(a.std_error, b.std_error, rtol=1e-5)


def test_tables(fit: ec.LMM) -> None:
    text = fit.predictions().to_text()
    assert "The first 60 of 7,185 rows" in text
    assert "Average predictions of mathach" in str(fit.predictions(by="sector"))


def test_refusals(fit: ec.LMM, hsb: pd.DataFrame) -> None:
    with pytest.raises(UnknownColumn, match="Did you mean 'ses'"):
        fit.predictions({"sess": 1})
    with pytest.raises(UnknownColumn, match="No column 'ses'"):
        fit.predictions(newdata=hsb.rename(columns={"ses": "sess"}))
    with pytest.raises(DataError, match="'ses' is missing in 1 of 4"):
        fit.predictions(newdata=hsb.head(4).assign(ses=[0.0, 1.0, np.nan, 0.0]))
    with pytest.raises(DataError, match="has not seen"):
        fit.predictions(newdata=hsb.head(2).assign(sector="Other"))
    with pytest.raises(DataError, match="holds categories"):
        fit.predictions(newdata=hsb.head(2).assign(ses=["a", "b"]))
    with pytest.raises(DataError, match="not both"):
        fit.predictions({"ses": 1}, newdata=hsb.head(2))
    with pytest.raises(UnknownColumn):
        fit.predictions({"sess": 1}, average=True)
    with pytest.raises(UnknownColumn, match="by="):
        fit.predictions(by="scool")
    with pytest.raises(DataError, match="no rows"):
        fit.predictions(newdata=hsb.head(0))


def test_a_table_given_as_values_is_told_where_it_belongs(fit: ec.LMM, hsb: pd.DataFrame) -> None:
    with pytest.raises(DataError, match=r"newdata="):
        fit.predictions(hsb[:3])
    with pytest.raises(DataError, match="by name"):
        fit.emmeans(at=3)
