"""Tests and intervals of 57 random designs against R, and written out with n x n matrices.

R is given every help (random_inference/make.R): optima refined, wide numerical derivatives, exact
roots for profile limits. Where it is off all the same, the reason is named here, and the model
written out with dense matrices (tests/dense_inference.py) is the judge.
"""

from __future__ import annotations

import gzip
import json
import re
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import echelon as ec
from dense_inference import DenseModel
from echelon.infer import uncertainty
from echelon.infer.marginal.comparisons import Comparisons
from echelon.infer.marginal.means import Means
from echelon.linalg.largest import range_tail, studentised
from tolerances import CLOSED, OPTIMUM, PROFILE, R_TUKEY, RATIO, ZERO

HERE = Path(__file__).parent / "random_inference"
SPECS = json.loads((HERE / "designs.json").read_text())
FITS = {
    f["case"]: f
    for f in json.loads(gzip.decompress((HERE / "results.json.gz").read_bytes()))["fits"]
}
DATA = pd.read_csv(HERE / "designs.csv.gz")
CASES = [spec["case"] for spec in SPECS]
METHODS, TYPES = ("Satterthwaite", "Kenward-Roger"), ("I", "II", "III")
KINDS = ("CR0", "CR1", "CR2")
MARGINAL = {"Satterthwaite": "marginal", "Kenward-Roger": "marginal_kr"}
COLUMNS = ("F value", "Sum Sq", "NumDF", "DenDF")

COLLINEAR = (33, 52)
"""lme4 takes the Cholesky factor of X'X, whose condition is the square of X's, here above 1e12: its
deviance is off in the fourth decimal, its estimates by 1e-3 of a standard error."""
DIFFERENCES = (3, 7, 18, 23)
"""lmerTest's degrees of freedom, by numerical derivatives. The wider their steps the nearer they
come to ours (at 0.004, 0.02 and 0.1 of a parameter, case 3: 1e-2, 2e-4, 1e-5; case 7: 3e-2, 5e-3,
1e-3): they differ by rounding. The stored ones are by 0.1; lmerTest's own step is 1e-4."""
CR2_LOST = (7, 21)
"""clubSandwich's CR2 inverts X'WX about zero; x lies 300 standard deviations from it."""
ROUNDED_L = {(6, "I", "poly(x, 2)"), (14, "I", "near"), (14, "I", "a"), (7, "III", "x")}
"""lmerTest rounds the hypotheses with zapsmall() to 7 decimals of their largest entry, whatever the
units of the columns, and inverts X with a tolerance of 1e-8."""
STOPPED_EARLY = {(56, "ranova", "(1 | h)"), (29, "drop1", "b")}
"""lme4's refit of the smaller model ends below the optimum."""


def rows(case: int) -> pd.DataFrame:
    return DATA[DATA["case"] == case].dropna(axis=1, how="all").reset_index(drop=True)


@cache
def fitted(case: int, formula: str | None = None, reml: bool | None = None) -> ec.LMM:
    spec, data = SPECS[case], rows(case)
    coded = {} if spec["contrasts"] == "treatment" else dict.fromkeys("ab", spec["contrasts"])
    return ec.lmer(
        formula or spec["formula"],
        data,
        reml=spec["reml"] if reml is None else reml,
        precision="wt" if spec["weighted"] else None,
        contrasts={name: way for name, way in coded.items() if name in data} or None,
    )


@cache
def dense(case: int) -> DenseModel:
    return DenseModel.of_fit(fitted(case))


def numbers(value: Any) -> np.ndarray:
    values = value if isinstance(value, list) else [value]
    return np.array([np.nan if v is None else v for v in values], dtype=float)


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def square(lower: list[float], p: int) -> np.ndarray:
    """A symmetric matrix of its lower triangle by columns."""
    made = np.zeros((p, p))
    made[np.triu_indices(p)] = numbers(lower)
    return made + np.triu(made, 1).T


def near_covariance(ours: np.ndarray, theirs: np.ndarray, atol: float) -> None:
    sd = np.sqrt(np.diag(theirs))
    assert_allclose(ours / np.outer(sd, sd), theirs / np.outer(sd, sd), rtol=0, atol=atol)


def contrasts(case: int) -> np.ndarray:
    """Two functions of the coefficients over their standard errors, whole weights by chance."""
    return numbers(FITS[case]["L"]).reshape(2, -1) / numbers(FITS[case]["se"])


def having(key: str, without: tuple[int, ...] = COLLINEAR) -> list[int]:
    return [c for c in CASES if key in FITS[c] and c not in without]


