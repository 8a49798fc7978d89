"""Likelihood-ratio tests: they are differences of fresh fits, have no units, and refuse."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

import echelon as ec
from echelon.errors import DataError, NotYetSupported, UnknownArgument, UnknownOption
from echelon.infer.likelihood.fitted import fitted, without_effects
from echelon.infer.likelihood.mixture import mixture
from echelon.linalg.cones import psd_weights
from echelon.linalg.distributions import chi2_upper
from echelon.moments.reduced import of_effects
from tolerances import CLOSED, OPTIMUM, RATIO

J, N = 24, 384


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Two crossed factors, two covariates, two categories; effects of all kinds."""
    rng = np.random.default_rng(7)
    g, h = np.repeat(np.arange(J), N // J), rng.integers(0, 9, N)
    x, z = rng.normal(size=(2, N))
    f, k = rng.choice(list("abc"), N), rng.choice(list("uv"), N)
    b = rng.normal(size=(3, J))[:, g] * [[1.0], [0.5], [0.4]]
    y = 1 + x + 0.3 * z + 0.5 * (f == "b") + b[0] + b[1] * x + b[2] * (f == "b")
    y = y + 0.5 * rng.normal(size=9)[h] + rng.normal(size=N)
    groups = {"g": g.astype(str), "h": h.astype(str)}
    categories = {"f": pd.Categorical(f), "k": pd.Categorical(k)}
    return pd.DataFrame({
        **groups, **categories, "x": x, "z": z, "y": y, "w": rng.uniform(0.5, 2, N),
    })  # fmt: skip


@pytest.fixture(scope="module")
def sleep() -> pd.DataFrame:
    return ec.datasets.load("sleepstudy", quiet=True)


# what is left of a model is the model one would have written

RANDOM: list[tuple[str, Mapping[str, object], dict[str, str]]] = [
    ("(x + z | g)", {}, {"x in (x + z | g)": "(z | g)", "z in (x + z | g)": "(x | g)"}),
    ("(x * z | g)", {}, {"x:z in (x * z | g)": "(x + z | g)"}),
    (
        "(f | g) + (1 | h)",
        {"precision": "w"},
        {"f in (f | g)": "(1 | g) + (1 | h)", "(1 | h)": "(f | g)"},
    ),
    ("(0 + f | g)", {}, {"f in (0 + f | g)": "(1 | g)"}),
    (
        "(0 + f + k | g)",
        {},
        {"f in (0 + f + k | g)": "(0 + k | g)", "k in (0 + f + k | g)": "(0 + f | g)"},
    ),
    (
        "(x + f || g)",
        {},
        {
            "(1 | g)": "(0 + x | g) + (0 + f | g)",
            "x in (0 + x | g)": "(1 | g) + (0 + f | g)",
            "f in (0 + f | g)": "(1 | g) + (0 + x | g)",
        },
    ),
    ("(1 | g/k)", {"reml": False}, {"(1 | k:g)": "(1 | g)", "(1 | g)": "(1 | k:g)"}),
    (
        "(x | g) + (z | h)",
        {"reml": False, "offset": "w"},
        {"x in (x | g)": "(1 | g) + (z | h)", "z in (z | h)": "(x | g) + (1 | h)"},
    ),
    (
        "cs(0 + f | g) + (1 | h)",
        {},
        {"cs(0 + f | g)": "(1 | h)", "(1 | h)": "cs(0 + f | g)"},
    ),
    (
        "(0 + x | g) + (1 | h)",
        {"residual": "by(k)"},
        {
            "x in (0 + x | g)": "(1 | g) + (1 | h)",
            "(0 + x | g)": "(1 | h)",
            "(1 | h)": "(0 + x | g)",
        },
    ),
]


@pytest.mark.parametrize(("random", "options", "left"), RANDOM, ids=[r for r, _, _ in RANDOM])
def test_ranova_fits_the_models_one_would_write(
    table: pd.DataFrame, random: str, options: Mapping[str, object], left: dict[str, str]
) -> None:
    found = ec.lmer(f"y ~ x + {random}", table, **options).ranova()
    assert found.terms == ("<none>", *left)
    for i, formula in enumerate(left.values(), start=1):
        fresh = ec.lmer(f"y ~ x + {formula}", table, **options).criteria()
        assert abs(found.loglik[i] - fresh.loglik) <= OPTIMUM["loglik"]
        assert found.parameters[i] == fresh.parameters


FIXED: list[tuple[str, Mapping[str, object], dict[str, str]]] = [
    ("x * f + z", {}, {"z": "x * f", "x:f": "x + f + z"}),
    ("0 + f + x", {}, {"f": "0 + x", "x": "0 + f"}),
    ("0 + f + k", {}, {"f": "0 + k", "k": "0 + f"}),
    ("0 + f", {}, {"f": "1"}),
    ("0 + x", {}, {"x": "0"}),
    ("0 + f + x + x:k", {}, {"f": "0 + x + x:k", "x:k": "0 + f + x"}),
    (
        "poly(x, 2) + z + f:k",
        {"offset": "w", "precision": "w"},
        {"poly(x, 2)": "z + f:k", "z": "poly(x, 2) + f:k", "f:k": "poly(x, 2) + z"},
    ),
    ("x + z", {"residual": "by(k)"}, {"x": "z", "z": "x"}),
]


@pytest.mark.parametrize(("fixed", "options", "left"), FIXED, ids=[f for f, _, _ in FIXED])
def test_drop1_fits_the_models_one_would_write(
    table: pd.DataFrame, fixed: str, options: Mapping[str, object], left: dict[str, str]
) -> None:
    found = ec.lmer(f"y ~ {fixed} + (1 | g)", table, **options).drop1()
    assert found.terms == ("<none>", *left)
    for i, formula in enumerate((fixed, *left.values())):
        fresh = ec.lmer(f"y ~ {formula} + (1 | g)", table, reml=False, **options).criteria()
        assert abs(found.loglik[i] - fresh.loglik) <= OPTIMUM["loglik"]
        assert found.parameters[i] == fresh.parameters


def test_drop1_of_a_linear_model_is_the_difference_of_two(table: pd.DataFrame) -> None:
    found = ec.lm("y ~ x * z", table, precision="w").drop1()
    large, small = (ec.lm(f, table, precision="w").criteria() for f in ("y ~ x * z", "y ~ x + z"))
    np.testing.assert_allclose(found.chi_square[1], small.deviance - large.deviance, **CLOSED)
    assert found.terms == ("<none>", "x:z")


def test_drop1_by_f_is_the_anova_of_what_may_go(sleep: pd.DataFrame) -> None:
    fit = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep)
    assert fit.drop1(test="F").statistic[0] == pytest.approx(fit.anova().statistic[0])


