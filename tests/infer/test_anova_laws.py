"""Laws of analysis of variance tables: coding, order, balance, units."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import echelon as ec
from echelon.errors import DataError, NeedsRows, UnknownOption
from echelon.infer import drop1_f
from echelon.infer.anova.columns import columns, in_terms_of
from echelon.infer.anova.terms import fixed_terms
from echelon.model.assemble import fit_moments
from tolerances import CLOSED, OPTIMUM

TYPES = ("I", "II", "III")


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    """Unbalanced: two factors of 3 and 2 levels, two covariates, 18 groups."""
    rng = np.random.default_rng(2)
    n = 144
    g = np.repeat(np.arange(18), 8)
    made = pd.DataFrame({
        "g": g,
        "a": pd.Categorical(rng.choice(["p", "q", "r"], n, p=[0.5, 0.3, 0.2])),
        "b": pd.Categorical(rng.choice(["u", "v"], n, p=[0.65, 0.35])),
        "x": rng.normal(2, 1, n),
        "z": rng.normal(size=n),
        "w": rng.uniform(0.5, 2, n),
    })  # fmt: skip
    made["y"] = rng.normal(size=18)[g] + made["x"] + (made["a"] == "q") + rng.normal(size=n)
    return made


@pytest.fixture(scope="module")
def balanced() -> pd.DataFrame:
    """Every combination of two factors twice in each of 10 groups."""
    rng = np.random.default_rng(3)
    g, a, b, _ = (v.ravel() for v in np.meshgrid(range(10), range(3), range(2), range(2)))
    made = pd.DataFrame({"g": g, "a": pd.Categorical(a), "b": pd.Categorical(b)})
    made["y"] = rng.normal(size=10)[g] + 0.3 * a * b + rng.normal(size=len(g))
    return made


def same(first: ec.LMM, second: ec.LMM, type: str, *, df: bool = True) -> None:
    """The same tests, term by term whatever their order."""
    one, other = first.anova(type=type), second.anova(type=type)
    key = {frozenset(name.split(":")): i for i, name in enumerate(other.names)}
    order = [key[frozenset(name.split(":"))] for name in one.names]
    assert_allclose(one.df1, other.df1[order])
    assert_allclose(one.statistic, other.statistic[order], rtol=OPTIMUM["estimate"])
    assert_allclose(one.sum_sq, other.sum_sq[order], rtol=OPTIMUM["estimate"])
    if df:
        assert_allclose(one.df2, other.df2[order], rtol=OPTIMUM["df"])


# --- what the tests do not depend on ----------------------------------------------------------


@pytest.mark.parametrize("coding", ["sum", "helmert", "poly"])
@pytest.mark.parametrize("type", TYPES)
@pytest.mark.parametrize("fixed", ["a * b + x", "x * a * b", "a + a:b", "0 + a + b", "x:a + b"])
def test_coding_does_not_matter(data: pd.DataFrame, fixed: str, type: str, coding: str) -> None:
    """Not of I and III; of II no term that stands beside one it is contained in."""
    formula = f"y ~ {fixed} + (1 | g)"
    plain = ec.lmer(formula, data)
    coded = ec.lmer(formula, data, contrasts={"a": coding, "b": coding})
    if type == "II" and fixed.startswith("0"):  # a's own coefficients are means at b's first level
        assert not np.allclose(plain.anova(type=2).statistic, coded.anova(type=2).statistic)
        return
    if type == "II" and "x * a" in fixed:  # a is tested by its own coefficients, x:a beside it
        names = plain.anova().names
        kept = [i for i, name in enumerate(names) if "x" in name or name == "a:b"]
        one, other = (fit.anova(type=2).statistic[kept] for fit in (plain, coded))
        assert_allclose(one, other, rtol=OPTIMUM["estimate"])
        return
    same(plain, coded, type, df=False)


@pytest.mark.parametrize("type", ["II", "III"])
def test_reference_level_and_order_of_levels_do_not_matter(data: pd.DataFrame, type: str) -> None:
    """F does not change; df2 of several df by Satterthwaite may, as it is a mean over directions."""
    formula = "y ~ a * b + x + (1 | g)"
    plain = ec.lmer(formula, data)
    for levels in permutations(["p", "q", "r"]):
        turned = data.assign(a=data["a"].cat.reorder_categories(levels))
        same(plain, ec.lmer(formula, turned), type, df=False)


@pytest.mark.parametrize("type", ["II", "III"])
def test_order_of_terms_does_not_matter(data: pd.DataFrame, type: str) -> None:
    terms = ("a", "b", "x", "a:b")
    plain = ec.lmer("y ~ a * b + x + (1 | g)", data)
    for order in list(permutations(terms))[1::7]:
        same(plain, ec.lmer(f"y ~ {' + '.join(order)} + (1 | g)", data), type, df=False)


def test_order_of_terms_matters_in_type_one(data: pd.DataFrame) -> None:
    first, second = (
        ec.lmer(f"y ~ {fixed} + (1 | g)", data).anova(type=1) for fixed in ("x + a", "a + x")
    )
    assert abs(first.statistic[0] - second.statistic[1]) > 0.1
    assert_allclose(first.statistic[1] * 2, _wald(data, "x + a"), rtol=OPTIMUM["estimate"])


def _wald(data: pd.DataFrame, fixed: str) -> float:
    """Wald chi-square of a's own coefficients."""
    fit = ec.lmer(f"y ~ {fixed} + (1 | g)", data)
    at = [i for i, name in enumerate(fit.names) if name.startswith("a[")]
    beta, V = fit.optimum.beta[at], fit.optimum.vcov[np.ix_(at, at)]
    return float(beta @ np.linalg.solve(V, beta))


