"""`lmer(residual=...)`: what it takes, what it refuses, and what a fit says of it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose

import echelon as ec
from echelon.errors import (
    DataError,
    NeedsRows,
    NotIdentified,
    NotYetSupported,
    UnknownArgument,
    UnknownColumn,
)
from echelon.multilevel import group_values
from tolerances import CLOSED


def table(J: int = 20, m: int = 6) -> pd.DataFrame:
    rng = np.random.default_rng(7)
    ids, t = np.repeat(np.arange(J), m), np.tile(np.arange(m), J)
    x = rng.normal(size=J * m)
    sex = np.where(ids % 2 == 0, "f", "m")
    y = x + rng.normal(size=J)[ids] + np.where(sex == "f", 1.0, 2.0) * rng.normal(size=J * m)
    return pd.DataFrame({"y": y, "x": x, "id": ids, "t": t, "sex": sex, "item": t, "sch": ids % 4})


FORMULA = "y ~ x + (1 | id)"


def test_what_a_fit_says():
    fit = ec.lmer(FORMULA, table(), residual="by(sex) + ar1(t | id)")
    found = fit.residual
    assert found.strata == ("f", "m") and found.by == "sex"
    assert found.names == ("m/f", "ar1") and found.parameters == 2
    assert_allclose(found.estimates, [found.ratio[1], found.phi])
    assert_allclose(found.sd, fit.sigma * found.ratio)
    assert (found.std_errors > 0).all()
    assert str(found).startswith("by(sex) + ar1(t | id): m/f ")
    assert found.rows.tolist() == [60, 60]
    assert fit.criteria().parameters == 2 + 1 + 1 + 2
    rows = fit.variance_components()
    assert rows["group"].tolist() == ["id", "Residual", "Residual", "Residual"]
    assert rows["term"].tolist()[1:] == ["f", "m", "ar1(t | id)"]
    assert_allclose(rows["variance"][1:3], found.sd**2, **CLOSED)
    assert np.isnan(rows["variance"][3])
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.phi = 0.0
    text = str(fit)
    assert "ar1(t | id)" in text and "Residual" in text


def test_plain_model_has_none():
    fit = ec.lmer(FORMULA, table())
    assert fit.residual is None
    assert fit.plain_moments is fit.moments


def test_observed_means_stay_observed():
    data = table()
    plain, fit = ec.lmer(FORMULA, data), ec.lmer(FORMULA, data, residual="by(item) + cs(1 | id)")
    assert_allclose(group_values(fit).mean, group_values(plain).mean, **CLOSED)


def test_missing_values_count():
    """In strata, times and groups of the structure, as in every variable of the formula."""
    data = table().astype({"t": float, "sex": object})
    data.loc[3, "t"] = np.nan
    data.loc[10, "sex"] = None
    fit = ec.lmer(FORMULA, data, residual="by(sex) + ar1(t | id)")
    missing = fit.source.missing
    assert missing.n_used == 118
    assert dict(missing.by_variable) == {"sex": 1, "t": 1}
    whole = ec.lmer(FORMULA, data.drop([3, 10]), residual="by(sex) + ar1(t | id)")
    assert_allclose(fit.deviance, whole.deviance, **CLOSED)
    other = ec.lmer(FORMULA, pl.from_pandas(data), residual="by(sex) + ar1(t | id)")
    assert_allclose(fit.deviance, other.deviance, **CLOSED)


def test_categories_without_rows():
    data = table()
    data["sex"] = pd.Categorical(data["sex"], ["none", "m", "f"])
    assert ec.lmer(FORMULA, data, residual="by(sex)").residual.strata == ("m", "f")


def test_time_that_is_a_stratum_too():
    fit = ec.lmer(FORMULA, table(), residual="by(t) + ar1(t | id)")
    assert fit.residual.parameters == 6


REFUSED = (
    ("by(sx)", UnknownColumn, "Did you mean 'sex'"),
    ("by(one)", NotIdentified, "one stratum"),
    ("by(lonely)", NotIdentified, "has 1 row"),
    ("cs(1 | id)", NotIdentified, "same correlation twice"),
    ("ar1(t | row)", NotIdentified, "has one row"),
    ("ar1(t | sch)", NotYetSupported, "several groups of 'id'"),
    ("ar1(half | id)", DataError, "whole numbers.*car1"),
    ("ar1(twice | id)", DataError, "repeats within a group"),
    ("ar1(sex | id)", DataError, "no column of numbers"),
)


@pytest.mark.parametrize(("residual", "error", "said"), REFUSED)
def test_refused(residual, error, said):
    data = table()
    data["one"], data["row"] = "a", np.arange(len(data))
    data["lonely"] = np.where(data["row"] == 5, "b", "a")
    data["half"], data["twice"] = data["t"] / 2 + 0.25, data["t"] // 2
    with pytest.raises(error, match=said):
        ec.lmer(FORMULA, data, residual=residual)


def test_a_stratum_without_residual():
    data = table()
    data.loc[data["sex"] == "f", "y"] = 2 + data["x"]
    with pytest.raises(NotIdentified, match="stratum 'f'"):
        ec.lmer("y ~ x + (0 + x | id)", data, residual="by(sex)")


def test_a_correlation_at_its_bound():
    """Centred within groups: rho runs to -1 / (m - 1), where the likelihood has no maximum."""
    data = table()
    data["y"] -= data.groupby("id")["y"].transform("mean")
    data["x"] -= data.groupby("id")["x"].transform("mean")
    with pytest.raises(NotIdentified, match="no maximum"):
        ec.lmer("y ~ x + (1 | sch)", data, residual="cs(1 | id)")


def test_zero_is_a_legitimate_bound():
    """car1 of alternating residuals: a correlation of exactly zero, without a standard error."""
    data = table()
    data["y"] += 3.0 * (-1.0) ** data["t"]
    fit = ec.lmer(FORMULA, data, residual="car1(t | id)")
    plain = ec.lmer(FORMULA, data)
    assert fit.verdict.status == "boundary"
    assert "residual correlation of zero in car1(t | id)" in fit.verdict.message
    assert fit.residual.phi == 0 and np.isnan(fit.residual.phi_se)
    assert_allclose(fit.deviance, plain.deviance, atol=1e-4)


@pytest.mark.parametrize("method", ["profile", "bootstrap"])
def test_what_takes_one_variance_refuses(method):
    fit = ec.lmer(FORMULA, table(), residual="by(sex)")
    with pytest.raises(NotYetSupported, match="independent residuals of one variance"):
        fit.confint(method=method)


def test_summaries_refuse():
    summaries = {"id": [1, 2, 3], "y": [1.0, 2.0, 4.0], "n": [4, 5, 6], "sd": [1.0, 2.0, 1.0]}
    with pytest.raises(NeedsRows, match="single rows"):
        ec.lmer("y ~ 1 + (1 | id)", summaries=summaries, residual="by(id)")


def test_habits_of_nlme():
    with pytest.raises(UnknownArgument, match="residual="):
        ec.lmer(FORMULA, table(), correlation="ar1")