# --- the model written out: every design, with nothing of R ----------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_written_out(case: int) -> None:
    fit, model, p = fitted(case), dense(case), len(fitted(case).names)
    assert fit.deviance == pytest.approx(model.deviance, rel=OPTIMUM["devfun"])
    gradient, hessian = model.curvature
    assert (
        gradient @ np.linalg.pinv(hessian, 1e-8, hermitian=True) @ gradient < OPTIMUM["loglik"] ** 2
    )
    found = fit.coefficients(df="satterthwaite")
    assert_allclose(found["std_error"] ** 2, np.diag(model.variance(np.eye(p))), **CLOSED)
    assert_allclose(found["df"], model.satterthwaite(np.eye(p)), **CLOSED)
    for type, df in product(TYPES, METHODS[: 1 + fit.reml]):
        table = fit.anova(type=type, df=df.lower())
        for i, L in enumerate(table.hypotheses):
            if len(L) and df == METHODS[0]:
                assert table.statistic[i] == pytest.approx(
                    model.F(L), rel=OPTIMUM["se"], abs=ZERO**2
                )
                assert table.df2[i] == pytest.approx(model.joint_df(L), rel=OPTIMUM["df"])


@pytest.mark.parametrize("case", [c for c in CASES if SPECS[c]["reml"]])
def test_kenward_roger_written_out(case: int) -> None:
    """The weighted ones too, of which pbkrtest leaves out the weights."""
    fit, model = fitted(case), dense(case)
    judge, back = model.kenward_roger(), model.rotated(np.eye(len(fit.names)))
    found = fit.coefficients(df="kenward-roger")
    assert_allclose(found["std_error"] ** 2, np.diag(back @ judge.adjusted @ back.T), **CLOSED)
    assert_allclose(found["df"], [judge.test(row[None])[0] for row in back], **CLOSED)


@pytest.mark.parametrize("case", [c for c in CASES if "(1 | h)" not in SPECS[c]["formula"]])
@pytest.mark.parametrize("kind", ["CR0", "CR2"])
def test_sandwich_written_out(case: int, kind: str) -> None:
    fit, model = fitted(case), dense(case)
    back = model.rotated(np.eye(len(fit.names)))
    judge = model.sandwich("g", adjusted=kind == "CR2")
    found = fit.coefficients(df="satterthwaite", robust=kind, cluster="g")
    near_covariance(fit.vcov(robust=kind, cluster="g"), back @ judge.vcov @ back.T, CLOSED["rtol"])
    assert_allclose(found["df"], [judge.df(row) for row in back], **CLOSED)


@pytest.mark.parametrize(("case", "type", "name"), sorted(ROUNDED_L))
def test_hypotheses_that_lmertest_rounds(case: int, type: str, name: str) -> None:
    """Type I of a term is the test of its own orthonormal columns."""
    fit, model = fitted(case), dense(case)
    found, theirs = fit.anova(type=type), FITS[case][f"anova {type} Satterthwaite"]
    i = found.names.index(name)
    if type == "I":
        at = [k for k, n in enumerate(fit.names) if n.startswith(name)]
        L = (model.R[at] / np.diag(model.R)[at, None]).astype(float)
    else:  # y ~ x + I(x^2) + a:x, treatment coding, two levels: the mean of the slopes
        L = np.array([[0, 1, 0, 0.5]])
    exact = np.array([model.F(L), model.joint_df(L)])
    assert_allclose((found.statistic[i], found.df2[i]), exact, rtol=OPTIMUM["df"])
    off = np.array([theirs["F value"][i], theirs["DenDF"][i]]) / exact - 1
    assert np.abs(off).max() > 1e-4


# --- R -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_deviance_is_lme4s(case: int) -> None:
    """Where it is not, ours is that of the model written out, and theirs is not."""
    ours, theirs = fitted(case).deviance, FITS[case]["deviance"]
    if case in COLLINEAR:
        exact = dense(case).deviance
        assert abs(theirs - exact) > 1e3 * abs(ours - exact)
    else:
        assert ours == pytest.approx(theirs, rel=OPTIMUM["deviance"])


@pytest.mark.parametrize("case", having("df"))
def test_coefficients(case: int) -> None:
    golden, fit = FITS[case], fitted(case)
    found, se = fit.coefficients(df="satterthwaite"), numbers(golden["se"])
    assert_allclose(
        found["estimate"] / se, numbers(golden["estimate"]) / se, rtol=0, atol=OPTIMUM["estimate"]
    )
    assert_allclose(found["std_error"], se, rtol=OPTIMUM["se"])
    if case not in DIFFERENCES:
        assert_allclose(found["df"], numbers(golden["df"]), rtol=OPTIMUM["df"])


