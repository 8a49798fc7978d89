"""`fit.simulate()`: draws with exactly the mean and covariance of the fitted model."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose
from residual_tables import STRUCTURES, covariance, fit, noise_covariance, table

import echelon as ec
from echelon.effects.residual_law import drawn_noise
from echelon.effects.rows import fixed_values
from echelon.effects.simulated import simulated
from echelon.errors import DataError, NotYetSupported, UnknownArgument, UnknownOption
from tolerances import SAME

EVERY = [(None, None), (None, "w"), *((s, None) for s in STRUCTURES), (STRUCTURES[4], "w")]


class Unit:
    """In place of a generator: one deviate at a time is one, so that a linear map shows itself."""

    def standard_normal(self, shape):
        return np.eye(*shape)


@pytest.mark.parametrize(("residual", "precision"), EVERY)
def test_noise_has_exactly_the_residual_covariance(residual, precision):
    of = fit(residual, precision)
    A, R = drawn_noise(of, of.n, Unit()), noise_covariance(of)
    assert_allclose(A @ A.T, R, atol=1e-10 * R.max())


@pytest.mark.parametrize(("residual", "precision"), EVERY)
def test_moments_of_draws(residual, precision):
    """Mean and every covariance of two rows within 5 Monte Carlo standard errors."""
    of, R = fit(residual, precision), 4000
    Y = simulated(of, R, np.random.default_rng(3)) - fixed_values(of)[:, None]
    V = covariance(of)
    d = np.diagonal(V)
    assert (np.abs(Y.mean(axis=1)) < 5 * np.sqrt(d / R)).all()
    error = np.sqrt((np.outer(d, d) + V**2) / R)
    assert (np.abs(Y @ Y.T / R - V) / error).max() < 5.5  # of 9,000 pairs


def test_fitted_effects_are_held():
    of, R = fit("ar1(t | id)"), 2000
    Y = simulated(of, R, np.random.default_rng(3), "fitted") - of.fittedvalues[:, None]
    V = noise_covariance(of)
    d = np.diagonal(V)
    assert (np.abs(Y.mean(axis=1)) < 5 * np.sqrt(d / R)).all()
    assert (np.abs(Y @ Y.T / R - V) / np.sqrt((np.outer(d, d) + V**2) / R)).max() < 5.5


def test_table_and_seed():
    of = fit()
    found = of.simulate(3, rng=1)
    assert list(found.columns) == ["sim_1", "sim_2", "sim_3"] and len(found) == of.n
    assert found.equals(of.simulate(3, rng=np.random.default_rng(1)))
    assert not found.equals(of.simulate(3, rng=2))
    assert_allclose(found.to_numpy(), simulated(of, 3, np.random.default_rng(1)), **SAME)
    polars = ec.lmer("y ~ x + (1 | id)", pl.from_pandas(table())).simulate(rng=1)
    assert isinstance(polars, pl.DataFrame) and polars.columns == ["sim_1"]


def test_linear_models():
    line, R = ec.lm("y ~ x", table(), precision="w"), 3000
    Y = line.simulate(R, rng=4).to_numpy() - line.fittedvalues[:, None]
    sd = line.sigma / np.sqrt(line.built.design.precision)
    assert (np.abs(Y.mean(axis=1)) < 5 * sd / np.sqrt(R)).all()
    assert (np.abs((Y**2).mean(axis=1) / sd**2 - 1) < 5 * np.sqrt(2 / R)).all()


@pytest.mark.parametrize("residual", ["ar1(t | id)", "by(sex)"])
def test_refits_recover_the_parameters(residual):
    """Means over 60 refits within 5 Monte Carlo standard errors of what was simulated from.

    Beyond that 5% for the bias of estimates from 24 groups.
    """
    of = fit(residual)
    found = of.refit(of.simulate(60, rng=8))
    kept = found.status != "failed"
    assert kept.sum() >= 55
    for values, truth in (
        (found.beta[kept], of.optimum.beta),
        (found.sigma[kept, None], [of.sigma]),
        (found.residual[kept], of.residual.estimates),
    ):
        error = values.std(axis=0, ddof=1) / np.sqrt(kept.sum())
        assert (np.abs(values.mean(axis=0) - truth) < 5 * error + 0.05 * np.abs(truth)).all()


def test_new_rows_have_the_covariance_of_their_groups():
    """Rows of one new group share its effect; of two groups they are independent."""
    of, R = fit("by(sex)"), 20000
    new = {"x": [0.0, 1.0, 0.0, np.nan], "id": [901, 901, None, 5], "sex": ["f", "m", "f", "f"]}
    Y = of.simulate(R, rng=5, new=new).to_numpy()
    assert Y.shape == (4, R) and np.isnan(Y[3]).all()
    tau, (f, m) = of.optimum.covariance[0, 0], of.residual.sd**2
    V = np.array([[tau + f, tau, 0], [tau, tau + m, 0], [0, 0, tau + f]])
    beta = of.optimum.beta
    mean, d = beta[0] + beta[1] * np.array([0, 1, 0]), np.diagonal(V)
    assert (np.abs(Y[:3].mean(axis=1) - mean) < 5 * np.sqrt(d / R)).all()
    error = np.sqrt((np.outer(d, d) + V**2) / R)
    assert (np.abs(np.cov(Y[:3]) - V) < 5 * error).all()


def test_new_rows_of_fitted_groups():
    of, R = fit(None, "w"), 20000
    used = table().dropna().head(6)
    Y = of.simulate(R, rng=5, new=used, random="fitted").to_numpy()
    assert_allclose(Y.mean(axis=1), of.fittedvalues[:6], atol=5 * of.sigma * 1.5 / np.sqrt(R))
    sd = of.sigma / np.sqrt(used["w"])
    assert (np.abs(Y.std(axis=1) / sd - 1) < 5 / np.sqrt(2 * R)).all()
    apart = of.simulate(R, rng=5, new=used).to_numpy()
    total = np.sqrt(sd**2 + of.optimum.covariance[0, 0])
    assert (np.abs(apart.std(axis=1) / total - 1) < 5 / np.sqrt(2 * R)).all()


def test_new_rows_of_a_linear_model_and_of_correlated_residuals():
    line = ec.lm("y ~ x", table())
    Y = line.simulate(4000, rng=1, new=pl.DataFrame({"x": [0.0, 2.0]}))
    assert isinstance(Y, pl.DataFrame) and Y.shape == (2, 4000)
    mean = line.beta[0] + line.beta[1] * np.array([0, 2])
    assert (np.abs(Y.to_numpy().mean(axis=1) - mean) < 5 * line.sigma / np.sqrt(4000)).all()
    with pytest.raises(NotYetSupported, match=r"ar1\(t \| id\)"):
        fit("ar1(t | id)").simulate(1, rng=1, new=table())


def test_what_is_refused():
    with pytest.raises(DataError, match="n=0"):
        fit().simulate(0)
    with pytest.raises(DataError, match="rng"):
        fit().simulate(1, rng="a")
    with pytest.raises(UnknownOption, match="random"):
        fit().simulate(1, random="none")
    with pytest.raises(UnknownArgument, match="rng="):
        fit().simulate(1, seed=3)
