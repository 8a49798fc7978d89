"""Weights of chi-bar-square laws: closed forms, and counting where normal vectors fall."""

from __future__ import annotations

import numpy as np
import pytest

from echelon.linalg.cones import psd_weights, quadrant_weights
from echelon.linalg.distributions import chi2_upper, chi_bar_upper
from tolerances import CLOSED, SAME

DRAWS = 200_000


def _metric(size: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(size, size + 2))
    units = 10.0 ** rng.uniform(-2, 2, size)
    return (A @ A.T) * np.outer(units, units)


def _within(share: float, weight: float) -> bool:
    """Four Monte Carlo standard errors."""
    return abs(share - weight) <= 4 * np.sqrt(weight * (1 - weight) / DRAWS)


def test_a_round_cone_has_its_closed_form() -> None:
    """Entries (1, 1), sqrt(2) (2, 1), (2, 2) of unit covariance: a right circular cone of 45 degrees,
    of solid angle 2 pi (1 - 1 / sqrt(2)), and its own polar's mirror."""
    ends = (1 - 1 / np.sqrt(2)) / 2
    middle = 1 / 2 - ends
    found = psd_weights(np.diag([1.0, 2.0, 1.0]))
    np.testing.assert_allclose(found, [ends, middle, middle, ends], **CLOSED)


@pytest.mark.parametrize("seed", range(4))
def test_psd_weights_are_shares_of_normal_vectors(seed: int) -> None:
    metric = _metric(3, seed)
    rng = np.random.default_rng(seed)
    root = np.linalg.cholesky(metric)
    a, b, c = v = np.linalg.solve(root.T, rng.standard_normal((3, DRAWS)))
    inside = (a >= 0) & (a * c >= b**2)
    p, q, r = -metric @ v  # <., w> for all w = (w11, w21, w22): the matrix (p, q / 2; q / 2, r)
    polar = (p >= 0) & (p * r >= q**2 / 4)
    found = psd_weights(metric)
    np.testing.assert_allclose(found.sum(), 1.0, **SAME)
    assert _within(float(inside.mean()), found[3])
    assert _within(float(polar.mean()), found[0])


@pytest.mark.parametrize("seed", range(4))
def test_units_do_not_change_the_weights(seed: int) -> None:
    """The second effect in other units: its variance by their square, the covariance by them."""
    metric, unit = _metric(3, seed), 1e3 ** (seed - 1.5)
    scale = np.array([1.0, unit, unit**2])
    again = psd_weights(metric / np.outer(scale, scale))
    np.testing.assert_allclose(again, psd_weights(metric), **CLOSED)


@pytest.mark.parametrize("seed", range(4))
def test_quadrant_weights_are_shares_of_normal_vectors(seed: int) -> None:
    metric = _metric(2, seed)
    rng = np.random.default_rng(seed)
    v = np.linalg.solve(np.linalg.cholesky(metric).T, rng.standard_normal((2, DRAWS)))
    found = quadrant_weights(metric)
    np.testing.assert_allclose(found.sum(), 1.0, **SAME)
    assert _within(float((v >= 0).all(axis=0).mean()), found[2])
    assert _within(float((metric @ v <= 0).all(axis=0).mean()), found[0])


def test_a_mixture_has_its_mass_at_zero() -> None:
    half = (0.5, 0.5)
    assert chi_bar_upper(0.0, (0, 1), half) == 1.0
    np.testing.assert_allclose(chi_bar_upper(3.0, (0, 1), half), chi2_upper(3.0, 1) / 2, **SAME)
    both = (chi2_upper(3.0, 1) + chi2_upper(3.0, 2)) / 2
    np.testing.assert_allclose(chi_bar_upper(3.0, (1, 2), half), both, **SAME)
