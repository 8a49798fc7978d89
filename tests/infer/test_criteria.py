"""Information criteria with R's conventions."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.testing import assert_allclose

import echelon as ec


def test_of_a_mixed_model() -> None:
    sleep = ec.datasets.load("sleepstudy")
    fit = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep, reml=False)
    c = fit.criteria()
    assert c.parameters == 6 and c.n == 180 and not c.restricted
    assert_allclose(c.deviance, -2 * c.loglik, rtol=1e-15)
    assert_allclose(c.aic, c.deviance + 12, rtol=1e-15)
    assert_allclose(c.bic, c.deviance + 6 * np.log(180), rtol=1e-15)
    assert (fit.llf, fit.aic, fit.bic, fit.deviance) == (c.loglik, c.aic, c.bic, c.deviance)


def test_of_a_linear_model_is_rs_logLik_of_lm() -> None:
    """R 4.2.2: logLik(lm(dist ~ speed, cars)) = -206.5784 (df=3); AIC 419.1569, BIC 424.8929."""
    speed = [4, 4, 7, 7, 8, 9, 10, 10, 10, 11, 11, 12, 12, 12, 12, 13, 13, 13, 13, 14, 14, 14, 14,
             15, 15, 15, 16, 16, 17, 17, 17, 18, 18, 18, 18, 19, 19, 19, 20, 20, 20, 20, 20, 22, 23,
             24, 24, 24, 24, 25]  # fmt: skip
    dist = [2, 10, 4, 22, 16, 10, 18, 26, 34, 17, 28, 14, 20, 24, 28, 26, 34, 34, 46, 26, 36, 60, 80,
            20, 26, 54, 32, 40, 32, 40, 50, 42, 56, 76, 84, 36, 46, 68, 32, 48, 52, 56, 64, 66, 54,
            70, 92, 93, 120, 85]  # fmt: skip
    fit = ec.lm("dist ~ speed", pd.DataFrame({"speed": speed, "dist": dist}))
    c = fit.criteria()
    assert c.parameters == 3
    assert_allclose([c.loglik, c.aic, c.bic], [-206.5784, 419.1569, 424.8929], atol=5e-5)
    assert_allclose(fit.rsquared, 0.6510794, atol=5e-8)
    assert_allclose(fit.rsquared_adj, 0.6438102, atol=5e-8)
    assert_allclose(fit.fvalue, 89.56711, atol=5e-6)
    assert_allclose(fit.sigma, 15.37959, atol=5e-6)
