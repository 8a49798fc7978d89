"""The hooks that other libraries look for, with consumers that do what those libraries do.

The libraries themselves run in tests/interop.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose

import echelon as ec
from echelon.api import marginaleffects as adapter
from echelon.errors import MissingDependency, NeedsRows
from tolerances import SAME


@pytest.fixture(scope="module")
def hsb() -> pd.DataFrame:
    return ec.datasets.load("hsb", quiet=True)


@pytest.fixture(scope="module")
def fit(hsb: pd.DataFrame) -> ec.LMM:
    return ec.lmer("mathach ~ ses * sector + scale(meanses) + (ses | school)", hsb)


@pytest.fixture(scope="module")
def line(hsb: pd.DataFrame) -> ec.OLS:
    return ec.lm("mathach ~ ses * sector", hsb)


def read_as_maketables_does(models: list[Any]) -> list[Any]:
    """Expand what has `to_list`; then statsmodels' names come before the hooks."""
    found = [one for m in models for one in (m.to_list() if hasattr(m, "to_list") else [m])]
    for model in found:
        assert not all(hasattr(model, name) for name in ("params", "bse", "pvalues"))
        assert hasattr(model, "__maketables_coef_table__")
    return found


def test_maketables_finds_the_hooks(fit: ec.LMM, line: ec.OLS) -> None:
    ours, plain = read_as_maketables_does([fit, line])
    table = ours.__maketables_coef_table__
    assert list(table.columns) == ["b", "se", "t", "p", "df", "ci95l", "ci95u"]
    assert table.index.name == "Coefficient" and table.index[0] == "Intercept"
    expected = fit.coefficients()
    for key, name in (
        ("b", "estimate"),
        ("se", "std_error"),
        ("p", "p_value"),
        ("ci95l", "conf_low"),
    ):
        assert_allclose(table[key], expected[name], rtol=0)
    assert ours.__maketables_depvar__ == "mathach"
    assert plain.__maketables_stat__("r2") == line.rsquared
    assert ours.__maketables_vcov_info__["vcov_type"] == "model-based, satterthwaite df"


def test_maketables_statistics(fit: ec.LMM, line: ec.OLS) -> None:
    keys = fit.__maketables_default_stat_keys__
    assert isinstance(keys, list) and keys[:2] == ["N", "Groups: school"]
    stats = {key: fit.__maketables_stat__(key) for key in keys}
    assert None not in stats.values()
    assert stats["N"] == 7185 and stats["Groups: school"] == 160 and stats["Estimation"] == "REML"
    parts = fit.variance_components().set_index(["group", "term", "with_term"])
    assert stats["Variance: school ses"] == parts.loc[("school", "ses", ""), "variance"]
    correlation = parts.loc[("school", "(Intercept)", "ses"), "sd"]
    assert stats["Correlation: school (Intercept), ses"] == correlation
    assert stats["Variance: Residual"] == fit.optimum.sigma2 and stats["ICC"] == fit.icc()
    assert fit.__maketables_stat__("aic") == fit.aic and fit.__maketables_stat__("ll") == fit.llf
    assert fit.__maketables_stat__("no such") is None and fit.__maketables_stat__("r2") is None
    assert line.__maketables_default_stat_keys__[:3] == ["N", "r2", "adj_r2"]


def test_maketables_of_other_models() -> None:
    """Every kind of model has statistics: several factors, structures, summaries, polars."""
    sleep = ec.datasets.load("sleepstudy", backend="polars", quiet=True)
    ar1 = ec.lmer("Reaction ~ Days + (1 | Subject)", sleep, residual="ar1(Days | Subject)")
    stats = {key: ar1.__maketables_stat__(key) for key in ar1.__maketables_default_stat_keys__}
    assert any(key.startswith("Correlation: Residual") for key in stats)
    assert isinstance(ar1.__maketables_coef_table__, pd.DataFrame)
    rng = np.random.default_rng(1)
    a, b = np.arange(120) % 10, np.arange(120) // 10
    y = rng.normal(size=10)[a] + rng.normal(size=12)[b] + rng.normal(size=120)
    crossed = ec.lmer("y ~ 1 + (1 | a) + (1 | b)", {"y": y, "a": a, "b": b})
    assert {"Groups: a", "Groups: b"} <= set(crossed.__maketables_default_stat_keys__)


@dataclass
class Vault:
    """What marginaleffects' ModelVault holds."""

    coef: Any = None
    coefnames: Any = None
    formula: Any = None
    modeldata: Any = None
    package: str = ""
    vcov: Any = None
    variable_names: Any = None


