"""Kenward-Roger: dense matrices, closed forms, invariance, what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from law_tables import FORMULAS as TWO_LEVEL
from law_tables import two_level
from numpy.testing import assert_allclose
from several_tables import FORMULAS as SEVERAL
from several_tables import DenseSeveral, several

import echelon as ec
from dense_kenward_roger import DenseKenwardRoger
from echelon.errors import EchelonError, NotIdentified, NotYetSupported
from echelon.infer import joint_test, uncertainty
from echelon.infer.kenward_roger import f_moments, kenward_roger, linear_basis
from tolerances import CLOSED, SAME


def dense(fit: ec.LMM) -> DenseKenwardRoger:
    """From the design, the variances and nothing else of a fit."""
    model = DenseSeveral.of(fit)
    pairs, sigma2 = fit.optimum.pairs, fit.optimum.sigma2
    basis = linear_basis(pairs)
    D = fit.optimum.lam @ fit.optimum.lam.T
    Z = np.hstack(model.Z)
    shapes = [pairs.symmetric(column) for column in basis.T]
    G = [Z @ model.blocks(E) @ Z.T for E in shapes]
    gamma = np.linalg.lstsq(basis, sigma2 * pairs.free(D), rcond=None)[0]
    return DenseKenwardRoger.of(model.X, [*G, np.diag(1 / model.w)], np.append(gamma, sigma2))


def assert_as_dense(fit: ec.LMM) -> None:
    ours, theirs = kenward_roger(fit), dense(fit)
    p = len(fit.names)
    se = np.sqrt(np.diagonal(theirs.adjusted))
    scale = np.outer(se, se)
    assert_allclose(ours.vcov / scale, theirs.adjusted / scale, atol=CLOSED["rtol"])
    one = [theirs.test(row[None])[0] for row in np.eye(p)]
    assert_allclose(ours.df(np.eye(p)), one, rtol=CLOSED["rtol"])
    rng = np.random.default_rng(p)
    for q in range(2, p + 1):
        L = rng.normal(size=(q, p)) / se
        df, factor = theirs.test(L)
        found = joint_test(ours, L, np.ones(q))
        assert_allclose((found.df2, found.scale), (df, factor), rtol=10 * CLOSED["rtol"])


@pytest.mark.parametrize("formula", TWO_LEVEL)
@pytest.mark.parametrize("seed", [1, 2])
def test_one_factor_as_with_dense_matrices(formula: str, seed: int) -> None:
    assert_as_dense(ec.lmer(formula, two_level(seed)))


@pytest.mark.parametrize("formula", SEVERAL)
@pytest.mark.parametrize("seed", [3, 4])
def test_several_factors_as_with_dense_matrices(formula: str, seed: int) -> None:
    assert_as_dense(ec.lmer(formula, several(seed)))


@pytest.mark.parametrize("formula", [TWO_LEVEL[1], SEVERAL[3], SEVERAL[6]])
def test_precision_weights_as_with_dense_matrices(formula: str) -> None:
    assert_as_dense(ec.lmer(formula, several(5), precision="weight"))


@pytest.mark.parametrize("term", ["homdiag(1 + x | g)", "homcs(x + w | g)", "cs(x | g)"])
def test_structures_that_are_linear(term: str) -> None:
    """One variance, compound symmetry, and cs of two effects, which is any covariance."""
    assert_as_dense(ec.lmer(f"y ~ x + {term}", several(6, rows=240)))


@pytest.mark.parametrize("formula", ["y ~ x + z + (x | g)", "y ~ x + (1 | g) + (1 | h)"])
def test_no_variance_between_groups_as_with_dense_matrices(formula: str) -> None:
    """At the boundary every variance is still a parameter, as in pbkrtest."""
    data = several(8)
    data["y"] = np.random.default_rng(8).normal(size=len(data))
    centred = data["y"] - data.groupby("g")["y"].transform("mean")
    data["y"] = centred - centred.groupby(data["h"]).transform("mean")
    fit = ec.lmer(formula, data)
    assert fit.verdict.status == "boundary"
    assert_as_dense(fit)


@pytest.mark.parametrize(("J", "n"), [(3, 4), (5, 2), (6, 5), (30, 3)])
def test_balanced_one_way(J: int, n: int) -> None:
    """J - 1 degrees of freedom, nothing adjusted, scale 1; also at J - 1 = 2 and 4."""
    rng = np.random.default_rng(J)
    g = np.repeat(np.arange(J), n)
    data = pd.DataFrame({"g": g, "y": 2 * rng.normal(size=J)[g] + rng.normal(size=J * n)})
    fit = ec.lmer("y ~ 1 + (1 | g)", data, df="kenward-roger")
    test = joint_test(uncertainty(fit), np.eye(1), fit.optimum.beta)
    assert_allclose((test.df2, test.scale), (J - 1, 1.0), rtol=CLOSED["rtol"])
    assert_allclose(fit.coefficients()["df"], [J - 1], rtol=CLOSED["rtol"])
    assert_allclose(fit.vcov(), fit.optimum.vcov, rtol=CLOSED["rtol"])


def split_plot() -> pd.DataFrame:
    """Groups in three arms, the same four conditions in each."""
    rng = np.random.default_rng(9)
    J, n = 15, 4
    g, x = np.repeat(np.arange(J), n), np.tile(np.arange(n), J)
    y = rng.normal(size=J)[g] + 0.3 * x + rng.normal(size=J * n)
    return pd.DataFrame({"y": y, "g": g, "x": x, "arm": np.array(["a", "b", "c"])[g % 3]})


def test_balanced_split_plot() -> None:
    """Analysis of variance: 2 and 12 for arms, 2 and 42 for their slopes, F tests exact."""
    fit = ec.lmer("y ~ arm * x + (1 | g)", split_plot())
    known = uncertainty(fit, "kenward-roger")
    means, slopes = np.zeros((2, 6)), np.zeros((2, 6))
    for k, name in enumerate(("arm[T.b]", "arm[T.c]")):
        means[k, fit.names.index(name)] = 1.0
        means[k, fit.names.index(f"{name}:x")] = 1.5  # at the mean of x
        slopes[k, fit.names.index(f"{name}:x")] = 1.0
    for L, df in ((means, 12), (slopes, 42)):
        test = joint_test(known, L, L @ fit.optimum.beta)
        assert_allclose((test.df2, test.scale), (df, 1.0), rtol=CLOSED["rtol"])
        assert_allclose(known.df(L), df, rtol=CLOSED["rtol"])
        assert_allclose(known.df(L), uncertainty(fit, "satterthwaite").df(L), rtol=CLOSED["rtol"])


@pytest.mark.parametrize("origin", [0.0, 2015.0, 45_000.0])
@pytest.mark.parametrize("unit", [1.0, 1e-6, 1e6])
def test_units_and_origin_do_not_matter(unit: float, origin: float) -> None:
    sleep = ec.datasets.load("sleepstudy", quiet=True)
    moved = sleep.assign(
        Days=unit * sleep["Days"] + origin * unit, Reaction=sleep["Reaction"] * 1e3
    )
    fit = ec.lmer("Reaction ~ Days + (Days | Subject)", moved, df="kenward-roger")
    known = fit.coefficients()
    assert_allclose(known["df"], 17.0, rtol=CLOSED["rtol"])
    assert_allclose(known["std_error"][1] * unit / 1e3, 1.545788896, rtol=CLOSED["rtol"])


def test_order_of_rows_and_names_of_groups_do_not_matter() -> None:
    data = several(11)
    formula = "y ~ x + z + (x | g) + (1 | h)"
    first = kenward_roger(ec.lmer(formula, data))
    other = data.sample(frac=1, random_state=1).assign(g=lambda d: "z" + d["g"].str[::-1])
    again = kenward_roger(ec.lmer(formula, other))
    assert_allclose(again.vcov, first.vcov, rtol=CLOSED["rtol"])
    assert_allclose(again.df(np.eye(3)), first.df(np.eye(3)), rtol=CLOSED["rtol"])


def test_a_linear_change_of_columns_changes_nothing() -> None:
    """The F test of all slopes, whatever they are called; a fit without an intercept."""
    data = two_level(12).assign(s=lambda d: d["x"] + d["w"], m=lambda d: d["x"] - 3 * d["w"])
    tests = []
    for formula in ("y ~ x + w + (1 | g)", "y ~ s + m + (1 | g)"):
        fit = ec.lmer(formula, data)
        L = np.eye(3)[1:]
        tests.append(joint_test(kenward_roger(fit), L, L @ fit.optimum.beta))
    a, b = tests
    assert_allclose(
        (a.statistic, a.df2, a.scale), (b.statistic, b.df2, b.scale), rtol=CLOSED["rtol"]
    )


def test_same_from_summaries() -> None:
    rows = two_level(13)
    small = rows.groupby("g").agg(
        y=("y", "mean"), n=("y", "size"), sd=("y", "std"), z=("z", "first")
    )
    small = small[small["n"] > 1].reset_index()
    rows = rows[rows["g"].isin(small["g"])]
    whole = ec.lmer("y ~ z + (1 | g)", rows, df="kenward-roger").coefficients()
    short = ec.lmer("y ~ z + (1 | g)", summaries=small, df="kenward-roger").coefficients()
    for column in ("std_error", "df", "p_value"):
        assert_allclose(short[column], whole[column], rtol=10 * CLOSED["rtol"])


def test_same_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups are worked through in blocks, trees in pieces."""
    from echelon import tolerances

    one, three = two_level(14), several(14)
    before = [kenward_roger(ec.lmer("y ~ x + z + (x | g)", one))]
    before.append(kenward_roger(ec.lmer("y ~ x + (x | g / h)", three)))
    monkeypatch.setattr(tolerances, "GROUP_BLOCK", 4)
    monkeypatch.setattr(tolerances, "FOREST_BLOCK", 3)
    after = [kenward_roger(ec.lmer("y ~ x + z + (x | g)", one))]
    after.append(kenward_roger(ec.lmer("y ~ x + (x | g / h)", three)))
    for a, b in zip(before, after, strict=True):
        assert_allclose(b.vcov, a.vcov, rtol=CLOSED["rtol"])


