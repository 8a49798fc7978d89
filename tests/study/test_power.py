"""Power by formula: generalised least squares in full, inverses, and what is refused."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose

import echelon as ec
from echelon.errors import DataError, UnknownArgument, UnknownOption
from tolerances import CLOSED, OPTIMUM, SAME

ICC, SLOPE = 0.3, 0.25  # SLOPE: variance of the effect between groups
SIZES = (4, 6, 10, 4, 8, 12, 6, 4, 10, 8, 4, 12)


def rows(sizes):
    """Group of each row; a treatment of every other group, of every other row; x of SD 1."""
    group = np.repeat(np.arange(len(sizes)), sizes)
    treated = (group % 2).astype(float)
    inside = np.concatenate([np.arange(n) % 2 for n in sizes]).astype(float)
    x = 2 * inside - 1  # sizes are even: mean 0 and mean square 1 in every group
    return group, treated, inside, x


def gls_error(X, group, slope_of):
    """Standard error of the last coefficient with the covariance of all rows written out."""
    same = group[:, None] == group
    V = (1 - ICC) * np.eye(len(group)) + ICC * same
    if slope_of is not None:
        V = V + SLOPE * same * np.outer(slope_of, slope_of)
    return np.sqrt(np.linalg.inv(X.T @ np.linalg.solve(V, X))[-1, -1])


def dense(design, sizes):
    group, treated, inside, x = rows(sizes)
    one = np.ones(len(group))
    columns, slope = {
        "cluster": ([one, treated], None),
        "mean": ([one], None),
        "multisite": ([one, inside - 0.5], inside - 0.5),
        "level-1": ([one, x], x),
        "interaction": ([one, treated, x, treated * x], x),
    }[design]
    return gls_error(np.column_stack(columns), group, slope)


@pytest.mark.parametrize("design", ["cluster", "mean", "multisite", "level-1", "interaction"])
@pytest.mark.parametrize("sizes", [(6,) * 12, SIZES + tuple(reversed(SIZES))])
def test_the_standard_error_is_that_of_generalised_least_squares(design, sizes):
    """Half of each size is treated, so that the given sizes are balanced over the arms."""
    inner = design in ("multisite", "level-1", "interaction")
    options = {"effect_sd": np.sqrt(SLOPE)} if inner else {}
    found = ec.power(design, n=sizes, icc=ICC, effect=0.3, **options)
    if len(set(sizes)) > 1 and design in ("cluster", "interaction"):
        sizes = tuple(np.repeat(sizes, 2))  # both arms have every size
        found = ec.power(design, n=sizes, icc=ICC, effect=0.3, **options)
    assert_allclose(found.std_error, dense(design, sizes), **CLOSED)


def test_level_2_predictors_are_those_with_a_sum_of_squares_of_j():
    sizes = (6,) * 12
    group, *_ = rows(sizes)
    w = np.linspace(-1, 1, 12)
    w = w / np.sqrt((w**2).mean())
    error = gls_error(np.column_stack([np.ones(72), w[group]]), group, None)
    assert_allclose(ec.power("level-2", J=12, n=6, icc=ICC, effect=0.3).std_error, error, **CLOSED)


@pytest.mark.parametrize(
    ("design", "formula", "term", "options"),
    [
        ("cluster", "y ~ w + (1 | g)", "w", {}),
        ("cluster", "y ~ v + w + (1 | g)", "w", {"covariates": 1}),
        ("mean", "y ~ 1 + (1 | g)", "(Intercept)", {}),
        ("multisite", "y ~ t + (1 | g)", "t", {}),
        ("interaction", "y ~ w * t + (1 | g)", "w:t", {}),
    ],
)
def test_degrees_of_freedom_are_those_of_a_fit(design, formula, term, options):
    """Satterthwaite's, of the model that the plan is for: exact in a balanced design."""
    rng = np.random.default_rng(4)
    group, treated, inside, _ = rows((6,) * 14)
    v = rng.normal(size=14)[group]
    y = rng.normal(size=14)[group] + rng.normal(size=84)
    data = {"y": y, "g": group, "w": treated, "t": inside, "v": v}
    fit = ec.lmer(formula, data, df="satterthwaite")
    table = fit.coefficients()
    names, df = list(table["term"]), list(table["df"])
    planned = ec.power(design, J=14, n=6, icc=0.3, effect=0.5, **options)
    assert_allclose(planned.df[0], df[names.index(term)], rtol=OPTIMUM["df"])


