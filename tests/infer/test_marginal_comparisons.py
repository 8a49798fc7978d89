"""Laws of comparisons of marginal means and of their adjustment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import echelon as ec
from echelon.errors import DataError, UnknownColumn, UnknownOption
from echelon.infer.estimates import Estimates, estimates
from echelon.infer.marginal.adjust import METHODS, Family, adjust, correlation, one_family
from echelon.infer.uncertainty import FixedFreedom
from tolerances import CLOSED, LATTICE

SAME = dict(rtol=CLOSED["rtol"], atol=1e-10)


def some(m: int = 6, df: float = 9.0, seed: int = 3) -> tuple[Estimates, Family]:
    """Estimates with correlations of no particular form."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(m, m + 2))
    known = FixedFreedom("residual", root @ root.T / m, df)
    table = estimates([f"e{i}" for i in range(m)], np.eye(m), rng.normal(size=m) * 2.5, known)
    return table, one_family(m, correlation(np.eye(m), known.vcov))


@pytest.fixture(scope="module")
def fit() -> ec.LMM:
    rng = np.random.default_rng(5)
    n = 200
    data = pd.DataFrame({
        "dose": rng.choice(["none", "low", "mid", "high"], n, p=[0.4, 0.3, 0.2, 0.1]),
        "sex": rng.choice(["f", "m"], n),
        "g": rng.integers(0, 12, n),
    })  # fmt: skip
    data["dose"] = pd.Categorical(data["dose"], ["none", "low", "mid", "high"])
    data["y"] = data["dose"].cat.codes * 0.4 + rng.normal(size=12)[data["g"]] + rng.normal(size=n)
    return ec.lmer("y ~ dose * sex + (1 | g)", data)


def test_differences_add_up(fit: ec.LMM) -> None:
    means = fit.emmeans("dose")
    pairs = means.contrasts(adjust="none").values
    by_name = dict(zip(pairs.names, pairs.estimate, strict=True))
    assert by_name["none - low"] + by_name["low - mid"] == pytest.approx(by_name["none - mid"])
    steps = means.contrasts("consecutive").values
    assert -steps.estimate.sum() == pytest.approx(by_name["none - high"])
    effects = means.contrasts("effects").values
    assert effects.estimate.sum() == pytest.approx(0.0, abs=1e-12)
    against = means.contrasts("reference", ref="mid").values
    assert against.names == ("none - mid", "low - mid", "high - mid")
    np.testing.assert_allclose(against.estimate[1], by_name["low - mid"], **SAME)
    turned = means.contrasts("revpairwise", "none").values
    assert set(turned.names) == {" - ".join(reversed(n.split(" - "))) for n in pairs.names}
    assert sorted(turned.statistic) == pytest.approx(sorted(-pairs.statistic))


def test_own_weights(fit: ec.LMM) -> None:
    means = fit.emmeans("dose")
    named = means.contrasts({"any": [-1, 1 / 3, 1 / 3, 1 / 3], "sum": [1, 1, 0, 0]})
    assert named.values.names == ("any", "sum") and named.adjust == "none"
    m = means.values.estimate
    np.testing.assert_allclose(named.values.estimate, [m[1:].mean() - m[0], m[0] + m[1]], **SAME)
    rows = means.contrasts(np.array([[1, -1, 0, 0], [0, 0, 1, -1]]), adjust="mvt").values
    pairs = means.contrasts(adjust="none").values
    np.testing.assert_allclose(rows.statistic, pairs.statistic[[0, 5]], **SAME)
    assert means.contrasts([1, -1, 0, 0]).values.estimate == pytest.approx([m[0] - m[1]])


def test_polynomials_are_rs() -> None:
    """contr.poly scaled to whole numbers, as in tables of Fisher and Yates."""
    data = pd.DataFrame({"t": np.tile(np.arange(5), 8)}).assign(y=lambda d: d["t"] ** 2.0)
    data["y"] += np.random.default_rng(1).normal(size=40)
    found = ec.lm("y ~ factor(t)", data).emmeans("t").contrasts("polynomial")
    assert found.values.names == ("linear", "quadratic", "cubic", "quartic")
    told = [[-2, -1, 0, 1, 2], [2, -1, -2, -1, 2], [-1, 2, 0, -2, 1], [1, -4, 6, -4, 1]]
    assert found.weights.tolist() == told
    assert not any("equally spaced" in note for note in found.notes)
    uneven = ec.lm("y ~ t", data).emmeans("t", at={"t": [0, 1, 5]}).contrasts("polynomial")
    assert "equally spaced" in uneven.notes[0]


