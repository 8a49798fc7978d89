"""Simple slopes: laws, moderators, averages, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose

import echelon as ec
from echelon.errors import DataError, UnknownColumn, UnknownOption
from echelon.infer.marginal import adjust
from tolerances import CLOSED, SAME

CROSS = "mathach ~ ses * meanses + ses * sector + (ses | school)"


@pytest.fixture(scope="module")
def hsb() -> pd.DataFrame:
    return ec.datasets.load("hsb", quiet=True)


@pytest.fixture(scope="module")
def fit(hsb: pd.DataFrame) -> ec.LMM:
    return ec.lmer(CROSS, hsb)


@pytest.fixture(scope="module")
def square(hsb: pd.DataFrame) -> ec.LMM:
    return ec.lmer("mathach ~ ses + I(ses^2) + sector + (1 | school)", hsb)


@pytest.mark.parametrize("df", ["satterthwaite", "between-within", "none"])
def test_without_interaction_it_is_the_coefficient(hsb: pd.DataFrame, df: str) -> None:
    fit = ec.lmer("mathach ~ ses + sector + meanses + (1 | school)", hsb)
    found, table = fit.slopes("ses", df=df), fit.coefficients(df=df).set_index("term").loc["ses"]
    for name in ("estimate", "std_error", "df", "statistic", "p_value", "conf_low", "conf_high"):
        assert_allclose(getattr(found.values, name), table[name], rtol=SAME["rtol"])
    assert found.notes == ("ses is in no interaction, so its slope is the same everywhere.",)


def test_robust_slopes_are_the_robust_coefficients(hsb: pd.DataFrame) -> None:
    fit = ec.lm("mathach ~ ses + sector", hsb)
    found = fit.slopes("ses", robust="CR1", cluster=hsb["school"]).values
    table = fit.coefficients(robust="CR1", cluster=hsb["school"]).set_index("term").loc["ses"]
    assert_allclose([found.std_error[0], found.df[0]], [table["std_error"], table["df"]])


def test_moderators_by_hand(fit: ec.LMM) -> None:
    """b_ses + m b_inter, with the variance of that sum."""
    points = [-0.5, 0.0, 0.5]
    found = fit.slopes("ses", by=["sector", "meanses"], at={"meanses": points})
    names = list(fit.names)
    beta, V = fit.optimum.beta, fit.optimum.vcov
    for i in range(6):
        sector, m = i % 2, points[i // 2]
        L = np.zeros(len(names))
        L[names.index("ses")], L[names.index("ses:meanses")] = 1, m
        L[names.index("ses:sector[T.Catholic]")] = sector
        assert_allclose(found.values.estimate[i], L @ beta, rtol=SAME["rtol"])
        assert_allclose(found.values.std_error[i], np.sqrt(L @ V @ L), rtol=SAME["rtol"])
    frame = found.frame()
    assert list(frame.columns)[:4] == ["variable", "sector", "meanses", "estimate"]
    assert frame["sector"].tolist() == ["Public", "Catholic"] * 3


def test_pick_a_point_is_mean_and_sd(fit: ec.LMM, hsb: pd.DataFrame) -> None:
    found = fit.slopes("ses", by="meanses")
    mean, sd = hsb["meanses"].mean(), hsb["meanses"].std()
    assert_allclose(found.columns["meanses"].values, [mean - sd, mean, mean + sd], rtol=1e-9)
    assert "one SD below the mean" in found.notes[0] and "sector with equal" in found.notes[1]
    assert_allclose(np.diff(found.values.estimate), np.diff(found.values.estimate)[::-1], rtol=1e-9)


def test_several_values_in_at_have_a_row_each(fit: ec.LMM) -> None:
    a = fit.slopes("ses", at={"meanses": [-0.5, 0.5]})
    b = fit.slopes("ses", by="meanses", at={"meanses": [-0.5, 0.5]})
    assert_allclose(a.values.estimate, b.values.estimate, rtol=0)
    assert a.specs == ("meanses",)


def test_slope_of_a_square_at_its_own_values(square: ec.LMM) -> None:
    found = square.slopes("ses", by="ses", at={"ses": [-1.0, 0.0, 2.0]})
    b = dict(zip(square.names, square.optimum.beta, strict=True))
    expected = b["ses"] + 2 * np.array([-1.0, 0.0, 2.0]) * b["I(ses^2)"]
    assert_allclose(found.values.estimate, expected, rtol=1e-11)


@pytest.mark.parametrize("variable", ["ses", "meanses"])
def test_slope_is_the_difference_quotient_of_predictions(fit: ec.LMM, variable: str) -> None:
    """Also its standard error: the fixed part is linear in each predictor by itself."""
    at = {"ses": 0.3, "meanses": 0.1, "sector": "Catholic"}
    low = fit.predictions(at).functions.L
    high = fit.predictions({**at, variable: at[variable] + 1}).functions.L
    found = fit.slopes(variable, at=at)
    assert_allclose(found.functions.L, high - low, atol=1e-14)


def test_average_slope_is_the_mean_over_rows(square: ec.LMM, hsb: pd.DataFrame) -> None:
    b = dict(zip(square.names, square.optimum.beta, strict=True))
    rows = b["ses"] + 2 * hsb["ses"].to_numpy() * b["I(ses^2)"]
    whole = square.slopes("ses", average=True).values.estimate
    assert_allclose(whole, rows.mean(), rtol=1e-11)
    by = square.slopes("ses", average=True, by="sector")
    expected = pd.Series(rows).groupby(hsb["sector"], observed=True).mean()
    assert_allclose(by.values.estimate, expected[by.frame()["sector"]], rtol=1e-11)
    groups = square.slopes("ses", average=True, by="school")
    assert len(groups.values.estimate) == hsb["school"].nunique()


def test_weights_change_only_what_is_averaged(fit: ec.LMM, hsb: pd.DataFrame) -> None:
    equal, shares = (
        fit.slopes("ses", weights=w).values.estimate[0] for w in ("equal", "proportional")
    )
    one = fit.slopes("ses", by="sector").values.estimate
    share = (hsb["sector"] == "Catholic").mean()
    assert_allclose(equal, one.mean(), rtol=SAME["rtol"])
    assert_allclose(shares, one @ [1 - share, share], rtol=1e-9)


def test_comparisons_are_interactions(fit: ec.LMM) -> None:
    found = fit.slopes("ses", by="sector").contrasts("revpairwise").values
    term = fit.coefficients().set_index("term").loc["ses:sector[T.Catholic]"]
    for name in ("estimate", "std_error", "df", "p_value"):
        assert_allclose(getattr(found, name), term[name], rtol=CLOSED["rtol"])


def test_adjusted_slopes(fit: ec.LMM) -> None:
    plain = fit.slopes("ses", by="meanses").values
    found = fit.slopes("ses", by="meanses", adjust="bonferroni").values
    assert_allclose(found.p_value, np.minimum(1, 3 * plain.p_value), rtol=1e-9)


def test_tables(fit: ec.LMM) -> None:
    text = fit.slopes("ses", by="sector").to_text()
    assert "Slope of mathach on ses by sector" in text and "Catholic" in text
    assert "Comparisons of slopes" in str(fit.slopes("ses", by="sector").contrasts())
    assert "<table" in fit.slopes("ses")._repr_html_()


@pytest.mark.parametrize("backend", ["polars", "pyarrow"])
def test_frames_come_back_in_the_callers_library(backend: str, fit: ec.LMM) -> None:
    other = ec.lmer(CROSS, ec.datasets.load("hsb", backend=backend, quiet=True))
    found = other.slopes("ses", by="sector").frame()
    assert type(found).__module__.startswith(backend)
    assert_allclose(found["estimate"].to_numpy(), fit.slopes("ses", by="sector").values.estimate)
    assert isinstance(found, pl.DataFrame) or found.num_rows == 2


def test_no_constant_and_dropped_columns() -> None:
    sleep = ec.datasets.load("sleepstudy", quiet=True)
    without = ec.lmer("Reaction ~ 0 + Days + (1 | Subject)", sleep)
    assert_allclose(without.slopes("Days").values.estimate, without.optimum.beta, rtol=0)
    twice = ec.lmer("Reaction ~ Days + again + (1 | Subject)", sleep.assign(again=sleep["Days"]))
    found = twice.slopes("Days")
    assert np.isnan(found.values.estimate).all() and "cannot be estimated" in found.notes[-1]


def test_residual_structures_and_summaries() -> None:
    sleep = ec.datasets.load("sleepstudy", quiet=True)
    ar1 = ec.lmer("Reaction ~ Days + (1 | Subject)", sleep, residual="ar1(Days | Subject)")
    assert_allclose(ar1.slopes("Days").values.estimate, ar1.optimum.beta[1], rtol=0)
    groups = sleep.groupby("Subject", observed=True)["Reaction"].agg(["mean", "std", "size"])
    table = groups.reset_index().set_axis(["Subject", "mean", "sd", "n"], axis=1)
    table["x"] = np.arange(len(table)) % 5
    few = ec.lmer("mean ~ x + (1 | Subject)", summaries=table)
    assert_allclose(few.slopes("x").values.estimate, few.optimum.beta[1], rtol=0)


def test_refusals(fit: ec.LMM, hsb: pd.DataFrame) -> None:
    with pytest.raises(UnknownColumn, match="Did you mean 'ses'"):
        fit.slopes("sess")
    with pytest.raises(UnknownColumn, match="Did you mean 'sector'"):
        fit.slopes("ses", by="sectr")
    with pytest.raises(DataError, match="'sector' is a factor"):
        fit.slopes("sector")
    with pytest.raises(UnknownOption):
        fit.slopes("ses", weights="equally")
    with pytest.raises(DataError, match="nothing to compare"):
        fit.slopes("ses").contrasts()
    with pytest.raises(DataError, match="leave at= out"):
        fit.slopes("ses", average=True, at={"ses": 1})
    offset = ec.lm("mathach ~ ses + offset(ses)", hsb)
    with pytest.raises(DataError, match="part of offset"):
        offset.slopes("ses")


def test_slopes_of_many_groups_take_no_table_of_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Correlations of m slopes are m^2 numbers: only where an adjustment asks for them."""
    asked: list[int] = []
    true = adjust.correlation
    monkeypatch.setattr(adjust, "correlation", lambda L, V: asked.append(len(L)) or true(L, V))
    sleep = ec.datasets.load("sleepstudy", quiet=True)
    fit = ec.lmer("Reaction ~ Days + (1 | Subject)", sleep)
    fit.slopes("Days", average=True, by="Subject")
    fit.emmeans("Days", at={"Days": [0, 1, 2]}).contrasts()
    assert asked == []
    fit.emmeans("Days", at={"Days": [0, 1, 2]}, adjust="mvt")
    assert asked == [3]