@pytest.mark.parametrize("type", TYPES)
@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_unit_of_a_covariate_does_not_matter(data: pd.DataFrame, type: str, unit: float) -> None:
    formula = "y ~ x * a + z + (1 | g)"
    turned = data.assign(x=unit * data["x"])
    same(ec.lmer(formula, data), ec.lmer(formula, turned), type)


def test_origin_of_a_covariate_moves_what_it_interacts_with(data: pd.DataFrame) -> None:
    """a beside x:a is a at x = 0, and the table says so; x and x:a do not change."""
    formula = "y ~ x * a + (1 | g)"
    one = ec.lmer(formula, data).anova()
    other = ec.lmer(formula, data.assign(x=data["x"] - 2)).anova()
    assert_allclose(one.statistic[[0, 2]], other.statistic[[0, 2]], rtol=OPTIMUM["estimate"])
    assert abs(one.statistic[1] - other.statistic[1]) > 0.1
    assert any("a where x is 0" in note for note in one.notes)


def test_margins_need_not_be_written(data: pd.DataFrame) -> None:
    """y ~ a + a:b and y ~ a * b are one model, and type III of a is one hypothesis."""
    written, left_out = (
        ec.lmer(f"y ~ {fixed} + (1 | g)", data).anova() for fixed in ("a * b", "a + a:b")
    )
    assert_allclose(left_out.statistic[0], written.statistic[0], rtol=OPTIMUM["estimate"])


# --- what the types have in common ------------------------------------------------------------


@pytest.mark.parametrize("df", ["satterthwaite", "kenward-roger", "none"])
def test_last_term_is_one_test(data: pd.DataFrame, df: str) -> None:
    fit = ec.lmer("y ~ x + a * b + (1 | g)", data)
    last = [fit.anova(type=type, df=df).statistic[-1] for type in TYPES]
    assert_allclose(last, last[0], rtol=OPTIMUM["estimate"])


@pytest.mark.parametrize("type", TYPES)
def test_types_agree_in_balanced_data(balanced: pd.DataFrame, type: str) -> None:
    fit = ec.lmer("y ~ a * b + (1 | g)", balanced)
    assert_allclose(fit.anova(type=type).statistic, fit.anova().statistic, rtol=OPTIMUM["estimate"])
    assert_allclose(fit.anova(type=type).df2, 10 * 12 - 10 - 5, rtol=OPTIMUM["df"])


def test_balanced_sums_of_squares_are_those_of_the_means(balanced: pd.DataFrame) -> None:
    """The textbook's: rows times squared deviations of the means."""
    found = ec.lmer("y ~ a * b + (1 | g)", balanced).anova()
    y, mean = balanced["y"], balanced["y"].mean()
    for i, name in enumerate(("a", "b")):
        means = y.groupby(balanced[name], observed=True).mean()
        size = len(y) / len(means)
        assert_allclose(found.sum_sq[i], size * ((means - mean) ** 2).sum(), rtol=CLOSED["rtol"])


def test_one_coefficient_is_its_t_squared(data: pd.DataFrame) -> None:
    fit = ec.lmer("y ~ x + z + b + (1 | g)", data)
    table = fit.coefficients()
    for type in ("II", "III"):
        found = fit.anova(type=type)
        assert_allclose(found.statistic, table["statistic"][1:] ** 2, rtol=OPTIMUM["estimate"])
        assert_allclose(found.df2, table["df"][1:], rtol=OPTIMUM["df"])
        assert_allclose(found.p_value, table["p_value"][1:], rtol=OPTIMUM["df"])


