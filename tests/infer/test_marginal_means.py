"""Laws of reference grids and marginal means; other programs' numbers are in tests/reference."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import echelon as ec
from echelon.errors import DataError, TooLarge, UnknownArgument, UnknownColumn, UnknownOption
from echelon.infer.marginal.grid import reference_grid
from tolerances import CLOSED

SAME = dict(rtol=CLOSED["rtol"], atol=1e-9)


def rows(seed: int = 1, n: int = 240, balanced: bool = False) -> pd.DataFrame:
    """Two factors, a covariate, a 0/1 predictor and groups, with unequal cells."""
    rng = np.random.default_rng(seed)
    i = np.arange(n)
    a = i % 3 if balanced else rng.choice(3, n, p=[0.5, 0.3, 0.2])
    b = (i // 3) % 4 if balanced else rng.choice(4, n, p=[0.4, 0.3, 0.2, 0.1])
    made = pd.DataFrame({
        "a": pd.Categorical.from_codes(a, ["lo", "mid", "hi"]),
        "b": np.array(list("wxyz"))[b],
        "x": rng.gamma(4.0, size=n),
        "late": (rng.random(n) < 0.3).astype(int),
        "g": rng.integers(0, 15, n),
    })  # fmt: skip
    effect = rng.normal(size=(3, 4))[a, b] + 0.4 * made["x"] - made["late"]
    made["y"] = effect + rng.normal(size=15)[made["g"]] + rng.normal(size=n)
    return made


def estimate(fit: ec.LMM | ec.OLS, *args: object, **options: object) -> np.ndarray:
    return fit.emmeans(*args, **options).values.estimate  # type: ignore[arg-type]


def same_means(one: ec.LMM | ec.OLS, other: ec.LMM | ec.OLS, specs: str, **options: object) -> None:
    first, second = (fit.emmeans(specs, **options).values for fit in (one, other))
    for name in ("estimate", "std_error", "df", "conf_low", "p_value"):
        np.testing.assert_allclose(getattr(first, name), getattr(second, name), rtol=1e-5)


@pytest.mark.parametrize("formula", ["y ~ a * b + x + (1 | g)", "y ~ a + b + x * late + (x | g)"])
@pytest.mark.parametrize("contrast", ["sum", "helmert", "poly"])
def test_coding_changes_nothing(formula: str, contrast: str) -> None:
    data = rows()
    plain = ec.lmer(formula, data)
    coded = ec.lmer(formula, data, contrasts={"a": contrast, "b": "sum"})
    same_means(plain, coded, "a", weights="proportional")
    same_means(plain, coded, "b", by="late" if "late" in formula else "a")


def test_reference_level_and_order_change_nothing_but_the_order() -> None:
    data = rows()
    turned = data.assign(a=data["a"].cat.reorder_categories(["hi", "lo", "mid"]))
    one, other = (ec.lm("y ~ a * b + x", d).emmeans("a") for d in (data, turned))
    assert other.values.names == ("hi", "lo", "mid")
    np.testing.assert_allclose(one.values.estimate[[2, 0, 1]], other.values.estimate, **SAME)


def test_without_the_constant() -> None:
    data = rows()
    same_means(ec.lm("y ~ a * b + x", data), ec.lm("y ~ 0 + a:b + x", data), "a")


def test_numbers_words_and_truth_values_are_one_predictor() -> None:
    """A 0/1 predictor is a factor here, as in emmeans, however it is stored."""
    data = rows()
    fits = [
        ec.lmer(f"y ~ a + {late} + (1 | g)", data.assign(late=values))
        for late, values in (
            ("late", data["late"]),
            ("factor(late)", data["late"]),
            ("C(late, Sum)", data["late"]),
            ("late", data["late"] == 1),
            ("late", np.where(data["late"] == 1, "yes", "no")),
        )
    ]
    for fit in fits[1:]:
        same_means(fits[0], fit, "late")
        same_means(fits[0], fit, "a", weights="outer")


def test_means_of_a_balanced_table_are_raw_means() -> None:
    data = rows(balanced=True)
    for formula in ("y ~ a + b", "y ~ a * b"):
        fit = ec.lm(formula, data)
        for name in ("a", "b"):
            raw = data.groupby(name, observed=True)["y"].mean().to_numpy()
            for weights in ("equal", "proportional", "observed", "outer"):
                np.testing.assert_allclose(estimate(fit, name, weights=weights), raw, **SAME)


def test_observed_weights_give_raw_means_of_any_table() -> None:
    data = rows()
    raw = data.groupby("a", observed=True)["y"].mean().to_numpy()
    fit = ec.lm("y ~ a * b", data)
    np.testing.assert_allclose(estimate(fit, "a", weights="observed"), raw, **SAME)
    assert np.abs(estimate(fit, "a") - raw).max() > 0.01


def test_overall_mean_with_observed_weights_is_that_of_the_data() -> None:
    data = rows()
    fit = ec.lm("y ~ a * b", data)
    assert estimate(fit, (), weights="observed") == pytest.approx([data["y"].mean()])


def test_covariates_are_at_their_mean_or_where_asked() -> None:
    data = rows()
    fit = ec.lmer("y ~ a + x + (1 | g)", data)
    slope = dict(zip(fit.names, fit.optimum.beta, strict=True))["x"]
    at_mean, at_five = estimate(fit, "a"), estimate(fit, "a", at={"x": 5})
    np.testing.assert_allclose(at_five - at_mean, slope * (5 - data["x"].mean()), **SAME)
    several = fit.emmeans("x", by="a", at={"x": [0, 5]})
    assert several.values.names == ("x 0", "x 5") * 3
    np.testing.assert_allclose(several.values.estimate[1::2], at_five, **SAME)
    said = f"At x = {data['x'].mean():.6g} (its mean)."
    assert fit.emmeans("a").notes == (said,)


@pytest.mark.parametrize("term", ["poly(x, 2)", "scale(x) + I(scale(x)^2)", "x + I(x^2)"])
def test_transformed_predictors_are_evaluated_on_the_grid(term: str) -> None:
    data = rows()
    raw = ec.lm("y ~ a + x + I(x**2)", data)
    same_means(raw, ec.lm(f"y ~ a + {term}", data), "a", at={"x": 2.5})
    same_means(raw, ec.lm(f"y ~ a + {term}", data), "a")


def test_an_offset_is_at_its_mean() -> None:
    data = rows().assign(o=np.linspace(0, 3, 240))
    free = ec.lm("y ~ a", data.assign(y=data["y"] - data["o"]))
    inside, beside = ec.lm("y ~ a + offset(o)", data), ec.lm("y ~ a", data, offset="o")
    for fit in (inside, beside):
        np.testing.assert_allclose(estimate(fit, "a"), estimate(free, "a") + 1.5, **SAME)
        assert "The offset is included, at 1.5." in fit.emmeans("a").notes
    np.testing.assert_allclose(
        inside.emmeans("a", at={"o": 0}).values.statistic,
        free.emmeans("a").values.statistic,
        **SAME,
    )


def test_an_offset_that_was_scaled_is_scaled_as_in_the_fit() -> None:
    data = rows()
    fit = ec.lm("y ~ a + offset(scale(x))", data)
    plain = ec.lm(
        "y ~ a", data.assign(y=data["y"] - (data["x"] - data["x"].mean()) / data["x"].std())
    )
    np.testing.assert_allclose(estimate(fit, "a"), estimate(plain, "a"), **SAME)


def test_redundant_columns_change_nothing_where_they_can_be_told() -> None:
    data = rows()
    data["double"] = 3 - 2 * data["x"]
    fit, plain = (ec.lmer(f"y ~ a + x {more}+ (1 | g)", data) for more in ("+ double ", ""))
    assert fit.dropped == ("double",)
    same_means(fit, plain, "a")
    moved = fit.emmeans("a", at={"x": 1.0})
    assert np.isnan(moved.values.estimate).all() and "dropped: double" in " ".join(moved.notes)
    together = estimate(fit, "a", at={"x": 1.0, "double": 1.0})
    np.testing.assert_allclose(together, estimate(plain, "a", at={"x": 1.0}), **SAME)


def test_empty_cells_without_a_constant() -> None:
    data = rows()
    data = data[(data["a"] != "hi") | (data["b"] != "z")]
    with_one, without = ec.lm("y ~ a * b", data), ec.lm("y ~ 0 + a + b + a:b", data)
    for fit in (with_one, without):
        values = fit.emmeans(["a", "b"]).values
        assert np.flatnonzero(np.isnan(values.estimate)).tolist() == [11]
        raw = data.groupby(["b", "a"], observed=True)["y"].mean().to_numpy()
        np.testing.assert_allclose(values.estimate[:11], raw, **SAME)
        assert np.isnan(estimate(fit, "a")).tolist() == [False, False, True]
        seen = estimate(fit, "a", weights="observed")
        np.testing.assert_allclose(seen, data.groupby("a", observed=True)["y"].mean(), **SAME)


def test_differences_can_be_told_where_means_cannot() -> None:
    """x and its copy x2 at odds: no level is known, every difference between levels is."""
    data = rows().assign(x2=lambda d: d["x"])
    fit = ec.lm("y ~ a + x + x2", data)
    means = fit.emmeans("a", at={"x": 0.0, "x2": 1.0})
    assert np.isnan(means.values.estimate).all()
    plain = ec.lm("y ~ a + x", data).emmeans("a").contrasts()
    np.testing.assert_allclose(means.contrasts().values.estimate, plain.values.estimate, **SAME)


def test_summaries_have_the_means_of_their_rows() -> None:
    data = rows()
    data["level"] = data["g"] % 5 + 0.5
    data["kind"] = np.where(data["g"] % 3 == 0, "p", "q")
    means = data.groupby("g").agg(
        mean=("y", "mean"), sd=("y", "std"), n=("y", "size"), level=("level", "first"),
        kind=("kind", "first"),
    ).reset_index()  # fmt: skip
    by_rows = ec.lmer("y ~ kind + level + (1 | g)", data)
    by_groups = ec.lmer("mean ~ kind + level + (1 | g)", summaries=means)
    same_means(by_rows, by_groups, "kind")
    same_means(by_rows, by_groups, "level", at={"level": [1, 4]}, weights="proportional")


def test_every_uncertainty_is_passed_on() -> None:
    data = rows()
    fit = ec.lmer("y ~ a + x + (1 | g)", data)
    kinds = {df: fit.emmeans("a", df=df).values for df in ("kenward-roger", "none")}
    assert np.isinf(kinds["none"].df).all() and np.isfinite(kinds["kenward-roger"].df).all()
    robust = fit.emmeans("a", robust="CR2").values
    assert robust.method != kinds["none"].method
    assert np.abs(robust.std_error - kinds["none"].std_error).min() > 0
    # the mean of the base level at x = 0 is the constant
    base = fit.emmeans("a", at={"x": 0}, robust="CR2").values.std_error[0]
    assert base == pytest.approx(np.asarray(fit.coefficients(robust="CR2")["std_error"])[0])


@pytest.mark.parametrize("backend", ["pandas", "polars", "pyarrow"])
def test_tables_come_back_in_the_callers_library(backend: str) -> None:
    data = ec.datasets.load("eclsk", backend=backend, quiet=True)
    means = ec.lmer("g1rscore ~ sector + schmeansesc + (1 | schid)", data).emmeans("sector")
    for frame, first in ((means.frame(), "sector"), (means.contrasts().frame(), "contrast")):
        assert type(frame).__module__.split(".")[0] == backend
        names = frame.column_names if backend == "pyarrow" else frame.columns
        assert list(names)[:2] == [first, "estimate"]


def test_names_of_variables_as_users_write_them() -> None:
    fit = ec.lmer("y ~ a * b + factor(late) + (1 | g)", rows())
    for specs in (["a", "b"], "a:b", "a*b", "~ a + b", ("a", "b")):
        assert fit.emmeans(specs).specs == ("a", "b")
    for specs in ("a | b", "~ a | b"):
        assert (fit.emmeans(specs).specs, fit.emmeans(specs).by) == (("a",), ("b",))
    assert fit.emmeans("factor(late)").specs == fit.emmeans("late").specs == ("late",)
    assert fit.emmeans("1").specs == fit.emmeans().specs == ()


def test_bad_questions_are_refused_in_words() -> None:
    fit = ec.lmer("y ~ a * b + x + (1 | g)", rows())
    asked = [
        (UnknownColumn, dict(specs="aa")),
        (UnknownColumn, dict(specs="g")),
        (UnknownColumn, dict(specs="a", at={"z": 1})),
        (DataError, dict(specs="a", at={"b": "v"})),
        (DataError, dict(specs="a", at={"x": "much"})),
        (DataError, dict(specs="a", at={"x": []})),
        (DataError, dict(specs="a", by="a")),
        (DataError, dict(specs="pairwise ~ a")),
        (DataError, dict(specs=3)),
        (DataError, dict(specs="a", level=95)),
        (DataError, dict(specs="a", adjust="tukey")),
        (UnknownOption, dict(specs="a", weights="cell")),
        (UnknownOption, dict(specs="a", df="satterthwait")),
        (UnknownOption, dict(specs="a", adjust="holmes")),
        (UnknownArgument, dict(specs="a", weight="equal")),
        (TooLarge, dict(specs="a", at={"x": np.linspace(0, 1, 5000)})),
    ]
    for kind, options in asked:
        with pytest.raises(kind):
            fit.emmeans(**options)


def test_grid_varies_the_first_predictor_fastest() -> None:
    fit = ec.lm("y ~ b + a + x", rows())
    grid = reference_grid(fit, {"x": [1, 2]})
    assert list(grid.levels) == ["b", "a", "x"] and grid.m == 24
    assert grid.places("b")[:5].tolist() == [0, 1, 2, 3, 0]
    assert grid.places("x").tolist() == [0] * 12 + [1] * 12
    np.testing.assert_allclose(grid.columns["x"].values, np.repeat([1.0, 2.0], 12))
    assert grid.frequency[:12].sum() == 240 and grid.held == ()
    every = reference_grid(ec.lm("y ~ late + x", rows()), vary=["x"])
    assert every.m == 2 * 240 and every.frequency.sum() == 240