def test_families_are_the_levels_of_by(fit: ec.LMM) -> None:
    within = fit.emmeans("dose", by="sex").contrasts()
    assert within.values.names == fit.emmeans("dose").contrasts().values.names * 2
    assert "each of 2 families of 6 pairwise comparisons among 4 means" in within.notes[-1]
    joint = fit.emmeans(["dose", "sex"])
    for name in ("estimate", "p_value", "conf_low"):
        other = getattr(joint.contrasts(by="sex").values, name)
        np.testing.assert_allclose(getattr(within.values, name), other, **SAME)
    assert len(joint.contrasts().values.names) == 28
    alone = fit.emmeans("dose", at={"sex": "m"}).contrasts()
    np.testing.assert_allclose(within.values.p_value[6:], alone.values.p_value, **SAME)
    over = fit.emmeans("dose", by="sex").contrasts(by=())
    assert over.values.names == joint.contrasts().values.names


@pytest.mark.parametrize("method", METHODS)
def test_one_comparison_is_left_alone(method: str) -> None:
    table, family = some(1)
    pair = replace(family, pairs=np.array([[0, 1]]))
    found = adjust(table, method, pair)
    np.testing.assert_array_equal(found.p_value, table.p_value)
    np.testing.assert_array_equal(found.conf_high, table.conf_high)


def test_two_means_need_no_adjustment(fit: ec.LMM) -> None:
    means = fit.emmeans("sex")
    for kind in ("pairwise", "reference", "consecutive"):
        found = means.contrasts(kind)
        assert found.values.p_value == pytest.approx(means.contrasts(kind, "none").values.p_value)
        assert not any("adjusted" in note for note in found.notes)


@pytest.mark.parametrize("seed", range(5))
def test_adjustments_are_in_their_order(seed: int) -> None:
    table, family = some(7, seed=seed)
    p = {method: adjust(table, method, family).p_value for method in METHODS if method != "tukey"}
    assert (p["none"] <= p["fdr"]).all() and (p["fdr"] <= p["holm"] + 1e-15).all()
    assert (p["holm"] <= p["bonferroni"]).all() and (p["sidak"] <= p["bonferroni"]).all()
    assert (p["none"] <= p["mvt"] + LATTICE).all() and (p["mvt"] <= p["sidak"] + LATTICE).all()
    np.testing.assert_array_equal(p["mvt"], p["dunnett"])
    assert (p["bonferroni"] <= 1).all() and p["holm"].min() == pytest.approx(p["bonferroni"].min())


def test_step_down_and_step_up_by_hand() -> None:
    table, _ = some(4)
    told = replace(table, p_value=np.array([0.01, 0.04, 0.03, 0.005]))
    assert adjust(told, "holm").p_value == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert adjust(told, "fdr").p_value == pytest.approx([0.02, 0.04, 0.04, 0.02])
    assert adjust(told, "bonferroni").p_value == pytest.approx([0.04, 0.16, 0.12, 0.02])
    assert adjust(told, "sidak").p_value[1] == pytest.approx(1 - 0.96**4)


@pytest.mark.parametrize("method", ["none", "bonferroni", "sidak", "mvt", "tukey"])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_limits_leave_zero_out_when_p_is_small(fit: ec.LMM, method: str, level: float) -> None:
    found = fit.emmeans("dose", level=level).contrasts("pairwise", method).values
    outside = (found.conf_low > 0) | (found.conf_high < 0)
    np.testing.assert_array_equal(outside, found.p_value < 1 - level)
    np.testing.assert_allclose((found.conf_low + found.conf_high) / 2, found.estimate, **SAME)


def test_p_at_its_own_limit_is_one_minus_the_level() -> None:
    """The value under test is moved to the limit: p and limits are one statement."""
    table, family = some(5, df=7.0)
    pairs = replace(family, pairs=np.array([[0, 1], [0, 2], [0, 3], [1, 2], [1, 3]]))
    for method in ("bonferroni", "sidak", "dunnett", "tukey"):
        reach = (adjust(table, method, pairs).conf_high - table.estimate) / table.std_error
        moved = replace(table, statistic=reach, p_value=_plain(reach, table.df))
        p = adjust(moved, method, pairs).p_value
        assert p == pytest.approx(0.05, rel=1e-6)