@pytest.mark.parametrize("case", having("joint"))
def test_joint(case: int) -> None:
    L, (F, df1, df2) = contrasts(case), FITS[case]["joint"]
    found = fitted(case).contrast(L, df="satterthwaite").joint_test
    assert found.df1 == df1
    assert found.statistic == pytest.approx(F, rel=OPTIMUM["estimate"])
    exact = dense(case).joint_df(L) if case in DIFFERENCES else df2
    assert found.df2 == pytest.approx(exact, rel=OPTIMUM["df"])


@pytest.mark.parametrize("case", having("kr"))
def test_kenward_roger(case: int) -> None:
    golden, fit = FITS[case], fitted(case)
    tolerance = OPTIMUM["estimate"]
    theirs = square(golden["kr"]["vcov"], len(fit.names))
    known = uncertainty(fit, "kenward-roger")
    near_covariance(known.vcov, theirs, tolerance)
    assert_allclose(known.df(np.eye(len(theirs))), numbers(golden["kr"]["df"]), rtol=tolerance)
    joint = fit.contrast(contrasts(case), df="kenward-roger").joint_test
    F, df2, scale = golden["kr_joint"]
    assert joint.statistic / joint.scale == pytest.approx(F, rel=tolerance)
    assert (joint.df2, joint.scale) == pytest.approx((df2, scale), rel=tolerance)


@pytest.mark.parametrize(
    ("case", "df", "type"),
    [(c, df, t) for df, t in product(METHODS, TYPES) for c in having(f"anova {t} {df}")],
)
def test_anova(case: int, df: str, type: str) -> None:
    """Kenward-Roger: not by maximum likelihood, nor with weights, which pbkrtest leaves out."""
    golden = FITS[case][f"anova {type} {df}"]
    found = fitted(case).anova(type=type, df=df.lower())
    assert set(listed(golden["term"])) == set(found.names)
    for row, name in enumerate(listed(golden["term"])):
        i = found.names.index(name)
        F, squares, df1, df2 = (numbers(golden[k])[row] for k in COLUMNS)
        if np.isnan(df2):
            assert found.df1[i] == 0
            continue
        assert found.df1[i] == df1
        if (case, type, name) in ROUNDED_L:
            continue
        roots = np.sqrt([found.statistic[i], F])  # estimates in standard errors
        assert_allclose(*roots, rtol=OPTIMUM["estimate"], atol=OPTIMUM["estimate"])
        assert_allclose(found.sum_sq[i], squares, rtol=OPTIMUM["se"], atol=ZERO**2)
        if df != METHODS[0] or case not in DIFFERENCES:
            assert_allclose(found.df2[i], df2, rtol=OPTIMUM["df"])


@pytest.mark.parametrize("kind", ["ranova", "drop1"])
@pytest.mark.parametrize("case", having("ranova"))
def test_likelihood_ratios(case: int, kind: str) -> None:
    golden, fit = FITS[case][kind], fitted(case)
    found = fit.ranova() if kind == "ranova" else fit.drop1()
    for row, name in enumerate(listed(golden["term"])):
        i = found.terms.index(name.replace("xr", "x"))
        aic = (
            golden["AIC"]
            if kind == "drop1"
            else -2 * numbers(golden["logLik"]) + 2 * numbers(golden["npar"])
        )
        if (case, kind, name) in STOPPED_EARLY:
            assert found.aic[i] < aic[row] - 1e-4
            continue
        assert found.aic[i] == pytest.approx(
            aic[row], rel=OPTIMUM["deviance"], abs=OPTIMUM["loglik"]
        )
        if name != "<none>":
            assert found.chi_square[i] == pytest.approx(
                golden["LRT"][row], rel=RATIO["rtol"], abs=RATIO["atol"]
            )
            assert found.df[i] == golden["Df" if kind == "ranova" else "npar"][row]


@pytest.mark.parametrize("case", sorted({c for c, _, _ in STOPPED_EARLY}))
def test_lme4s_refit_stopped_early(case: int) -> None:
    """The smaller model by itself: its likelihood is that of n x n matrices, and higher."""
    ((_, kind, term),) = [entry for entry in STOPPED_EARLY if entry[0] == case]
    formula = SPECS[case]["formula"].replace(f"{term} + ", "")
    smaller = fitted(case, formula, SPECS[case]["reml"] and kind == "ranova")
    found = fitted(case).ranova() if kind == "ranova" else fitted(case).drop1()
    assert smaller.deviance == pytest.approx(
        DenseModel.of_fit(smaller).deviance, rel=OPTIMUM["devfun"]
    )
    assert found.loglik[found.terms.index(term)] == pytest.approx(
        smaller.loglik, abs=OPTIMUM["loglik"]
    )


