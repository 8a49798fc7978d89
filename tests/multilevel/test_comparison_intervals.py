"""Comparison intervals and two groups compared: closed forms, brute force, coverage of the level."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

import echelon as ec
from echelon import tolerances
from echelon.linalg.largest import range_tail, studentised_quantile
from echelon.multilevel.overlap import (
    Pairs,
    all_or_even_pairs,
    largest_gap,
    mean_width,
    quasi_variances,
)
from several_factors import CROSSED, THREE, answers, schools
from tolerances import CLOSED, SAME

NORMAL = NormalDist()
LEVEL2 = "mathach ~ meanses + sector + (1 | school)"


@pytest.fixture(scope="module")
def hsb_means(hsb):
    return ec.lmer(LEVEL2, hsb)


@pytest.fixture(scope="module")
def balanced_fit(balanced):
    return ec.lmer("y ~ 1 + (1 | g)", balanced)


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_equal_independent_errors_give_goldstein_and_healys_width(level, balanced_fit):
    """`comparison-interval`: z / sqrt(2), 1.39 for 95%."""
    expected = NORMAL.inv_cdf((1 + level) / 2) / np.sqrt(2)
    for estimator in ("eb", "ols"):
        found = balanced_fit.comparison_intervals(level=level, estimator=estimator)
        assert found.width == pytest.approx(expected, rel=1e-10)
        np.testing.assert_allclose(found.pair_levels, 1 - level, rtol=1e-9)
    if level == 0.95:
        assert round(found.width, 2) == 1.39


def test_the_table_of_goldstein_and_healy():
    """z for two standard errors in the ratio r, from the definition of overlap."""
    for ratio in (1.0, 2.0, 4.0):
        each = np.array([(1 + ratio) / np.hypot(1, ratio)])
        expected = NORMAL.inv_cdf(0.975) * np.hypot(1, ratio) / (1 + ratio)
        assert mean_width(each, 0.05) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("alpha", [0.2, 0.05, 1e-6])
def test_the_mean_level_is_met_over_uneven_pairs(alpha):
    ratio = np.random.default_rng(0).uniform(0.6, 1.9, 400)
    width = mean_width(ratio, alpha)
    assert Pairs.level(ratio, width).mean() == pytest.approx(alpha, rel=1e-9)


@pytest.mark.parametrize(("adjust", "share"), [("bonferroni", None), ("sidak", None)])
def test_adjusted_widths(adjust, share, balanced_fit):
    pairs = 12 * 11 // 2
    alpha = 0.05 / pairs if adjust == "bonferroni" else 1 - 0.95 ** (1 / pairs)
    found = balanced_fit.comparison_intervals(adjust=adjust)
    assert found.pairs == pairs
    assert found.width == pytest.approx(NORMAL.inv_cdf(1 - alpha / 2) / np.sqrt(2), rel=1e-7)


def test_simultaneous_is_the_studentised_range_in_a_balanced_design(balanced_fit):
    """`comparison-largest`: half the quantile of the range of 12 normal variables."""
    expected = studentised_quantile(range_tail(12), 0.95, np.inf, 1.0, 10.0) / 2
    for estimator in ("eb", "ols"):
        found = balanced_fit.comparison_intervals(
            adjust="simultaneous", n=40_000, rng=1, estimator=estimator
        )
        assert abs(found.width - expected) < 4 * found.width_mcse
        assert found.width_mcse < 0.01


def test_simultaneous_keeps_its_level_with_unequal_errors(hsb_means):
    """Fresh draws of independent errors: the chance of any mistake is 5%."""
    found = hsb_means.comparison_intervals(adjust="simultaneous", estimator="ols", n=20_000)
    se = found.comparative_se[np.isfinite(found.low)]
    errors = np.random.default_rng(9).normal(size=(20_000, len(se))) * se
    wrong = (errors - found.width * se).max(axis=1) > (errors + found.width * se).min(axis=1)
    assert abs(wrong.mean() - 0.05) < 4 * np.sqrt(2 * 0.05 * 0.95 / 20_000)


def test_the_largest_gap_is_that_over_all_pairs():
    rng = np.random.default_rng(4)
    errors, se = rng.normal(size=(300, 25)), rng.uniform(0.3, 2.0, 25)
    j, k = np.triu_indices(25, 1)
    expected = (np.abs(errors[:, j] - errors[:, k]) / (se[j] + se[k])).max(axis=1)
    np.testing.assert_allclose(largest_gap(errors, se), expected, **SAME)


def test_quasi_variances_are_least_squares():
    """`quasi-variance` against a solver, on a covariance with a common part and knots."""
    rng = np.random.default_rng(5)
    L = rng.normal(size=(14, 3))
    omega = np.diag(rng.uniform(1, 3, 14)) + L @ L.T + 7.0
    j, k = np.triu_indices(14, 1)
    apart = omega[j, j] + omega[k, k] - 2 * omega[j, k]
    X = np.zeros((len(j), 14))
    X[np.arange(len(j)), j] = X[np.arange(len(j)), k] = 1.0
    expected = np.linalg.lstsq(X, apart, rcond=None)[0]
    assert expected.min() > 0
    np.testing.assert_allclose(quasi_variances(Pairs(j, k), apart, 14), expected, **CLOSED)


def test_quasi_variances_of_independent_errors_are_theirs():
    v = np.random.default_rng(6).uniform(1, 9, 30)
    j, k = np.triu_indices(30, 1)
    np.testing.assert_allclose(quasi_variances(Pairs(j, k), v[j] + v[k], 30), v, **CLOSED)
    few = Pairs(np.array([0]), np.array([1]))
    assert quasi_variances(few, np.array([8.0]), 2).tolist() == [4.0, 4.0]


def test_many_groups_are_compared_in_an_even_part_of_their_pairs(monkeypatch, hsb_means):
    whole = hsb_means.comparison_intervals()
    monkeypatch.setattr(tolerances, "COMPARED_PAIRS", 3000)
    pairs = all_or_even_pairs(np.arange(160))
    both = np.bincount(np.concatenate([pairs.j, pairs.k]))
    assert len(pairs) <= 3000 and both.min() == both.max()
    assert len({(min(a, b), max(a, b)) for a, b in zip(pairs.j, pairs.k, strict=True)}) == len(
        pairs
    )
    part = hsb_means.comparison_intervals()
    assert part.pairs == whole.pairs == 12_720 and part.pairs_used == len(pairs)
    assert part.width == pytest.approx(whole.width, rel=2e-3)
    np.testing.assert_allclose(part.comparative_se, whole.comparative_se, rtol=0.03)


def test_what_groups_share_does_not_matter(timss):
    """One prediction for all groups: effect and coefficient have the same differences."""
    fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    effect, whole = (fit.comparison_intervals(of=of) for of in ("effect", "coefficient"))
    np.testing.assert_allclose(effect.comparative_se, whole.comparative_se, **CLOSED)
    assert effect.width == pytest.approx(whole.width, rel=1e-9)
    assert effect.differing() == whole.differing()


def test_pairs_that_do_not_overlap_are_counted(hsb_means):
    found = hsb_means.comparison_intervals()
    brute = sum(int((low > found.high).sum()) for low in found.low)
    assert found.differing() == brute > 0


def test_least_squares_intervals_use_the_groups_own_errors(hsb_means):
    table = hsb_means.groups()
    found = hsb_means.comparison_intervals(estimator="ols")
    whole = hsb_means.comparison_intervals(estimator="ols", of="coefficient")
    np.testing.assert_allclose(found.comparative_se, table["SE"], **SAME)
    np.testing.assert_allclose(whole.estimate, table["mean"], **SAME)
    np.testing.assert_allclose(found.estimate, table["mean"] - table["predicted"], **CLOSED)


def test_groups_without_an_estimate_of_their_own_are_left_out(sleep):
    data = sleep[~((sleep.Subject == sleep.Subject.iloc[0]) & (sleep.Days > 0))]
    fit = ec.lmer("Reaction ~ Days + (Days | Subject)", data)
    found = fit.comparison_intervals(term="Days", estimator="ols")
    assert np.isnan(found.low).sum() == 1
    assert found.pairs == 17 * 16 // 2
    assert "—" in found.to_text()


@pytest.mark.parametrize(
    ("formula", "data", "factor"),
    [(THREE, schools(), "room:school"), (THREE, schools(), "school"), (CROSSED, answers(), "item")],
)
def test_several_factors(formula, data, factor):
    fit = ec.lmer(formula, data)
    found = fit.comparison_intervals(factor)
    low, high = found.pair_levels
    assert low <= 0.05 <= high
    with pytest.raises(ec.errors.DataError, match="one grouping factor only"):
        fit.comparison_intervals(factor, estimator="ols")


def test_two_groups_count_their_covariance(hsb_means):
    """The difference of two coefficients from the fixed effects' covariance, in closed form."""
    found = hsb_means.compare_groups(1224, "1288", of="coefficient")
    table = hsb_means.groups().set_index("school")
    one, two = table.loc[[1224, 1288]].itertuples()
    assert found.difference == pytest.approx(one.EB - two.EB, rel=1e-9)
    rows = hsb_means.built.columns
    x = []
    for school in (1224, 1288):
        at = np.flatnonzero(
            np.asarray(hsb_means.built.design.factors[0].codes)
            == hsb_means.group().levels.index(school)
        )[0]
        x.append([1.0, float(rows["meanses"].values[at]), float(rows["sector"].values[at])])
    shrunk = [(1 - r.reliability) * np.array(v) for r, v in zip((one, two), x, strict=True)]
    between = shrunk[0] - shrunk[1]
    expected = one.cond_sd**2 + two.cond_sd**2 + between @ hsb_means.optimum.vcov @ between
    assert found.std_error**2 == pytest.approx(expected, rel=1e-9)
    assert found.p_above == pytest.approx(NORMAL.cdf(found.difference / found.std_error), abs=1e-12)