def test_without_random_effects_reml_is_the_deviance_at_zero(sleep: pd.DataFrame) -> None:
    """The closed form of the linear model and a mixed model whose variance is zero agree."""
    flat = sleep.assign(y=np.tile(np.arange(10.0), 18) + np.random.default_rng(2).normal(size=180))
    flat["y"] -= flat.groupby("Subject")["y"].transform("mean")
    for reml in (True, False):
        fit = ec.lmer("y ~ Days + (1 | Subject)", flat, reml=reml)
        assert fit.verdict.status == "boundary"
        alone = without_effects(of_effects(fit.moments, [np.zeros(1, dtype=bool)]), reml=reml)
        np.testing.assert_allclose(alone.deviance, fit.deviance, rtol=OPTIMUM["devfun"])


# laws of a comparison

PAIR = ("Reaction ~ Days + (1 | Subject)", "Reaction ~ Days + (Days | Subject)")


def test_the_order_of_models_does_not_matter(sleep: pd.DataFrame) -> None:
    fits = [ec.lm("Reaction ~ Days", sleep), *(ec.lmer(f, sleep) for f in PAIR)]
    names = ["lm", "ri", "rs"]
    first = ec.anova(*fits, names=names)
    again = ec.anova(*reversed(fits), names=list(reversed(names)))
    assert first.models == again.models == ("lm", "ri", "rs")
    np.testing.assert_array_equal(first.chi_square, again.chi_square)


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_ratios_have_no_units(sleep: pd.DataFrame, unit: float) -> None:
    other = sleep.assign(Reaction=unit * sleep["Reaction"] + 3, Days=sleep["Days"] / unit - 1)
    here, there = (
        ec.anova(*(ec.lmer(f, data) for f in ("Reaction ~ 1 + (1 | Subject)", *PAIR)))
        for data in (sleep, other)
    )
    np.testing.assert_allclose(there.chi_square[1:], here.chi_square[1:], **RATIO)


