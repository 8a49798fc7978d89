"""`fit.augment(data)`: the caller's table with fitted values and residuals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose
from residual_tables import STRUCTURES, fit, table

import echelon as ec
from echelon.effects.row_variance import hat_values
from echelon.errors import DataError, UnknownColumn
from tolerances import SAME

NEW = [
    "fitted", "fitted_fixed", "residual", "residual_marginal", "residual_standardized", "leverage",
]  # fmt: skip


def test_all_rows_and_the_index_stay():
    data = table()
    before = data.copy()
    found = fit().augment(data)
    assert list(found.columns) == [*data.columns, *NEW]
    assert found.index.equals(data.index)
    pd.testing.assert_frame_equal(data, before)
    pd.testing.assert_frame_equal(found[list(data.columns)], data)
    used = data["y"].notna()
    assert found.loc[~used, NEW].isna().all().all() and (~used).sum() == 1
    assert_allclose(found.loc[used, "fitted"], fit().fittedvalues, **SAME)
    assert_allclose(found["fitted"] + found["residual"], data["y"], **SAME)
    assert_allclose(found["fitted_fixed"] + found["residual_marginal"], data["y"], **SAME)


@pytest.mark.parametrize("residual", [None, *STRUCTURES])
def test_columns_are_the_kinds_of_residuals(residual):
    of = fit(residual)
    found = of.augment(table())[table()["y"].notna().to_numpy()]
    for column, kind in (
        ("residual", "conditional"),
        ("residual_marginal", "marginal"),
        ("residual_standardized", "standardized"),
    ):
        assert_allclose(found[column], of.residuals(kind), **SAME)
    assert_allclose(found["leverage"], hat_values(of), **SAME)


def test_without_data_the_rows_used():
    of = ec.lmer("log(y + 9) ~ poly(x, 2) + sex + (t | id)", table())
    found = of.augment()
    assert len(found) == of.n == len(table()) - 1
    used = table()[table()["y"].notna()]
    assert list(found.columns) == ["log(y + 9)", "id", "x", "sex", "t", *NEW]
    assert_allclose(found["log(y + 9)"], np.log(used["y"] + 9), **SAME)
    for name in ("id", "x", "sex", "t"):
        assert found[name].tolist() == used[name].tolist()


def test_the_table_without_the_rows_left_out_will_do():
    used = table().dropna()
    assert_allclose(fit().augment(used)["residual"], fit().resid, **SAME)


@pytest.mark.parametrize("make", [pl.from_pandas, pa.Table.from_pandas])
def test_other_libraries(make):
    data = make(table().reset_index(drop=True))
    found = ec.lmer("y ~ x + (1 | id)", data).augment(data)
    assert type(found) is type(data)
    column = found["residual"].to_numpy()
    kept = ~np.isnan(column)
    assert kept.sum() == len(table()) - 1
    assert_allclose(column[kept], fit().resid, rtol=1e-9, atol=1e-12)


def test_linear_models():
    data = table()
    found = ec.lm("y ~ x", data).augment(data)
    assert list(found.columns) == [*data.columns, *NEW]
    assert found["leverage"].sum() == pytest.approx(2)
    assert_allclose(found["fitted"], found["fitted_fixed"], **SAME)


def test_a_name_that_is_taken():
    data = table().assign(residual=1.0)
    with pytest.raises(DataError, match=r"'residual' already.*prefix="):
        fit().augment(data)
    assert "m_residual" in fit().augment(data, prefix="m_").columns


def test_another_table_is_refused():
    with pytest.raises(DataError, match=r"table of 10 rows.*made from"):
        fit().augment(table().head(10))
    with pytest.raises(DataError, match=r"another table.*in row 0 .*rows sorted"):
        fit().augment(table().iloc[::-1])
    with pytest.raises(UnknownColumn, match="response of the fit"):
        fit().augment(table().drop(columns="y"))
    changed = table().copy()
    changed.iloc[3, 0] = np.nan
    with pytest.raises(DataError, match="another table"):
        fit().augment(changed)


def test_after_a_refit_the_new_response_counts():
    again = fit().refit(fit().resid + 1.0)
    found = again.augment()
    assert_allclose(found["fitted"] + found["residual"], fit().resid + 1.0, **SAME)
