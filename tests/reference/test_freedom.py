"""Kenward-Roger and between-within degrees of freedom against R's polished fits."""

from __future__ import annotations

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose
from reference_cases import IDS as ALL
from reference_cases import fitted_model, model, ours_of, plain, table

from dense_kenward_roger import DenseKenwardRoger
from echelon.infer import joint_test, uncertainty
from echelon.infer.kenward_roger import KenwardRoger, kenward_roger
from tolerances import CLOSED, OPTIMUM, ZERO

WRONG_IN_R = ("sleep_scaleX", "sleep_scaleXbig", "sleep_weights")
"""lmerTest falls back to Satterthwaite with broken derivatives; pbkrtest forgets the weights."""
WITH_KR = tuple(name for name in ALL if model(name).get("coef_kenward_roger"))
RIGHT = tuple(name for name in WITH_KR if name not in WRONG_IN_R)


def places(name: str) -> list[int]:
    """Our place of each of R's coefficients."""
    golden, ours = model(name), [plain(n) for n in fitted_model(name).names]
    return [
        ours.index(n) for n in ours_of([r["term"] for r in golden["coef_kenward_roger"]], golden)
    ]


def test_models_with_kenward_roger() -> None:
    assert len(WITH_KR) == 49


@pytest.mark.parametrize("name", RIGHT)
def test_coefficients(name: str) -> None:
    fit, at = fitted_model(name), places(name)
    rows = model(name)["coef_kenward_roger"]
    values = fit.coefficients(df="kenward-roger")
    found = {c: np.asarray(values[c], dtype=float)[at] for c in ("std_error", "df", "p_value")}
    assert_allclose(found["df"], [r["df"] for r in rows], rtol=OPTIMUM["estimate"])
    assert_allclose(found["std_error"], [r["Std. Error"] for r in rows], rtol=OPTIMUM["estimate"])
    assert_allclose(found["p_value"], [r["p"] for r in rows], rtol=OPTIMUM["se"], atol=1e-300)


@pytest.mark.parametrize("name", [n for n in RIGHT if model(n).get("kr_vcov")])
def test_covariance(name: str) -> None:
    theirs = np.array(model(name)["kr_vcov"])
    at = places(name)
    found = kenward_roger(fitted_model(name)).vcov[np.ix_(at, at)]
    se = np.sqrt(np.diagonal(theirs))
    scale = np.outer(se, se)
    assert_allclose(found / scale, theirs / scale, atol=OPTIMUM["estimate"])


def terms_of(name: str) -> list[tuple[list[int], dict[str, float]]]:
    """Columns of each term of car's type III table, where they are as many as its Df."""
    fit = fitted_model(name)
    terms = [_term(n) for n in fit.names]
    rows = (model(name).get("car_anova_F_KR") or {}).get("III") or []
    found = []
    for row in rows:
        columns = [i for i, t in enumerate(terms) if t == frozenset(row["term"].split(":"))]
        if columns and len(columns) == row["Df"]:
            found.append((columns, row))
    return found


def _term(name: str) -> frozenset[str]:
    """The term of a column: a factor without its level, a polynomial without its degree."""
    parts = plain(name).split(":")
    return frozenset(re.sub(r"\[[^\]]*\]$|\.[LQC]$|\^\d+$", "", part) for part in parts)


WITH_F = tuple(name for name in RIGHT if terms_of(name))


def test_terms_with_several_columns_are_among_them() -> None:
    several = [row["Df"] for name in WITH_F for _, row in terms_of(name) if row["Df"] > 1]
    assert len(WITH_F) >= 35
    assert len(several) >= 15
    assert max(several) >= 9


@pytest.mark.parametrize("name", WITH_F)
def test_joint_tests_of_terms(name: str) -> None:
    """F, its degrees of freedom and its p of every term of `car::Anova(type=3, test="F")`."""
    fit = fitted_model(name)
    known = uncertainty(fit, "kenward-roger")
    for columns, row in terms_of(name):
        L = np.eye(len(fit.names))[columns]
        test = joint_test(known, L, fit.optimum.beta[columns])
        # an F of zero is known no better than its estimates, as a share of their errors
        assert_allclose(test.statistic, row["F"], rtol=10 * OPTIMUM["estimate"], atol=ZERO**2)
        assert_allclose(test.df2, row["Df.res"], rtol=OPTIMUM["estimate"])
        assert_allclose(test.p_value, row["p"], rtol=OPTIMUM["se"], atol=1e-300)


