"""One test for each silently wrong answer that some other program gives."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose

import echelon as ec
from tolerances import CLOSED, SAME, printed


@pytest.fixture(scope="module")
def sleep() -> pd.DataFrame:
    return ec.datasets.load("sleepstudy")


@pytest.fixture(scope="module")
def hsb() -> pd.DataFrame:
    return ec.datasets.load("hsb")


@pytest.fixture(scope="module")
def towns() -> pd.DataFrame:
    """A level-2 factor whose order is not the alphabet's, and a numeric grouping."""
    rng = np.random.default_rng(11)
    g = np.repeat(np.arange(12), 8)
    place = np.array(["village", "town", "city"])[np.arange(12) % 3][g]
    x = rng.normal(size=96)
    y = (
        x
        + (place == "city")
        - 0.5 * (place == "town")
        + rng.normal(size=12)[g]
        + rng.normal(size=96)
    )
    return pd.DataFrame({"y": y, "x": x, "place": place, "g": g, "flag": (g % 2).astype(bool)})


ORDER = ["village", "town", "city"]


# --- the formula --------------------------------------------------------------------------------


def test_random_slope_has_its_implicit_intercept(sleep: pd.DataFrame) -> None:
    """interlace drops it."""
    fit = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep)
    assert fit.effects == ("(Intercept)", "Days")
    assert_allclose(
        fit.theta, ec.lmer("Reaction ~ Days + (1 + Days | Subject)", sleep).theta, **SAME
    )


def test_bar_is_never_bitwise_or(towns: pd.DataFrame) -> None:
    """statsmodels reads (1|g) as a number and fits it as a predictor."""
    fit = ec.lmer("y ~ x + (1|g)", towns)
    assert fit.names == ("(Intercept)", "x")
    assert (fit.factor, fit.J, fit.effects) == ("g", 12, ("(Intercept)",))
    with pytest.raises(ec.errors.FormulaError):
        ec.lm("y ~ x + (1|g)", towns)


def test_one_bar_is_correlated_two_bars_are_not(sleep: pd.DataFrame) -> None:
    """bambi makes (Days|Subject) uncorrelated."""
    one = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep)
    two = ec.lmer("Reaction ~ Days + (Days || Subject)", sleep)
    assert len(one.theta) == 3 and one.optimum.covariance[0, 1] != 0
    assert len(two.theta) == 2 and two.optimum.covariance[0, 1] == 0
    assert printed(one.deviance, "1743.6283") and printed(two.deviance, "1743.6693")


def test_maximum_likelihood_is_respected(sleep: pd.DataFrame) -> None:
    """pymer4 ignores REML=False."""
    fit = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep, reml=False)
    assert printed(fit.deviance, "1751.9393") and not fit.criteria().restricted
    assert printed(ec.lmer("Reaction ~ Days + (Days | Subject)", sleep).deviance, "1743.6283")


def test_interaction_without_main_effect_gives_every_level_its_slope(towns: pd.DataFrame) -> None:
    """mixedlm fixes one of the slopes at zero."""
    fit = ec.lmer("y ~ place + x:place + (1 | g)", towns)
    full = ec.lmer("y ~ place * x + (1 | g)", towns)
    slopes = [name for name in fit.names if "x" in name.split(":")]
    assert len(slopes) == 3
    for level in ORDER:
        assert any(level in name for name in slopes)
    assert_allclose(fit.fittedvalues, full.fittedvalues, rtol=CLOSED["rtol"])
    ml = [
        ec.lmer(f, towns, reml=False).deviance
        for f in ("y ~ x:place + place + (1 | g)", "y ~ x * place + (1 | g)")
    ]
    assert_allclose(ml[0], ml[1], rtol=1e-10)


def test_slope_of_every_level_without_main_effects(towns: pd.DataFrame) -> None:
    fit = ec.lmer("y ~ x:place + (1 | g)", towns)
    assert len(fit.names) == 4 and fit.dropped == ()
    dummies = [towns["x"] * (towns["place"] == level) for level in sorted(ORDER)]
    data = towns.assign(**{f"x{i}": d for i, d in enumerate(dummies)})
    other = ec.lmer("y ~ x0 + x1 + x2 + (1 | g)", data)
    assert_allclose(fit.optimum.beta, other.optimum.beta, rtol=CLOSED["rtol"])


def test_collinear_columns_are_dropped_and_named(towns: pd.DataFrame) -> None:
    """lme-python gives garbage; others say how many, not which."""
    data = towns.assign(twice=2 * towns["x"] + 3, one=1.0)
    fit = ec.lmer("y ~ x + twice + one + (1 | g)", data)
    assert fit.names == ("(Intercept)", "x") and fit.dropped == ("twice", "one")
    assert any("twice, one" in note for note in fit.notes)
    plain = ec.lmer("y ~ x + (1 | g)", data)
    assert_allclose(fit.optimum.beta, plain.optimum.beta, rtol=CLOSED["rtol"])
    assert_allclose(fit.deviance, plain.deviance, rtol=1e-12)
    assert ec.lm("y ~ x + twice", data).dropped == ("twice",)


