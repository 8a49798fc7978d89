"""predict, fitted and hatvalues of R against ours, on every reference model."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose
from reference_cases import BACKENDS, IDS, fitted_model, model, table

import echelon as ec
from echelon.effects.row_variance import hat_values
from echelon.errors import DataError
from tolerances import OPTIMUM

WITH_HAT = [name for name in IDS if "hatvalues" in model(name)]
MAKE = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.Table.from_pydict}


def newdata(name: str, backend: str = "pandas") -> Any:
    rows = model(name)["predict"]["newdata"]
    return MAKE[backend]({column: [row[column] for row in rows] for column in rows[0]})


def options(name: str) -> dict[str, float]:
    """lme4 takes the offset of `offset=` as zero where newdata does not have the column."""
    rows = model(name)["predict"]["newdata"]
    offset = model(name)["call"]["offset"]
    return {"offset": 0.0} if offset and offset not in rows[0] else {}


def estimates(found: object) -> np.ndarray:
    return np.asarray(found["estimate"], dtype=float)


def close(ours: np.ndarray, theirs: list[float]) -> None:
    """To the tolerance of an estimate; absolute where predictions are small against the largest."""
    expected = np.array(theirs, dtype=float)
    size = np.abs(expected).max()
    assert_allclose(ours, expected, rtol=OPTIMUM["estimate"], atol=1e-7 * size)


@pytest.mark.parametrize("name", IDS)
def test_predictions_for_old_and_new_groups(name: str) -> None:
    golden, fit = model(name)["predict"], fitted_model(name)
    more = options(name)
    close(
        estimates(fit.predict(newdata(name), new_groups="population", **more)),
        golden["re_form_all_allow_new"],
    )


@pytest.mark.parametrize("name", IDS)
def test_predictions_of_the_fixed_part(name: str) -> None:
    golden, fit = model(name)["predict"], fitted_model(name)
    close(
        estimates(fit.predict(newdata(name), random="none", **options(name))), golden["re_form_NA"]
    )


@pytest.mark.parametrize("name", IDS)
def test_new_groups_are_refused_by_name(name: str) -> None:
    theirs = model(name)["predict"]["new_level_error"]
    labels = re.split(r"[, ]+", theirs.removeprefix("new levels detected in newdata: "))
    with pytest.raises(DataError, match="new_groups=") as caught:
        fitted_model(name).predict(newdata(name), **options(name))
    assert all(repr(label) in str(caught.value) for label in labels)


@pytest.mark.parametrize("name", IDS)
def test_without_a_table_the_fitted_values(name: str) -> None:
    golden, fit = model(name), fitted_model(name)
    every = estimates(fit.predict())
    assert len(every) == len(table(golden["dataset"]))
    left_out = np.array(golden["na_rows"] or [], dtype=int) - 1
    assert np.flatnonzero(np.isnan(every)).tolist() == left_out.tolist()
    ours = every[~np.isnan(every)]
    fitted = golden["fitted"]
    assert len(ours) == fitted["n"]
    close(ours[: len(fitted["first"])], fitted["first"])
    assert_allclose(ours.sum(), fitted["sum"], rtol=OPTIMUM["estimate"])
    assert_allclose((ours**2).sum(), fitted["sumsq"], rtol=OPTIMUM["estimate"])


@pytest.mark.parametrize("name", ["sleep_rs", "cake_rt", "pastes", "three_nested", "sleep_poly"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_same_in_every_library(name: str, backend: str) -> None:
    fit = fitted_model(name)
    found = fit.predict(newdata(name, backend), new_groups="population", interval="prediction")
    assert isinstance(
        found, {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.Table}[backend]
    )
    close(estimates(found), model(name)["predict"]["re_form_all_allow_new"])


@pytest.mark.parametrize("name", WITH_HAT)
def test_leverages(name: str) -> None:
    golden, ours = model(name)["hatvalues"], hat_values(fitted_model(name))
    assert len(ours) == golden["n"]
    first = np.array(golden["first"], dtype=float)
    assert_allclose(ours[: len(first)], first, rtol=OPTIMUM["estimate"])
    assert_allclose(ours.sum(), golden["sum"], rtol=OPTIMUM["estimate"])
    assert_allclose((ours**2).sum(), golden["sumsq"], rtol=OPTIMUM["estimate"])


@pytest.mark.parametrize("name", ["sleep_rs", "pastes", "inst_sub", "sleep_weights"])
def test_a_fit_is_not_changed_by_being_asked(name: str) -> None:
    fit: ec.LMM = fitted_model(name)
    before = fit.deviance, fit.theta.copy(), fit.optimum.beta.copy(), fit.vcov()
    fit.predict(interval="prediction", variance_parameters=True)
    after = fit.deviance, fit.theta, fit.optimum.beta, fit.vcov()
    for one, other in zip(before, after, strict=True):
        assert np.array_equal(one, other)
