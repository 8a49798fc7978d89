"""Confidence intervals by one name."""

from __future__ import annotations

import warnings

import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose

import echelon as ec
from echelon.errors import (
    DataError,
    EchelonWarning,
    NotYetSupported,
    UnknownArgument,
    UnknownOption,
)

COLUMNS = ["term", "conf_low", "conf_high"]


@pytest.fixture(scope="module")
def sleep() -> pd.DataFrame:
    return ec.datasets.load("sleepstudy", quiet=True)


@pytest.fixture(scope="module")
def fit(sleep: pd.DataFrame) -> ec.LMM:
    return ec.lmer("Reaction ~ Days + (Days | Subject)", sleep)


@pytest.fixture(scope="module")
def ols(sleep: pd.DataFrame) -> ec.OLS:
    return ec.lm("Reaction ~ Days", sleep)


def test_wald_is_the_table_of_coefficients(fit: ec.LMM, ols: ec.OLS) -> None:
    for one in (fit, ols):
        for options in ({}, {"df": "none"}, {"level": 0.9}, {"robust": "CR0", "cluster": None}):
            if one is ols and "robust" in options:
                continue
            given = {k: v for k, v in options.items() if v is not None}
            table = one.coefficients(**given)
            assert one.confint(**given).equals(table[COLUMNS])
        assert one.confint("Wald").equals(one.conf_int())
        assert one.confint(parameters="Days").equals(one.confint().iloc[[1]].reset_index(drop=True))


def test_bootstrap_is_that_of_the_replicates(fit: ec.LMM) -> None:
    found = fit.bootstrap(n=200, rng=3)
    for method in ("bootstrap", "boot", "Boot"):
        table = fit.confint(method, n=200, rng=3)
        assert list(table.columns) == COLUMNS
        assert_allclose(table["conf_low"], found.intervals().low)
    options = {
        "interval": "bca",
        "scale": "variance",
        "level": 0.8,
        "parameters": ["sigma2", "Days"],
    }
    table, expected = fit.confint("bootstrap", n=200, rng=3, **options), found.intervals(**options)
    assert table["term"].tolist() == ["sigma2", "Days"]
    assert_allclose(table["conf_high"], expected.high)


def test_profile_is_asked_with_the_options(fit: ec.LMM) -> None:
    table = fit.confint(method="profile", level=0.9, parameters="theta_", scale="variance")
    found = fit.profile("variance", level=0.9, scale="variance").intervals()
    assert table["term"].tolist() == list(found.names)
    assert found.names[0].startswith("var_")
    assert table["conf_low"].tolist() == found.low.tolist()
    assert table["conf_high"].tolist() == found.high.tolist()


def test_tables_in_the_callers_library(sleep: pd.DataFrame) -> None:
    fit = ec.lmer("Reaction ~ Days + (1 | Subject)", pl.from_pandas(sleep))
    for method in ("wald", "bootstrap"):
        options = {"n": 50, "rng": 1} if method == "bootstrap" else {}
        assert isinstance(fit.confint(method, **options), pl.DataFrame)


def test_kinds_of_parameters(fit: ec.LMM) -> None:
    def terms(parameters: object) -> list[str]:
        return fit.confint("bootstrap", n=50, rng=1, parameters=parameters)["term"].tolist()

    assert terms("fixed") == terms("beta_") == ["(Intercept)", "Days"]
    assert terms("variance") == terms("theta_")
    assert terms("theta_")[-1] == "sigma"
    assert fit.confint(parameters="fixed").equals(fit.confint())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"method": "bootstrap", "df": "none"},
            r"df= goes with method='wald', and the method here is 'bootstrap'",
        ),
        ({"method": "profile", "df": "none"}, "df= goes with method='wald'"),
        ({"method": "profile", "robust": "CR2"}, "robust= goes with"),
        ({"method": "profile", "n": 10}, "n= goes with method='bootstrap'"),
        ({"rng": 1}, "rng= goes with method='bootstrap'"),
        ({"interval": "bca"}, "interval= goes with"),
        ({"scale": "sd"}, "scale= goes with method='profile' or method='bootstrap'"),
        ({"level": 95}, "level"),
        ({"method": "bootstrap", "n": 0}, "n=0"),
        ({"parameters": []}, "asks for nothing"),
        ({"parameters": "sigma"}, "'sigma' is none"),
        ({"parameters": "theta_"}, "'variance' is none"),
        ({"parameters": ["Days", "sd_Days|Subject"]}, "'sd_Days|Subject' is none"),
    ],
)
def test_options_that_do_not_go_together(fit: ec.LMM, options: dict, message: str) -> None:
    with pytest.raises(DataError, match=message.replace("|", r"\|")):
        fit.confint(**options)


def test_restricted_profiles_are_those_of_profile(fit: ec.LMM) -> None:
    table = fit.confint("profile", restricted=True)
    found = fit.profile("variance", restricted=True).intervals()
    assert table["term"].tolist() == list(found.names)
    assert table["conf_low"].tolist() == found.low.tolist()
    assert (table["conf_low"] > fit.confint("profile", parameters="variance")["conf_low"])[0]
    with pytest.raises(DataError, match="restricted= goes with method='profile'"):
        fit.confint(restricted=True)


def test_names_that_do_not_exist(fit: ec.LMM) -> None:
    with pytest.raises(UnknownOption, match="Did you mean 'profile'"):
        fit.confint("profil")
    with pytest.raises(UnknownOption, match="Choose from: wald, profile, bootstrap"):
        fit.confint(3)
    with pytest.raises(UnknownOption, match="Did you mean 'Days'"):
        fit.confint(parameters="Day")
    for options in ({"parameters": "Day"}, {"scale": "sds"}, {"interval": "percent"}, {"level": 2}):
        with pytest.raises((UnknownOption, DataError)), warnings.catch_warnings():
            fit.confint("bootstrap", n=10**7, **options)  # refused before the work
    with pytest.raises(UnknownArgument, match="parm"):
        fit.confint(parm="Days")


def test_linear_models_have_wald_intervals(ols: ec.OLS) -> None:
    for method in ("profile", "bootstrap"):
        with pytest.raises(NotYetSupported, match='Use method="wald"'):
            ols.confint(method)


def test_failed_replicates_are_warned_of(fit: ec.LMM, monkeypatch: pytest.MonkeyPatch) -> None:
    from echelon.infer.bootstrap import draws

    real = draws.refit_products

    def failing(*args: object) -> object:
        found = real(*args)
        found.status[:3] = "failed"
        return found

    monkeypatch.setattr(draws, "refit_products", failing)
    with pytest.warns(EchelonWarning, match="3 of 100 replicates failed"):
        fit.confint("bootstrap", n=100, rng=1)