# --- reference levels and labels ----------------------------------------------------------------


def categories(towns: pd.DataFrame) -> dict[str, object]:
    polars = pl.from_pandas(towns)
    place = towns["place"].tolist()
    codes = pa.array([ORDER.index(p) for p in place], pa.int32())
    arrow = pa.Table.from_pandas(towns)
    return {
        "pandas": towns.assign(place=pd.Categorical(towns["place"], ORDER)),
        "polars": polars.with_columns(pl.Series("place", place, dtype=pl.Enum(ORDER))),
        "pyarrow": arrow.set_column(2, "place", pa.DictionaryArray.from_arrays(codes, ORDER)),
    }


@pytest.mark.parametrize("backend", ["pandas", "polars", "pyarrow"])
def test_first_category_is_the_reference(towns: pd.DataFrame, backend: str) -> None:
    """lme-python and interlace sort the levels by the alphabet in spite of their order."""
    fit = ec.lmer("y ~ place + (1 | g)", categories(towns)[backend])
    assert fit.names[0] == "(Intercept)" and len(fit.names) == 3
    assert "town" in fit.names[1] and "city" in fit.names[2]


def test_text_is_sorted(towns: pd.DataFrame) -> None:
    names = ec.lmer("y ~ place + (1 | g)", towns).names
    assert "town" in names[1] and "village" in names[2]


def test_labels_and_signs_do_not_depend_on_the_type_of_the_column(towns: pd.DataFrame) -> None:
    """mixedlm's labels lose the level (`sector.1`), so that the sign depends on the input type."""
    base = ec.lmer("y ~ place + (1 | g)", towns)
    for place in (
        towns["place"].astype(object),
        towns["place"].astype("string"),
        towns["place"].astype(pd.ArrowDtype(pa.string())),
        pd.Categorical(towns["place"]),
    ):
        fit = ec.lmer("y ~ place + (1 | g)", towns.assign(place=place))
        assert fit.names == base.names
        assert_allclose(fit.optimum.beta, base.optimum.beta, **SAME)
    for library in (pl.from_pandas(towns), pa.Table.from_pandas(towns)):
        fit = ec.lmer("y ~ place + (1 | g)", library)
        assert fit.names == base.names
        assert_allclose(fit.optimum.beta, base.optimum.beta, **SAME)


def test_booleans_say_which_value_they_speak_of(towns: pd.DataFrame) -> None:
    as_bool = ec.lmer("y ~ flag + (1 | g)", towns)
    as_number = ec.lmer("y ~ flag + (1 | g)", towns.assign(flag=towns["flag"].astype(int)))
    assert "true" in as_bool.names[1].lower()
    assert_allclose(as_bool.optimum.beta, as_number.optimum.beta, rtol=CLOSED["rtol"])
    for data in (pl.from_pandas(towns), pa.Table.from_pandas(towns)):
        fit = ec.lmer("y ~ flag + (1 | g)", data)
        assert fit.names == as_bool.names
        assert_allclose(fit.optimum.beta, as_bool.optimum.beta, **SAME)


def test_boolean_groups(towns: pd.DataFrame) -> None:
    assert ec.lmer("y ~ x + (1 | flag)", towns).J == 2


def test_polars_categoricals(towns: pd.DataFrame) -> None:
    frame = pl.from_pandas(towns).with_columns(pl.col("place").cast(pl.Categorical))
    fit = ec.lmer("y ~ place + (1 | g)", frame)
    assert len(fit.names) == 3
    for name, beta in fit.fixef().items():  # whatever the reference, the effect is the labelled one
        if name == "(Intercept)":
            continue
        level = next(level for level in ORDER if level in name)
        reference = next(level for level in ORDER if not any(level in n for n in fit.names))
        order = [reference, *(level_ for level_ in ORDER if level_ != reference)]
        other = ec.lmer(
            "y ~ place + (1 | g)", towns.assign(place=pd.Categorical(towns["place"], order))
        )
        (match,) = (n for n in other.names if level in n)
        assert_allclose(beta, other.fixef()[match], rtol=CLOSED["rtol"])


def test_unused_levels_are_no_columns_and_no_groups(towns: pd.DataFrame) -> None:
    data = towns.assign(
        place=pd.Categorical(towns["place"], ["hamlet", *ORDER, "metropolis"]),
        g=pd.Categorical(towns["g"], range(20)),
    )
    fit = ec.lmer("y ~ place + (1 | g)", data)
    assert fit.J == 12 and len(fit.names) == 3 and fit.dropped == ()
    part = categories(towns)["polars"].filter(pl.col("place") != "town")
    assert len(ec.lmer("y ~ place + (1 | g)", part).names) == 2