def test_sequential_sums_of_squares_add_up(data: pd.DataFrame) -> None:
    """A linear model, weighted or not: each is what the residual sum of squares loses."""
    for precision in (None, "w"):
        nested = ["1", "a", "a + b", "a + b + x", "a + b + x + a:b"]
        rss = [ec.lm(f"y ~ {fixed}", data, precision=precision).rss for fixed in nested]
        found = ec.lm("y ~ a * b + x", data, precision=precision).anova(type=1)
        assert_allclose(found.sum_sq, -np.diff(rss), rtol=CLOSED["rtol"])
        assert found.residual is not None
        assert_allclose(found.residual[0], rss[-1], rtol=CLOSED["rtol"])


def test_type_two_of_a_linear_model_compares_models(data: pd.DataFrame) -> None:
    without = {"a": "b + x", "b": "a + x", "x": "a * b", "a:b": "a + b + x"}
    whole = {"a": "a + b + x", "b": "a + b + x", "x": "a * b + x", "a:b": "a * b + x"}
    for containment in ("sas", "car"):
        found = ec.lm("y ~ a * b + x", data).anova(type=2, containment=containment)
        lost = [
            ec.lm(f"y ~ {without[t]}", data).rss - ec.lm(f"y ~ {whole[t]}", data).rss
            for t in found.names
        ]
        assert_allclose(found.sum_sq, lost, rtol=CLOSED["rtol"])


def test_type_three_is_of_unweighted_means(data: pd.DataFrame) -> None:
    """With all interactions, type III of a compares the plain means of the cells' means."""
    fit = ec.lm("y ~ 0 + a:b", data)
    cells = {name: i for i, name in enumerate(fit.names)}
    L = np.zeros((2, 6))
    for row, level in enumerate("qr"):
        for b in "uv":
            L[row, cells[f"a[{level}]:b[{b}]"]] += 0.5
            L[row, cells[f"a[p]:b[{b}]"]] -= 0.5
    by_hand = fit.contrast(L).joint_test
    found = ec.lm("y ~ a * b", data).anova()
    assert_allclose(found.statistic[0], by_hand.statistic, rtol=CLOSED["rtol"])


def test_hypotheses_are_what_was_tested(data: pd.DataFrame) -> None:
    fit = ec.lmer("y ~ a * b + x + (1 | g)", data)
    found = fit.anova()
    for L, F, df1 in zip(found.hypotheses, found.statistic, found.df1, strict=True):
        joint = fit.contrast(L).joint_test
        assert joint.df1 == df1
        assert_allclose(joint.statistic, F, rtol=CLOSED["rtol"])


# --- fits of every kind -----------------------------------------------------------------------


def test_columns_in_other_codings(data: pd.DataFrame) -> None:
    """Recoding without rows is what laying the other columns over the rows gives."""
    formula, kinds = "y ~ x * a * b + poly(z, 2):a + (1 | g)", ("treatment", "sum")
    plain, summed = (ec.lmer(formula, data, contrasts={"a": k, "b": k}) for k in kinds)
    recipes = [fit.built.recipe for fit in (plain, summed)]
    M = in_terms_of(columns(recipes[0], "model"), columns(recipes[0], "treatment"))
    assert_allclose(M, np.eye(len(M)), atol=1e-12)
    M = in_terms_of(columns(recipes[1], "model"), columns(recipes[1], "treatment"))
    X, S = (fit.built.design.fixed_matrix() for fit in (plain, summed))
    assert_allclose(S @ M, X, atol=1e-10)


def test_dropped_columns_are_combinations(data: pd.DataFrame) -> None:
    doubled = data.assign(x2=2 * data["x"] + 3, one=7.0)
    fit = ec.lmer("y ~ x + x2 + one + a + (1 | g)", doubled)
    assert fit.dropped == ("x2", "one")
    terms = fixed_terms(fit)
    X = fit.built.design.fixed_matrix()
    assert_allclose(X[:, [0, 1, 4, 5]] @ terms.alias, X, atol=1e-9)
    found = fit.anova()
    assert found.df1.tolist() == [1, 0, 0, 2]
    assert any("x2, one have nothing to test" in note for note in found.notes)
    assert drop1_f(fit).df1.tolist() == [0, 0, 0, 2]


