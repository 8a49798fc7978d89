"""The noncentral t distribution: R's areas, the normal limit, the inverse."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import special

from echelon.linalg.noncentral import noncentral_t_upper, noncentrality, two_sided_power
from tolerances import CLOSED, NONCENTRAL, SAME

R = json.loads((Path(__file__).parents[1] / "reference/power/power.json").read_text())


def column(rows, name):
    return np.array([row[name] for row in rows], dtype=float)


def test_areas_are_those_of_r():
    t, df, ncp, upper = (column(R["noncentral"], x) for x in ("t", "df", "ncp", "upper"))
    assert len(t) > 300 and np.ptp(upper) > 0.99
    assert_allclose(noncentral_t_upper(t, df, ncp), upper, rtol=0, atol=NONCENTRAL)


def test_with_no_noncentrality_it_is_student_s_t():
    t, df = np.array([-3.0, -0.1, 0.0, 0.7, 2.5, 12.0])[:, None], np.array([1.0, 2.5, 9, 1e4])
    assert_allclose(noncentral_t_upper(t, df, 0.0), special.stdtr(df, -t), **CLOSED)


def test_the_limit_of_many_degrees_of_freedom_is_normal():
    t, ncp = np.array([0.5, 1.96, 3.0]), 1.4
    normal = special.ndtr(ncp - t)
    assert_allclose(noncentral_t_upper(t, np.inf, ncp), normal, **SAME)
    gaps = [np.abs(noncentral_t_upper(t, df, ncp) - normal).max() for df in (1e2, 1e4, 1e6)]
    assert gaps[2] < 2e-6 and gaps[1] / gaps[2] > 50  # the difference goes as 1 / df


def test_turned_round_the_two_tails_change_places():
    t, df, ncp = np.array([0.3, 2.0, 5.0]), np.array([1.0, 7.0, 40.0]), np.array([0.5, 3.0, -2.0])
    assert_allclose(
        noncentral_t_upper(-t, df, -ncp), 1 - noncentral_t_upper(t, df, ncp), atol=1e-13
    )


def test_small_tails_keep_their_digits():
    """The area below -t of an effect to the right; scipy's nctdtr gives nan at some of these."""
    tail = noncentral_t_upper(2.0, 1e9, [-1.0, -5.0, -10.0, -20.0])
    assert_allclose(tail, special.ndtr(np.array([-3.0, -7.0, -12.0, -22.0])), rtol=1e-5)


@pytest.mark.parametrize("two_sided", [True, False])
def test_noncentrality_is_the_inverse(two_sided):
    df = np.array([1.0, 2.0, 4.0, 18.0, 300.0, np.inf])[:, None]
    power = np.array([0.06, 0.3, 0.5, 0.8, 0.95, 0.999])
    finite = np.where(np.isfinite(df), df, 1.0)
    p = 0.975 if two_sided else 0.95
    t = np.where(np.isfinite(df), special.stdtrit(finite, p), special.ndtri(p))
    ncp = noncentrality(power, t, df, two_sided=two_sided)
    area = two_sided_power(t, df, ncp) if two_sided else noncentral_t_upper(t, df, ncp)
    assert ncp.shape == (6, 6) and (np.diff(ncp, axis=1) > 0).all()
    assert_allclose(area, np.broadcast_to(power, area.shape), rtol=1e-10)


def test_what_cannot_be_is_nan():
    assert np.isnan(noncentrality([0.04, 0.01, 1.0], 1.96, np.inf, two_sided=True)).all()
    assert np.isnan(noncentral_t_upper(2.0, np.nan, 1.0))
