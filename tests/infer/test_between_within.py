"""Between-within degrees of freedom: what HLM prints, and what counts as an equation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import echelon as ec
from echelon.errors import NotIdentified, NotYetSupported
from echelon.infer import joint_test, uncertainty


def pupils(
    schools: int, size: int, *, classes: int = 1, seed: int = 1, short: int = 0
) -> pd.DataFrame:
    """Pupils in classes in schools, with predictors of each level.

    Parameters
    ----------
    classes : a school;  size : pupils a class
    short : rows left out, one a class
    """
    rng = np.random.default_rng(seed)
    c = np.repeat(np.arange(schools * classes), size)
    s = c // classes
    n = len(c)
    x, sex = rng.normal(size=n), rng.integers(0, 2, n)
    z, w = rng.normal(size=schools)[s], rng.normal(size=schools)[s]
    t = rng.normal(size=schools * classes)[c]
    u = rng.normal(size=(2, schools))[:, s]
    y = 1 + x + u[0] + u[1] * x + rng.normal(size=schools * classes)[c] + rng.normal(size=n)
    columns = {"y": y, "x": x, "sex": sex, "z": z, "w": w, "t": t, "school": s, "class_": c}
    return pd.DataFrame(columns).drop(index=np.arange(short) * size)


def freedom(formula: str, data: pd.DataFrame, **options: object) -> dict[str, float]:
    fit = ec.lmer(formula, data, df="between-within", **options)
    return dict(zip(fit.names, np.asarray(fit.coefficients()["df"]).tolist(), strict=True))


def test_hlm_popular_data() -> None:
    """2,000 pupils in 100 classes, pupil's sex with a fixed slope: HLM prints 99 and 1998."""
    found = freedom("y ~ sex + (1 | school)", pupils(100, 20))
    assert found == {"(Intercept)": 99, "sex": 1998}


def test_hlm_language_scores() -> None:
    """2,287 pupils in 131 schools, verbal IQ with a fixed slope: HLM prints 130 and 2285."""
    found = freedom("y ~ x + (1 | school)", pupils(131, 18, short=71))
    assert found == {"(Intercept)": 130, "x": 2285}


def test_each_equation_counts_its_own_predictors() -> None:
    """Intercept by z and w, slope by z alone, a slope that varies with w but not at random."""
    data = pupils(40, 12)
    found = freedom("y ~ z + w + x + x:z + sex + sex:w + (x | school)", data)
    n, p = len(data), 7
    by_variables = {frozenset(name.split(":")): df for name, df in found.items()}
    assert by_variables == {
        frozenset({"(Intercept)"}): 37,
        frozenset({"z"}): 37,
        frozenset({"w"}): 37,
        frozenset({"x"}): 38,
        frozenset({"x", "z"}): 38,
        frozenset({"sex"}): n - p,
        frozenset({"sex", "w"}): n - p,
    }


def test_centred_products_and_codings() -> None:
    """Centring and coding are no other model: the same counts."""
    data = pupils(40, 12).assign(region=lambda d: np.array(["a", "b", "c"])[d["school"] % 3])
    same = "y ~ region * x + (x | school)"
    assert set(freedom(same, data).values()) == {37.0}
    moved = data.assign(x=data["x"] - 100)
    assert set(freedom(same, moved).values()) == {37.0}
    assert set(freedom(same, data, contrasts={"region": "sum"}).values()) == {37.0}
    cells = freedom("y ~ 0 + region + x + (1 | school)", data)
    assert set(cells.values()) == {37.0, len(data) - 4.0}


def test_three_levels() -> None:
    """Schools 3 and 2 in their equations, classes 2, pupils the rest."""
    data = pupils(20, 6, classes=4)
    found = freedom("y ~ z + w + t + x + sex + (x | school) + (1 | class_)", data)
    assert found == {
        "(Intercept)": 17,
        "z": 17,
        "w": 17,
        "x": 19,
        "t": 80 - 2,
        "sex": len(data) - 6,
    }


def test_from_summaries() -> None:
    data = pupils(30, 10)
    small = data.groupby("school").agg(y=("y", "mean"), n=("y", "size"), sd=("y", "std"))
    small = small.join(data.groupby("school")["z"].first()).reset_index()
    fit = ec.lmer("y ~ z + (1 | school)", summaries=small, df="between-within")
    assert set(fit.coefficients()["df"]) == {28.0}


def test_contrasts_take_the_smallest() -> None:
    fit = ec.lmer("y ~ z + x + (1 | school)", pupils(40, 12))
    known = uncertainty(fit, "between-within")
    L = np.array([[0.0, 1, 0], [0, 0, 1], [0, 1, -1]])
    assert known.df(L).tolist() == [38.0, 477.0, 38.0]
    assert joint_test(known, L[:2], np.ones(2)).df2 == 38.0
    assert joint_test(known, L[1:2], np.ones(1)).df2 == 477.0


def test_said_in_the_summary() -> None:
    fit = ec.lmer("y ~ z + x + (1 | school)", pupils(40, 12), df="between-within")
    assert "between-within degrees of freedom" in " ".join(fit.summary().split())


def test_refused_in_words() -> None:
    data = pupils(12, 8).assign(item=lambda d: np.arange(len(d)) % 8)
    with pytest.raises(NotYetSupported, match="school and item cross"):
        ec.lmer("y ~ x + (1 | school) + (1 | item)", data, df="between-within")
    few = pupils(3, 30)
    with pytest.raises(NotIdentified, match="as many fixed effects as there are groups"):
        ec.lmer("y ~ z + w + (1 | school)", few, df="between-within")


def test_without_fixed_effects() -> None:
    """Nothing to count, and no error."""
    fit = ec.lmer("y ~ 0 + (1 | school)", pupils(20, 5), df="between-within")
    assert len(fit.coefficients()) == 0