def _plain(t: np.ndarray, df: np.ndarray) -> np.ndarray:
    from echelon.linalg.distributions import t_two_sided

    return t_two_sided(t, df)


def test_rows_that_do_not_exist_do_not_count() -> None:
    table, family = some(5)
    gone = np.array([False, True, False, False, False])
    hole = replace(table, **{
        name: np.where(gone, np.nan, getattr(table, name))
        for name in ("estimate", "std_error", "df", "statistic", "p_value", "conf_low", "conf_high")
    })  # fmt: skip
    kept = np.flatnonzero(~gone)
    for method in ("holm", "fdr", "bonferroni", "sidak", "mvt"):
        found = adjust(hole, method, family).p_value
        alone = adjust(table, method, replace(family, sets=(kept,))).p_value
        assert np.isnan(found[1])
        np.testing.assert_allclose(found[kept], alone[kept], **SAME)


def test_notes_say_what_was_adjusted(fit: ec.LMM) -> None:
    notes = {
        method: fit.emmeans("dose").contrasts("pairwise", method).notes[-1]
        for method in ("tukey", "holm", "fdr", "mvt")
    }
    assert notes["tukey"] == (
        "p-values and limits: adjusted by Tukey for a family of 6 pairwise comparisons among "
        "4 means."
    )
    assert notes["holm"].endswith("for a family of 6 comparisons; limits: by Bonferroni.")
    assert "Benjamini-Hochberg" in notes["fdr"] and "the multivariate t" in notes["mvt"]


def test_means_themselves_can_be_adjusted(fit: ec.LMM) -> None:
    plain, wide = (fit.emmeans("dose", by="sex", adjust=kind) for kind in ("none", "bonferroni"))
    assert wide.values.p_value == pytest.approx(np.minimum(4 * plain.values.p_value, 1))
    assert (wide.values.conf_low < plain.values.conf_low).all()
    assert "each of 2 families of 4 estimates" in wide.notes[-1]


def test_bad_questions_are_refused_in_words(fit: ec.LMM) -> None:
    means = fit.emmeans("dose")
    asked = [
        (UnknownOption, dict(method="pairs wise")),
        (UnknownOption, dict(adjust="tuckey")),
        (UnknownColumn, dict(by="g")),
        (DataError, dict(method="reference", ref="huge")),
        (DataError, dict(method="pairwise", ref="low")),
        (DataError, dict(method="effects", adjust="tukey")),
        (DataError, dict(method={"a": [1, -1]})),
        (DataError, dict(method={"a": ["x", 1, 1, 1]})),
        (DataError, dict(method={})),
        (DataError, dict(method=[[1, np.nan, 0, 0]])),
    ]
    for kind, options in asked:
        with pytest.raises(kind):
            means.contrasts(**options)
    with pytest.raises(DataError, match="one mean"):
        fit.emmeans().contrasts()
    table, _ = some(3)
    with pytest.raises(DataError, match="correlations"):
        adjust(table, "mvt")


def test_weights_by_name_are_weights_by_place(fit: ec.LMM) -> None:
    means = fit.emmeans("dose")
    places = dict.fromkeys(means.values.names, 0.0)
    own = {"a": list((places | {"low": 1.0, "none": -1.0}).values())}
    by_name = means.contrasts({"a": {"low": 1, "none": -1}})
    assert by_name.values.estimate.tolist() == means.contrasts(own).values.estimate.tolist()
    with pytest.raises(DataError, match="none of the means"):
        means.contrasts({"a": {"lowest dose": 1}})
    with pytest.raises(DataError, match="Weights of a comparison"):
        means.contrasts({"a": {"low": "much"}})


def test_what_it_is_called_elsewhere(fit: ec.LMM) -> None:
    means = fit.emmeans("dose")
    assert means.contrasts("tukey").method == "pairwise"
    assert means.contrasts("pairwise", "dunnett").adjust == "mvt"
    assert means.contrasts("dunnett").adjust == "dunnett"
