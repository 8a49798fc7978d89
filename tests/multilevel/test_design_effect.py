"""Design effects against matrices over the rows, and their closed forms."""

from __future__ import annotations

import numpy as np
import pytest

import echelon as ec
from tolerances import CLOSED, SAME


@pytest.fixture(scope="module")
def small(hsb):
    """40 schools, few enough for dense covariances."""
    return hsb[hsb["school"].isin(np.unique(hsb["school"])[:40])].reset_index(drop=True)


def _covariance(fit):
    """Var(y) over the rows."""
    V = np.zeros((fit.n, fit.n))
    ends = np.cumsum([len(group.effects) for group in fit.moments.groups])
    for factor, end in zip(fit.built.design.factors, ends, strict=True):
        columns = [
            column
            for term in factor.terms
            for column in (*([np.ones(fit.n)] if term.intercept else []), *term.arrays)
        ]
        z = np.column_stack(columns)
        T = fit.optimum.covariance[end - z.shape[1] : end, end - z.shape[1] : end]
        V += (z @ T @ z.T) * (factor.codes[:, None] == factor.codes)
    return V


FITS = {
    "intercepts": ("mathach ~ ses + sector + (1 | school)", {}),
    "slopes": ("mathach ~ ses * sector + (ses | school)", {}),
    "weights": ("mathach ~ ses + (ses | school)", {"precision": "size"}),
    "strata": ("mathach ~ ses + (ses | school)", {"residual": "by(sex)"}),
    "two factors": ("mathach ~ ses + (1 | school) + (1 | himinty:minority)", {}),
    "no constant": ("mathach ~ 0 + sector + (1 | school)", {}),
}


@pytest.mark.parametrize("name", FITS)
def test_against_the_rows(small, name):
    formula, options = FITS[name]
    fit = ec.lmer(formula, small, **options)
    found, X, n = fit.design_effect(), fit.built.design.fixed_matrix(), fit.n
    weight = small["size"].to_numpy(float) if "precision" in options else np.ones(n)
    sd = fit.residual.sd[fit.residual.stratum] if fit.residual else fit.sigma
    V = _covariance(fit) + np.diag(sd**2 / weight)
    spread = np.diagonal(_covariance(fit)).mean()
    total = spread + np.mean(np.broadcast_to(sd**2, n))
    bread = np.linalg.inv((X.T * weight) @ X)
    srs = total * np.diagonal(bread)
    np.testing.assert_allclose(found.std_error_srs**2, srs, **CLOSED)
    A = bread @ (X.T * weight)
    np.testing.assert_allclose(found.std_error_ols**2, np.diagonal(A @ V @ A.T), **CLOSED)
    np.testing.assert_allclose(found.std_error**2, np.diagonal(fit.vcov()), rtol=1e-9)
    np.testing.assert_allclose(found.deff, found.std_error**2 / srs, rtol=1e-6)


def test_kish_is_the_variance_of_the_mean(small):
    """1 + sum (n_w - 1) ICC, with two factors too, is 1'V1 / (n total) for random intercepts."""
    for formula in (
        "mathach ~ 1 + (1 | school)",
        "mathach ~ 1 + (1 | school) + (1 | minority:sex)",
    ):
        fit = ec.lmer(formula, small)
        V = _covariance(fit) + fit.sigma**2 * np.eye(fit.n)
        expected = V.sum() / fit.n / V[0, 0]
        found = fit.design_effect()
        np.testing.assert_allclose(found.kish, expected, **CLOSED)
        np.testing.assert_allclose(found.deff_ols[0], expected, **CLOSED)
        np.testing.assert_allclose(found.effective_n, fit.n / expected, **CLOSED)


def test_null_model(hsb):
    """Effective n is the total variance over Var(beta0), and more than n over Kish's."""
    fit = ec.lmer("mathach ~ 1 + (1 | school)", hsb)
    found = fit.design_effect()
    total = fit.optimum.covariance[0, 0] + fit.sigma**2
    np.testing.assert_allclose(found.effective_rows[0], total / fit.vcov()[0, 0], **CLOSED)
    assert found.effective_rows[0] > found.effective_n


def test_balanced_design(balanced):
    """All three agree, and are 1 + (n - 1) ICC."""
    fit = ec.lmer("y ~ 1 + (1 | g)", balanced)
    found = fit.design_effect()
    expected = 1 + 5 * fit.icc()
    np.testing.assert_allclose([found.kish, *found.deff, *found.deff_ols], expected, **CLOSED)


def test_predictors_within_groups(balanced):
    """Centred within groups of one size, a predictor's design effect is 1 - ICC."""
    x = np.tile([-2.0, -1, 0, 0, 1, 2], 12)
    fit = ec.lmer("y ~ x + (1 | g)", {**balanced, "x": x})
    found = fit.design_effect()
    np.testing.assert_allclose(found.deff[1], 1 - fit.icc(), **CLOSED)


def test_no_variance_between_groups():
    y = np.array([1.0, 9, 2, 8, 3, 7, 4, 6])
    found = ec.lmer("y ~ 1 + (1 | g)", {"y": y, "g": np.repeat([0, 1, 2, 3], 2)}).design_effect()
    np.testing.assert_allclose([found.kish, *found.deff, *found.deff_ols], 1, **SAME)
    assert found.effective_n == 8


def test_correlated_residuals(sleep):
    fit = ec.lmer("Reaction ~ Days + (1 | Subject)", sleep, residual="ar1(Days | Subject)")
    found = fit.design_effect()
    assert np.isnan(found.std_error_ols).all()
    assert np.isfinite(found.deff).all()
    assert "Days" in repr(found)


def test_frame_and_summaries(timss, timss_summaries):
    rows = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss).design_effect()
    given = ec.lmer("mean ~ 1 + (1 | idschool)", summaries=timss_summaries).design_effect()
    np.testing.assert_allclose(given.deff, rows.deff, rtol=1e-6)
    frame = rows.frame()
    assert list(frame.columns) == [
        "term", "std_error", "std_error_srs", "deff", "effective_n", "std_error_ols", "deff_ols"
    ]  # fmt: skip
    assert "groups of idschool" in repr(rows)