def test_reml_is_refitted_where_fixed_parts_differ_only(sleep: pd.DataFrame) -> None:
    null, ri, rs = (ec.lmer(f, sleep) for f in ("Reaction ~ 1 + (1 | Subject)", *PAIR))
    same = ec.anova(ri, rs)
    assert same.restricted
    assert same.refitted == ()
    assert same.loglik[1] == rs.loglik
    differ = ec.anova(null, ri, names=["null", "ri"])
    assert not differ.restricted
    assert differ.refitted == ("null", "ri")
    assert "refitted by maximum likelihood" in differ.notes[0]
    by_hand = ec.lmer(PAIR[0], sleep, reml=False)
    assert abs(differ.loglik[1] - by_hand.loglik) <= OPTIMUM["loglik"]
    assert not ec.anova(ri, rs, refit=True).restricted


def test_the_same_space_in_other_columns_is_refitted(table: pd.DataFrame) -> None:
    """log|X'X| is a part of REML: y ~ f and y ~ 0 + f are one model with two REML likelihoods."""
    found = ec.anova(ec.lmer("y ~ f + (1 | g)", table), ec.lmer("y ~ 0 + f + (x | g)", table))
    assert not found.restricted


def test_residual_structures_take_part(sleep: pd.DataFrame) -> None:
    plain = ec.lmer(PAIR[0], sleep)
    serial = ec.lmer(PAIR[0], sleep, residual="ar1(Days | Subject)")
    found = ec.anova(plain, serial)
    assert found.df[1] == 1
    assert found.models == ("Model 1", "Model 2")
    assert found.formulas[1].endswith("residual ar1(Days | Subject)")
    np.testing.assert_allclose(found.chi_square[1], plain.deviance - serial.deviance)
    refitted = ec.anova(serial, ec.lmer("Reaction ~ 1 + (1 | Subject)", sleep))
    by_hand = ec.lmer(PAIR[0], sleep, residual="ar1(Days | Subject)", reml=False)
    assert abs(refitted.loglik[1] - by_hand.loglik) <= OPTIMUM["loglik"]


def test_equal_numbers_of_parameters_are_no_test(sleep: pd.DataFrame) -> None:
    found = ec.anova(
        ec.lmer(PAIR[0], sleep), ec.lmer("Reaction ~ Days + (0 + Days | Subject)", sleep)
    )
    assert np.isnan([found.chi_square[1], found.p_value[1]]).all()
    assert found.df[1] == 0
    assert any("as many parameters" in note for note in found.notes)


def test_a_larger_model_that_fits_worse_is_not_tested(table: pd.DataFrame) -> None:
    noise = table.assign(u=np.random.default_rng(1).normal(size=N))
    good = ec.lmer("y ~ x + (1 | g)", noise, reml=False)
    worse = ec.lmer("y ~ u + z + (1 | g)", noise, reml=False)
    found = ec.anova(good, worse, names=["good", "worse"])
    assert found.models == ("good", "worse")
    assert found.chi_square[1] < 0
    assert np.isnan(found.p_value[1])
    assert any("no special case" in note for note in found.notes)


# the law of a variance


