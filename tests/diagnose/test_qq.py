"""Order statistics, the shape of a sample, smooth curves."""

from __future__ import annotations

import numpy as np
import pytest

from echelon.diagnose.qq import local_level, sorted_sample
from echelon.diagnose.shape import shape
from echelon.diagnose.smooth import smooth
from echelon.errors import DataError, UnknownOption

stats = pytest.importorskip("scipy.stats")


@pytest.mark.parametrize("n", [12, 60, 700])
@pytest.mark.parametrize("level", [0.95, 0.90])
def test_a_whole_sample_stays_in_its_band_as_often_as_said(n, level):
    R, rng = 1500, np.random.default_rng(n)
    u = np.sort(rng.random((R, n)), axis=1)
    band = sorted_sample(u[0], level=level)
    inside = ((u >= band.low) & (u <= band.high)).all(axis=1).mean()
    error = np.sqrt(level * (1 - level) / R)
    assert abs(inside - level) < 4 * error


def test_a_pointwise_band_holds_each_value():
    R, n, rng = 2000, 40, np.random.default_rng(3)
    u = np.sort(rng.random((R, n)), axis=1)
    band = sorted_sample(u[0], band="pointwise")
    inside = ((u >= band.low) & (u <= band.high)).mean(axis=0)
    assert np.abs(inside - 0.95).max() < 4.5 * np.sqrt(0.95 * 0.05 / R)
    assert local_level(n, 0.95) < 0.01


def test_many_values_are_thinned_and_their_ends_kept():
    values = np.random.default_rng(1).standard_normal(100_000)
    values[17] = np.nan
    found = sorted_sample(values)
    assert found.n == 99_999 and len(found.values) <= 800
    assert found.values[0] == np.nanmin(values) and found.values[-1] == np.nanmax(values)
    np.testing.assert_array_equal(values[found.order], found.values)


def test_bands_that_are_not_known():
    with pytest.raises(UnknownOption, match="simultaneous"):
        sorted_sample(np.arange(9.0), band="simultanous")
    with pytest.raises(DataError, match="pointwise"):
        sorted_sample(np.arange(9.0), level=0.8)
    with pytest.raises(DataError, match="at least 3"):
        sorted_sample(np.array([1.0, np.nan]))


@pytest.mark.parametrize("n", [8, 25, 400, 20_000])
def test_shape_against_scipy(n):
    x = np.random.default_rng(n).standard_gamma(4.0, n)
    found = shape(x)
    assert found.skewness == pytest.approx(stats.skew(x, bias=False), rel=1e-10)
    assert found.kurtosis == pytest.approx(stats.kurtosis(x, bias=False), rel=1e-10)
    assert found.skewness_p == pytest.approx(stats.skewtest(x).pvalue, rel=1e-8)
    with np.errstate(all="ignore"):
        expected = stats.kurtosistest(x).pvalue
    assert found.kurtosis_p == pytest.approx(expected, rel=1e-8)


def test_standard_errors_of_shape_are_spreads_of_samples():
    samples = np.random.default_rng(5).standard_normal((4000, 30))
    found = [shape(x) for x in samples]
    for what in ("skewness", "kurtosis"):
        spread = np.std([getattr(f, what) for f in found])
        assert spread == pytest.approx(getattr(found[0], f"{what}_se"), rel=0.06)


def test_a_straight_line_is_smoothed_to_itself():
    x = np.random.default_rng(2).uniform(0, 10, 3000)
    found = smooth(x, 3 - 2 * x)
    # means of neighbouring points lie on the line too
    np.testing.assert_allclose(found.y, 3 - 2 * found.x, atol=1e-9)


def test_the_band_of_a_smooth_holds_the_truth():
    rng, inside = np.random.default_rng(6), []
    for _ in range(200):
        x = rng.standard_normal(300)
        found = smooth(x, rng.standard_normal(300))
        inside.append(np.abs(found.y[30]) < 1.96 * found.se[30])
    assert abs(np.mean(inside) - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 200)


def test_too_few_values_have_no_smooth():
    assert smooth(np.repeat([0.0, 1.0], 20), np.arange(40.0)) is None
