"""The number of parameters against refits of every row, the likelihood against the rows."""

from __future__ import annotations

import numpy as np
import pytest

import echelon as ec
from echelon.effects import fitted
from echelon.errors import DataError, NotYetSupported, UnknownArgument, UnknownOption
from echelon.model.refit import refit_one
from tolerances import CLOSED

MODELS = {  # formula, options, step of the difference quotient
    "intercept": ("Reaction ~ Days + (1 | Subject)", {}, 2.0),
    "slopes, ML": ("Reaction ~ Days + (Days | Subject)", {"reml": False}, 2.0),
    "double bar": ("Reaction ~ Days + (Days || Subject)", {}, 2.0),
    "weights": ("Reaction ~ Days + (Days | Subject)", {"precision": "w"}, 2.0),
}


@pytest.fixture(scope="module")
def weighted(sleep):
    """Six subjects: each check refits every row four times."""
    sleep = sleep.iloc[60:120]
    return sleep.assign(w=np.linspace(0.5, 2.0, len(sleep)))


def _trace_of_refits(fit: ec.LMM, h: float) -> float:
    """Sum over the rows of d fitted_i / d y_i, by quotients of fourth order."""
    y, total = fit.built.design.y, 0.0
    for i in range(fit.n):
        for steps, weight in ((-2, 1), (-1, -8), (1, 8), (2, -1)):
            moved = y.copy()
            moved[i] += steps * h
            total += weight * fitted(refit_one(fit, moved))[i] / (12 * h)
    return total


@pytest.mark.parametrize("name", MODELS)
def test_effective_parameters_are_the_trace_of_the_derivative(weighted, name):
    formula, options, h = MODELS[name]
    found = ec.lmer(formula, weighted, **options).conditional_aic()
    expected = _trace_of_refits(ec.lmer(formula, weighted, **options), h)
    np.testing.assert_allclose(found.rho + found.correction, expected, **CLOSED)
    assert found.df == found.rho + found.correction + 1


def test_two_factors_against_refits(sleep):
    fit = ec.lmer("Reaction ~ 1 + (1 | Subject) + (1 | Days)", sleep.iloc[:40])
    found = fit.conditional_aic()
    np.testing.assert_allclose(found.rho + found.correction, _trace_of_refits(fit, 2.0), **CLOSED)


def test_likelihood_of_the_rows(weighted):
    fit = ec.lmer("Reaction ~ Days + (Days | Subject)", weighted, precision="w", offset="Days")
    var = fit.sigma**2 / weighted["w"].to_numpy()
    expected = -0.5 * np.sum(np.log(2 * np.pi * var) + fit.resid**2 / var)
    np.testing.assert_allclose(fit.conditional_aic().loglik, expected, **CLOSED)


@pytest.mark.parametrize("structure", ["by(half)", "ar1(Days | Subject)"])
def test_residual_structures(sleep, structure):
    """rho is the trace of I - RP and the likelihood that of the correlated rows."""
    table = sleep.assign(half=np.where(sleep["Days"] < 5, "early", "late"))
    fit = ec.lmer("Reaction ~ Days + (1 | Subject)", table, residual=structure)
    sd = fit.residual.sd[fit.residual.stratum]
    days, codes = table["Days"].to_numpy(), fit.built.design.factors[0].codes
    same = codes[:, None] == codes[None, :]
    gap = np.abs(days[:, None] - days[None, :])
    phi = fit.residual.phi if fit.residual.correlation else 0.0
    corr = np.where(same, phi**gap, 0.0) if phi else np.eye(len(days))
    R = np.outer(sd, sd) * corr / fit.sigma**2
    V = R + fit.optimum.covariance[0, 0] / fit.sigma**2 * same
    X = np.column_stack([np.ones(len(days)), days])
    inverse = np.linalg.inv(V)
    P = inverse - inverse @ X @ np.linalg.solve(X.T @ inverse @ X, X.T @ inverse)
    found = fit.conditional_aic("vaida-blanchard")
    np.testing.assert_allclose(found.rho, len(days) - np.trace(R @ P), **CLOSED)
    assert found.df == found.rho + 1 + fit.residual.parameters
    e = R @ P @ fit.built.design.y
    _, logdet = np.linalg.slogdet(2 * np.pi * fit.sigma**2 * R)
    expected = -0.5 * (logdet + e @ np.linalg.solve(R, e) / fit.sigma**2)
    np.testing.assert_allclose(found.loglik, expected, **CLOSED)
    assert fit.conditional_aic().correction > 0