def test_one_variance_has_half_and_half(sleep: pd.DataFrame) -> None:
    fit = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep)
    found = fit.ranova()
    x = found.chi_square[1]
    half = (chi2_upper(x, 1) + chi2_upper(x, 2)) / 2
    np.testing.assert_allclose(found.p_mixture[1], half, **CLOSED)
    assert found.p_mixture[1] < found.p_value[1]
    both = ec.anova(fit, ec.lmer("Reaction ~ 1 + (1 | Subject)", sleep))  # and a fixed effect
    x = both.chi_square[1]
    half = (chi2_upper(x, 2) + chi2_upper(x, 3)) / 2
    np.testing.assert_allclose(both.p_mixture[1], half, **CLOSED)


def test_no_mixture_without_a_variance_under_test(sleep: pd.DataFrame) -> None:
    fit = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep)
    correlation = ec.anova(fit, ec.lmer("Reaction ~ Days + (Days || Subject)", sleep))
    fixed = ec.anova(fit, ec.lmer("Reaction ~ 1 + (Days | Subject)", sleep))
    for found in (correlation, fixed):
        assert np.isfinite(found.p_value[1])
        assert np.isnan(found.p_mixture[1])


def test_weights_of_two_effects_have_no_units(table: pd.DataFrame) -> None:
    other = table.assign(x=1e4 * table["x"] + 7, y=table["y"] / 1e3)
    here, there = (ec.lmer("y ~ x + (x | g)", t).ranova(reduce=False) for t in (table, other))
    np.testing.assert_allclose(there.p_mixture[1], here.p_mixture[1], rtol=1e-4)
    two = [ec.lmer("y ~ 1 + (1 | g) + (0 + x | g) + (0 + z | g)", t) for t in (table,)]
    found = ec.anova(two[0], ec.lmer("y ~ 1 + (1 | g)", table))
    assert found.mixtures[1].count("chi-square") == 3


@pytest.mark.parametrize("reml", [True, False], ids=["REML", "ML"])
def test_weights_come_from_the_information_in_dense_matrices(
    table: pd.DataFrame, reml: bool
) -> None:
    """`mixture-information` written out: (x + z | g) against (1 | g), a crossed factor besides."""
    large = ec.lmer("y ~ x + (x + z | g) + (1 | h)", table, reml=reml)
    small = ec.lmer("y ~ x + (1 | g) + (1 | h)", table, reml=reml)
    law = mixture(fitted(large), fitted(small))
    assert law is not None
    one = np.ones(N)
    X = np.column_stack([one, table["x"]])
    g, h = (pd.get_dummies(table[f]).to_numpy(float) for f in "gh")
    Z = [g * column[:, None] for column in (one, table["x"].to_numpy(), table["z"].to_numpy())]
    D = dict(zip("gh", np.square(np.diagonal(small.optimum.lam)), strict=True))
    inverse = np.linalg.inv(np.eye(N) + D["g"] * Z[0] @ Z[0].T + D["h"] * h @ h.T)
    XV = X.T @ inverse
    P = inverse - XV.T @ np.linalg.solve(XV @ X, XV) if reml else inverse
    pairs = [(1, 1), (2, 1), (2, 2), (1, 0), (2, 0), (0, 0)]  # the cone's entries first
    V = [Z[r] @ Z[c].T + Z[c] @ Z[r].T if r != c else Z[r] @ Z[r].T for r, c in pairs]
    PV = np.stack([P @ v for v in (*V, h @ h.T)])
    t = len(PV)
    info = np.empty((t + 1, t + 1))
    info[:t, :t] = np.einsum("iab,jba->ij", PV, PV) / 2
    info[:t, t] = info[t, :t] = np.trace(PV, axis1=1, axis2=2) / 2
    info[t, t] = (N - 2 if reml else N) / 2
    metric = info[:3, :3] - info[:3, 3:] @ np.linalg.solve(info[3:, 3:], info[3:, :3])
    np.testing.assert_allclose(law.weights, psd_weights(metric), **CLOSED)
    assert law.df == (2, 3, 4, 5)


