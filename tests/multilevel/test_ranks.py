"""Ranks with their uncertainty: laws of the joint draws, closed forms, invariances."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

import echelon as ec
from echelon import tolerances
from echelon.effects.joint import draws, group_coefficients
from echelon.multilevel.rank_counts import counted, ranks_of
from echelon.multilevel.ranks import rank_values
from several_factors import CROSSED_SLOPES, THREE_SLOPES, answers, schools
from tolerances import CLOSED, SAME

N = 20_000
PHI = NormalDist().cdf


@pytest.fixture(scope="module")
def fits(hsb):
    return {
        "hsb": ec.lmer("mathach ~ meanses * cses + sector + (cses | school)", hsb),
        "nested": ec.lmer(THREE_SLOPES, schools()),
        "crossed": ec.lmer(CROSSED_SLOPES, answers()),
        "raw slope": ec.lmer("y ~ 0 + ses + (0 + ses | school) + (1 | room:school)", schools()),
        "correlated": ec.lmer(
            "y ~ ses + (1 | school)", schools(), residual="by(sector) + cs(1 | room:school)"
        ),
    }


CASES = [
    ("hsb", "school", 1), ("nested", "school", 0), ("nested", "room:school", 1),
    ("crossed", "pupil", 0), ("crossed", "item", 1), ("raw slope", "school", 0),
    ("raw slope", "room:school", 0), ("correlated", "school", 0),
]  # fmt: skip


def omega(given):
    """The covariance of the errors of all groups."""
    j, k = (x.ravel() for x in np.indices((given.J, given.J)))
    return given.covariance(j, k).reshape(given.J, given.J)


def henderson(fit, place, at, of):
    """The same from Henderson's equations over the rows, in dense matrices."""
    from echelon.effects.rows import own_rows

    rows = own_rows(fit)
    blocks, T = [], fit.optimum.covariance
    prior, start = [np.zeros((rows.X.shape[1],) * 2)], 0
    for group, Z, codes in zip(fit.moments.groups, rows.Z, rows.codes, strict=True):
        J, q = len(group.levels), Z.shape[1]
        whole = np.zeros((len(Z), J, q))
        whole[np.arange(len(Z)), codes] = Z
        blocks.append(whole.reshape(len(Z), J * q))
        prior.append(np.kron(np.eye(J), np.linalg.inv(T[start : start + q, start : start + q])))
        start += q
    V = np.hstack([rows.X, *blocks])
    sizes = [len(x) for x in prior]
    C = V.T @ V / fit.optimum.sigma2
    edges = np.concatenate([[0], np.cumsum(sizes)])
    for x, a, b in zip(prior, edges[:-1], edges[1:], strict=True):
        C[a:b, a:b] += x
    given = group_coefficients(fit, place, at, of)
    L = np.zeros((given.J, len(C)))
    L[:, : sizes[0]] = given.rows.X
    q = len(fit.moments.groups[place].effects)
    L[np.arange(given.J), edges[place + 1] + np.arange(given.J) * q + at] = 1.0
    return L @ np.linalg.solve(C, L.T)


@pytest.mark.parametrize(("name", "factor", "at"), CASES[1:7])
@pytest.mark.parametrize("of", ["effect", "coefficient"])
def test_the_joint_law_is_hendersons(name, factor, at, of, fits):
    """`joint-law` from the engine against dense matrices over the rows."""
    fit = fits[name]
    given = group_coefficients(fit, fit.place(factor), at, of)
    dense = henderson(fit, fit.place(factor), at, of)
    np.testing.assert_allclose(omega(given), dense, rtol=1e-7, atol=1e-9 * dense.max())
    np.testing.assert_allclose(given.total_variance, np.diag(dense), **CLOSED)


