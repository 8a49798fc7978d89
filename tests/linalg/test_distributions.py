"""Tail areas and quantiles against scipy.stats, which the package does not import."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from echelon.linalg import distributions

T = np.array([-8.0, -1.3, 0.0, 0.4, 2.0, 35.3])
DF = np.array([1.0, 2.5, 19.2, 740.0, 1e6])


def test_t_tail() -> None:
    for df in DF:
        assert_allclose(distributions.t_two_sided(T, df), 2 * stats.t.sf(np.abs(T), df), rtol=1e-10)
    assert_allclose(distributions.t_two_sided(T, np.inf), 2 * stats.norm.sf(np.abs(T)), rtol=1e-12)


@pytest.mark.parametrize("p", [0.9, 0.975, 0.995])
def test_t_quantile(p: float) -> None:
    assert_allclose(distributions.t_quantile(p, DF), stats.t.ppf(p, DF), rtol=1e-10)
    assert_allclose(distributions.t_quantile(p, np.inf), stats.norm.ppf(p), rtol=1e-12)


def test_missing_degrees_of_freedom_stay_missing() -> None:
    assert np.isnan(distributions.t_two_sided(2.0, np.nan))
    assert np.isnan(distributions.t_quantile(0.975, np.nan))


def test_f_and_chi_square() -> None:
    assert_allclose(distributions.f_upper(39.49, 1, 740), stats.f.sf(39.49, 1, 740), rtol=1e-10)
    assert_allclose(distributions.chi2_upper(7.3, 3), stats.chi2.sf(7.3, 3), rtol=1e-12)