class Abstract:
    """What marginaleffects' ModelAbstract does, as far as the adapter meets it."""

    def __init__(self, model: object, vault: Vault) -> None:
        self.model, self.vault = model, vault
        assert isinstance(vault.coef, np.ndarray) and isinstance(vault.modeldata, pl.DataFrame)
        assert callable(vault.formula) and isinstance(vault.variable_names[0], str)

    def get_exog(self, newdata: pl.DataFrame) -> Any:
        return self.vault.formula(newdata)[1]


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> None:
    package, classes = ModuleType("marginaleffects"), ModuleType("marginaleffects.classes")
    classes.ModelAbstract, classes.ModelVault = Abstract, Vault  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "marginaleffects", package)
    monkeypatch.setitem(sys.modules, "marginaleffects.classes", classes)
    adapter._library.cache_clear()
    yield
    adapter._library.cache_clear()


@pytest.mark.usefixtures("library")
def test_marginaleffects_predicts_as_we_do(fit: ec.LMM, line: ec.OLS) -> None:
    for model in (fit, line):
        adapted = model.to_marginaleffects()
        data = adapted.vault.modeldata
        predicted = adapted.get_predict(adapted.vault.coef, adapted.get_exog(data))
        assert predicted.columns == ["rowid", "estimate"] and predicted["rowid"].dtype == pl.Int32
        ours = model.predictions().values.estimate
        assert_allclose(predicted["estimate"].to_numpy(), ours, rtol=SAME["rtol"])
        assert_allclose(adapted.get_vcov(), model.vcov(), rtol=0)
        assert adapted.get_vcov(False) is None
    assert fit.to_marginaleffects().df_resid == np.inf
    assert line.to_marginaleffects().df_resid == line.df_resid
    assert fit.to_marginaleffects(df=12).get_df() == 12.0


@pytest.mark.usefixtures("library")
def test_marginaleffects_gets_the_users_variables(fit: ec.LMM, hsb: pd.DataFrame) -> None:
    data = fit.to_marginaleffects().vault.modeldata
    assert set(data.columns) == {"ses", "sector", "meanses", "school", "mathach"}
    assert data["sector"].dtype == pl.Enum(["Public", "Catholic"])
    assert_allclose(data["meanses"].to_numpy(), hsb["meanses"], rtol=0)
    names = fit.to_marginaleffects().vault.variable_names
    assert names == ["mathach", "ses", "sector", "meanses"]


@pytest.mark.usefixtures("library")
def test_marginaleffects_covariances(fit: ec.LMM) -> None:
    robust = fit.to_marginaleffects(robust="CR2").get_vcov()
    assert_allclose(np.sqrt(np.diag(robust)), fit.coefficients(robust="CR2")["std_error"])
    assert_allclose(fit.to_marginaleffects().get_vcov("CR2"), robust, rtol=1e-12)


@pytest.mark.usefixtures("library")
def test_marginaleffects_with_an_offset_and_truth_values() -> None:
    x = np.linspace(0, 1, 30)
    table = pd.DataFrame({"y": x**2, "x": x, "yes": x > 0.5, "o": np.sin(x)})
    fit = ec.lm("y ~ x + yes + offset(o)", table)
    adapted = fit.to_marginaleffects()
    assert adapted.vault.modeldata["yes"].dtype == pl.Boolean
    X = adapted.get_exog(adapted.vault.modeldata)
    predicted = adapted.get_predict(adapted.vault.coef, X)["estimate"].to_numpy()
    assert_allclose(predicted, fit.fittedvalues, rtol=1e-12)


def test_without_the_library_the_command_is_named(
    fit: ec.LMM, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "marginaleffects", None)
    monkeypatch.setitem(sys.modules, "marginaleffects.classes", None)
    adapter._library.cache_clear()
    with pytest.raises(MissingDependency, match="pip install marginaleffects"):
        fit.to_marginaleffects()


@pytest.mark.usefixtures("library")
def test_summaries_have_no_rows(hsb: pd.DataFrame) -> None:
    groups = hsb.groupby("school", observed=True)["mathach"]
    table = groups.agg(["mean", "std", "size"]).reset_index()
    table.columns = ["school", "mean", "sd", "n"]
    with pytest.raises(NeedsRows):
        ec.lmer("mean ~ 1 + (1 | school)", summaries=table).to_marginaleffects()


def test_neither_library_is_imported() -> None:
    assert not {"marginaleffects", "maketables"} & set(sys.modules)