@pytest.mark.slow
def test_the_mixture_is_the_law_of_simulated_ratios() -> None:
    """No effects in truth: the ratio of (x | g) to none, judged in Monte Carlo standard errors."""
    rng = np.random.default_rng(3)
    groups, size, draws = 1500, 4, 600
    g = np.repeat(np.arange(groups), size)
    x = np.tile(np.arange(size), groups) + 0.5 * rng.normal(size=groups * size)
    Y = rng.normal(size=(groups * size, draws))
    fit = ec.lmer("y ~ x + (x | g)", {"y": Y[:, 0], "x": x, "g": g.astype(str)})
    deviance = fit.refit(Y).deviance
    none = of_effects(fit.moments, [np.zeros(2, dtype=bool)])
    law = mixture(fitted(fit), without_effects(none, reml=True))
    assert law is not None
    X = np.column_stack([np.ones(len(x)), x - x.mean()])
    left = Y - X @ np.linalg.solve(X.T @ X, X.T @ Y)
    df = len(x) - 2
    alone = df * (1 + np.log(2 * np.pi * (left**2).sum(axis=0) / df))
    ratios = alone + np.linalg.slogdet(X.T @ X)[1] - deviance
    p = np.array([law.upper(r) for r in ratios])
    for level in (0.5, 0.2, 0.1, 0.05):
        error = np.sqrt(level * (1 - level) / draws)
        assert abs((p < level).mean() - level) <= 3 * error, level
    at_zero = law.weights[law.df.index(0)]
    assert abs((ratios < 1e-6).mean() - at_zero) <= 3 * np.sqrt(at_zero * (1 - at_zero) / draws)


# what is refused


def test_other_rows_are_refused_with_the_rows_lost(sleep: pd.DataFrame) -> None:
    holes = sleep.assign(Days=sleep["Days"].where(sleep.index != 3))
    fits = ec.lmer("Reaction ~ 1 + (1 | Subject)", holes), ec.lmer(PAIR[0], holes)
    with pytest.raises(DataError, match=r"180 rows and b 179.*missing: Days 1"):
        ec.anova(*fits, names=["a", "b"])


def test_another_response_is_refused(sleep: pd.DataFrame) -> None:
    here = ec.lmer(PAIR[0], sleep)
    with pytest.raises(DataError, match=r"log\(Reaction\)"):
        ec.anova(here, ec.lmer("log(Reaction) ~ Days + (Days | Subject)", sleep))
    for changed in (sleep["Reaction"] + 1, 2 * sleep["Reaction"]):
        with pytest.raises(DataError, match="values of 'Reaction' differ"):
            ec.anova(here, ec.lmer(PAIR[1], sleep.assign(Reaction=changed)))
    with pytest.raises(DataError, match="values of 'Reaction' differ"):
        ec.anova(here, ec.lmer(PAIR[1], sleep, offset=np.arange(180.0)))
    turned = sleep.assign(Reaction=np.roll(sleep["Reaction"], 7))
    with pytest.raises(DataError, match="groups of 'Subject' differ"):
        ec.anova(here, ec.lmer(PAIR[1], turned))


def test_the_same_rows_in_another_order_are_the_same_data(sleep: pd.DataFrame) -> None:
    mixed = sleep.sample(frac=1, random_state=1)
    found = ec.anova(ec.lmer(PAIR[0], sleep), ec.lmer(PAIR[1], mixed))
    there = ec.anova(*(ec.lmer(f, sleep) for f in PAIR))
    np.testing.assert_allclose(found.chi_square[1], there.chi_square[1], **RATIO)


def test_refit_false_is_refused_where_likelihoods_do_not_compare(sleep: pd.DataFrame) -> None:
    reml = ec.lmer(PAIR[1], sleep)
    with pytest.raises(DataError, match="fixed parts"):
        ec.anova(reml, ec.lmer("Reaction ~ 1 + (Days | Subject)", sleep), refit=False)
    with pytest.raises(DataError, match=r"by REML and .* by maximum likelihood"):
        ec.anova(reml, ec.lmer(PAIR[0], sleep, reml=False), refit=False)


