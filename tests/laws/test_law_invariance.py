"""What must not change when the table is only written differently, and what changes how."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from law_tables import FORMULAS, Answer, assert_same_answer, seeds, two_level
from numpy.testing import assert_allclose

import echelon as ec
from tolerances import CLOSED

formulas = st.sampled_from(FORMULAS)
either = st.booleans()
RTOL = CLOSED["rtol"]


@given(seeds, formulas, either)
def test_relabelling_groups_changes_nothing(seed: int, formula: str, reml: bool) -> None:
    data = two_level(seed)
    rng = np.random.default_rng(seed + 1)
    old = sorted(set(data["g"]))
    new = dict(zip(old, [f"t{k:03d}" for k in rng.permutation(len(old))], strict=True))
    theirs = Answer.of(ec.lmer(formula, data, reml=reml))
    ours = Answer.of(ec.lmer(formula, data.assign(g=data["g"].map(new)), reml=reml))
    assert_same_answer(ours, replace(theirs, labels=[new[label] for label in theirs.labels]))


@given(seeds, formulas, either)
def test_numbers_as_labels_change_nothing(seed: int, formula: str, reml: bool) -> None:
    data = two_level(seed)
    number = data["g"].str[1:].astype(int) - 3
    theirs = Answer.of(ec.lmer(formula, data, reml=reml))
    for labels in (number, number.astype(float), number.astype(str).astype("category")):
        ours = Answer.of(ec.lmer(formula, data.assign(g=labels), reml=reml))
        names = [f"{float(f'{int(label[1:]) - 3}'):g}" for label in theirs.labels]
        assert_same_answer(ours, replace(theirs, labels=names))


@given(seeds, formulas, either)
def test_order_of_rows_changes_nothing(seed: int, formula: str, reml: bool) -> None:
    data = two_level(seed)
    shuffled = data.sample(frac=1, random_state=seed)
    theirs = Answer.of(ec.lmer(formula, data, reml=reml))
    assert_same_answer(Answer.of(ec.lmer(formula, shuffled, reml=reml)), theirs)


@given(seeds, formulas, either)
def test_shifting_the_response(seed: int, formula: str, reml: bool) -> None:
    """Only the constant moves, by just as much."""
    data = two_level(seed)
    theirs = Answer.of(ec.lmer(formula, data, reml=reml))
    ours = Answer.of(ec.lmer(formula, data.assign(y=data["y"] + 1e6), reml=reml))
    move = np.zeros_like(theirs.beta)
    move[0] = 1e6
    assert_allclose(ours.beta[0], theirs.beta[0] + 1e6, rtol=1e-14, atol=1e-8)
    assert_same_answer(replace(ours, beta=theirs.beta + (ours.beta - theirs.beta - move)), theirs)


@pytest.mark.parametrize("c", [1e6, 1e-6])
@given(seeds, formulas, either)
def test_scaling_the_response(c: float, seed: int, formula: str, reml: bool) -> None:
    """Everything in its units scales; theta, t and df do not; the deviance gains 2 df log c."""
    data = two_level(seed)
    fit = ec.lmer(formula, data, reml=reml)
    theirs = Answer.of(fit)
    ours = Answer.of(ec.lmer(formula, data.assign(y=data["y"] * c), reml=reml))
    back = replace(
        ours,
        sigma=ours.sigma / c,
        beta=ours.beta / c,
        vcov=ours.vcov / c**2,
        deviance=ours.deviance - 2 * fit.optimum.df * np.log(c),
        u=ours.u / c,
        u_var=ours.u_var / c**2,
    )
    assert_same_answer(back, theirs)


@given(
    seeds, st.sampled_from(("y ~ x + (1 | g)", "y ~ x + (x | g)", "y ~ x + z + (x | g)")), either
)
def test_shifting_a_predictor(seed: int, formula: str, reml: bool) -> None:
    """beta0 becomes beta0 - c beta1 and the random intercept stands elsewhere: same likelihood,
    same slopes. This is the slope on a raw calendar year that lme4 calls singular."""
    c = 1e6
    data = two_level(seed)
    data["x"] = np.round(data["x"], 6)  # so that the shift itself loses nothing
    fit = ec.lmer(formula, data, reml=reml)
    other = ec.lmer(formula, data.assign(x=data["x"] + c), reml=reml)
    a, b = Answer.of(fit), Answer.of(other)
    se = np.sqrt(np.diagonal(a.vcov))
    assert_allclose(b.deviance, a.deviance, rtol=1e-9)
    assert_allclose(b.sigma, a.sigma, rtol=RTOL)
    assert_allclose(b.beta[1:] / se[1:], a.beta[1:] / se[1:], atol=RTOL)
    assert_allclose((b.beta[0] + c * b.beta[1] - a.beta[0]) / se[0], 0, atol=1e-4)  # 1e6 cancels
    assert_allclose(np.sqrt(np.diagonal(b.vcov))[1:], se[1:], rtol=10 * RTOL)
    assert_allclose(b.df[1:], a.df[1:], rtol=100 * RTOL)
    if len(fit.effects) == 2:
        assert_allclose(b.u[:, 1], a.u[:, 1], rtol=0, atol=RTOL * 10)
        D = fit.optimum.covariance
        assert_allclose(other.optimum.covariance[1, 1], D[1, 1], rtol=100 * RTOL, atol=1e-12)
    assert other.verdict.status == fit.verdict.status


@pytest.mark.parametrize("c", [1e6, 1e-6])
@given(
    seeds,
    st.sampled_from(("y ~ x + (x | g)", "y ~ x + z + (x || g)", "y ~ x + (0 + x | g)")),
    either,
)
def test_scaling_a_predictor(c: float, seed: int, formula: str, reml: bool) -> None:
    """Its coefficients divide by c; the REML criterion gains 2 log c, the ML deviance nothing."""
    data = two_level(seed)
    fit = ec.lmer(formula, data, reml=reml)
    other = ec.lmer(formula, data.assign(x=data["x"] * c), reml=reml)
    a, b = Answer.of(fit), Answer.of(other)
    units = np.where(np.array(fit.names) == "x", c, 1.0)
    effects = np.where(np.array(fit.effects) == "x", c, 1.0)
    shape = fit.optimum.pairs
    back = replace(
        b,
        theta=b.theta * effects[shape.row],
        beta=b.beta * units,
        vcov=b.vcov * np.outer(units, units),
        deviance=b.deviance - (2 * np.log(c) if reml else 0.0),
        u=b.u * effects,
        u_var=b.u_var * np.outer(effects, effects),
    )
    assert_same_answer(back, a)


@given(seeds, either)
def test_raw_year_is_the_centred_year(seed: int, reml: bool) -> None:
    """A random slope on the years 2015 to 2023 as they stand."""
    rng = np.random.default_rng(seed)
    data = two_level(seed)
    year = rng.integers(2015, 2024, len(data))
    slope = rng.normal(size=1000)[data["g"].str[1:].astype(int)]
    data = data.assign(year=year, yc=year - 2019, y=data["y"] + 0.5 * slope * (year - 2019))
    raw = ec.lmer("y ~ year + (year | g)", data, reml=reml)
    centred = ec.lmer("y ~ yc + (yc | g)", data, reml=reml)
    assert raw.verdict.status == centred.verdict.status
    assert_allclose(raw.coefficients()["df"][1], centred.coefficients()["df"][1], rtol=1e-5)
    assert_allclose(raw.deviance, centred.deviance, rtol=1e-10)
    assert_allclose(raw.optimum.beta[1], centred.optimum.beta[1], rtol=RTOL, atol=RTOL)
    assert_allclose(
        raw.optimum.covariance[1, 1], centred.optimum.covariance[1, 1], rtol=10 * RTOL, atol=1e-12
    )
    move = np.array([[1.0, 2019.0], [0.0, 1.0]])
    assert_allclose(
        move @ raw.optimum.covariance @ move.T, centred.optimum.covariance, rtol=1e-5, atol=1e-5
    )


@given(seeds, either)
def test_double_bar_is_two_terms(seed: int, reml: bool) -> None:
    data = two_level(seed)
    bars = ec.lmer("y ~ x + (x || g)", data, reml=reml)
    terms = ec.lmer("y ~ x + (1 | g) + (0 + x | g)", data, reml=reml)
    assert_same_answer(Answer.of(bars), Answer.of(terms))
    assert bars.optimum.covariance[0, 1] == 0.0
    assert len(bars.theta) == 2 and bars.criteria().parameters == 5


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("make", ["pandas", "polars", "pyarrow"])
def test_input_tables_are_never_changed(seed: int, make: str) -> None:
    rows = two_level(seed)
    rows["f"] = np.where(np.arange(len(rows)) % 3 == 0, "low", "high")
    rows.loc[2, "x"] = np.nan
    rows["weight"], rows["shift"] = 1 + rows["w"] ** 2, 0.25 * rows["w"]
    maker = {"pandas": pd.DataFrame.copy, "polars": pl.from_pandas, "pyarrow": pa.Table.from_pandas}
    data, untouched = maker[make](rows), maker[make](rows)
    fit = ec.lmer("y ~ x + f + (x | g)", data, precision="weight", offset="shift")
    for method in ("coefficients", "variance_components", "groups", "ranef", "coef", "confint"):
        getattr(fit, method)()
    fit.fittedvalues.sum(), fit.resid.sum()
    ec.lm("y ~ x + f", data, precision="weight", offset="shift")
    assert data.equals(untouched)
    assert list(getattr(data, "column_names", getattr(data, "columns", None))) == list(rows.columns)
