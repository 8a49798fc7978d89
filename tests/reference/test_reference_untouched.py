"""What is asked of a fit leaves the deviance as it is, bit for bit, at every stored point."""

from __future__ import annotations

import numpy as np
import pytest
from reference_cases import IDS, fitted_model, model, their_factor

from echelon.errors import EchelonError
from echelon.estimate.optimise import with_user_factor

AFTER = (
    lambda fit: fit.predict(interval="prediction"),
    lambda fit: fit.predict(random="none"),
    lambda fit: fit.residuals("standardized"),
    lambda fit: fit.augment(),
    lambda fit: fit.residual_file(),
    lambda fit: fit.simulate(1, rng=1),
    lambda fit: fit.r2(),
    lambda fit: fit.icc(),
)
LARGE = {"inst_full", "chem97_null"}
"""All of it takes seconds there; they are predicted from, and no more."""


def deviances(name: str) -> list[float]:
    fit, found = fitted_model(name), []
    for point in model(name)["devfun"]["points"].values():
        theta = fit.optimum.pairs.free(their_factor(name, fit, point["par"]))
        at = with_user_factor(fit.problem, theta, fit.reml)
        assert at is not None
        found.append(at.value)
    return found


@pytest.mark.parametrize("name", IDS)
def test_deviances_are_the_same_after_everything(name: str) -> None:
    before, fit = deviances(name), fitted_model(name)
    estimates = fit.optimum.theta.copy(), fit.optimum.beta.copy(), fit.lam_working.copy()
    done = 0
    for call in AFTER if name not in LARGE else AFTER[1:2]:
        try:
            call(fit)
        except EchelonError:  # not for this model: several factors, a perfect group
            continue
        done += 1
    assert done >= (len(AFTER) - 3 if name not in LARGE else 1)
    assert deviances(name) == before
    for old, new in zip(
        estimates, (fit.optimum.theta, fit.optimum.beta, fit.lam_working), strict=True
    ):
        assert np.array_equal(old, new)