@pytest.mark.parametrize("name", ["machines_cat", "machines_cat0"])
def test_hotellings_t_squared(name: str) -> None:
    """Every worker on every machine: exact with scale (J - q) / (J - 1) on q and J - q."""
    fit = fitted_model(name)
    (row,) = model(name)["anova"]["typeIII_kenward_roger"]
    columns = [i for i, n in enumerate(fit.names) if n.startswith("Machine")]
    J, q = fit.J, len(columns)
    L = np.eye(len(fit.names))[columns]
    test = joint_test(uncertainty(fit, "kenward-roger"), L, fit.optimum.beta[columns])
    assert_allclose((test.scale, test.df2), ((J - q) / (J - 1), J - q), rtol=CLOSED["rtol"])
    assert_allclose(test.statistic, row["F value"], rtol=OPTIMUM["estimate"])
    assert_allclose(test.df2, row["DenDF"], rtol=OPTIMUM["estimate"])


@pytest.mark.parametrize(("name", "unit"), [("sleep_scaleX", 1e6), ("sleep_scaleXbig", 1e-6)])
def test_slopes_in_units_of_a_million(name: str, unit: float) -> None:
    """Where R's derivatives break down: the numbers of sleep_rs, whose golden is right."""
    rows = model("sleep_rs")["coef_kenward_roger"]
    found = fitted_model(name).coefficients(df="kenward-roger")
    assert_allclose(found["df"], [r["df"] for r in rows], rtol=OPTIMUM["estimate"])
    se = np.asarray(found["std_error"]) / [1.0, unit]
    assert_allclose(se, [r["Std. Error"] for r in rows], rtol=OPTIMUM["estimate"])


def sleep_dense(weights: np.ndarray, phi: np.ndarray | None) -> DenseKenwardRoger:
    """The model of sleep_weights at lme4's estimates with other weights on the residuals."""
    golden = model("sleep_weights")
    data = table("sleepstudy_x")
    X = np.column_stack([np.ones(len(data)), data["Days"]])
    same = np.equal.outer(data["Subject"].to_numpy(), data["Subject"].to_numpy())
    shapes = ([[1, 0], [0, 0]], [[0, 1], [1, 0]], [[0, 0], [0, 1]])
    G = [np.where(same, X @ np.array(E) @ X.T, 0.0) for E in shapes]
    cov = np.array(golden["varcorr"]["blocks"]["Subject"]["cov"])
    gamma = np.array([cov[0, 0], cov[0, 1], cov[1, 1], golden["sigma"] ** 2])
    return DenseKenwardRoger.of(X, [*G, np.diag(1 / weights)], gamma, phi)


def test_precision_weights_which_pbkrtest_leaves_out() -> None:
    """Its numbers are those of residuals of equal variance; with the weights they are ours."""
    golden = model("sleep_weights")
    weights = table("sleepstudy_x")[golden["call"]["weights"]].to_numpy()
    theirs = sleep_dense(np.ones_like(weights), np.array(golden["vcov"]))
    assert_allclose(theirs.adjusted, golden["kr_vcov"], rtol=OPTIMUM["estimate"])
    right = sleep_dense(weights, None)
    ours: KenwardRoger = kenward_roger(fitted_model("sleep_weights"))
    assert_allclose(ours.vcov, right.adjusted, rtol=OPTIMUM["estimate"])
    one = [right.test(row[None])[0] for row in np.eye(2)]
    assert_allclose(ours.df(np.eye(2)), one, rtol=OPTIMUM["estimate"])
    assert abs(ours.vcov[1, 1] / np.array(golden["kr_vcov"])[1, 1] - 1) > 1e-3


# --- between-within -----------------------------------------------------------------------------


BETWEEN_WITHIN = {
    "hsb_full": {157.0},  # 160 schools, two predictors in both equations
    "hsb_means": {157.0},
    "hsb_cses": {159.0},
    "hsb_null": {159.0},
    "sleep_crosslevel": {16.0},
    "three_nested": {22.0, 71.0, 813.0},  # 25 schools - 3, 75 classes - 4, 820 pupils - 7
    "egsingle_ri": {59.0, 7228.0},
}


@pytest.mark.parametrize("name", BETWEEN_WITHIN)
def test_between_within(name: str) -> None:
    found = fitted_model(name).coefficients(df="between-within")
    assert set(np.asarray(found["df"])) == BETWEEN_WITHIN[name]
    assert_allclose(
        found["std_error"], fitted_model(name).coefficients()["std_error"], rtol=OPTIMUM["estimate"]
    )
