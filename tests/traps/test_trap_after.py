"""After the fit: bad input gets one clear error, results hold no rounding, nothing is half written."""

from __future__ import annotations

import dataclasses
import pickle
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import echelon as ec
from echelon import errors

SCREEN = 100  # columns of a shell


@cache
def table() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(20), 12)
    x = rng.normal(size=240) + 0.5 * rng.normal(size=20)[g]
    y = 1 + x + rng.normal(size=20)[g] + rng.normal(size=240)
    names = [f"s{i:02d}" for i in g]
    return pd.DataFrame({"y": y, "x": x, "school": names, "kind": np.where(g % 2, "a", "b")})


@cache
def fit() -> ec.LMM:
    return ec.lmer("y ~ x + kind + (x | school)", table())


@cache
def small() -> ec.LMM:
    return ec.lmer("y ~ x + (1 | school)", table())


@cache
def summarised() -> ec.LMM:
    groups = table().groupby("school")["y"].agg(["mean", "std", "size"]).reset_index()
    named = groups.rename(columns={"mean": "y", "std": "sd", "size": "n"})
    return ec.lmer("y ~ 1 + (1 | school)", summaries=named)


def planned(**more: object) -> object:
    return ec.optimal_design(
        **{"icc": 0.2, "cost_group": 100, "cost_row": 5, "budget": 9_000} | more
    )


def study(**more: object) -> object:
    few = {"J": 10, "n": 5, "icc": 0.2, "reps": 5, "rng": 1, "progress": False}
    return ec.design_study(**few | more)


REFUSED = {
    "terms of a number": (lambda: fit().predict(terms=3), errors.DataError, "terms=3"),
    "residuals of a list": (lambda: fit().residuals(["pearson"]), errors.UnknownOption, "kind="),
    "explain nobody": (lambda: fit().explain(), errors.WrongCall, "missing a required argument: 'group'"),
    "refit to nothing": (lambda: fit().refit(), errors.WrongCall, "'y'"),
    "refit to words": (lambda: fit().refit(["a"] * 240), errors.DataError, "'a', 'a', \\.\\.\\. Give the values|'a', 'a', \\.\\.\\.\\. Give"),
    "an option by position": (lambda: fit().design_effect(1), errors.WrongCall, "too many positional arguments"),
    "power by position": (lambda: ec.power(40, 20, 0.2), errors.WrongCall, "By name: J, n, icc"),
    "r2 by position": (lambda: fit().r2("marginal"), errors.WrongCall, "too many"),
    "more draws than memory": (lambda: fit().simulate(10**13), errors.TooLarge, "too much at once"),
    "size in words": (lambda: small().r2_levels(size="ten"), errors.DataError, "size='ten'"),
    "ranks from a word": (lambda: small().ranks(rng="a"), errors.DataError, "rng='a'"),
    "ranks from a negative seed": (lambda: small().ranks(rng=-1), errors.DataError, "rng=-1"),
    "explain from a word": (lambda: small().explain("s01", rng="a"), errors.DataError, "rng='a'"),
    "top in words": (lambda: small().ranks(top="tenth"), errors.DataError, "top='tenth'"),
    "top of nothing": (lambda: small().ranks(top=None), errors.DataError, "top=None"),
    "least in words": (lambda: small().variance_homogeneity(least="a"), errors.DataError, "least='a'"),
    "least of none": (lambda: small().variance_homogeneity(least=0), errors.DataError, "at least 1"),
    "least too large": (lambda: small().variance_homogeneity(least=99), errors.DataError, "0 groups of 'school' have as many.*least=3"),
    "influence top": (lambda: small().influence().table(top=-1), errors.DataError, "top=-1"),
    "one term in a scatter": (lambda: fit().plot.effects_scatter(terms=("x",)), errors.DataError, "two random coefficients"),
    "an option of a figure": (lambda: fit().plot.league(colour="red"), errors.UnknownArgument, "league.. has no option colour="),
    "no axes": (lambda: small().plot.caterpillar(ax=3), errors.DataError, "ax=3 is no Axes"),
    "no folder": (lambda: small().plot.save_all(None), errors.DataError, "None is no path"),
    "a number as a path": (lambda: small().residual_file(path=3), errors.DataError, "3 is no path"),
    "no path": (lambda: small().design_effect().to_file(None), errors.DataError, "None is no path"),
    "write to no path": (lambda: ec.write(table(), None), errors.DataError, "None is no path"),
    "labels in one string": (lambda: ec.write(table(), "a.sav", labels="x"), errors.DataError, "by name of column"),
    "labels of a typo": (lambda: ec.write(table(), "a.sav", labels={"kin": "Kind"}), errors.UnknownColumn, "Did you mean 'kind'"),
    "no budget": (lambda: planned(budget="a"), errors.DataError, "budget='a' must be a positive number"),
    "no cost": (lambda: planned(cost_group="a"), errors.DataError, "cost_group='a'"),
    "no power wanted": (lambda: planned(power=None), errors.DataError, "power= is needed"),
    "study without groups": (lambda: study(J=[]), errors.DataError, "J= is empty"),
    "effects in a string": (lambda: study(effects="x"), errors.DataError, "by name of predictor"),
    "effect_sd of a number": (lambda: study(effect_sd=1), errors.DataError, "by name of predictor"),
    "level2 of a number": (lambda: study(level2=3), errors.DataError, "3 is no predictor"),
    "estimators of a number": (lambda: study(estimators=3), errors.UnknownOption, "estimators=3"),
    "study power": (lambda: study(power=80), errors.DataError, "power=0.8"),
    "study nsim": (lambda: study(nsim=80), errors.UnknownArgument, "reps="),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED.values(), ids=[n.replace(" ", "_") for n in REFUSED])
