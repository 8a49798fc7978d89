"""The largest of several t statistics and the studentised range, by other roads and in the tables."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import studentized_range

from echelon import tolerances
from echelon.linalg.distributions import t_two_sided
from echelon.linalg.largest import (
    largest_tail,
    one_factor,
    range_tail,
    studentised,
    studentised_quantile,
)
from tolerances import CLOSED, LATTICE, printed

EXACT = dict(rel=1e-9, abs=1e-10)  # SciPy's integral stops at 1e-11 or so


def equal(m: int, r: float = 0.5) -> np.ndarray:
    return np.where(np.eye(m, dtype=bool), 1.0, r)


@pytest.mark.parametrize("k", [3, 5, 20])
@pytest.mark.parametrize("df", [1.5, 6.0, 40.0, 3000.0])
def test_range_is_that_of_scipy(k: int, df: float) -> None:
    tail = range_tail(k)
    for q in (0.3, 2.0, 4.0, 9.0):
        assert studentised(tail, q, df) == pytest.approx(studentized_range.sf(q, k, df), **EXACT)


@pytest.mark.parametrize("df", [0.3, 1.0, 7.5, 1e3, 1e8, np.inf])
def test_two_means_and_one_comparison_are_a_t_test(df: float) -> None:
    """Also far out, where a difference from 1 would have lost all digits."""
    pair, single = range_tail(2), largest_tail(np.eye(1))
    for t in (0.01, 1.0, 4.0, 9.0):
        p = float(t_two_sided(t, df))
        assert studentised(pair, t * np.sqrt(2), df) == pytest.approx(p, rel=1e-10)
        assert studentised(single, t, df) == pytest.approx(p, rel=1e-10)


def test_independent_variables_multiply() -> None:
    p = float(t_two_sided(2.2, np.inf))
    assert studentised(largest_tail(np.eye(4)), 2.2, np.inf) == pytest.approx(1 - (1 - p) ** 4)


@pytest.mark.parametrize(
    ("m", "df", "told"),
    [(1, 20, "2.09"), (2, 20, "2.38"), (3, 20, "2.54"), (4, 20, "2.65"), (2, 10, "2.57")],
)
def test_dunnetts_table(m: int, df: float, told: str) -> None:
    """Two-sided 5% points for m treatments and a control of equal size (dunnett1964)."""
    found = studentised_quantile(largest_tail(equal(m)), 0.95, df, 1.5, 4.0)
    assert printed(found, told)


@pytest.mark.parametrize(
    ("k", "df", "told"), [(3, 10, "3.877"), (5, 20, "4.232"), (3, np.inf, "3.314")]
)
def test_tukeys_table(k: int, df: float, told: str) -> None:
    assert printed(studentised_quantile(range_tail(k), 0.95, df, 2.0, 8.0), told)


def test_quantile_has_the_tail_asked_for() -> None:
    for tail in (range_tail(4), largest_tail(equal(5, 0.3))):
        for level in (0.5, 0.9, 0.999):
            q = studentised_quantile(tail, level, 8.0, 0.1, 20.0)
            assert studentised(tail, q, 8.0) == pytest.approx(1 - level, rel=1e-9)


def test_loadings_of_one_factor_are_found() -> None:
    loads = np.array([0.9, -0.3, 0.4, 0.6])
    R = np.outer(loads, loads)
    np.fill_diagonal(R, 1.0)
    found = one_factor(R)
    assert found is not None
    np.testing.assert_allclose(np.outer(found, found), np.outer(loads, loads), atol=1e-12)
    R[0, 3] = R[3, 0] = 0.2
    assert one_factor(R) is None


def test_lattice_agrees_with_the_integral() -> None:
    """The same correlations but for what makes them miss a common factor by a hair."""
    near = equal(4)
    near[0, 1] = near[1, 0] = 0.5 + 1e-7
    exact, lattice = largest_tail(equal(4)), largest_tail(near)
    assert exact.exact and not lattice.exact
    for t in (0.5, 1.0, 2.0, 3.0):
        for df in (4.0, 30.0, np.inf):
            other = pytest.approx(studentised(exact, t, df), abs=LATTICE)
            assert studentised(lattice, t, df) == other


def test_signs_and_copies_of_variables_change_nothing() -> None:
    loads = np.array([0.8, 0.5, 0.3])
    R = np.outer(loads, loads)
    np.fill_diagonal(R, 1.0)
    flip = np.array([1.0, -1.0, 1.0])
    copied = np.array([0, 1, 2, 1])
    p = studentised(largest_tail(R), 2.1, 9.0)
    close = pytest.approx(p, rel=CLOSED["rtol"])
    assert studentised(largest_tail(R * np.outer(flip, flip)), 2.1, 9.0) == close
    assert studentised(largest_tail(R[np.ix_(copied, copied)]), 2.1, 9.0) == close


def test_dependent_set_agrees_with_the_range_and_with_simulation() -> None:
    """All pairs of 4 means: correlations without inverse."""
    C = np.array([np.eye(4)[i] - np.eye(4)[j] for i in range(4) for j in range(i)])
    p = studentised(largest_tail(C @ C.T / 2), 2.5, 20.0)
    assert p == pytest.approx(studentised(range_tail(4), 2.5 * np.sqrt(2), 20.0), abs=1e-3)
    rng, n = np.random.default_rng(7), 200_000
    s = np.sqrt(rng.chisquare(20.0, n) / 20.0)
    largest = np.abs(rng.normal(size=(n, 4)) @ C.T / np.sqrt(2)).max(axis=1) / s
    share = float((largest > 2.5).mean())
    assert abs(share - p) < 4 * np.sqrt(p / n) + 1e-3


@pytest.mark.parametrize("r", [0.0, 0.5, 0.9, 0.99, 0.9999])
@pytest.mark.parametrize("df", [5.0, 50.0, 1000.0, np.inf])
def test_tails_far_out_lie_between_one_variable_and_bonferroni(r: float, df: float) -> None:
    tail = largest_tail(equal(3, r))
    for q in (4.0, 8.0, 11.0, 12.0, 14.0, 20.0, 30.0):
        one, found = float(t_two_sided(q, df)), studentised(tail, q, df)
        assert one * (1 - EXACT["rel"]) <= found <= 3 * one * (1 + EXACT["rel"])


def test_next_to_no_degrees_of_freedom_say_nothing() -> None:
    tail = range_tail(3)
    least = tolerances.FEWEST_FREEDOM
    for df in (1e-15, 1e-6, 0.9 * least):
        assert studentised(tail, 4.0, df) == pytest.approx(1.0, abs=1e-2)
    below, above = (studentised(tail, 4.0, share * least) for share in (0.99, 1.01))
    assert below == pytest.approx(above, abs=1e-2)
