"""The design study: closed forms, seeds, measures, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import echelon as ec
from echelon.study.measures import of_estimates, of_tests
from echelon.study.sizes import sizes_of
from tolerances import CLOSED, SAME

SIZES = (4, 4, 6, 8, 10, 14, 20, 30, 44, 60)
FAR = 4.5
"""Monte Carlo standard errors: of some hundred comparisons, none is further off by chance."""


def table(study, **where) -> pd.DataFrame:
    found = study.frame()
    for name, value in where.items():
        found = found[found[name] == value]
    assert len(found)
    return found


def one(study, measure: str, **where) -> tuple[float, float]:
    found = table(study, **where)
    assert len(found) == 1
    return float(found[measure].iloc[0]), float(found[f"{measure}_mcse"].iloc[0])


@pytest.fixture(scope="module")
def unbalanced():
    return ec.design_study(n=SIZES, tau2=0.3, sigma2=2.0, reps=4000, rng=3)


def test_variance_of_every_mean(unbalanced):
    """Given the sizes, the variances of the three means are exact."""
    n, tau2, sigma2 = np.array(SIZES, dtype=float), 0.3, 2.0
    N, J = n.sum(), len(n)
    V = tau2 + sigma2 / n
    exact = {
        "rows": (n**2 @ V) / N**2,
        "rows_robust": (n**2 @ V) / N**2,
        "balanced": (n**2 @ V) / N**2,
        "means": V.sum() / J**2,
        "known": 1 / (1 / V).sum(),
    }
    for name, variance in exact.items():
        sd, error = one(unbalanced, "sd", estimator=name, term="(Intercept)")
        assert abs(sd - np.sqrt(variance)) < FAR * error, name
        bias, error = one(unbalanced, "bias", estimator=name, term="(Intercept)")
        assert abs(bias) < FAR * error
    known = table(unbalanced, estimator="known", term="(Intercept)")
    assert_allclose(known["std_error"], np.sqrt(exact["known"]), **CLOSED)
    efficiency, error = one(unbalanced, "efficiency", estimator="rows", term="(Intercept)")
    assert abs(efficiency - exact["known"] / exact["rows"]) < FAR * error


def test_expectation_of_the_variances(unbalanced):
    """The moment estimators are unbiased, the balanced formula is not."""
    n, J = np.array(SIZES, dtype=float), len(SIZES)
    n0 = (n.sum() - n @ n / n.sum()) / (J - 1)
    share = n0 / n.mean()
    for name, expected in (("means", 0.3), ("weighted", 0.3), ("balanced", share * 0.3)):
        bias, error = one(unbalanced, "bias", estimator=name, term="var (Intercept)")
        assert abs(bias - (expected - 0.3)) < FAR * error, name
    bias, error = one(unbalanced, "bias", estimator="balanced", term="var (Intercept)")
    assert bias < -2 * error


def test_standard_error_of_balanced_formulas(unbalanced):
    """E MSB / N against the variance of the mean of the rows."""
    n, tau2, sigma2 = np.array(SIZES, dtype=float), 0.3, 2.0
    N, J = n.sum(), len(n)
    n0 = (N - n @ n / N) / (J - 1)
    true = (tau2 * (n @ n) / N + sigma2) / N
    ratio, error = one(unbalanced, "se_ratio", estimator="balanced", term="(Intercept)")
    assert abs(ratio - np.sqrt((sigma2 + n0 * tau2) / N / true)) < FAR * error


def test_reml_covers_with_many_groups():
    study = ec.design_study(
        J=100, n=12, cv=0.6, icc=0.15, reps=2000, rng=5, estimators=["reml", "ml", "known"]
    )
    for name in ("reml", "ml", "known"):
        share, error = one(study, "coverage", estimator=name, term="(Intercept)")
        assert abs(share - 0.95) < FAR * error
        size, _ = one(study, "type_1_error", estimator=name, term="(Intercept)")
        assert_allclose(size, 1 - share, **SAME)
        ratio, error = one(study, "se_ratio", estimator=name, term="(Intercept)")
        assert abs(ratio - 1) < max(FAR * error, 0.02)


def test_informative_sizes():
    """The mean of the rows follows the large groups: by rho tau cv of the sizes."""
    study = ec.design_study(n=SIZES, icc=0.3, size_correlation=0.5, reps=2000, rng=2)
    n = np.array(SIZES, dtype=float)
    expected = 0.5 * np.sqrt(0.3) * n.std() / n.mean()
    for name, bias in (("rows", expected), ("means", 0.0)):
        found, error = one(study, "bias", estimator=name, term="(Intercept)")
        assert abs(found - bias) < FAR * error
    sd, error = one(study, "sd", estimator="means", term="(Intercept)")
    variance = (0.3 * 0.75 * len(n) + (0.7 / n).sum()) / len(n) ** 2
    assert abs(sd - np.sqrt(variance)) < FAR * error


DESIGN = dict(
    effects={"treatment": [0.0, 0.2, 0.4], "ses": 0.2, "treatment:ses": 0.1},
    level2="treatment",
    effect_sd={"ses": 0.2},
)


@pytest.fixture(scope="module")
def crossed():
    return ec.design_study(J=[12, 24], n=10, icc=[0.1, 0.3], reps=300, rng=8, **DESIGN)


def test_same_seed_same_numbers(crossed):
    again = ec.design_study(J=[12, 24], n=10, icc=[0.1, 0.3], reps=300, rng=8, **DESIGN)
    pd.testing.assert_frame_equal(crossed.frame(), again.frame(), check_exact=True)
    other = ec.design_study(J=12, n=10, icc=0.1, reps=300, rng=9, **DESIGN)
    assert other.frame()["bias"].iloc[0] != crossed.frame()["bias"].iloc[0]


def test_other_cells_change_nothing(crossed):
    """Each cell has a seed of its own: order and company do not matter."""
    more = ec.design_study(J=[24, 50, 12], n=[10, 5], icc=[0.3, 0.1], reps=300, rng=8, **DESIGN)
    keys = ["J", "n", "icc", "effect_treatment", "estimator", "term"]
    both = crossed.frame().merge(more.frame(), on=keys, suffixes=("", "_more"))
    assert len(both) == len(crossed.frame())
    for name in ("bias", "rmse", "coverage", "power", "detectable"):
        assert (both[name].isna() | (both[name] == both[f"{name}_more"])).all()


def test_a_generator_gives_a_seed_that_repeats():
    first = ec.design_study(5, 4, 0.2, reps=50, rng=np.random.default_rng(1))
    again = ec.design_study(5, 4, 0.2, reps=50, rng=np.random.default_rng(1))
    seed = ec.design_study(5, 4, 0.2, reps=50, rng=first.seed)
    fresh = ec.design_study(5, 4, 0.2, reps=50)
    for other in (again, seed):
        pd.testing.assert_frame_equal(first.frame(), other.frame(), check_exact=True)
    assert fresh.seed != first.seed


def test_first_replicates_are_the_same():
    """600 replicates begin with the 300: their sum of errors says so."""
    few, many = (
        ec.design_study(6, 8, 0.2, reps=reps, rng=4, estimators="rows") for reps in (250, 500)
    )
    means = [table(s, term="(Intercept)")["bias"].iloc[0] for s in (few, many)]
    second = 2 * means[1] - means[0]
    assert abs(second) < FAR * np.sqrt(few.frame()["bias_mcse"].iloc[0] ** 2)
    from echelon.study.grid import cells
    from echelon.study.run import Asked, setting

    cell, asked = cells(6, 8, 0.2, None, None)[0], Asked((), ("rows",), 0, 1, 0.05, 0.8)
    short, long = (setting(cell, asked, 4, 0, R).y for R in (30, 400))
    assert_allclose(short.yty, long.yty[:30], rtol=0)
    assert_allclose(short.VtY, long.VtY[:, :30], rtol=0)


def test_errors_do_not_depend_on_effects(crossed):
    """But power does, and rises."""
    found = crossed.frame()
    found = found[found["term"] == "treatment"]
    for _, cell in found.groupby(["J", "icc", "estimator"]):
        cell = cell.sort_values("effect_treatment")
        assert cell["rmse"].nunique() == cell["detectable"].nunique() == 1
        assert cell["power"].is_monotonic_increasing
        assert cell["power"].iloc[0] == cell["type_1_error"].iloc[0]


def test_power_rises_with_groups():
    study = ec.design_study(
        [8, 16, 32, 64], 10, 0.2, effects={"treatment": 0.5}, level2="treatment", reps=400, rng=1
    )
    found = study.frame().query("term == 'treatment' and estimator == 'reml'")
    assert found["power"].is_monotonic_increasing
    assert found["rmse"].is_monotonic_decreasing
    assert found["detectable"].is_monotonic_decreasing


def test_detectable_effect_is_detected():
    """Given the smallest detectable effect, the power is what was asked for."""
    design = dict(level2="treatment", reps=2000, rng=1, estimators="reml", power=0.7)
    first = ec.design_study(16, 10, 0.2, effects={"treatment": 0.0}, **design)
    effect, _ = one(first, "detectable", term="treatment")
    again = ec.design_study(16, 10, 0.2, effects={"treatment": effect}, **design)
    power, _ = one(again, "power", term="treatment")
    assert abs(power - 0.7) < 2 / 2000 + 1e-9


def test_monte_carlo_errors_are_right():
    """Over many small studies, the spread of a measure is what its standard error says."""
    studies = [
        ec.design_study(8, 6, 0.3, reps=100, rng=seed, estimators=["rows", "reml"])
        for seed in range(120)
    ]
    found = pd.concat([s.frame() for s in studies])
    for (_, term), part in found.groupby(["estimator", "term"]):
        names = ("bias", "rmse", "sd", "se_ratio", "coverage", "length", "detectable")
        for name in names if term == "(Intercept)" else ("bias", "rmse"):
            if part[name].isna().all():
                continue
            told = float(np.sqrt((part[f"{name}_mcse"] ** 2).mean()))
            assert 0.72 < part[name].std() / told < 1.35, (name, term)


def test_measures_of_known_numbers():
    errors = np.array([-0.5, 0.1, 0.2, 0.6])
    found = of_estimates(errors, 2.0)
    assert_allclose(found["rmse"], np.sqrt((errors**2).mean()), **SAME)
    assert_allclose(found["relative_bias"], 0.05, **SAME)
    tested = of_tests(errors, np.full(4, 0.2), np.full(4, np.inf), truth=0.5, alpha=0.05, power=0.8)
    assert tested["coverage"] == 0.5  # 1.96 standard errors are 0.392
    assert tested["power"] == 0.75  # 0, 0.6, 0.7, 1.1
    assert tested["type_1_error"] == 0.5
    assert (
        of_tests(np.array([np.nan, 1.0]), np.ones(2), np.ones(2), truth=0, alpha=0.05, power=0.8)
        == {}
    )


@pytest.mark.parametrize(("mean", "cv"), [(20, 0.5), (20, 1.2), (7.5, 0.4), (3, 0.3)])
def test_representative_sizes(mean, cv):
    sizes = sizes_of({"mean": mean, "cv": cv})
    n = sizes.representative(200)
    assert n.sum() == round(200 * mean)
    assert abs(n.std() / n.mean() - cv) < 0.03
    assert n.min() >= 1
    drawn = sizes.drawn(20_000, np.random.default_rng(1))
    assert abs(drawn.mean() / mean - 1) < 0.03
    assert abs(drawn.std() / drawn.mean() - cv) < 0.08
    assert sizes_of("uniform(5, 35)").representative(31).tolist() == list(range(5, 36))


def test_random_designs_are_between_representative_ones():
    """Several designs drawn at random agree with the representative one where it is typical."""
    options = dict(effects={"w": 0.3, "x": 0.2}, level2={"w": "normal"}, level1={"x": {"icc": 0.3}})
    fixed = ec.design_study(40, 10, 0.2, **options, reps=1000, rng=1)
    drawn = ec.design_study(40, 10, 0.2, **options, reps=1000, designs=50, rng=1)
    for term in ("w", "x"):
        a, b = (one(s, "sd", estimator="reml", term=term)[0] for s in (fixed, drawn))
        assert abs(a / b - 1) < 0.15
        share, error = one(drawn, "coverage", estimator="reml", term=term)
        assert abs(share - 0.95) < FAR * error
    assert "50 designs drawn" in str(drawn)


def test_binary_predictors():
    study = ec.design_study(
        12,
        10,
        0.2,
        effects={"a": 0.5, "b": 0.5},
        level2={"a": 0.25},
        level1={"b": 0.3},
        reps=1000,
        rng=1,
        estimators=["known", "means"],
    )
    # 3 of 12 groups; 3 of 10 rows in each
    exact = {"a": (0.2 + 0.08) * (1 / 3 + 1 / 9), "b": 0.8 / (12 * 10 * 0.3 * 0.7)}
    for term, variance in exact.items():
        found = table(study, estimator="known", term=term)
        assert_allclose(found["std_error"], np.sqrt(variance), **CLOSED)
    assert set(study.frame().query("estimator == 'means'")["term"]) >= {"a"}
    assert not len(study.frame().query("estimator == 'means' and term == 'b'"))


def test_omitted_random_slopes_are_too_sure(crossed):
    """What is known of models that leave out slopes that vary."""
    many = ec.design_study(40, 20, 0.2, reps=500, rng=1, effects={"x": 0.0}, effect_sd={"x": 0.4})
    left, _ = one(many, "type_1_error", estimator="reml_intercepts", term="x")
    kept, error = one(many, "type_1_error", estimator="reml", term="x")
    assert left > 0.3
    assert abs(kept - 0.05) < FAR * error
    assert "sd_x" in many.frame()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (dict(J=10, n=20, icc=1.0), r"lies in \[0, 1\)"),
        (dict(J=10, n=20, icc=-0.1), r"lies in \[0, 1\)"),
        (dict(J=2, n=20, icc=0.1), "at least 3"),
        (dict(J=10.5, n=20, icc=0.1), "whole number of groups"),
        (dict(J=10, n=0, icc=0.1), "at least one row"),
        (dict(J=10, n=2.5, icc=0.1), "whole number of rows"),
        (dict(J=10, icc=0.1), "least one row"),
        (dict(n=20, icc=0.1), "J= is missing"),
        (dict(J=10, n=20), "Give icc="),
        (dict(J=10, n=20, icc=0.1, tau2=1, sigma2=1), "two of icc="),
        (dict(J=10, n=20, tau2=-1, sigma2=1), "variances are positive"),
        (dict(J=10, n=(5, 6, 7), icc=0.1), "sizes of 3 groups"),
        (dict(J=4, n=20, cv=3, icc=0.1), "cannot have a coefficient"),
        (dict(J=10, n={"average": 3}, icc=0.1), "mean="),
        (dict(J=10, n="uniform(5)", icc=0.1), "not understood"),
        (dict(J=10, n=1, icc=0.1), "its own group"),
        (dict(J=10, n=20, icc=0.1, effects={"a:b": 1}), "one predictor of level 1 at most"),
        (dict(J=10, n=20, icc=0.1, effects={"a": "x"}), "give a number"),
        (dict(J=10, n=20, icc=0.1, effects={"a": 1}, level2={"a": 2}), "share of groups"),
        (dict(J=10, n=20, icc=0.1, effects={"a": 1}, level1="a", level2="a"), "one level only"),
        (dict(J=10, n=20, icc=0.1, effect_sd={"w": 0.1}, level2="w"), "level 1 only"),
        (dict(J=10, n=20, icc=0.1, effect_sd={"x": -0.1}), "not negative"),
        (dict(J=10, n=20, icc=0.1, estimators="remll"), "Did you mean 'reml'"),
        (dict(J=10, n=20, icc=0.1, estimators="balanced", effects={"x": 0}), "grand mean"),
        (dict(J=10, n=20, icc=0.1, estimators="reml_intercepts"), "effect_sd="),
        (dict(J=10, n=20, icc=0.1, reps=1), "at least 2"),
        (dict(J=10, n=20, icc=0.1, designs=800), "needs at least"),
        (dict(J=10, n=20, icc=0.1, alpha=5), "between 0 and 1"),
        (dict(J=10, n=20, icc=0.1, rng="a"), "give a seed"),
        (dict(J=10, n=20, icc=0.1, size_correlation=2), "between -1 and 1"),
        (dict(J=10, n=20, icc=0.1, size_corelation=2), "size_correlation"),
        (dict(J=3, n=5, icc=0.1, effects={"a": 0, "b": 0}, level2=["a", "b"]), "more groups"),
    ],
)
def test_impossible_designs_are_refused_in_words(options, words):
    with pytest.raises(ec.errors.EchelonError, match=words):
        ec.design_study(**{"reps": 20, **options})


def test_corners():
    """No variance between groups, groups of one row, one replicate's worth of oddities."""
    found = ec.design_study(5, [(1, 1, 2, 3, 4), 2], 0.0, reps=60, rng=1, tau2=None)
    assert found.frame()["failed"].max() == 0
    zero = found.frame().query("term == 'var (Intercept)' and estimator == 'reml'")
    assert (zero["at_zero"] > 0.3).all()
    assert np.isnan(zero["relative_bias"]).all()
    small = ec.design_study(
        6, (1, 3, 5), 0.2, effects={"x": 0.1, "z": 0.1}, effect_sd={"x": 0.3}, reps=60, rng=1
    )
    assert len(small.frame())


def test_frame_in_other_libraries(crossed):
    polars = pytest.importorskip("polars")
    assert isinstance(crossed.frame(backend="polars"), polars.DataFrame)
    assert crossed.frame(backend="pyarrow").num_rows == len(crossed.frame())