def test_precision_weights_leave_hypotheses_alone(data: pd.DataFrame) -> None:
    """A mixed model's hypotheses are functions of X: the same with other weights."""
    formula = "y ~ a * b + x + (1 | g)"
    fits = [ec.lmer(formula, data, precision=p) for p in (None, "w")]
    for type in TYPES:
        one, other = (fit.anova(type=type).hypotheses for fit in fits)
        for L, M in zip(one, other, strict=True):
            assert_allclose(L, M, atol=1e-10)


def test_empty_cells_are_named(data: pd.DataFrame) -> None:
    hole = data[(data["a"] != "r") | (data["b"] != "v")]
    fit = ec.lmer("y ~ a * b + (1 | g)", hole)
    assert any("1 of a:b" in note for note in fit.anova().notes)
    assert not any("without rows" in note for note in fit.anova(type=2).notes)


@pytest.mark.parametrize("contrasts", [None, {"a": "sum", "b": "sum"}, {"a": "helmert"}])
@pytest.mark.parametrize(("a", "b"), list(product("pqrs", "uv")))
def test_any_cell_may_be_empty(
    data: pd.DataFrame, a: str, b: str, contrasts: dict[str, str] | None
) -> None:
    """Type III of b: its difference, averaged over the levels of a that have both, equally."""
    four = data.assign(a=np.where(data["z"] > 0.6, "s", data["a"].astype(str)))
    hole = four[(four["a"] != a) | (four["b"] != b)]
    cells = ec.lmer(
        "y ~ 0 + cell + (1 | g)",
        hole.assign(cell=[*map("".join, zip(hole["a"], hole["b"], strict=True))]),
    )
    row = [0.0 if a in n.partition("[")[2] else 1.0 if "u" in n else -1.0 for n in cells.names]
    found = ec.lmer("y ~ a * b + (1 | g)", hole, contrasts=contrasts).anova()
    direct = cells.contrast([row]).joint_test.statistic
    assert found.statistic[found.names.index("b")] == pytest.approx(direct, rel=CLOSED["rtol"])
    assert any("1 of a:b" in note for note in found.notes)


def test_no_cell_is_called_empty_beside_a_covariate_in_small_units(data: pd.DataFrame) -> None:
    hole = data[(data["a"] != "r") | (data["b"] != "v")]
    fit = ec.lmer("y ~ a * b + x + (1 | g)", hole.assign(x=hole["x"] * 1e9))
    assert any("1 of a:b" in note for note in fit.anova().notes)


def test_summaries_and_rows_give_one_table() -> None:
    rng = np.random.default_rng(8)
    g = np.repeat(np.arange(12), rng.integers(4, 9, 12))
    rows = pd.DataFrame({"g": g, "t": (g % 3).astype(str), "s": g / 4.0})
    rows["y"] = rng.normal(size=12)[g] + rng.normal(size=len(g))
    table = rows.groupby("g").agg(
        mean=("y", "mean"), n=("y", "size"), sd=("y", "std"), t=("t", "first"), s=("s", "first")
    )
    from_rows = ec.lmer("y ~ s * t + (1 | g)", rows)
    from_table = ec.lmer("mean ~ s * t + (1 | g)", summaries=table.reset_index())
    for type in TYPES:
        same(from_rows, from_table, type)


def test_residual_structure(data: pd.DataFrame) -> None:
    fit = ec.lmer("y ~ a * b + x + (1 | g)", data, residual="by(b)")
    plain = ec.lmer("y ~ a * b + x + (1 | g)", data)
    for L, M in zip(fit.anova(type=1).hypotheses, plain.anova(type=1).hypotheses, strict=True):
        assert_allclose(L, M, atol=1e-10)
    assert (fit.anova().statistic > 0).all()


def test_fit_without_a_formula_laid_over_rows(data: pd.DataFrame) -> None:
    fit = ec.lmer("y ~ x + (1 | g)", data)
    bare = fit_moments(fit.moments, fit.spec, reml=True, df="satterthwaite", source=fit.source)
    with pytest.raises(NeedsRows, match="moments alone"):
        ec.LMM.of(bare).anova()


def test_nothing_to_test(data: pd.DataFrame) -> None:
    found = ec.lmer("y ~ 1 + (1 | g)", data).anova()
    assert found.names == ()
    assert (
        found.table().notes[1] == "The fixed part has no terms to test: it is the constant alone."
    )
    assert len(found.frame()) == 0


def test_no_residual_degrees_of_freedom(data: pd.DataFrame) -> None:
    """A line through every point: nothing can be tested, and nothing breaks."""
    fit = ec.lm("y ~ x + z", data[:3])
    found, hypothesis = fit.anova(), fit.contrast("x = z, x = 1")
    assert np.isnan([found.statistic, found.p_value, hypothesis.p_value]).all()
    assert np.isnan(hypothesis.joint_test.statistic) and "x = z" in repr(hypothesis)
    assert found.df1.tolist() == [1, 1] and "0 df" in repr(found)