@pytest.mark.parametrize("design", ["cluster", "multisite", "level-2", "interaction", "mean"])
@pytest.mark.parametrize("alternative", ["two-sided", "one-sided"])
def test_the_smallest_effect_has_the_power(design, alternative):
    same = dict(J=[6, 30], n=[5, 40], icc=[0.0, 0.25], r2_1=0.2, r2_2=0.4, alternative=alternative)
    for power in (0.3, 0.99):
        least = ec.mdes(design, **same, power=power)
        for i, effect in enumerate(least.effect):
            J, n, icc = (getattr(least.cells, name)[i] for name in ("J", "n", "icc"))
            plan = same | dict(J=J, n=n, icc=icc, effect=effect)
            assert_allclose(ec.power(design, **plan).power, power, rtol=1e-9)


@pytest.mark.parametrize("design", ["cluster", "multisite", "mean", "interaction"])
def test_sample_sizes_are_enough_and_one_less_is_not(design):
    same = dict(icc=0.15, effect=0.3)
    J = ec.sample_size(design, n=12, **same, power=[0.7, 0.9])
    for i, power in enumerate((0.7, 0.9)):
        assert J.power[i] >= power > ec.power(design, J=J.cells.J[i] - 1, n=12, **same).power[0]
    J = {"cluster": 120, "mean": 25}.get(design, 20)
    n = ec.sample_size(design, J=J, **same)
    assert n.cells.n[0] > 1
    assert n.power[0] >= 0.8 > ec.power(design, J=J, n=n.cells.n[0] - 1, **same).power[0]


def test_sample_sizes_for_precision():
    found = ec.sample_size("mean", n=20, icc=0.1, half_width=[0.2, 0.1])
    for J, wanted in zip(found.cells.J, (0.2, 0.1), strict=True):
        at, before = (ec.power("mean", J=k, n=20, icc=0.1, effect=1) for k in (J, J - 1))
        assert at.half_width[0] <= wanted < before.half_width[0]
    by_error = ec.sample_size(n=20, icc=0.1, std_error=0.1)
    assert by_error.std_error[0] <= 0.1 and np.isnan(by_error.power[0])


def test_no_size_of_the_groups_can_be_enough():
    found = ec.sample_size(J=10, icc=0.1, effect=0.6)
    assert np.isnan(found.cells.n[0])
    limit = ec.power(J=10, n=10**7, icc=0.1, effect=0.6).power[0]
    assert f"power of {limit:.3g}" in str(found).replace("\n", " ")
    assert found.frame()["n"].isna().all()


def test_more_groups_than_there_are():
    found = ec.sample_size(n=20, icc=0.2, effect=[0.3, 1e-5])
    assert np.isnan(found.cells.J[1]) and not np.isnan(found.cells.J[0])
    assert "More than 10,000,000 groups" in found.remarks[0]


def test_sizes_that_vary_lose_what_their_variation_says():
    """`power-cv` is the second order of the exact sum: the gap is of third order in the spread."""
    gaps = []
    for step in (4, 2, 1):
        exact = ec.power(n=(20 - step, 20 + step), J=40, icc=0.1, effect=0.3)
        near = ec.power(n=20, cv=step / 20, J=40, icc=0.1, effect=0.3)
        equal = ec.power(n=20, J=40, icc=0.1, effect=0.3)
        assert exact.std_error[0] > equal.std_error[0]
        gaps.append(abs(near.std_error[0] / exact.std_error[0] - 1))
    assert gaps[0] < 1e-3 and gaps[1] < gaps[0] / 7 and gaps[2] < gaps[1] / 7
    both = ec.power(n={"mean": 20, "cv": 0.5}, J=40, icc=0.1, effect=0.3)
    assert_allclose(both.power, ec.power(n=20, cv=0.5, J=40, icc=0.1, effect=0.3).power, **SAME)