def test_bad_calls_say_what_to_do(sleep: pd.DataFrame) -> None:
    a, b = (ec.lmer(f, sleep) for f in PAIR)
    with pytest.raises(DataError, match=r"anova\(\*fits\)"):
        ec.anova([a, b])
    with pytest.raises(DataError, match="two models"):
        ec.anova()
    with pytest.raises(DataError, match="one name for each of the 2"):
        ec.anova(a, b, names=["a"])
    with pytest.raises(DataError, match="one model's terms"):
        ec.anova(a, b, type="III")
    with pytest.raises(DataError, match="given one"):
        ec.anova(a, refit=True)
    with pytest.raises(UnknownArgument, match="no option test="):
        ec.anova(a, b, test="Chisq")
    with pytest.raises(UnknownOption, match="LRT, F"):
        a.drop1(test="Chisq")
    with pytest.raises(DataError, match='test="F"'):
        a.drop1(df="satterthwaite")


def test_the_iterative_method_says_its_error(table: pd.DataFrame) -> None:
    made = dict(method="iterative", probes=10, rng=1)
    fits = [ec.lmer(f"y ~ {x} + (1 | g) + (1 | h)", table, **made) for x in ("1", "x")]
    with pytest.raises(NotYetSupported, match="Monte Carlo"):
        fits[1].ranova()
    with pytest.raises(NotYetSupported, match="Monte Carlo"):
        fits[1].drop1()
    exact = ec.anova(*(ec.lmer(f.spec.formula, table) for f in fits))
    found = ec.anova(*fits)
    assert abs(found.chi_square[1] - exact.chi_square[1]) < 1


def test_a_term_whose_loss_recodes_another_is_left_to_the_reader(table: pd.DataFrame) -> None:
    found = ec.lmer("y ~ x:f + x:k + (1 | g)", table).drop1()
    assert found.terms == ("<none>", "x:k")
    assert any("x:f: not tested" in note for note in found.notes)


# what is shown


@pytest.mark.parametrize("backend", ["pandas", "polars", "pyarrow"])
def test_tables_come_back_in_the_callers_library(backend: str) -> None:
    data = ec.datasets.load("sleepstudy", quiet=True, backend=backend)
    a, b = (ec.lmer(f, data) for f in PAIR)
    frames = ec.anova(a, b).frame(), b.ranova().frame(), b.drop1().frame()
    assert all(type(frame).__module__.startswith(backend) for frame in frames)
    columns = list(frames[1].column_names if backend == "pyarrow" else frames[1].columns)
    assert columns == [
        "term", "parameters", "loglik", "aic", "chi_square", "df", "p_value", "p_mixture",
    ]  # fmt: skip


def test_tables_say_which_likelihood_and_which_law(sleep: pd.DataFrame) -> None:
    a, b = (ec.lmer(f, sleep) for f in PAIR)
    text = ec.anova(a, b).to_text(width=200)
    assert "Restricted log-likelihoods (REML)" in text
    assert "0.5 chi-square(1) + 0.5 chi-square(2)" in text
    assert "p (mixture)" not in b.drop1().to_text()
    assert "<th" in b.ranova()._repr_html_()
    assert "42.837" in repr(b.ranova())


def test_perfect_fits_are_not_tested() -> None:
    x = np.arange(8.0)
    data = {"x": x, "w": x**2, "y": 2 * x + 1}
    small, large = ec.lm("y ~ w", data), ec.lm("y ~ x + w", data)
    found = ec.anova(small, large)
    assert np.isnan(found.p_value).all() and np.isnan(found.chi_square).all()
    assert any("y ~ x + w fits the response exactly" in note for note in found.notes)
    tests = large.drop1()
    assert np.isnan(tests.p_value).all()
    assert any("The model fits the response exactly" in note for note in tests.notes)


def test_terms_without_a_column_of_their_own_are_named(table: pd.DataFrame) -> None:
    doubled = table.assign(twice=2 * table["x"])
    found = ec.lmer("y ~ x + twice + (1 | g)", doubled).drop1()
    assert any("x, twice have nothing to test" in note for note in found.notes)
