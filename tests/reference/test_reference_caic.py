"""Conditional AIC: traces of hat matrices against lme4, likelihoods and counts against cAIC4."""

import json
from pathlib import Path

import numpy as np
import pytest
from reference_cases import IDS, fitted_model, model

import echelon as ec
from tolerances import OPTIMUM

CAIC4 = json.loads((Path(__file__).parent / "caic4" / "caic4.json").read_text("utf-8"))
CASES = [name for name in CAIC4 if name != "versions"]
WITH_HAT = [name for name in IDS if "hatvalues" in model(name)]


@pytest.mark.parametrize("name", WITH_HAT)
def test_rho_is_the_sum_of_the_leverages(name):
    found = fitted_model(name).conditional_aic("vaida-blanchard")
    assert found.rho == pytest.approx(model(name)["hatvalues"]["sum"], rel=OPTIMUM["estimate"])
    assert found.df == found.rho + 1


@pytest.mark.parametrize("name", CASES)
def test_likelihood_given_the_random_effects(name):
    found = fitted_model(name).conditional_aic()
    assert found.loglik == pytest.approx(CAIC4[name]["loglik"], rel=OPTIMUM["estimate"])


def _dense(fit: ec.LMM, half: float) -> float:
    """rho + the correction by dense matrices, with s_l times a factor; unit weights, no zeros."""
    design = fit.built.design
    n, df = fit.n, fit.n - len(fit.names) if fit.reml else fit.n
    X = design.fixed_matrix()
    Zs, Ts = [], []
    lam, at = fit.optimum.lam, 0
    for factor in design.factors:
        (term,) = factor.terms
        columns = [*([np.ones(n)] if term.intercept else []), *term.arrays]
        J, q = len(factor.levels), len(columns)
        Z = np.zeros((n, J * q))
        for a, column in enumerate(columns):
            Z[np.arange(n), factor.codes * q + a] = column
        Zs.append(Z)
        Ts.append((J, q, at))
        at += q
    D = lam @ lam.T
    V, E = np.eye(n), []
    for Z, (J, q, start) in zip(Zs, Ts, strict=True):
        V += Z @ np.kron(np.eye(J), D[start : start + q, start : start + q]) @ Z.T
        for a in range(q):
            for b in range(a + 1):
                unit = np.zeros((q, q))
                unit[a, b] = unit[b, a] = 1.0
                E.append(Z @ np.kron(np.eye(J), unit) @ Z.T)
    inverse = np.linalg.inv(V)
    P = inverse - inverse @ X @ np.linalg.solve(X.T @ inverse @ X, X.T @ inverse)
    r = P @ design.y
    rho2 = r @ design.y
    score = np.array([r @ e @ r for e in E])
    trace = P if fit.reml else inverse
    quadratic = np.array([[r @ a @ P @ b @ r for b in E] for a in E])
    traces = np.array([[np.trace(trace @ a @ trace @ b) for b in E] for a in E])
    hessian = 2 * df / rho2 * quadratic - traces - df / rho2**2 * np.outer(score, score)
    step = np.array([P @ e @ r - half * s / rho2 * r for e, s in zip(E, score, strict=True)])
    moved = np.linalg.solve(hessian, 2 * df / rho2 * step)
    change = np.array([P @ e @ r for e in E])
    return n - np.trace(P) + float((moved * change).sum())


@pytest.mark.parametrize("name", [name for name in CASES if name != "dyestuff2"])
def test_effective_parameters(name):
    """cAIC4 halves s_l; with that half, and 1 for sigma, dense matrices give its number, and
    without it ours."""
    fit = fitted_model(name)
    found = fit.conditional_aic()
    assert _dense(fit, 0.5) + 1 == pytest.approx(CAIC4[name]["df"], rel=OPTIMUM["se"])
    assert _dense(fit, 1.0) + 1 == pytest.approx(found.df, rel=OPTIMUM["estimate"])
    assert abs(found.df - CAIC4[name]["df"]) < 0.1


def test_boundary():
    """cAIC4 gives the rank of the linear model that is left, without the 1 for its variance."""
    found = fitted_model("dyestuff2").conditional_aic()
    assert CAIC4["dyestuff2"]["df"] == 1
    assert (found.rho, found.correction, found.df) == (1, 0, 2)
    assert found.value - CAIC4["dyestuff2"]["caic"] == pytest.approx(2, abs=1e-6)
