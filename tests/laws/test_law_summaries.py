"""Published summaries (n, mean, sd of each group) give what the rows give."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from law_tables import Answer, assert_same_answer, seeds, two_level
from numpy.testing import assert_allclose

import echelon as ec
from tolerances import CLOSED

FORMULAS = ("y ~ 1 + (1 | g)", "y ~ z + (1 | g)", "y ~ f * z + (1 | g)")
formulas = st.sampled_from(FORMULAS)


def rows_of(seed: int, single: bool = False) -> pd.DataFrame:
    data = two_level(seed)
    if single:  # one group of one row: it has no sd
        data = data[(data["g"] != "s000") | ~data["g"].duplicated()]
    low = data["g"].str[1:].astype(int) % 3 == 0
    return data.assign(f=np.where(low, "low", "mid"))


def summaries_of(rows: pd.DataFrame) -> pd.DataFrame:
    by = rows.groupby("g", as_index=False)
    return by.agg(
        y=("y", "mean"), sd=("y", "std"), n=("y", "size"), z=("z", "first"), f=("f", "first")
    )


@given(seeds, formulas, st.booleans(), st.booleans())
def test_summaries_are_rows(seed: int, formula: str, reml: bool, single: bool) -> None:
    rows = rows_of(seed, single)
    a = ec.lmer(formula, rows, reml=reml)
    b = ec.lmer(formula, summaries=summaries_of(rows), reml=reml)
    assert b.names == a.names and b.nobs == a.nobs and b.J == a.J
    assert_same_answer(Answer.of(b), Answer.of(a))
    assert_allclose(b.bic, a.bic, rtol=1e-9)


@given(seeds)
def test_groups_of_summaries_are_groups_of_rows(seed: int) -> None:
    rows = rows_of(seed)
    a = ec.lmer("y ~ z + (1 | g)", rows).groups()
    b = ec.lmer("y ~ z + (1 | g)", summaries=summaries_of(rows)).groups()
    assert list(a.columns) == list(b.columns) and a["g"].tolist() == b["g"].tolist()
    for column in a.columns.drop(["g", "term"]):
        scale = np.abs(a[column]).max() or 1.0
        assert_allclose(b[column] / scale, a[column] / scale, rtol=0, atol=10 * CLOSED["rtol"])


@given(seeds, formulas)
def test_one_pooled_sd_is_enough(seed: int, formula: str) -> None:
    rows = rows_of(seed)
    table = summaries_of(rows)
    within = float(((table["n"] - 1) * table["sd"] ** 2).sum() / (table["n"] - 1).sum())
    pooled = ec.Summaries(table.drop(columns="sd"), sd=float(np.sqrt(within)))
    ours = Answer.of(ec.lmer(formula, summaries=pooled))
    assert_same_answer(ours, Answer.of(ec.lmer(formula, rows)))


@given(seeds)
def test_names_of_the_columns_are_free(seed: int) -> None:
    rows = rows_of(seed)
    table = pl.from_pandas(summaries_of(rows)).rename({"n": "children", "sd": "spread"})
    given_names = ec.Summaries(table, n="children", sd="spread")
    ours = ec.lmer("y ~ z + (1 | g)", summaries=given_names)
    assert_same_answer_polars(ours, ec.lmer("y ~ z + (1 | g)", rows))
    assert isinstance(ours.coefficients(), pl.DataFrame)


def assert_same_answer_polars(ours: ec.LMM, theirs: ec.LMM) -> None:
    assert_allclose(ours.theta, theirs.theta, rtol=CLOSED["rtol"], atol=CLOSED["rtol"])
    assert_allclose(ours.optimum.beta, theirs.optimum.beta, rtol=1e-6, atol=CLOSED["rtol"])


def test_what_needs_rows_says_so() -> None:
    fit = ec.lmer("y ~ 1 + (1 | g)", summaries=summaries_of(rows_of(1)))
    for property_ in ("resid", "fittedvalues"):
        with pytest.raises(ec.errors.NeedsRows, match="summaries"):
            getattr(fit, property_)


def test_missing_sd_only_where_there_is_one_row() -> None:
    table = summaries_of(rows_of(2))
    table.loc[0, "sd"] = np.nan  # n > 1: the row cannot be used
    fit = ec.lmer("y ~ 1 + (1 | g)", summaries=table)
    assert len(table) - 1 == fit.J
    assert "sd" in str(fit.source.missing)
