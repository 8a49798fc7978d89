"""Fit measures in one row are those of the methods of their names."""

from __future__ import annotations

import numpy as np
import pytest

import echelon as ec
from echelon.errors import UnknownArgument
from tolerances import CLOSED


@pytest.mark.parametrize("options", [{}, {"reml": False}, {"residual": "by(sex)"}])
def test_the_measures_of_other_methods(hsb, options):
    fit = ec.lmer("mathach ~ ses + (ses | school)", hsb, **options)
    found = fit.performance()
    assert (found.aic, found.bic, found.loglik) == (fit.aic, fit.bic, fit.loglik)
    assert found.conditional_aic == fit.conditional_aic().value
    assert (found.r2_marginal, found.r2_conditional) == (fit.r2().marginal, fit.r2().conditional)
    assert (found.icc, found.icc_unadjusted) == (fit.icc(), fit.icc(adjusted=False))
    assert found.effective_n == fit.design_effect().effective_n
    np.testing.assert_allclose(found.rmse, np.sqrt(np.mean(fit.resid**2)), **CLOSED)
    k = found.parameters
    assert found.aicc == pytest.approx(fit.aic + 2 * k * (k + 1) / (fit.n - k - 1))


def test_weights_do_not_weigh_the_root_mean_square(sleep):
    fit = ec.lmer(
        "Reaction ~ Days + (1 | Subject)", sleep, precision=np.linspace(0.5, 2, len(sleep))
    )
    np.testing.assert_allclose(fit.performance().rmse, np.sqrt(np.mean(fit.resid**2)), **CLOSED)


def test_linear_model(hsb):
    fit = ec.lm("mathach ~ ses + sector", hsb)
    found = fit.performance()
    assert (found.aic, found.r2_marginal, found.r2_adjusted) == (
        fit.aic, fit.rsquared, fit.rsquared_adj
    )  # fmt: skip
    assert np.isnan(found.icc)
    assert "Conditional" not in repr(found)


@pytest.mark.parametrize("backend", ["pandas", "polars", "pyarrow"])
def test_frame_is_one_row(backend):
    data = ec.datasets.load("sleepstudy", backend=backend, quiet=True)
    frame = ec.lmer("Reaction ~ Days + (1 | Subject)", data).performance().frame()
    columns = frame.column_names if backend == "pyarrow" else list(frame.columns)
    assert {"aic", "aicc", "bic", "conditional_aic", "r2_marginal", "icc", "rmse"} <= set(columns)
    assert len(frame) == 1


def test_summaries(timss, timss_summaries):
    rows = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss).performance()
    given = ec.lmer("mean ~ 1 + (1 | idschool)", summaries=timss_summaries).performance()
    np.testing.assert_allclose([given.rmse, given.aic], [rows.rmse, rows.aic], rtol=1e-6)


def test_options(sleep):
    fit = ec.lmer("Reaction ~ Days + (1 | Subject)", sleep)
    with pytest.raises(UnknownArgument):
        fit.performance(metrics="all")
    text = repr(fit.performance())
    for name in ("AICc", "Conditional AIC", "R squared, marginal", "Effective n", "RMSE"):
        assert name in text