def test_names_that_are_no_words(data: pd.DataFrame) -> None:
    fit = ec.lmer("y ~ `x 1`*`a-b` + (1 | g)", data.rename(columns={"x": "x 1", "a": "a-b"}))
    found = fit.anova()
    assert found.names == ("x 1", "a-b", "x 1:a-b")
    assert any("a-b where x 1 is 0" in note for note in found.notes)
    text = "x 1 = 0, `a-b`[q] = 0, `x 1:a-b[T.q]` = 0, x 1:`a-b`[r]"
    assert np.flatnonzero(fit.contrast(text).L.sum(axis=0)).tolist() == [1, 2, 4, 5]


def test_wrong_options(data: pd.DataFrame) -> None:
    fit = ec.lmer("y ~ x + (1 | g)", data)
    for wrong in (4, "IV", True, 1.5, []):
        with pytest.raises(UnknownOption, match="I"):
            fit.anova(type=wrong)
    with pytest.raises(UnknownOption, match="sas"):
        fit.anova(containment="SAS9")
    with pytest.raises(DataError, match="types II and III"):
        fit.anova(type=1, containment="car")
    with pytest.raises(DataError, match="Options are named"):
        fit.anova("II")
    assert fit.anova(type="iii").names == fit.anova(type="3").names == fit.anova(type=3).names


@pytest.mark.parametrize("robust", ["CR0", "CR2"])
def test_robust(data: pd.DataFrame, robust: str) -> None:
    """Sums of squares have no meaning then, and are not shown."""
    fit = ec.lmer("y ~ x + b + (1 | g)", data)
    found, table = fit.anova(robust=robust), fit.contrast("x = 0, b = 0", robust=robust)
    assert_allclose(found.statistic, table.statistic**2, rtol=OPTIMUM["estimate"])
    assert_allclose(found.df2, table.df, rtol=OPTIMUM["df"])
    assert np.isnan(found.sum_sq).all() and "Sum Sq" not in found.table().to_text()
    assert robust in found.table().title
    assert list(found.frame().columns) == ["term", "df1", "df2", "statistic", "p_value"]


# --- what is shown ----------------------------------------------------------------------------


def test_table_and_frame(data: pd.DataFrame) -> None:
    fit = ec.lmer("y ~ x * a + (1 | g)", data)
    found = fit.anova(df="kenward-roger")
    assert found.table().title == "Type III analysis of variance with Kenward and Roger's method"
    assert "before its scaling" in " ".join(repr(found).split())
    names = ["term", "sum_sq", "mean_sq", "df1", "df2", "statistic", "p_value"]
    assert list(found.frame().columns) == names
    wald = fit.anova(type=2, df="none")
    assert "Wald chi-square" in wald.table().title
    assert list(wald.frame().columns) == ["term", "statistic", "df", "p_value"]
    assert "<table" in found._repr_html_()


def test_mean_square_is_unscaled_by_kenward_roger(data: pd.DataFrame) -> None:
    fit = ec.lmer("y ~ a * b + (1 | g)", data, df="kenward-roger")
    found = fit.anova()
    scale = found.statistic * fit.sigma**2 / found.mean_sq
    assert (scale <= 1 + 1e-12).all() and (scale[[0, 2]] < 1).all()
    assert_allclose(scale[1], 1.0, rtol=1e-12)  # one degree of freedom is never scaled


def test_options_of_one_model_and_of_several_exclude_each_other(data: pd.DataFrame) -> None:
    one = ec.lmer("y ~ x + (1 | g)", data, reml=False)
    other = ec.lmer("y ~ x + z + (1 | g)", data, reml=False)
    for wrong in (dict(type="II"), dict(df="none"), dict(robust="CR2"), dict(containment="car")):
        with pytest.raises(DataError, match="one model's terms"):
            one.anova(other, **wrong)
    with pytest.raises(DataError, match="compare models"):
        one.anova(names=["a", "b"])
    named = one.anova(other, names=["small", "large"])
    assert named.models == ("small", "large")
    with pytest.raises(DataError, match="a DataFrame, which is no fit"):
        one.anova(data)


def test_a_model_without_fixed_terms_has_an_empty_table(data: pd.DataFrame) -> None:
    found = ec.lmer("y ~ 0 + (1 | g)", data).anova()
    assert found.names == () and any("no terms to test" in note for note in found.notes)