def test_bad_input_is_refused_in_words(case: tuple) -> None:
    call, kind, message = case
    with pytest.raises(kind, match=f"(?s){message}"):
        call()


@pytest.mark.parametrize(
    "path", ["a.xyz", "a.rds", "a.sva", "no_ending", "missing/a.csv", "a.xlsx"]
)
def test_a_table_that_cannot_be_written_leaves_nothing(path: str, tmp_path: Path) -> None:
    with pytest.raises(errors.FileFormatError) as caught:
        small().residual_file(path=tmp_path / path)
    assert str(caught.value).count(".parquet") <= 1
    assert not list(tmp_path.rglob("*"))


def test_the_nearest_ending_is_named(tmp_path: Path) -> None:
    with pytest.raises(errors.FileFormatError, match=r"Did you mean '\.parquet'"):
        ec.write(table(), tmp_path / "a.parqet")


def test_a_home_folder_is_written_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    small().design_effect().to_file("~/effects.txt")
    assert (tmp_path / "effects.txt").exists()


RESULTS: dict[str, Callable[[], object]] = {
    "performance": lambda: fit().performance(),
    "check": lambda: fit().check(),
    "influence": lambda: fit().influence(),
    "influence of groups": lambda: fit().influence("school"),
    "collinearity": lambda: fit().collinearity(),
    "linearity": lambda: fit().linearity(),
    "contextual": lambda: fit().contextual(),
    "homogeneity": lambda: fit().variance_homogeneity(least=5),
    "r2_levels": lambda: fit().r2_levels(),
    "r2_decomposition": lambda: fit().r2_decomposition(),
    "conditional_aic": lambda: fit().conditional_aic(),
    "design_effect": lambda: fit().design_effect(),
    "ranks": lambda: fit().ranks(n=200),
    "comparison": lambda: fit().comparison_intervals(),
    "two groups": lambda: fit().compare_groups("s01", "s02"),
    "explain": lambda: fit().explain("s01", n=200),
    "refits": lambda: fit().refit(fit().simulate(3, rng=1)),
    "power": lambda: ec.power(J=[20, 40], n=20, icc=0.2, effect=0.3),
    "plan": planned,
    "study": study,
}


@pytest.mark.parametrize("make", RESULTS.values(), ids=[n.replace(" ", "_") for n in RESULTS])
def test_results_fit_a_screen_are_frozen_and_can_be_stored(make: Callable[[], object]) -> None:
    found = make()
    assert max(map(len, repr(found).splitlines())) <= SCREEN
    again = pickle.loads(pickle.dumps(found))
    assert type(again) is type(found)
    assert repr(again) == repr(found)
    name = dataclasses.fields(found)[0].name
    with pytest.raises((dataclasses.FrozenInstanceError, AttributeError, TypeError)):
        setattr(found, name, None)
    assert not hasattr(found, "__dict__")


def test_a_rounded_group_mean_in_the_model_is_the_mean() -> None:
    """Else the slope between groups would be the quotient of two roundings."""
    data = ec.group_mean(table(), "x", by="school")
    own = ec.lmer("y ~ x + x_m + (1 | school)", data.assign(x_m=data["x_m"].round(3)))
    assert len(own.contextual().frame()) == 0
    assert len(small().contextual().frame()) == 1


def test_a_slope_that_cancels_is_zero() -> None:
    data = table().assign(y=lambda d: d["y"] - d.groupby("school")["y"].transform("mean"))
    between = ec.lmer("y ~ x + (1 | school)", data).contextual().frame()["between"]
    assert float(between.iloc[0]) == 0.0


def test_a_predictor_balanced_within_groups_explains_exactly_nothing_of_their_means() -> None:
    sleep = ec.datasets.load("sleepstudy", quiet=True)
    assert ec.lmer("Reaction ~ Days + (Days | Subject)", sleep).r2_levels().level2 == 0.0


def test_a_short_league_table_names_every_group_once() -> None:
    shown = small().ranks(n=200).table(most=5)
    names = [str(row[0]) for section in shown.sections for row in section.rows]
    assert sorted(names) == sorted(set(table()["school"]))


def test_influence_of_many_rows_after_the_iterative_method_is_refused_as_such() -> None:
    crossed = table().assign(item=np.arange(240) % 7)
    found = ec.lmer("y ~ x + (1 | school) + (1 | item)", crossed, method="iterative", rng=1)
    with pytest.raises(
        errors.NotYetSupported, match=r'influence\(\) of 240 rows needs method="exact"'
    ):
        found.influence()


@pytest.mark.parametrize(
    ("linear", "name", "words"),
    [
        (False, "predictt", "Did you mean 'predict'"),
        (True, "sumary", "Did you mean 'summary'"),
        (True, "ranova", "A linear model has no .ranova: it is of models with groups"),
        (True, "contextual", "A linear model has no .contextual"),
    ],
)
def test_a_mistyped_method_is_named(linear, name, words):
    sleep = ec.datasets.load("sleepstudy", quiet=True)
    if linear:
        fit = ec.lm("Reaction ~ Days", sleep)
    else:
        fit = ec.lmer("Reaction ~ Days + (1 | Subject)", sleep)
    with pytest.raises(AttributeError, match=re.escape(words)):
        getattr(fit, name)
    assert not hasattr(fit, "_repr_png_")


def test_endless_draws_are_refused():
    sleep = ec.datasets.load("sleepstudy", quiet=True)
    fit = ec.lmer("Reaction ~ Days + (1 | Subject)", sleep)
    with pytest.raises(errors.DataError, match="at most 1,000,000"):
        fit.ranks(n=10**12)