def test_design_effects():
    found = ec.power(J=30, n=[1, 5, 25], icc=0.2, effect=0.3)
    assert_allclose(found.design_effect, 1 + (found.cells.n - 1) * 0.2, **CLOSED)
    frame = found.frame()
    assert_allclose(frame["n_effective"], frame["n_total"] / frame["design_effect"], **SAME)
    assert ec.power("multisite", J=30, n=20, icc=0.2, effect=0.3).design_effect[0] < 1


def test_more_of_anything_good_is_more_power():
    one = dict(J=30, n=20, icc=0.1, effect=0.3)
    base = ec.power(**one).power[0]
    for better in (dict(J=40), dict(n=30), dict(icc=0.05), dict(effect=0.4), dict(r2_1=0.3),
                   dict(r2_2=0.3), dict(alpha=0.1), dict(alternative="one-sided")):  # fmt: skip
        assert ec.power(**(one | better)).power[0] > base, better
    for worse in (dict(share=0.3), dict(covariates=3), dict(cv=0.5)):
        assert ec.power(**(one | worse)).power[0] < base, worse
    assert_allclose(ec.power(**(one | dict(effect=-0.3))).power, base, **CLOSED)
    assert_allclose(ec.power(**(one | dict(effect=0))).power, 0.05, **CLOSED)


def test_units_of_the_response():
    plain = ec.mdes("multisite", J=20, n=10, icc=0.2, effect_sd=0.1)
    points = ec.mdes("multisite", J=20, n=10, icc=0.2, effect_sd=1.5, sd=15)
    assert_allclose(points.effect, 15 * plain.effect, **CLOSED)
    assert_allclose(points.std_error, 15 * plain.std_error, **CLOSED)
    again = ec.power("multisite", J=20, n=10, icc=0.2, effect_sd=1.5, sd=15, effect=points.effect)
    assert_allclose(again.power, 0.8, rtol=1e-9)


@pytest.mark.parametrize("effect", [None, 0.3])
def test_the_best_plan_for_a_budget_is_the_best_of_all(effect):
    costs, budget = (40.0, 7.0), 1000
    found = ec.optimal_design(
        icc=0.15, cost_group=costs[0], cost_row=costs[1], budget=budget, effect=effect
    )
    plans = [
        (J, n)
        for J, n in product(range(3, 22), range(1, 40))
        if J * (costs[0] + costs[1] * n) <= budget
    ]
    if effect is None:
        best = min(plans, key=lambda p: ec.mdes(J=p[0], n=p[1], icc=0.15).effect[0])
    else:
        best = max(plans, key=lambda p: ec.power(J=p[0], n=p[1], icc=0.15, effect=0.3).power[0])
    assert (found.cells.J[0], found.cells.n[0]) == best
    assert found.cost[0] <= budget


def test_the_cheapest_plan_is_the_cheapest_of_all():
    found = ec.optimal_design(icc=0.15, cost_group=40, cost_row=7, effect=0.5)
    least = min(
        ec.sample_size(n=n, icc=0.15, effect=0.5).cells.J[0] * (40 + 7 * n) for n in range(1, 60)
    )
    assert found.cost[0] == least and found.power[0] >= 0.8


def test_with_many_groups_the_best_size_is_the_rule_s():
    found = ec.optimal_design(icc=0.1, cost_group=36, cost_row=4, budget=10**6)
    assert abs(found.cells.n[0] - np.sqrt(36 / 4 * 0.9 / 0.1)) <= 1  # power-optimal: 9


