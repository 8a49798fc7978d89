"""`fit.refit`: what it takes, what it gives, what it refuses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose

import echelon as ec
from echelon.errors import (
    DataError,
    EchelonWarning,
    NeedsRows,
    NotIdentified,
)
from echelon.model.refit import refit_products
from echelon.moments.responses import responses
from tolerances import OPTIMUM


@pytest.fixture(scope="module")
def sleep() -> pd.DataFrame:
    return ec.datasets.load("sleepstudy", quiet=True)


@pytest.fixture(scope="module")
def fit(sleep: pd.DataFrame) -> ec.LMM:
    return ec.lmer("Reaction ~ Days + (Days | Subject)", sleep)


@pytest.fixture(scope="module")
def Y(fit: ec.LMM) -> np.ndarray:
    rng = np.random.default_rng(1)
    return fit.fittedvalues[:, None] + fit.sigma * rng.normal(size=(fit.n, 30))


def test_a_data_frame_names_the_responses(fit: ec.LMM, Y: np.ndarray) -> None:
    wide = {"pv1": Y[:, 0], "plausible value 2": Y[:, 1]}
    for table in (pd.DataFrame(wide), pl.DataFrame(wide), wide):
        found = fit.refit(table)
        assert found.names == ("pv1", "plausible value 2")
        assert_allclose(found["plausible value 2"].deviance, found.deviance[1], rtol=1e-10)
    assert found["pv1"].response == "pv1"
    assert found["pv1"].spec.formula == "pv1 ~ Days + (Days | Subject)"
    assert found[1].response == "`plausible value 2`"


def test_a_single_response_is_a_full_fit(fit: ec.LMM, Y: np.ndarray, sleep: pd.DataFrame) -> None:
    again = fit.refit(pd.Series(Y[:, 0], name="other"))
    fresh = ec.lmer("other ~ Days + (Days | Subject)", sleep.assign(other=Y[:, 0]))
    assert isinstance(again, ec.LMM)
    assert again.summary() == fresh.summary()
    assert_allclose(again.resid, fresh.resid, atol=1e-6)
    assert_allclose(
        again.explained()["variance_null"], fresh.explained()["variance_null"], rtol=1e-6
    )
    assert fit.refit(list(Y[:, 0])).response == "Reaction"


def test_values(fit: ec.LMM, Y: np.ndarray) -> None:
    found = fit.refit(Y)
    assert len(found) == 30
    assert found.names[3] == "Reaction[3]"
    assert found.terms == ("(Intercept)", "Days")
    assert found.component_names == (
        "sd_(Intercept)|Subject",
        "cor_Days.(Intercept)|Subject",
        "sd_Days|Subject",
        "sigma",
    )
    assert sum(found.counts.values()) == 30
    one = found[3]
    D = one.optimum.covariance
    expected = [D[0, 0] ** 0.5, D[1, 0] / (D[0, 0] * D[1, 1]) ** 0.5, D[1, 1] ** 0.5, one.sigma]
    assert_allclose(found.components[3], expected, rtol=1e-5)
    assert_allclose(found.covariance[3], D, rtol=1e-5)
    assert_allclose(found.vcov[3], one.vcov(), rtol=1e-5)
    assert_allclose(found[-1].deviance, found.deviance[-1], rtol=1e-10)
    with pytest.raises(IndexError):
        found[30]
    with pytest.raises(DataError, match="No response 'pv9'"):
        found["pv9"]


def test_tables(fit: ec.LMM, Y: np.ndarray) -> None:
    found = fit.refit(Y)
    frame = found.frame()
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns[:7]) == [
        "response",
        "status",
        "deviance",
        "(Intercept)",
        "Days",
        "se_(Intercept)",
        "se_Days",
    ]
    assert_allclose(frame["sd_Days|Subject"], found.components[:, 2])
    assert "30 responses:" in repr(found)
    assert "<table" in found._repr_html_()


def test_rows_left_out(sleep: pd.DataFrame) -> None:
    """One value for every row of the table, or for every row used."""
    holes = sleep.copy()
    holes.loc[[3, 77], "Days"] = np.nan
    fit = ec.lmer("Reaction ~ Days + (Days | Subject)", holes)
    y = sleep["Reaction"] + np.random.default_rng(2).normal(size=180)
    whole, used = fit.refit(y), fit.refit(y.drop([3, 77]))
    assert whole.n == 178
    assert whole.deviance == used.deviance
    with pytest.raises(DataError, match=r"179 values, and the fit has 178 rows used \(or the 180"):
        fit.refit(y[:179])


def test_offset_weights_and_transformed_responses(sleep: pd.DataFrame) -> None:
    data = sleep.assign(w=np.linspace(0.5, 2, 180), off=np.linspace(0, 9, 180) ** 2 / 100)
    options = {"precision": "w", "offset": "off"}
    fit = ec.lmer("log(Reaction) ~ Days + (Days | Subject)", data, **options)
    y = np.log(data["Reaction"]) + 0.05 * np.random.default_rng(3).normal(size=180)
    fresh = ec.lmer("y ~ Days + (Days | Subject)", data.assign(y=y), **options)
    assert_allclose(fit.refit(y.to_numpy()).deviance, fresh.deviance, rtol=OPTIMUM["deviance"])
    assert_allclose(fit.refit(y.to_frame()).beta[0], fresh.optimum.beta, rtol=1e-6)


def test_without_a_constant(sleep: pd.DataFrame) -> None:
    for formula in (
        "Reaction ~ 0 + Days + (1 | Subject)",
        "Reaction ~ 0 + C(Days) + (1 | Subject)",
    ):
        fit = ec.lmer(formula, sleep)
        y = sleep["Reaction"] * 2 + 50
        fresh = ec.lmer(formula, sleep.assign(Reaction=y))
        for beta in (fit.refit(y).optimum.beta, fit.refit(y.to_frame()).beta[0]):
            assert_allclose(beta, fresh.optimum.beta, rtol=1e-7)


def test_no_fixed_effects(sleep: pd.DataFrame) -> None:
    data = sleep.assign(Reaction=sleep["Reaction"] - sleep["Reaction"].mean())
    fit = ec.lmer("Reaction ~ 0 + (1 | Subject)", data)
    found = fit.refit(data[["Reaction"]])
    assert found.beta.shape == (1, 0)
    assert_allclose(found.deviance[0], fit.deviance, rtol=1e-10)


def test_from_cross_products(fit: ec.LMM, Y: np.ndarray) -> None:
    """No rows are needed once the products with a response are known."""
    given = responses(fit.moments, fit.built.design, Y)
    found, rows = refit_products(fit, given), fit.refit(Y)
    assert_allclose(found.beta, rows.beta, rtol=1e-12)
    assert_allclose(found.deviance, rows.deviance, rtol=1e-12)
    from echelon.api.refit import RefitResults

    with pytest.raises(DataError, match="cross-products"):
        RefitResults.of(found)[0]


def test_what_is_refused(fit: ec.LMM, Y: np.ndarray, sleep: pd.DataFrame) -> None:
    holes = pd.DataFrame({"a": Y[:, 0], "b": Y[:, 1]})
    holes.loc[[5, 9], "b"] = np.nan
    with pytest.raises(DataError, match=r"'b' has 2 missing .* in its row 5"):
        fit.refit(holes)
    with pytest.raises(DataError, match="infinite"):
        fit.refit(np.where(np.arange(180) == 3, np.inf, Y[:, 0]))
    with pytest.raises(DataError, match="given 7 values"):
        fit.refit(np.zeros(7))
    with pytest.raises(DataError, match="keeps no table"):
        fit.refit("Reaction")
    with pytest.raises(DataError, match="keeps no table"):
        fit.refit(["pv1", "pv2"])
    with pytest.raises(DataError, match="not numbers"):
        fit.refit([object()] * 180)
    with pytest.raises(DataError, match="shape"):
        fit.refit(np.zeros((180, 2, 2)))
    with pytest.raises(DataError, match="shape"):
        fit.refit(np.zeros((180, 0)))
    with pytest.raises(DataError, match="not numeric"):
        fit.refit(sleep.assign(Subject=sleep["Subject"].astype(str))[["Subject"]])
    with pytest.raises(NotIdentified, match="'flat' is the same"):
        fit.refit({"fine": Y[:, 0], "flat": np.ones(180)})
    with pytest.raises(NotIdentified, match="reproduce 'line' exactly"):
        fit.refit({"line": 3.0 + 2 * sleep["Days"]})


def test_summaries_have_no_rows() -> None:
    table = pd.DataFrame({"g": list("abcdef"), "y": [1.0, 3, 2, 5, 4, 7], "n": 5, "sd": 1.0})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("echelon.api.fitting.warn", lambda fit: None)
        fit = ec.lmer("y ~ 1 + (1 | g)", summaries=table)
    with pytest.raises(NeedsRows, match="refit"):
        fit.refit(np.zeros(30))


@pytest.mark.parametrize("residual", ["ar1(Days | Subject)", "by(late)", "by(late) + cs(1 | half)"])
def test_residual_structures_go_one_by_one(
    sleep: pd.DataFrame, Y: np.ndarray, residual: str
) -> None:
    """As fits from scratch, number for number."""
    late = np.where(sleep["Days"] > 4, "late", "early")
    data = sleep.assign(
        late=late, half=sleep["Subject"].astype(str) + np.where(sleep["Days"] % 2, "a", "b")
    )
    formula = "Reaction ~ Days + (1 | Subject)"
    fit = ec.lmer(formula, data, residual=residual)
    again = fit.refit(sleep["Reaction"])
    assert again.deviance == pytest.approx(fit.deviance, rel=1e-14)
    found = fit.refit(Y[:, :3])
    assert found.residual.shape == (3, fit.residual.parameters)
    assert found.component_names[-fit.residual.parameters :] == fit.residual.names
    for r in range(3):
        fresh = ec.lmer(formula, data.assign(Reaction=Y[:, r]), residual=residual)
        assert_allclose(found.deviance[r], fresh.deviance, rtol=1e-13)
        assert_allclose(found.beta[r], fresh.optimum.beta, rtol=1e-9)
        assert_allclose(found.std_error[r] ** 2, np.diagonal(fresh.optimum.vcov), rtol=1e-8)
        assert_allclose(found.residual[r], fresh.residual.estimates, rtol=1e-8)
        assert_allclose(found.sigma[r], fresh.sigma, rtol=1e-9)
        assert found[r].residual.phi == pytest.approx(fresh.residual.phi, nan_ok=True)
    frame = found.frame()
    assert frame[fit.residual.names[-1]].tolist() == found.residual[:, -1].tolist()
    assert fit.residual.names[-1] in str(found)


def test_the_iterative_method_goes_one_by_one() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.integers(0, 20, 400), rng.integers(0, 15, 400)
    noise = (
        rng.normal(size=(400, 2))
        + rng.normal(size=20)[a][:, None]
        + rng.normal(size=15)[b][:, None]
    )
    data = pd.DataFrame({"y": noise[:, 0], "a": a, "b": b})
    formula = "y ~ 1 + (1 | a) + (1 | b)"
    fit = ec.lmer(formula, data, method="iterative", rng=5)
    found = fit.refit(noise)
    for r in range(2):
        fresh = ec.lmer(formula, data.assign(y=noise[:, r]), method="iterative", rng=5)
        assert_allclose(found.deviance[r], fresh.deviance, rtol=1e-10)
        assert_allclose(found.sigma[r], fresh.sigma, rtol=1e-8)
    assert found.residual is None


def test_one_by_one_a_constant_is_refused_and_a_failure_counted(
    sleep: pd.DataFrame, Y: np.ndarray
) -> None:
    fit = ec.lmer("Reaction ~ Days + (1 | Subject)", sleep, residual="ar1(Days | Subject)")
    with pytest.raises(NotIdentified, match="'flat' is the same in every row"):
        fit.refit(pd.DataFrame({"fine": Y[:, 0], "flat": 1.0}))
    with pytest.warns(EchelonWarning, match="1 of 2 refits failed"):
        found = fit.refit(pd.DataFrame({"line": 3.0 + 2 * sleep["Days"], "fine": Y[:, 0]}))
    assert found.counts == {"converged": 1, "boundary": 0, "failed": 1}
    assert np.isnan(found.beta[0]).all() and np.isnan(found.residual[0]).all()


def test_structured_covariances_go_one_by_one(sleep: pd.DataFrame, Y: np.ndarray) -> None:
    formula = "Reaction ~ Days + diag(Days | Subject)"
    fit = ec.lmer(formula, sleep)
    found = fit.refit(Y[:, :2])
    fresh = ec.lmer(formula, sleep.assign(Reaction=Y[:, 1]))
    assert_allclose(found.deviance[1], fresh.deviance, rtol=OPTIMUM["deviance"])
    assert_allclose(found.beta[1], fresh.optimum.beta, rtol=1e-6)


def test_failures_are_warned_of(
    fit: ec.LMM, Y: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    from echelon.estimate.batch import optima as module

    monkeypatch.setattr(module, "strategy", lambda problem: "one by one")
    monkeypatch.setattr("echelon.tolerances.MAX_STEPS", 1)
    monkeypatch.setattr("echelon.tolerances.SCORING_STEPS", 0)
    with pytest.warns(EchelonWarning, match="3 of 3 refits failed"):
        found = fit.refit(Y[:, :3])
    assert found.counts == {"converged": 0, "boundary": 0, "failed": 3}
    assert "3 failed" in repr(found)
    with pytest.warns(EchelonWarning, match="stationary point"):
        fit.refit(Y[:, 0])