@pytest.mark.parametrize(("name", "factor", "at"), CASES)
@pytest.mark.parametrize("of", ["effect", "coefficient"])
def test_draws_have_the_mean_and_covariance_of_the_joint_law(name, factor, at, of, fits):
    fit = fits[name]
    given = group_coefficients(fit, fit.place(factor), at, of)
    made = np.concatenate(list(draws(given, N, np.random.default_rng(3))))
    assert made.shape == (N, given.J)
    expected, sd = omega(given), np.sqrt(given.total_variance)
    mean = (made.mean(axis=0) - given.estimate) / (sd / np.sqrt(N))
    spread = (np.cov(made.T) - expected) / np.sqrt((np.outer(sd, sd) ** 2 + expected**2) / N)
    assert np.abs(mean).max() < 4.5
    assert np.abs(spread).max() < 6.0  # beyond by chance 2e-9, of up to 12,880 different entries
    assert spread.std() < 1.3  # far fewer than that are independent where groups are few


def test_estimates_are_those_of_the_tables(fits):
    fit = fits["hsb"]
    table = fit.groups()
    own = table[table.term == "cses"]
    effect, whole = (fit.ranks(term="cses", of=of) for of in ("effect", "coefficient"))
    np.testing.assert_allclose(effect.estimate, own["u"], **SAME)
    np.testing.assert_allclose(effect.std_error, own["cond_sd"], **SAME)
    np.testing.assert_allclose(whole.estimate, own["EB"], **SAME)
    np.testing.assert_allclose(whole.std_error, own["EB_se"], **CLOSED)


@pytest.mark.parametrize(("name", "factor", "at"), [CASES[0], CASES[2], CASES[3]])
def test_mean_ranks_are_sums_of_pairwise_probabilities(name, factor, at, fits):
    """`rank-summaries`: the closed form of the mean rank, within Monte Carlo error."""
    fit = fits[name]
    found = rank_values(fit, factor, fit.group(factor).effects[at], n=N)
    given = group_coefficients(fit, fit.place(factor), at, "effect")
    j, k = (x.ravel() for x in np.indices((given.J, given.J)))
    off = j != k
    z = (given.estimate[k] - given.estimate[j])[off] / given.difference_se(j[off], k[off])
    above = np.zeros(given.J * given.J)
    above[off] = [PHI(x) for x in z]
    expected = 1 + above.reshape(given.J, given.J).sum(axis=1)
    assert np.abs((found.mean_rank - expected) / found.mean_rank_mcse).max() < 4.5


def test_ranks_sum_to_what_they_must(fits):
    found = fits["hsb"].ranks(n=500)
    J = found.J
    for ranks in (found.rank, found.mean_rank):
        assert ranks.sum() == pytest.approx(J * (J + 1) / 2)
    assert found.p_top.sum() == pytest.approx(found.top_count)
    assert found.p_bottom.sum() == pytest.approx(found.top_count)
    assert np.all(found.rank_low <= found.median_rank)
    assert np.all(found.median_rank <= found.rank_high)


def test_two_groups_have_a_closed_form():
    rng = np.random.default_rng(0)
    data = {"g": np.repeat(["a", "b"], 8), "y": rng.normal(size=16) + np.repeat([0.0, 2.0], 8)}
    fit = ec.lmer("y ~ 1 + (1 | g)", data)
    found, pair = fit.ranks(n=N, top=0.5), fit.compare_groups("b", "a")
    assert pair.p_above == pytest.approx(PHI(pair.difference / pair.std_error), abs=1e-12)
    error = np.sqrt(pair.p_above * (1 - pair.p_above) / N)
    assert abs(found.p_top[1] - pair.p_above) < 4 * error
    assert found.p_top[1] == pytest.approx(1 - found.p_top[0])
    assert found.p_above[1] == pytest.approx(found.p_top[1])
    assert found.mean_rank[1] == pytest.approx(2 - found.p_top[1])


