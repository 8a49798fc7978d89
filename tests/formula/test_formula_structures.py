"""Structures around a bar: lme4's spelling, glmmTMB's names, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import echelon as ec
from echelon.errors import FormulaError
from echelon.formula import independent, parse

SPELLINGS = {
    "us(x | g)": "unstructured",
    "us(x || g)": "diagonal",
    "diag(x | g)": "diag",
    "diag(x | g, hom = FALSE)": "diag",
    "diag(x | g, hom = TRUE)": "homdiag",
    "homdiag(x | g)": "homdiag",
    "cs(0 + f | g)": "cs",
    "cs(0 + f | g, hom=False)": "cs",
    "cs(0 + f | g, hom=True)": "homcs",
    "homcs(0 + f | g)": "homcs",
    "ar1(0 + f | g)": "ar1",
    "ar1(0 + f | g, hom = TRUE)": "ar1",
    "ar1(0 + f | g, hom = FALSE)": "hetar1",
    "hetar1(-1 + f | g)": "hetar1",
    "ar1(0 + factor(f) | g)": "ar1",
}


@pytest.mark.parametrize(("text", "covariance"), SPELLINGS.items())
def test_spelling_and_defaults_are_those_of_lme4(text, covariance):
    """`hom` is FALSE unless given for diag and cs, TRUE for ar1 (lme4 2.0; issues 898 and 940)."""
    spec = parse(f"y ~ z + {text}", ("y", "z", "x", "f", "g"))
    (term,) = spec.random
    assert term.covariance == covariance
    assert spec.fixed.terms == (("z",),)
    assert "TRUE" not in spec.variables and "hom" not in spec.variables


def test_terms_of_a_structure():
    (term,) = parse("y ~ x + cs(0 + f | g, hom = TRUE)").random
    assert term.text == "0 + f | g" and term.span == (8, 33)
    assert independent(term) == (term,)
    inner, outer = parse("y ~ cs(0 + f | a/b)").random
    assert (inner.group, outer.group) == (("b", "a"), ("a",))
    assert inner.covariance == outer.covariance == "cs"


REFUSED = {  # formula: what the carets mark, words of the message
    "y ~ cs(x || g)": ("x || g", "takes one bar"),
    "y ~ diag(x | g, TRUE)": ("TRUE", "hom = TRUE"),
    "y ~ diag(x | g, homo = TRUE)": ("homo = TRUE", "hom = TRUE"),
    "y ~ diag(x | g, hom = TRUE, hom = TRUE)": ("hom = TRUE", "hom = TRUE"),
    "y ~ cs(x | g, hom = 1)": ("1", "hom is TRUE or FALSE"),
    "y ~ us(x | g, hom = TRUE)": ("hom = TRUE", "no options"),
    "y ~ homcs(x | g, hom = TRUE)": ("hom = TRUE", "no options"),
    "y ~ ar1(f | g)": ("f", "ar1(0 + f | group)"),
    "y ~ ar1(1 | g)": ("1", "levels of one categorical variable"),
    "y ~ ar1(0 + f + x | g)": ("0 + f + x", "levels of one categorical variable"),
    "y ~ ar1(0 + f:x | g)": ("0 + f:x", "levels of one categorical variable"),
    "y ~ x * cs(0 + f | g)": ("cs(0 + f | g)", "cannot stand inside a product"),
    "y ~ x + log(cs(0 + f | g))": ("cs(0 + f | g)", "a term of its own"),
    "y ~ cs(0 + f | g) + cs(0 + f | g)": ("cs(0 + f | g)", "there twice"),
    "y ~ x - cs(0 + f | g)": ("cs(0 + f | g)", "cannot be subtracted"),
    "y ~ cs((x | g))": ("cs((x | g))", "wraps one bar"),
}


@pytest.mark.parametrize(("formula", "marked_words"), REFUSED.items())
def test_refused_with_a_caret(formula, marked_words):
    marked, words = marked_words
    with pytest.raises(FormulaError) as caught:
        parse(formula)
    start, end = caught.value.span
    assert formula[start:end] == marked
    assert words in str(caught.value)


def table():
    rng = np.random.default_rng(1)
    n = 120
    return pd.DataFrame(
        {
            "y": rng.normal(size=n),
            "t": np.arange(n) % 4,
            "g": np.arange(n) // 12,
            "x": rng.normal(size=n),
        }
    )


def test_numeric_time_is_refused_with_the_remedy():
    with pytest.raises(FormulaError, match=r"ar1\(0 \+ factor\(t\) \| g\)") as caught:
        ec.lmer("y ~ x + ar1(0 + t | g)", table())
    assert caught.value.span == (8, 22)
    assert ec.lmer("y ~ x + ar1(0 + factor(t) | g)", table()).optimum.pairs.kinds == ("ar1",)


@pytest.mark.parametrize("name", ["ar1", "hetar1"])
def test_the_refusal_names_the_structure_as_typed(name):
    with pytest.raises(FormulaError, match=rf"^{name}\(\.\.\.\).* {name}\(0 \+ factor\(t\) \| g\)"):
        ec.lmer(f"y ~ x + {name}(0 + t | g)", table())


def test_groups_joined_in_either_order_are_one_factor():
    """(x | a:b) beside (1 | a/b), whose groups are b:a, was a second factor of the same groups."""
    spec = parse("y ~ 1 + (1 | a:b) + (0 + x | b:a)", ("y", "x", "a", "b"))
    assert [term.group for term in spec.random] == [("a", "b"), ("a", "b")]
    data = table().assign(a=lambda d: d["g"] % 2)
    with pytest.raises(FormulaError, match=r"'\(Intercept\)' of 't:a' appears twice"):
        ec.lmer("y ~ 1 + (1 | a/t) + (x | a:t)", data)


def test_structures_reach_the_moments():
    fit = ec.lmer("y ~ x + cs(x | g) + diag(0 + factor(t) | g) + (1 | t)", table())
    first, second = fit.moments.groups
    assert first.sizes == (2, 1, 1, 1, 1)
    assert first.kinds == ("cs", "us", "us", "us", "us") and second.kinds == ()
    assert fit.optimum.pairs.kinds == (*first.kinds, "us")
    assert not first.centre.any()


@pytest.mark.parametrize("text", ["cs(1 | g)", "diag(1 | g, hom = TRUE)", "cs(0 + x | g)"])
def test_a_structure_of_one_effect_is_a_variance(text):
    assert ec.lmer(f"y ~ x + {text}", table()).optimum.pairs.kinds == ()