@pytest.mark.parametrize("backend", ["pandas", "polars", "pyarrow"])
def test_rows_without_a_group_are_left_out(towns: pd.DataFrame, backend: str) -> None:
    """A missing label is no group of its own."""
    label = [None if i % 10 == 0 else f"s{g}" for i, g in enumerate(towns["g"])]
    data = towns.drop(columns="place").assign(g=label)
    make = {"pandas": pd.DataFrame, "polars": pl.from_pandas, "pyarrow": pa.Table.from_pandas}
    fit = ec.lmer("y ~ x + (1 | g)", make[backend](data))
    assert (fit.J, fit.nobs) == (12, sum(v is not None for v in label))
    assert fit.source.missing.by_variable == (("g", 10),)
    assert any("10" in note and "g" in note for note in fit.notes)


def test_missing_numbers_of_every_kind(towns: pd.DataFrame) -> None:
    x = towns["x"].astype("Float64")
    x[3] = pd.NA
    gaps = towns["x"].where(np.arange(len(towns)) != 3)
    fits = [
        ec.lmer("y ~ x + (1 | g)", data)
        for data in (towns.assign(x=x), towns.assign(x=gaps), pl.from_pandas(towns.assign(x=gaps)))
    ]
    assert {fit.nobs for fit in fits} == {95}
    for fit in fits[1:]:
        assert_allclose(fit.optimum.beta, fits[0].optimum.beta, **SAME)


# --- numbers ------------------------------------------------------------------------------------


def test_hsb_is_at_the_optimum(hsb: pd.DataFrame) -> None:
    """statsmodels prints "Converged: Yes" at tau2 = 4.670."""
    fit = ec.lmer("mathach ~ ses + (1 | school)", hsb)
    assert printed(fit.optimum.covariance[0, 0], "4.768")
    df = fit.coefficients()["df"]
    assert (df < fit.nobs).all()  # interlace: 142,418 with 7,185 rows


def test_df_of_a_school_level_predictor_count_schools(hsb: pd.DataFrame) -> None:
    """bossanova and mixedlm's means use n - p = 7,182."""
    fit = ec.lmer("mathach ~ sector + (1 | school)", hsb)
    df = fit.coefficients()["df"][1]
    assert 100 < df < 160


def test_slope_in_units_of_a_million(sleep: pd.DataFrame) -> None:
    """lme4's default stops 9 to 20 log-likelihood units short and lmerTest's df are nonsense."""
    base = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep)
    for c in (1e6, 1e-6):
        fit = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep.assign(Days=sleep["Days"] * c))
        assert fit.verdict.status == "converged"
        assert_allclose(fit.deviance, base.deviance + 2 * np.log(c), rtol=1e-11)
        assert_allclose(fit.coefficients()["df"], [17.0, 17.0], rtol=1e-6)


def test_raw_year_is_no_singular_fit(sleep: pd.DataFrame) -> None:
    """lme4 calls a slope on the years 2015 to 2023 singular, 40 log-likelihood units short."""
    base = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep)
    fit = ec.lmer("Reaction ~ Year + (Year | Subject)", sleep.assign(Year=2015 + sleep["Days"]))
    assert fit.verdict.status == "converged"
    assert_allclose(fit.deviance, base.deviance, rtol=1e-11)
    assert_allclose(fit.coefficients()["df"], [17.0, 17.0], rtol=1e-5)
    assert_allclose(fit.optimum.covariance[1, 1], base.optimum.covariance[1, 1], rtol=1e-7)
    assert np.isfinite(fit.variance_components()[["variance", "sd"]]).all(axis=None)


def test_data_are_not_rounded(sleep: pd.DataFrame) -> None:
    """bossanova rounds to four digits."""
    small = sleep.assign(Reaction=sleep["Reaction"] * 1e-7)
    a = ec.lmer("Reaction ~ Days + (Days | Subject)", small)
    b = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep)
    assert_allclose(a.optimum.beta * 1e7, b.optimum.beta, rtol=CLOSED["rtol"])


def test_the_models_own_weights_are_not_weights() -> None:
    """Passing 1 / Delta_j back weights twice."""
    timss = ec.datasets.load("timss", quiet=True)
    fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    weight = timss["idschool"].map(fit.groups().set_index("idschool")["weight"])
    with pytest.warns(ec.errors.EchelonWarning, match="applies them already"):
        again = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss, precision=weight)
    assert any("weights twice" in note for note in again.notes)


def test_equal_weights_are_no_misuse(sleep: pd.DataFrame) -> None:
    """A constant is no precision of school means, whatever the number of rows of each school."""
    for seed in range(12):
        rng = np.random.default_rng(seed)
        g = np.repeat(np.arange(15), rng.integers(2, 16, 15))
        data = pd.DataFrame({"g": g, "y": rng.normal(size=len(g)) + rng.normal(size=15)[g]})
        fit = ec.lmer("y ~ 1 + (1 | g)", data, precision=np.full(len(g), 1.5))
        assert not any("weights twice" in note for note in fit.notes)
