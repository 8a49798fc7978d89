"""Linear hypotheses: what is read, what is refused, and what the tests are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose

import echelon as ec
from echelon.errors import DataError, EchelonError, FormulaError, UnknownOption
from echelon.infer.hypotheses import hypotheses
from echelon.infer.names import Lexicon
from tolerances import CLOSED, SAME


@pytest.fixture(scope="module")
def hsb() -> pd.DataFrame:
    return ec.datasets.load("hsb", quiet=True)


@pytest.fixture(scope="module")
def fit(hsb: pd.DataFrame) -> ec.LMM:
    return ec.lmer("mathach ~ ses*sector + meanses + (1 | school)", hsb)


NAMES = Lexicon(("(Intercept)", "a", "b", "a:b", "f[T.x y]", "poly(a, 2)1", "a b", "o^4"))


def read(text: str, names: Lexicon = NAMES) -> list[tuple[dict[str, float], float]]:
    """Weights by name and the value of each equation."""
    found = hypotheses(text, names)
    rows = [{names.names[j]: row[j] for j in np.flatnonzero(row)} for row in found.L]
    return list(zip(rows, found.null.tolist(), strict=True))


# --- the language -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = 0", [({"a": 1}, 0)]),
        ("a", [({"a": 1}, 0)]),
        ("a == 2", [({"a": 1}, 2)]),
        ("a = b", [({"a": 1, "b": -1}, 0)]),
        ("0 = a", [({"a": -1}, 0)]),
        ("3 = a", [({"a": -1}, -3)]),
        ("2*a - 3 = b", [({"a": 2, "b": -1}, 3)]),
        ("a*2 = -b/4 + 1", [({"a": 2, "b": 0.25}, 1)]),
        ("(a + b)/2 = 1", [({"a": 0.5, "b": 0.5}, 1)]),
        ("3*(a - (b - 2)) = 0", [({"a": 3, "b": -3}, -6)]),
        ("-a = +1e-1", [({"a": -1}, 0.1)]),
        ("- - a = .5", [({"a": 1}, 0.5)]),
        ("1/2*a = 1/4", [({"a": 0.5}, 0.25)]),
        ("a = b = 3", [({"a": 1, "b": -1}, 0), ({"b": 1}, 3)]),
        ("a = 0, b = 1", [({"a": 1}, 0), ({"b": 1}, 1)]),
        ("a = 0; b = 1;", [({"a": 1}, 0), ({"b": 1}, 1)]),
        ("a = 0\n  b = 1\n", [({"a": 1}, 0), ({"b": 1}, 1)]),
        ("a:b = 0", [({"a:b": 1}, 0)]),
        ("b:a = 0", [({"a:b": 1}, 0)]),
        ("(Intercept) = 5", [({"(Intercept)": 1}, 5)]),
        ("2*(Intercept) + a = 5", [({"(Intercept)": 2, "a": 1}, 5)]),
        ("f[T.x y] = 0", [({"f[T.x y]": 1}, 0)]),
        ("f[x y] = 0", [({"f[T.x y]": 1}, 0)]),
        ("`f[T.x y]` = 0", [({"f[T.x y]": 1}, 0)]),
        ("poly(a, 2)1 = a", [({"poly(a, 2)1": 1, "a": -1}, 0)]),
        ("poly(a,2)1 - poly(a, 2)1 + b", [({"b": 1}, 0)]),
        ("`a b` = a", [({"a b": 1, "a": -1}, 0)]),
        ("a b = 1", [({"a b": 1}, 1)]),
        ("o^4 = 1", [({"o^4": 1}, 1)]),
        ("a+b=0", [({"a": 1, "b": 1}, 0)]),
    ],
)
def test_read(text: str, expected: list[tuple[dict[str, float], float]]) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "message", "under"),
    [
        ("", "empty", ""),
        ("a > 0", "write 'a = 0'", ">"),
        ("a <= b", "one-sided|One|one", "<="),
        ("a != 0", "Only equations", "!="),
        ("a = ", "Nothing stands after", "="),
        ("= a", "Nothing stands before", "="),
        ("a,, b", "Nothing stands before", ","),
        ("a +", "Nothing stands after", "+"),
        ("a * b = 0", "not linear", "*"),
        ("a / b = 0", "Division by a coefficient", "/"),
        ("a / 0 = 1", "Division by zero", "/"),
        ("2 a = 0", "operator is missing", "a"),
        ("a 2 = 0", "operator is missing", "2"),
        ("3(a) = 0", "operator is missing", "("),
        ("(a + b = 0", "not closed", "("),
        ("a) = 0", "not expected", ")"),
        ("a ^ 2 = 0", "linear", "^"),
        ("a | b", "linear", "|"),
        ("a $ b", "not part of", "$"),
        ("`a = 0", "backtick", "`"),
        ("3 = 4", "tests nothing", "3 = 4"),
        ("a - a = 0", "tests nothing", "a - a = 0"),
        ("f[T.x z] = 0", r"Did you mean 'f\[T.x y\]'", "f[T.x z]"),
        ("aa = 0", "no fixed effect", "aa"),
        ("a(3) = 0", "no fixed effect", "a(3)"),
        ("a:c = 0", "no fixed effect", "a:c"),
        ("a = 0, Intercept = 1", r"Did you mean '\(Intercept\)'", "Intercept"),
    ],
)
def test_refused(text: str, message: str, under: str) -> None:
    """Said in words, with a caret under the piece."""
    with pytest.raises(FormulaError, match=message) as caught:
        hypotheses(text, NAMES)
    lines = str(caught.value).split("\n")
    if under:
        place = lines[2].index("^")
        assert lines[1][place : place + lines[2].count("^")] == under


def test_one_sided_suggestion_keeps_the_level() -> None:
    names = Lexicon(("f[T.>= 3]",))
    with pytest.raises(FormulaError, match=r"write 'f\[T.>= 3\] = 0' with '='"):
        hypotheses("f[T.>= 3] >= 0", names)


def test_every_name_can_be_written() -> None:
    """Bare where it holds no arithmetic, and in backticks always."""
    names = (
        "(Intercept)",
        "x",
        "x2",
        "x:x2",
        "I(x^2)",
        "log(x + 1):g[a, b]",
        "a-b",
        "g[T.1-2]",
        "3x",
    )
    lexicon = Lexicon(names)
    for i, name in enumerate(names):
        for text in (name, f"`{name}`"):
            if text not in ("a-b", "3x"):
                found = hypotheses(f"2*{text} = 1", lexicon)
                assert np.flatnonzero(found.L[0]).tolist() == [i] and found.L[0, i] == 2
    with pytest.raises(FormulaError):
        hypotheses("a-b = 0", lexicon)


def test_labels_are_what_was_written(fit: ec.LMM) -> None:
    found = fit.contrast(["ses  =  2", "sector[Catholic]=meanses =1", "ses - 2*meanses"])
    assert found.names == (
        "ses = 2",
        "sector[Catholic] = meanses",
        "meanses = 1",
        "ses - 2*meanses = 0",
    )


def test_names_of_factors(hsb: pd.DataFrame, fit: ec.LMM) -> None:
    """A factor of two levels has one coefficient; of more, it must be said which."""
    for text in ("sector", "sector[Catholic]", "sector[T.Catholic]"):
        assert (
            fit.contrast(text).estimate[0]
            == fit.optimum.beta[fit.names.index("sector[T.Catholic]")]
        )
    for text in ("ses:sector", "sector:ses", "sector[Catholic]:ses"):
        assert fit.contrast(text).estimate[0] == fit.optimum.beta[-1]
    three = ec.lm("mathach ~ C(himinty + 2 * (size > 1000))", hsb)
    with pytest.raises(FormulaError, match=r"has 3 coefficients.*anova\(\)"):
        three.contrast("C(himinty + 2 * (size > 1000)) = 0")


def test_columns_left_out_of_the_model(hsb: pd.DataFrame) -> None:
    doubled = hsb.assign(twice=2 * hsb["ses"])
    fit = ec.lmer("mathach ~ ses + twice + (1 | school)", doubled)
    with pytest.raises(FormulaError, match="'twice' is not in the model: it was left out"):
        fit.contrast("ses = 0, twice = 0")


# --- the tests --------------------------------------------------------------------------------


@pytest.mark.parametrize("df", ["satterthwaite", "kenward-roger", "between-within", "none"])
def test_coefficients_are_contrasts(fit: ec.LMM, df: str) -> None:
    found = fit.contrast([f"`{name}`" for name in fit.names], df=df, level=0.9)
    table = fit.coefficients(df=df, level=0.9)
    for column in ("estimate", "std_error", "df", "statistic", "p_value", "conf_low", "conf_high"):
        assert_allclose(getattr(found, column), table[column], **SAME)


@pytest.mark.parametrize("df", ["satterthwaite", "kenward-roger", "none"])
def test_one_F_is_t_squared(fit: ec.LMM, df: str) -> None:
    found = fit.contrast("2*ses - 3 = meanses", df=df)
    joint = found.joint_test
    assert_allclose(joint.statistic, found.statistic[0] ** 2, rtol=1e-12)
    assert_allclose([joint.df2, joint.p_value], [found.df[0], found.p_value[0]], rtol=1e-9)


def test_value_under_test_moves_t_alone(fit: ec.LMM) -> None:
    zero, moved = fit.contrast("ses = 0"), fit.contrast("ses = 2")
    assert_allclose(zero.estimate, moved.estimate)
    assert_allclose([zero.conf_low, zero.conf_high], [moved.conf_low, moved.conf_high])
    assert_allclose(moved.statistic, (zero.estimate - 2) / zero.std_error, **SAME)
    limit = fit.contrast(f"ses = {float(zero.conf_low[0])!r}")
    assert_allclose(limit.p_value, 0.05, rtol=CLOSED["rtol"])


def test_writing_does_not_matter(fit: ec.LMM) -> None:
    """F of the same plane of hypotheses, written in other ways."""
    one = fit.contrast("ses = 0, meanses = 1").joint_test
    for text in ("meanses = 1, ses = 0", "5*ses = 0; ses + meanses = 1", "ses = meanses - 1 = 0"):
        other = fit.contrast(text).joint_test
        assert other.df1 == 2
        assert_allclose(other.statistic, one.statistic, rtol=CLOSED["rtol"])
    robust = fit.contrast("ses = 0, meanses = 1", df="kenward-roger").joint_test
    other = fit.contrast("5*ses = 0; ses + meanses = 1", df="kenward-roger").joint_test
    assert_allclose([other.statistic, other.df2], [robust.statistic, robust.df2], rtol=1e-7)


def test_all_terms_at_once_are_the_models_F(hsb: pd.DataFrame) -> None:
    fit = ec.lm("mathach ~ ses + meanses + sector", hsb)
    joint, whole = fit.contrast("ses, meanses, sector").joint_test, fit.f_test()
    assert (joint.df1, joint.df2) == (whole.df1, whole.df2)
    assert_allclose(joint.statistic, whole.statistic, rtol=CLOSED["rtol"])


def test_matrix_mapping_and_text_agree(fit: ec.LMM) -> None:
    text = fit.contrast("ses - meanses = 1, sector = 2")
    L = np.zeros((2, 5))
    L[0, [1, 3]], L[1, 2] = (1, -1), 1
    for other in (
        fit.contrast(L, rhs=[1, 2]),
        fit.contrast(L.tolist(), rhs=[1, 2]),
        fit.contrast({"d": {"ses": 1, "meanses": -1}, "s": {"sector": 1}}, rhs=[1, 2]),
        fit.contrast({"d": "ses - meanses = 1", "s": "sector = 2"}),
        ec.contrast(fit, ["ses - meanses = 1", "sector = 2"]),
    ):
        assert_allclose(other.L, text.L)
        assert_allclose(other.null, text.null)
        assert_allclose(other.p_value, text.p_value)
        assert other.joint_test == text.joint_test
    assert fit.contrast(L, rhs=[1, 2]).names == ("ses - meanses = 1", "sector[T.Catholic] = 2")
    assert fit.contrast({"d": {"ses": 1}}).names == ("d",)
    assert fit.contrast(L[0]).names == ("ses - meanses = 0",)


def test_redundant_rows_do_not_count(fit: ec.LMM) -> None:
    plain = fit.contrast("ses = 0, meanses = 0")
    found = fit.contrast("ses = 0, meanses = 0, ses = meanses, 3*ses = 0")
    assert found.joint_test == plain.joint_test
    assert found.redundant == ("ses = meanses", "3*ses = 0")
    assert len(found.estimate) == 4 and np.isfinite(found.p_value).all()
    assert "do not count" in " ".join(repr(found).split())
    tiny = fit.contrast("1e-9*ses = 1e-9, 1e9*meanses = 0, ses + meanses = 1")
    assert tiny.joint_test.df1 == 2 and len(tiny.redundant) == 1


def test_units_do_not_matter(hsb: pd.DataFrame) -> None:
    """What follows from what is seen in any unit of a predictor."""
    formula, text = "mathach ~ ses + meanses + (1 | school)", "ses = 0, meanses = 0"
    one = ec.lmer(formula, hsb).contrast(text)
    for unit in (1e-8, 1e8):
        fit = ec.lmer(formula, hsb.assign(ses=unit * hsb["ses"]))
        found = fit.contrast(f"{text}, ses + meanses = 0")
        assert len(found.redundant) == 1
        assert_allclose(found.joint_test.statistic, one.joint_test.statistic, rtol=CLOSED["rtol"])


@pytest.mark.parametrize(
    "text", ["ses = 0, ses = 1", "ses = meanses, ses = 1, meanses = 2", "ses = 1, 2*ses = 2.0001"]
)
def test_contradictions_are_refused(fit: ec.LMM, text: str) -> None:
    with pytest.raises(DataError, match="contradict each other"):
        fit.contrast(text)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([], "one column for each of the 5"),
        ([[1.0, 2.0]], r"shape \(1, 2\)"),
        (np.ones((2, 2, 5)), "shape"),
        ([[0.0] * 5], "all of its weights are zero"),
        ([[np.nan] * 5], "missing or infinite"),
        ({}, "No hypothesis"),
        ({"a": {"ses": "much"}}, "no finite number"),
        ({"a": {"ses": 0}}, "tests nothing"),
        ({"a": 3}, "neither a text"),
        ({"a": "ses = 0, meanses = 0"}, "more than one equation"),
        ({"ses": 1}, "neither a text"),
        (None, "one column for each of the 5"),
        (object(), "A hypothesis is a text"),
    ],
)
def test_other_input_is_refused(fit: ec.LMM, wrong: object, message: str) -> None:
    with pytest.raises(EchelonError, match=message):
        fit.contrast(wrong)


def test_wrong_options(fit: ec.LMM) -> None:
    with pytest.raises(DataError, match="write it after '='"):
        fit.contrast("ses = 0", rhs=1)
    with pytest.raises(DataError, match="one finite number for each of 1"):
        fit.contrast([[0, 1, 0, 0, 0]], rhs=[1, 2])
    with pytest.raises(DataError, match="between 0 and 1"):
        fit.contrast("ses = 0", level=95)
    with pytest.raises(UnknownOption):
        fit.contrast("ses = 0", df="exact")
    with pytest.raises(FormulaError, match="Did you mean 'ses'"):
        fit.contrast({"a": {"sess": 1}})


# --- what is shown ----------------------------------------------------------------------------


def test_frame_in_the_callers_library(hsb: pd.DataFrame) -> None:
    fit = ec.lmer("mathach ~ ses + (1 | school)", pl.from_pandas(hsb))
    frame = fit.contrast("ses = 2").frame()
    assert isinstance(frame, pl.DataFrame)
    names = ["contrast", "estimate", "null", "std_error", "df", "statistic", "p_value"]
    assert frame.columns == [*names, "conf_low", "conf_high"]
    assert frame["null"].to_list() == [2.0]


def test_table_says_what_was_tested(fit: ec.LMM) -> None:
    one, shifted = fit.contrast("ses"), fit.contrast("ses = 2, meanses = 0", df="none")
    assert "Null" not in repr(one) and "at once" not in repr(one)
    text = " ".join(repr(shifted).split())
    assert "Null" in text and "Both at once: chi-square(2) = " in text
    assert "z: (Estimate - Null) / SE, with the normal approximation." in text
    assert "<table" in one._repr_html_() and "ses = 0" in one.to_latex()


def test_the_fit_comes_first(fit: ec.LMM) -> None:
    with pytest.raises(DataError, match="takes a fit of lmer"):
        ec.contrast("ses = 0", fit)  # type: ignore[arg-type]
    with pytest.raises(FormulaError, match="too large"):
        fit.contrast("ses = 1e400")