def test_swapping_two_groups_turns_the_comparison_round(hsb_means):
    one, two = hsb_means.compare_groups(1224, 1288), hsb_means.compare_groups(1288, 1224)
    assert one.difference == pytest.approx(-two.difference)
    assert one.std_error == pytest.approx(two.std_error)
    assert one.p_above + two.p_above == pytest.approx(1.0)
    assert (one.conf_low, one.conf_high) == pytest.approx((-two.conf_high, -two.conf_low))


def test_the_factor_is_found_by_the_labels():
    fit = ec.lmer(CROSSED, answers())
    assert fit.compare_groups("p01", "p02").factor == "pupil"
    assert fit.compare_groups(1, "2").factor == "item"
    with pytest.raises(ec.errors.DataError, match="Name the grouping factor"):
        fit.compare_groups("p01", 2)


def test_what_makes_no_sense(hsb_means):
    with pytest.raises(ec.errors.DataError, match="has no group 'nowhere'"):
        hsb_means.compare_groups("1224", "nowhere")
    with pytest.raises(ec.errors.DataError, match="different"):
        hsb_means.compare_groups("1224", 1224)
    with pytest.raises(ec.errors.UnknownOption, match="sidak"):
        hsb_means.comparison_intervals(adjust="sidack")
    with pytest.raises(ec.errors.UnknownOption, match="eb"):
        hsb_means.comparison_intervals(estimator="blup")
    with pytest.raises(ec.errors.DataError, match="level"):
        hsb_means.comparison_intervals(level=95)
    with pytest.raises(ec.errors.UnknownArgument):
        hsb_means.comparison_intervals(alpha=0.05)