def test_grids_come_in_order_and_in_the_library_asked_for():
    found = ec.power(J=[10, 20], n=[5, 9], icc=[0.1, 0.2], effect=0.4)
    frame = found.frame()
    assert frame[["icc", "n", "J"]].values.tolist() == [
        list(x) for x in product([0.1, 0.2], [5, 9], [10, 20])
    ]
    assert [str(t) for t in frame.dtypes[["J", "n", "df"]]] == ["int64"] * 3
    assert found.frame(backend="polars").columns == list(frame.columns)
    each = [
        ec.power(J=J, n=n, icc=i, effect=0.4).power[0]
        for i, n, J in product([0.1, 0.2], [5, 9], [10, 20])
    ]
    assert_allclose(found.power, each, **CLOSED)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (dict(J=2, n=5, icc=0.1, effect=1), "0 degrees of freedom"),
        (dict(J=20, n=5, effect=1), "icc= is needed"),
        (dict(J=20, n=5, icc=20, effect=1), "icc=20 must be"),
        (dict(J=20, n=5, icc=0.2, effect="a"), "must be a number"),
        (dict(J=20.5, n=5, icc=0.2, effect=1), "whole number of groups"),
        (dict(J=20, n=5, icc=0.2, effect=1, effect_sd=0.2), "lies between groups"),
        (dict(design="level-2", J=20, n=5, icc=0.2, effect=1, share=0.3), 'design="cluster"'),
        (dict(design="multisite", J=20, n=1, icc=0.2, effect=1), "-1 degrees of freedom"),
        (dict(J=20, n=(5, 12), cv=0.3, icc=0.2, effect=1), "cv= goes with"),
        (dict(J=20, n=[], icc=0.2, effect=1), "n=[] is empty"),
        (dict(J=20, n=5, cv=1.4, icc=0.2, effect=1), "cv=1.4 must be"),
        (dict(J=20, n=5, icc=0.2, effect=1, sites="fixed"), "belongs to"),
    ],
)
def test_plans_that_cannot_be_are_refused(options, words):
    with pytest.raises(DataError) as refusal:
        ec.power(**options)
    assert words in str(refusal.value)


def test_other_refusals():
    with pytest.raises(UnknownOption, match="Did you mean 'cluster'"):
        ec.power("clustr", J=20, n=5, icc=0.1, effect=1)
    with pytest.raises(UnknownArgument, match="Did you mean 'effect'"):
        ec.power(J=20, n=5, icc=0.1, effects=1)
    with pytest.raises(DataError, match="leave out the one to be found"):
        ec.sample_size(J=20, n=5, icc=0.2, effect=1)
    with pytest.raises(DataError, match="Give one goal"):
        ec.sample_size(n=5, icc=0.2)
    with pytest.raises(DataError, match="no sample"):
        ec.sample_size(n=5, icc=0.2, effect=0)
    with pytest.raises(DataError, match="above alpha"):
        ec.mdes(J=20, n=5, icc=0.2, power=0.04)
    with pytest.raises(DataError, match="does not pay"):
        ec.optimal_design(icc=0.2, cost_group=300, cost_row=10, budget=500)


def test_the_text_says_formula_and_freedom():
    words = " ".join(str(ec.power(J=40, n=20, icc=0.2, effect=0.25)).split())
    assert "an effect of 0.25 is 0.350" in words and "J - 2 = 38 degrees of freedom" in words
    table = ec.mdes(J=[20, 40], n=[10, 30], icc=[0.1, 0.2]).table()
    assert [section.title for section in table.sections] == ["ICC = 0.1", "ICC = 0.2"]
    assert [head.name for head in table.headings] == ["J", "n = 10", "n = 30"]
    shown = [row[1].value for section in table.sections for row in section.rows]
    assert_allclose(shown, ec.mdes(J=[20, 40], n=10, icc=[0.1, 0.2]).effect, **SAME)
