"""Robust standard errors as users ask for them: clusters, degrees of freedom, what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import echelon as ec
from echelon.errors import DataError, NeedsRows, NotYetSupported, TooLarge, UnknownOption
from echelon.infer import joint_test, uncertainty
from tolerances import CLOSED, SAME

N = 60


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(5)
    child = np.repeat(np.arange(20), 3)
    school = child // 4
    y = rng.normal(size=5)[school] + rng.normal(size=20)[child] + rng.normal(size=N)
    return pd.DataFrame({
        "child": child, "school": school, "x": rng.normal(size=N), "y": y,
        "area": np.array(["north", "south"])[(school > 2).astype(int)],
        "rater": rng.integers(0, 4, N), "t": np.tile(np.arange(3), 20),
    })  # fmt: skip


@pytest.fixture(scope="module")
def two_level(data):
    return ec.lmer("y ~ x + (1 | child)", data)


@pytest.fixture(scope="module")
def nested(data):
    return ec.lmer("y ~ x + (1 | school / child)", data)


@pytest.fixture(scope="module")
def linear(data):
    return ec.lm("y ~ x", data)


def clusters_of(fit, **options):
    known = uncertainty(fit, robust="CR2", **options)
    return known.cluster, known.clusters


def test_default_cluster(two_level, nested):
    assert clusters_of(two_level) == ("child", 20)
    assert clusters_of(nested) == ("school", 5)
    assert clusters_of(nested, cluster="school") == ("school", 5)


def test_cluster_by_values(data, two_level, nested):
    by_name = uncertainty(nested, robust="CR2", cluster="school")
    text = data["school"].map(str)
    for labels in (
        data["school"],
        list(data["school"]),
        data["school"].to_numpy() * 10.0,
        text,
        pd.Categorical(text, categories=["9", "4", "3", "2", "1", "0"]),
        pl.Series("school", data["school"].to_list()),
        pa.chunked_array([text.to_list()]),
        tuple(text),
    ):
        known = uncertainty(nested, robust="CR2", cluster=labels)
        np.testing.assert_allclose(known.vcov, by_name.vcov, **SAME)
    assert clusters_of(two_level, cluster=data["school"]) == ("school", 5)
    assert clusters_of(two_level, cluster=list(data["school"])) == ("cluster", 5)
    assert clusters_of(nested, cluster=data["area"]) == ("area", 2)


def test_rows_left_out(data):
    """Labels over the rows used, or over all rows of the table, missing where no row is used."""
    holes = data.assign(y=data["y"].where(data.index % 7 > 0), school=data["school"].astype(float))
    holes.loc[holes.index % 7 == 0, "school"] = np.nan
    fit = ec.lmer("y ~ x + (1 | child)", holes)
    used = uncertainty(fit, robust="CR2", cluster=data["school"][holes["y"].notna()])
    whole = uncertainty(fit, robust="CR2", cluster=holes["school"])
    np.testing.assert_allclose(used.vcov, whole.vcov, **SAME)


def test_every_method_takes_robust(data, two_level, linear):
    for fit, cluster in ((two_level, None), (linear, data["school"])):
        table = fit.coefficients(robust="CR2", cluster=cluster)
        bounds = fit.confint(robust="CR2", cluster=cluster)
        assert bounds["conf_low"].tolist() == table["conf_low"].tolist()
        assert "CR2" in fit.summary(robust="CR2", cluster=cluster)
        assert "CR2" in fit.table(robust="CR2", cluster=cluster).to_text()
        assert "Robust" not in fit.summary()
        assert "obust" not in fit.table().to_text()


def test_summary_shows_both_standard_errors(two_level):
    text = two_level.summary(robust="CR1")
    assert "Fixed effects with robust standard errors" in text
    shown = text.split("Fixed effects with robust standard errors")[1]
    model, robust = two_level.coefficients(), two_level.coefficients(robust="CR1")
    row = next(line for line in shown.splitlines() if line.startswith("x")).split()
    assert row[2:4] == [f"{model['std_error'][1]:.3f}", f"{robust['std_error'][1]:.3f}"]
    assert "20 clusters of child; t tests on 19 degrees of freedom (clusters - 1)" in " ".join(
        shown.split()
    )


@pytest.mark.parametrize(
    ("correction", "df", "expected"),
    [
        ("CR0", None, 19),
        ("CR1", None, 19),
        ("CR1S", "clusters", 19),
        ("CR2", "clusters", 19),
        ("CR2", "none", np.inf),
        ("CR0", "between-within", 19),
    ],
)
def test_degrees_of_freedom(two_level, correction, df, expected):
    found = two_level.coefficients(robust=correction, df=df)
    assert found["df"][0] == expected


def test_freedom_of_the_sandwich_is_the_default_of_cr2(two_level):
    plain = two_level.coefficients(robust="CR2")["df"]
    asked = two_level.coefficients(robust="CR2", df="satterthwaite")["df"]
    assert plain.tolist() == asked.tolist()
    assert (plain < 20).all()
    unadjusted = two_level.coefficients(robust="CR0", df="satterthwaite")["df"]
    assert (unadjusted != 19).all()


def test_linear_model_residual_freedom(data, linear):
    found = linear.coefficients(robust="CR1", cluster=data["school"], df="residual")
    assert found["df"].tolist() == [58, 58]


def test_factors_between_corrections(data, linear):
    cluster, n, J, p = data["school"], N, 5, 2
    v = {c: uncertainty(linear, robust=c, cluster=cluster).vcov for c in ("CR0", "CR1", "CR1S")}
    np.testing.assert_allclose(v["CR1"], v["CR0"] * J / (J - 1), **SAME)
    factor = J * (n - 1) / ((J - 1) * (n - p))
    np.testing.assert_allclose(v["CR1S"], v["CR0"] * factor, **SAME)


def test_one_function_is_the_squared_t(two_level):
    known = uncertainty(two_level, robust="CR2")
    L = np.array([[0.0, 1.0]])
    beta = two_level.optimum.beta
    found = joint_test(known, L, L @ beta)
    table = two_level.coefficients(robust="CR2")
    assert found.statistic == pytest.approx(table["statistic"][1] ** 2)
    assert found.df2 == pytest.approx(table["df"][1])
    assert found.p_value == pytest.approx(table["p_value"][1])


def test_too_few_clusters_for_a_joint_test(data, linear):
    wide = ec.lm("y ~ x + factor(rater)", data)
    known = uncertainty(wide, robust="CR2", cluster=data["area"])
    with pytest.raises(DataError, match="2 clusters of 'area' are too few to test 4"):
        joint_test(known, np.eye(5)[1:], wide.beta[1:])


def test_no_p_value_when_the_freedom_is_used_up(data):
    wide = ec.lm("y ~ x + t", data)
    known = uncertainty(wide, robust="CR2", cluster=data["school"])
    found = joint_test(known, np.eye(3), wide.beta)
    assert found.df2 < 3 and (found.df2 > 0 or np.isnan(found.p_value))


def test_a_cluster_alone_with_an_effect_is_named(data):
    fit = ec.lm("y ~ x + one", data.assign(one=(data["school"] == 2).astype(float)))
    assert uncertainty(fit, robust="CR2", cluster=data["school"]).determined == 1
    text = fit.summary(robust="CR2", cluster=data["school"])
    assert "1 cluster determines an effect alone" in text


@pytest.mark.parametrize("correction", ["CR0", "CR1", "CR2"])
def test_boundary_and_structures(data, correction):
    for formula in ("y ~ x + cs(0 + factor(t) | child)", "y ~ x + (1 | child) + (0 + x | child)"):
        fit = ec.lmer(formula, data)
        se = fit.coefficients(robust=correction)["std_error"]
        assert ((se > 0) & np.isfinite(se)).all()
    flat = ec.lmer("y ~ x + (1 | child)", data.assign(y=np.tile([0.0, 1.0, 2.0], 20)))
    assert flat.verdict.status == "boundary"
    same = ec.lm("y ~ x", data.assign(y=np.tile([0.0, 1.0, 2.0], 20)))
    np.testing.assert_allclose(
        uncertainty(flat, robust=correction).vcov,
        uncertainty(same, robust=correction, cluster=data["child"]).vcov,
        **CLOSED,
    )


def test_dropped_columns(data):
    full = ec.lmer("y ~ x + (1 | child)", data)
    more = ec.lmer("y ~ x + twice + (1 | child)", data.assign(twice=2 * data["x"]))
    a, b = (uncertainty(fit, robust="CR2").vcov for fit in (full, more))
    np.testing.assert_allclose(a, b, **CLOSED)


def refused(kind, match, fit, **options):
    with pytest.raises(kind, match=match):
        fit.coefficients(**options)


def test_crossed_factors_are_refused_with_the_reason(data):
    fit = ec.lmer("y ~ x + (1 | child) + (1 | rater)", data)
    refused(DataError, "'child' and 'rater' are crossed", fit, robust="CR2")
    refused(DataError, "'rater' lie in several clusters", fit, robust="CR0", cluster="child")
    refused(DataError, "lie in several clusters", fit, robust="CR0", cluster=data["school"])


def test_crossed_inside_clusters(data):
    data = data.assign(rater=data["rater"] + 10 * data["school"])
    fit = ec.lmer("y ~ x + (1 | child) + (1 | rater)", data)
    assert clusters_of(fit, cluster=data["school"]) == ("school", 5)


def test_what_is_refused(data, two_level, nested, linear):
    refused(UnknownOption, "Did you mean 'CR2'", two_level, robust="cr2")
    refused(UnknownOption, "Choose from: CR0", two_level, robust=True)
    refused(UnknownOption, "Kenward", two_level, robust="CR2", df="kenward-roger")
    refused(UnknownOption, "df='t' is not known", two_level, robust="CR2", df="t")
    refused(DataError, 'add robust="CR2"', two_level, cluster="child")
    refused(DataError, "Did you mean 'child'", two_level, robust="CR2", cluster="chld")
    refused(DataError, r"cluster=data\['area'\]", two_level, robust="CR2", cluster="area")
    refused(
        DataError, "'school' lie in several clusters", nested, robust="CR2", cluster="school:child"
    )
    refused(DataError, "lie in several clusters of 'rater'", two_level, robust="CR2",
            cluster=data["rater"])  # fmt: skip
    refused(DataError, "every row is a cluster", linear, robust="CR2")
    refused(DataError, r"cluster=data\['school'\]", linear, robust="CR2", cluster="school")
    refused(DataError, r"shape \(3,\)", linear, robust="CR2", cluster=[1, 2, 3])
    refused(DataError, "shape", linear, robust="CR2", cluster=data[["school"]])
    refused(DataError, "shape", linear, robust="CR2", cluster=5)
    refused(DataError, "one cluster", linear, robust="CR2", cluster=np.zeros(N))
    gaps = data["school"].where(data.index > 4)
    refused(DataError, "5 missing labels", linear, robust="CR2", cluster=gaps)


def test_models_that_are_refused(data):
    ar = ec.lmer("y ~ x + (1 | child)", data, residual="ar1(t | child)")
    refused(NotYetSupported, "independent residuals", ar, robust="CR2")
    data = data.assign(rater=data["rater"] + 10 * data["school"])
    fit = ec.lmer("y ~ x + (1 | child) + (1 | rater)", data, method="iterative", rng=1)
    refused(NotYetSupported, "exact", fit, robust="CR0", cluster=data["school"])


def test_summaries_of_parts_of_groups_are_refused():
    parts = pd.DataFrame({
        "g": [1, 1, 2, 2, 3, 3, 4, 4], "arm": [0, 1] * 4, "n": 5, "sd": 1.0,
        "y": [0.1, 1.2, 0.7, 1.4, -0.6, 0.9, 0.3, 1.9],
    })  # fmt: skip
    fit = ec.lmer("y ~ arm + (1 | g)", summaries=parts)
    refused(NeedsRows, "one summary a group", fit, robust="CR2")


def test_huge_clusters_are_refused(data, nested, monkeypatch):
    monkeypatch.setattr("echelon.tolerances.ROBUST_WORK", 100.0)
    refused(TooLarge, 'robust="CR1"', nested, robust="CR2")
    nested.coefficients(robust="CR1")


def test_degrees_of_freedom_offered_are_those_of_robust_errors() -> None:
    sleep = ec.datasets.load("sleepstudy", quiet=True)
    fit = ec.lmer("Reaction ~ Days + (1 | Subject)", sleep)
    with pytest.raises(UnknownOption, match="satterthwaite, clusters, between-within, none"):
        fit.coefficients(robust="CR2", df="residual")
    with pytest.raises(UnknownOption, match="Kenward-Roger adjusts a model-based covariance"):
        fit.coefficients(robust="CR2", df="kr")


def test_a_model_without_fixed_effects_has_an_empty_table() -> None:
    sleep = ec.datasets.load("sleepstudy", quiet=True)
    fit = ec.lmer("Reaction ~ 0 + (1 | Subject)", sleep)
    assert len(fit.coefficients(robust="CR2")) == 0