def test_tables_and_frames(hsb_means):
    found = hsb_means.comparison_intervals()
    frame = found.frame()
    assert list(frame.columns) == [
        "school", "n", "estimate", "comparative_se", "comparison_low", "comparison_high"
    ]  # fmt: skip
    assert frame["estimate"].is_monotonic_decreasing
    assert f"{found.differing():,} pairs do" in " ".join(found.to_text().split())
    for adjust, says in (("sidak", "(Sidak)"), ("simultaneous", "simulated")):
        assert says in hsb_means.comparison_intervals(adjust=adjust, n=500).to_text()
    pair = hsb_means.compare_groups(1224, 1288)
    assert pair.frame()["p_above"][0] == pair.p_above
    assert "1224 - 1288" in repr(pair) and "1224 - 1288" in pair.to_html()


@pytest.mark.slow
def test_the_average_level_in_simulation(balanced_fit):
    """Means of equal groups with unequal errors: 5% of the pairs do not overlap."""
    rng = np.random.default_rng(12)
    se = rng.uniform(0.5, 2.0, 40)
    j, k = np.triu_indices(40, 1)
    width = mean_width((se[j] + se[k]) / np.hypot(se[j], se[k]), 0.05)
    means = rng.normal(size=(20_000, 40)) * se
    apart = np.abs(means[:, j] - means[:, k]) > width * (se[j] + se[k])
    error = apart.mean(axis=1).std() / np.sqrt(20_000)
    assert abs(apart.mean() - 0.05) < 4 * error
