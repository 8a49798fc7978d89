"""A model fitted to its own groups drawn again, and to all groups but one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import echelon as ec
import several_factors
from echelon.errors import NeedsRows, NotYetSupported
from echelon.infer.bootstrap import parameters
from echelon.model.fit import LmmFit
from echelon.model.resample import resampling
from echelon.moments.resample import clusters
from tolerances import OPTIMUM


def weighted(data: pd.DataFrame) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    return data.assign(w=rng.uniform(0.5, 2, len(data)), off=rng.normal(size=len(data)))


def sleep() -> pd.DataFrame:
    return weighted(ec.datasets.load("sleepstudy", quiet=True).iloc[4:].reset_index(drop=True))


def schools() -> pd.DataFrame:
    return weighted(several_factors.schools())


CASES = {
    "Reaction ~ Days + (Days | Subject)": (sleep, "Subject"),
    "Reaction ~ 0 + Days + (0 + Days | Subject)": (sleep, "Subject"),
    several_factors.THREE: (schools, "school"),
    "y ~ ses + (1 | school/room) + (1 | district)": (schools, "district"),
}
OPTIONS = {"precision": "w", "offset": "off"}


def assert_same(one: LmmFit, other: LmmFit) -> None:
    known = parameters(one)
    assert one.names == other.names
    assert one.n == other.n
    assert_allclose(one.optimum.deviance, other.optimum.deviance, rtol=OPTIMUM["deviance"])
    assert_allclose(known.of(one), known.of(other), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rows", [False, True])
@pytest.mark.parametrize("formula", CASES)
def test_every_group_once_is_the_fit_itself(formula: str, rows: bool) -> None:
    fit = ec.lmer(formula, CASES[formula][0](), **OPTIONS)
    again = resampling(fit, "this", rows=rows)
    assert again.factor == CASES[formula][1]
    for chosen in (np.arange(again.J), np.random.default_rng(1).permutation(again.J)):
        assert_same(again.refit(chosen), fit)


@pytest.mark.parametrize("rows", [False, True])
@pytest.mark.parametrize("formula", CASES)
def test_a_group_left_out_is_a_table_without_it(formula: str, rows: bool) -> None:
    make, factor = CASES[formula]
    data = make()
    fit = ec.lmer(formula, data, **OPTIONS)
    again = resampling(fit, "this", rows=rows)
    label = fit.group(factor).levels[1]
    fresh = ec.lmer(formula, data[data[factor] != label], **OPTIONS)
    assert_same(again.without(1), fresh)


@pytest.mark.parametrize("rows", [False, True])
@pytest.mark.parametrize("formula", CASES)
def test_a_group_drawn_twice_is_two_groups(formula: str, rows: bool) -> None:
    make, factor = CASES[formula]
    data = make()
    fit = ec.lmer(formula, data, **OPTIONS)
    again = resampling(fit, "this", rows=rows)
    chosen = np.random.default_rng(7).integers(0, again.J, again.J)
    assert len(set(chosen)) < again.J
    levels, parts = fit.group(factor).levels, []
    for draw, j in enumerate(chosen):
        part = data[data[factor] == levels[j]].copy()
        for name in {"Subject", "school", "district"} & set(data.columns):
            part[name] = str(draw) + "/" + part[name].astype(str)
        parts.append(part)
    fresh = ec.lmer(formula, pd.concat(parts), **OPTIONS)
    found = again.refit(chosen)
    assert_same(found, fresh)
    sizes = [len(group.levels) for group in found.moments.groups]
    assert sizes == [len(group.levels) for group in fresh.moments.groups]
    if rows:
        assert_allclose(found.rows("x").design.y, fresh.rows("x").design.y)


def test_crossed_factors_have_no_independent_groups() -> None:
    fit = ec.lmer(several_factors.CROSSED, several_factors.answers())
    assert clusters(fit.moments) is None
    with pytest.raises(NotYetSupported, match=r"crossed \(pupil, item\)"):
        resampling(fit, "The case bootstrap", rows=False)


def test_a_factor_beside_the_nested_ones_is_crossed() -> None:
    data = schools().assign(other=lambda d: d.index % 7)
    fit = ec.lmer("y ~ ses + (1 | school/room) + (1 | other)", data)
    assert clusters(fit.moments) is None


def test_summaries_have_no_groups_to_draw() -> None:
    table = pd.DataFrame({"g": list("abcdef"), "y": [1.0, 3, 2, 5, 4, 7], "n": 5, "sd": 1.0})
    fit = ec.lmer("y ~ 1 + (1 | g)", summaries=table)
    with pytest.raises(NeedsRows, match="case bootstrap"):
        resampling(fit, "The case bootstrap", rows=False)