def test_finite_samples_go_to_the_limit(hsb, sleep):
    """K is rho + 1 for many rows, more for few; the formulas for REML and ML by hand."""
    large = ec.lmer("mathach ~ ses + (1 | school)", hsb)
    known, finite = (large.conditional_aic(m) for m in ("vaida-blanchard", "finite-sample"))
    assert finite.df == pytest.approx(known.df, rel=0.002)
    for reml in (True, False):
        fit = ec.lmer("Reaction ~ Days + (1 | Subject)", sleep, reml=reml)
        rho, n, p = fit.conditional_aic().rho, fit.n, 2
        expected = (n - p - 1) / (n - p - 2) * (rho + 1) + (p + 1) / (n - p - 2)
        expected *= 1 if reml else n / (n - p)
        found = fit.conditional_aic("finite-sample").df
        assert found == pytest.approx(expected, rel=1e-12)


def test_finite_sample_count_in_simulation():
    """With D known the count is exact: the mean loss of new rows over old ones, in Monte Carlo
    errors, for random effects as large as the residual."""
    rng = np.random.default_rng(5)
    J, m, R = 6, 4, 40_000
    n, p = J * m, 1
    Z = np.kron(np.eye(J), np.ones((m, 1)))
    V = np.eye(n) + Z @ Z.T
    X = np.ones((n, 1))
    inverse = np.linalg.inv(V)
    P = inverse - inverse @ X @ np.linalg.solve(X.T @ inverse @ X, X.T @ inverse)
    mean = rng.normal(size=(R, J)) @ Z.T
    y, new = (mean + rng.normal(size=(R, n)) for _ in range(2))
    error = y @ P
    sigma2 = np.einsum("ri,ri->r", y, error) / (n - p)
    loss = (((new - (y - error)) ** 2).sum(axis=1) - (error**2).sum(axis=1)) / sigma2 / 2
    rho = n - np.trace(P)
    count = (n - p - 1) / (n - p - 2) * (rho + 1) + (p + 1) / (n - p - 2)
    assert abs(loss.mean() - count) < 4 * loss.std() / np.sqrt(R)


def test_summaries_and_boundary(timss, timss_summaries):
    rows = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss).conditional_aic()
    given = ec.lmer("mean ~ 1 + (1 | idschool)", summaries=timss_summaries).conditional_aic()
    np.testing.assert_allclose([given.value, given.df], [rows.value, rows.df], **CLOSED)
    y = np.array([1.0, 9, 2, 8, 3, 7, 4, 6])
    flat = ec.lmer("y ~ 1 + (1 | g)", {"y": y, "g": np.repeat([0, 1, 2, 3], 2)}).conditional_aic()
    assert (flat.rho, flat.correction, flat.df) == (1.0, 0.0, 2.0)


def test_iterative_method(sleep):
    fit = ec.lmer("Reaction ~ Days + (1 | Subject) + (1 | Days)", sleep, method="iterative")
    exact = ec.lmer("Reaction ~ Days + (1 | Subject) + (1 | Days)", sleep)
    with pytest.raises(NotYetSupported, match="vaida-blanchard"):
        fit.conditional_aic()
    found = fit.conditional_aic("vaida-blanchard")
    assert found.rho == pytest.approx(exact.conditional_aic().rho, rel=0.02)
    assert np.isfinite(fit.performance().conditional_aic)


def test_shown(sleep):
    fit = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep)
    found = fit.conditional_aic()
    assert float(found) == found.value
    assert found.frame()["conditional_aic"].tolist() == [found.value]
    assert "Greven and Kneib" in repr(found)
    with pytest.raises(UnknownOption, match="greven-kneib"):
        fit.conditional_aic("greven-knieb")
    with pytest.raises(UnknownArgument):
        fit.conditional_aic(meth="x")
    tiny = ec.lmer(
        "y ~ a + b + (1 | g)",
        {"y": [1.0, 3, 2, 5, 4.5], "a": [1.0, 0, 2, 1, 3], "b": [0.0, 1, 1, 3, 2],
         "g": [0, 0, 1, 1, 2]},
    )  # fmt: skip
    with pytest.raises(DataError, match=r"p \+ 2"):
        tiny.conditional_aic("finite-sample")