@pytest.mark.parametrize(
    ("case", "kind"),
    [(c, k) for k in KINDS for c in having("robust") if k != "CR2" or c not in CR2_LOST],
)
def test_robust(case: int, kind: str) -> None:
    golden, fit = FITS[case]["robust"][kind], fitted(case)
    known = uncertainty(fit, "satterthwaite", robust=kind, cluster="g")
    near_covariance(known.vcov, square(golden["vcov"], len(fit.names)), 2 * OPTIMUM["se"])
    assert_allclose(known.df(np.eye(len(fit.names))), numbers(golden["df"]), rtol=OPTIMUM["df"])
    joint = fit.contrast(contrasts(case), df="satterthwaite", robust=kind, cluster="g").joint_test
    F, df2 = golden["joint"]
    assert (joint.statistic, joint.df2) == pytest.approx((F, df2), rel=OPTIMUM["df"])


def compared(case: int, found: Means | Comparisons, golden: dict[str, Any], exact: bool) -> None:
    """Estimates in standard errors, standard errors, df and p; `exact`: df of dense matrices."""
    ours, se = found.values, numbers(golden["SE"])
    shift = (ours.estimate - numbers(golden["estimate"])) / se
    assert_allclose(shift, np.where(np.isnan(se), np.nan, 0.0), atol=OPTIMUM["estimate"])
    assert_allclose(ours.std_error, se, rtol=OPTIMUM["se"])
    if not exact:
        assert_allclose(ours.df, numbers(golden["df"]), rtol=OPTIMUM["df"])
        if "p.value" in golden:
            adjusted(found, numbers(golden["p.value"]))
        return
    L = found.functions.L if isinstance(found, Means) else None
    if L is not None:
        known = np.isfinite(ours.df)
        assert_allclose(ours.df[known], dense(case).satterthwaite(L[known]), rtol=OPTIMUM["df"])


def adjusted(found: Comparisons, theirs: np.ndarray) -> None:
    """p of pairs by Tukey, where R counts means that cannot be estimated and we do not.

    With one missing, emmeans' rounding of degrees of freedom (zapsmall beside Inf) is to whole ones.
    """
    ours, size = found.values, len(theirs) // max(1, len(theirs) // len(set(found.values.names)))
    tail = range_tail(found.weights.shape[1] * size // len(theirs))
    missing = not np.isfinite(ours.estimate).all()
    for i, p in enumerate(theirs):
        if np.isnan(p):  # emmeans has none below 2 degrees of freedom either
            assert np.isnan(ours.p_value[i]) or ours.df[i] < 2
            continue
        mine = ours.p_value[i]
        if missing:
            mine = studentised(tail, tail.unit * ours.statistic[i], np.round(ours.df[i]))
        assert mine == pytest.approx(p, abs=R_TUKEY)


@pytest.mark.parametrize(
    ("case", "df"), [(c, df) for df, key in MARGINAL.items() for c in having(key)]
)
def test_marginal_means_and_slopes(case: int, df: str) -> None:
    golden = FITS[case][MARGINAL[df]]
    fit, exact = fitted(case), df == METHODS[0] and case in DIFFERENCES
    factor = "a" if re.search(r"\ba\b", SPECS[case]["formula"]) else "b"
    ways = {"df": df.lower()}
    if "means" in golden:
        means = fit.emmeans(factor, **ways)
        compared(case, means, golden["means"], exact)
        compared(case, means.contrasts(), golden["pairs"], exact)
    if "by" in golden:
        by = golden["by"]
        means = fit.emmeans(factor, by=by["by"], at=by["at"] or None, **ways)
        compared(case, means, by, exact)
        compared(case, means.contrasts(), golden["by_pairs"], exact)
    if "slopes" in golden:
        asked = golden["slopes"]
        at = {"x": asked["at"]} if asked["at"] else None
        by = [*filter(None, [asked["by"]]), *(at or {})]
        compared(case, fit.slopes("x", by=by or None, at=at, **ways), asked, exact)


@pytest.mark.parametrize("case", having("profile"))
def test_profile(case: int) -> None:
    """Against exact roots of lme4's deviance; its splines are off by up to 6e-5 of the width."""
    golden, fit = FITS[case]["profile"], fitted(case)
    found = fit.profile().intervals()
    low, high = numbers(golden["low"]), numbers(golden["high"])
    for row, name in enumerate(golden["term"]):
        ours = name if row < 2 else fit.names[FITS[case]["names"].index(name)]
        i = found.names.index(ours)
        width = high[row] - low[row]
        assert_allclose(
            ((found.low - low[row])[i] / width, (found.high - high[row])[i] / width),
            0,
            atol=PROFILE["root"],
        )
        splines = numbers([golden["spline_low"][row], golden["spline_high"][row]])
        if not np.isnan(splines).any():  # lme4's profile failed there
            assert np.abs(splines - (low[row], high[row])).max() < 1e-4 * width