def test_linear_model_is_the_limit() -> None:
    """Of exact F tests on nu degrees of freedom the moments give nu and 1 back."""
    for q in (1, 2, 3, 7):
        for nu in (1.0, 2.0, 3.0, 4.0, 5.0, 20.0, 1e6):
            df2, scale = f_moments(2 * q * q / nu, 2 * q / nu, q)
            assert_allclose((df2, scale), (nu, 1.0), rtol=CLOSED["rtol"])


def test_std_errors_vcov_and_table_agree() -> None:
    fit = ec.lmer("y ~ x + z + (x | g)", two_level(15), df="kenward-roger")
    assert_allclose(np.asarray(fit.bse) ** 2, np.diagonal(fit.vcov()), **SAME)
    assert (np.diagonal(fit.vcov()) >= np.diagonal(fit.optimum.vcov) * (1 - 1e-9)).all()
    plain = ec.lmer("y ~ x + z + (x | g)", two_level(15))
    assert_allclose(plain.vcov(), plain.optimum.vcov, **SAME)
    assert_allclose(
        plain.coefficients(df="kenward-roger")["std_error"], fit.coefficients()["std_error"], **SAME
    )
    assert "Kenward and Roger" in fit.summary()
    assert " df " in fit.summary()


REFUSED = {
    "ML": ("y ~ x + (1 | g)", {"reml": False}, "reml=True"),
    "residual": ("y ~ x + (1 | g)", {"residual": "by(h)"}, "residual="),
    "iterative": ("y ~ x + (1 | g) + (1 | h)", {"method": "iterative"}, "Monte Carlo"),
    "cs": ("y ~ x + cs(x + w | g)", {}, "three effects"),
    "ar1": ("y ~ x + ar1(0 + k | g)", {}, "three effects"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_in_words(case: str) -> None:
    formula, options, says = REFUSED[case]
    with pytest.raises(NotYetSupported, match=says):
        ec.lmer(formula, several(16, rows=300), df="kenward-roger", **options)
    fit = ec.lmer(formula, several(16, rows=300), **options)
    with pytest.raises(NotYetSupported, match="satterthwaite"):
        fit.coefficients(df="kenward-roger")


def test_too_few_groups_for_a_joint_test() -> None:
    with pytest.raises(NotIdentified, match="too few groups"):
        f_moments(0.6, 3.0, 3)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("KR", "kenward-roger"),
        ("kr", "kenward-roger"),
        ("satt", "satterthwaite"),
        ("bw", "between-within"),
        ("z", "none"),
        ("asymptotic", "none"),
        ("satterthwate", "satterthwaite"),
    ],
)
def test_names_of_other_programs(typed: str, meant: str) -> None:
    with pytest.raises(EchelonError, match=meant):
        ec.lmer("y ~ x + (1 | g)", two_level(1), df=typed)


@pytest.mark.parametrize("typed", ["Kenward-Roger", "kenward_roger", "KENWARD ROGER"])
def test_spelling_of_the_same_name(typed: str) -> None:
    assert ec.lmer("y ~ x + (1 | g)", two_level(1), df=typed).df_method == "kenward-roger"


def test_linear_models_keep_their_own() -> None:
    fit = ec.lm("y ~ x", two_level(1))
    assert set(fit.coefficients()["df"]) == {float(fit.df_resid)}
    assert np.isinf(fit.coefficients(df="none")["df"]).all()
    with pytest.raises(EchelonError, match="exact"):
        fit.coefficients(df="kenward-roger")