def test_equal_groups_share_every_rank():
    """Groups with the same data: the same rank, and each rank equally probable."""
    y = np.tile([1.0, 2.0, 4.0, 7.0], 6) + np.repeat([0, 0, 0, 0, 9, 9], 4)
    fit = ec.lmer("y ~ 1 + (1 | g)", {"y": y, "g": np.repeat(np.arange(6), 4)})
    found = fit.ranks(n=N)
    assert found.rank.tolist() == [4.5] * 4 + [1.5] * 2
    assert np.abs(found.mean_rank[:4] - found.mean_rank[:4].mean()).max() < 0.05


def test_a_constant_and_a_unit_leave_ranks_alone(timss):
    fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    moved = timss.assign(bsmmatxx=100 * timss.bsmmatxx + 5000)
    first, second = (
        f.ranks(n=2000) for f in (fit, ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", moved))
    )
    np.testing.assert_array_equal(first.rank, second.rank)
    np.testing.assert_allclose(first.mean_rank, second.mean_rank, atol=0.02)
    np.testing.assert_allclose(second.estimate, 100 * first.estimate, rtol=1e-5)


def test_the_order_of_rows_and_the_labels_do_not_matter(fits, hsb):
    formula = "mathach ~ meanses * cses + sector + (cses | school)"
    other = hsb.sample(frac=1.0, random_state=1).assign(school=lambda d: "s" + d.school.astype(str))
    first, second = fits["hsb"].ranks(), ec.lmer(formula, other).ranks()
    place = {str(level): j for j, level in enumerate(second.levels)}
    at = [place["s" + str(level)] for level in first.levels]
    np.testing.assert_array_equal(first.rank, second.rank[at])
    error = np.maximum(first.mean_rank_mcse, second.mean_rank_mcse[at]) * np.sqrt(2)
    assert np.all(np.abs(first.mean_rank - second.mean_rank[at]) < 5 * error + 1e-9)


def test_lowest_is_the_mirror_of_highest(timss):
    fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    high, low = fit.ranks(), fit.ranks(best="lowest")
    np.testing.assert_allclose(high.rank, 21 - low.rank)
    np.testing.assert_allclose(high.mean_rank, 21 - low.mean_rank)
    np.testing.assert_allclose(high.p_top, low.p_bottom)
    np.testing.assert_allclose(high.p_above, 1 - low.p_above, atol=1e-9)


def test_effect_and_coefficient_are_one_without_predictors_of_the_groups(timss):
    fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    one, two = fit.ranks(n=N), fit.ranks(n=N, of="coefficient", rng=1)
    np.testing.assert_array_equal(one.rank, two.rank)
    error = np.hypot(one.mean_rank_mcse, two.mean_rank_mcse)
    assert np.all(np.abs(one.mean_rank - two.mean_rank) < 5 * error + 1e-3)


def test_the_same_seed_gives_the_same_numbers(fits):
    first, second, third = (fits["crossed"].ranks("pupil", n=300, rng=r) for r in (0, 0, 1))
    np.testing.assert_array_equal(first.mean_rank, second.mean_rank)
    assert np.any(first.mean_rank != third.mean_rank)
    one = fits["crossed"].ranks("pupil", n=300, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(first.mean_rank, one.mean_rank)


def test_summaries_rank_as_rows_do(timss, timss_summaries):
    rows = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss).ranks()
    sums = ec.lmer("mean ~ 1 + (1 | idschool)", summaries=timss_summaries).ranks()
    np.testing.assert_array_equal(rows.rank, sums.rank)
    np.testing.assert_allclose(rows.mean_rank, sums.mean_rank, atol=0.02)


def test_ranks_in_coarse_cells(monkeypatch):
    """Shared cells: the ends that were asked for stay exact, limits contain the exact ones."""
    rng = np.random.default_rng(1)
    pieces = [rng.normal(size=(400, 60)) + np.linspace(0, 3, 60) for _ in range(3)]
    exact = counted(pieces, 60, (6, 54), lowest=False)
    monkeypatch.setattr(tolerances, "RANK_CELLS", 60 * 11)
    coarse = counted(pieces, 60, (6, 54), lowest=False)
    assert exact.counts.shape == (60, 60) and coarse.counts.shape[1] <= 13
    np.testing.assert_array_equal(exact.share(1, 6), coarse.share(1, 6))
    np.testing.assert_array_equal(exact.share(55, 60), coarse.share(55, 60))
    wide = (coarse.last - coarse.first).max()
    assert np.abs(exact.mean() - coarse.mean()).max() < wide / 2
    low, high = exact.quantiles((0.025, 0.975)).T
    low_, high_ = coarse.quantiles((0.025, 0.975)).T
    assert np.all(coarse.first[low_] <= exact.first[low])
    assert np.all(coarse.last[high_] >= exact.last[high])


def test_counts_are_those_of_a_table_of_all_draws():
    rng = np.random.default_rng(2)
    values = rng.normal(size=(500, 9))
    found = counted([values[:200], values[200:]], 9, (1, 8), lowest=False)
    ranks = np.stack([ranks_of(row, lowest=False) for row in values])
    np.testing.assert_allclose(found.mean(), ranks.mean(axis=0), **SAME)
    np.testing.assert_allclose(found.variance(), ranks.var(axis=0), rtol=1e-9)
    np.testing.assert_array_equal(found.share(1, 1), (ranks == 1).mean(axis=0))
    low, high = found.first[found.quantiles((0.1, 0.9))].T
    expected = np.quantile(ranks, [0.1, 0.9], axis=0, method="inverted_cdf")
    np.testing.assert_array_equal([low, high], expected)
    centre = values.mean(axis=1, keepdims=True)
    np.testing.assert_array_equal(found.above, (values > centre).sum(axis=0))


def test_the_table_and_the_frame(timss):
    import polars as pl

    fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", pl.from_pandas(timss))
    found = fit.ranks(n=500)
    frame = found.frame()
    assert isinstance(frame, pl.DataFrame)
    assert frame["rank"].to_list() == sorted(frame["rank"].to_list())
    assert found.frame(sort=False)["idschool"].to_list() == list(found.levels)
    text = found.to_text()
    assert "cannot be told" in text and "uncertainty of the" in text and "500 draws" in text
    for way in (found.to_html, found.to_latex):
        assert "5036" in way()


def test_a_long_table_is_cut_in_a_shell_only(fits):
    found = fits["hsb"].ranks(n=300)
    assert len(repr(found).splitlines()) < 50
    assert sum(len(s.rows) for s in found.table().sections) == 160


def test_what_makes_no_sense(fits, dyestuff):
    fit = fits["crossed"]
    with pytest.raises(ec.errors.DataError, match="Name one of them"):
        fit.ranks()
    with pytest.raises(ec.errors.UnknownColumn, match="pupil"):
        fit.ranks("pupl")
    with pytest.raises(ec.errors.UnknownOption, match="load"):
        fit.ranks("pupil", "laod")
    for options in ({"of": "effects"}, {"best": "high"}):
        with pytest.raises(ec.errors.UnknownOption):
            fit.ranks("pupil", **options)
    for options in ({"top": 0.0}, {"top": 10}, {"n": 5}, {"n": 1000.5}, {"level": 95}):
        with pytest.raises(ec.errors.DataError):
            fit.ranks("pupil", **options)
    with pytest.raises(ec.errors.UnknownArgument, match="rng"):
        fit.ranks("pupil", seed=1)
    flat = pd.DataFrame({"g": np.repeat(np.arange(5), 2), "y": [0.0, 1.0] * 5})
    with pytest.raises(ec.errors.NotIdentified, match="nothing to rank"):
        ec.lmer("y ~ 1 + (1 | g)", flat).ranks()


def test_the_iterative_method_is_refused_in_words():
    fit = ec.lmer("y ~ 1 + (1 | pupil) + (1 | item)", answers(), method="iterative", rng=1)
    with pytest.raises(ec.errors.NotYetSupported, match="iterative"):
        fit.ranks("pupil")
