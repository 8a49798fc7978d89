"""The grammar: each form of lme4 and its expansion, and what is refused, with its caret."""

import pytest

from echelon.errors import FormulaError, NotYetSupported, UnknownColumn
from echelon.formula import columns_in, independent, parse

COLUMNS = ("y", "x", "z", "a", "b", "c", "d", "g", "h", "school", "my col", "total.fruits")

# expansions as printed by R 4.2.2: labels of terms(), lme4 1.1-31 findbars()
FIXED = {
    "x": "x",
    "1": "",
    "x + z": "x z",
    "z + x": "z x",
    "x * z": "x z x:z",
    "b:a + a": "a b:a",
    "a + b + b:a": "a b a:b",
    "a:a": "a",
    "b %in% a": "b:a",
    "a %in% (b + c)": "a:b:c",
    "a/b": "a a:b",
    "a/b/c": "a a:b a:b:c",
    "a/(b + c)": "a a:b a:c",
    "(a + b)/c": "a b a:b:c",
    "(a + b)/(c + d)": "a b a:b:c a:b:d",
    "(a + b):(a + c)": "a a:c a:b b:c",
    "(a:b)*c": "c a:b a:b:c",
    "(a + b + c)^2 - a:b": "a b c a:c b:c",
    "(a + b)**3": "a b a:b",
    "a*b*c - a:b:c": "a b c a:b a:c b:c",
    "a*b + a %in% c": "a b a:b a:c",
    "log( x,2 )+I( x ^2)": "log(x, 2) I(x^2)",
    "`my col` + total.fruits": "`my col` total.fruits",
    "log(x) + log( x )": "log(x)",
}


@pytest.mark.parametrize(("text", "labels"), FIXED.items())
def test_fixed_terms_are_those_of_r(text, labels):
    terms = parse(f"y ~ {text}", COLUMNS).fixed.terms
    assert " ".join(":".join(term) for term in terms) == labels


@pytest.mark.parametrize(
    ("text", "intercept"),
    {
        "x": True,
        "0 + x": False,
        "x - 1": False,
        "-1 + x": False,
        "x - 0": True,
        "0 + 1 + x": True,
        "-1 - 1": False,
        "(0 + x)": False,
        "0": False,
    }.items(),
)
def test_constant(text, intercept):
    assert parse(f"y ~ {text}", COLUMNS).fixed.intercept is intercept


RANDOM = {
    "(1|g)": ["1 | g"],
    "( x|g )": ["x | g"],
    "(1+x|g)": ["1 + x | g"],
    "(0+x|g) + (1|h)": ["0 + x | g", "1 | h"],
    "(-1+x|g)": ["-1 + x | g"],
    "(x||g)": ["x || g"],
    "(1|a/b)": ["1 | b:a", "1 | a"],
    "(x|a/b/c)": ["x | c:b:a", "x | b:a", "x | a"],
    "(1|a:b)": ["1 | a:b"],
    "((1|g))": ["1 | g"],
    "(1|(a:b))": ["1 | a:b"],
    "(1|factor(g))": ["1 | g"],
    "us(x|g)": ["x | g"],
    "(poly(x, 1) | g)": ["poly(x, 1) | g"],
    "(I(x^2)|g)": ["I(x^2) | g"],
    "(1|`my col`)": ["1 | `my col`"],
}


@pytest.mark.parametrize(("text", "bars"), RANDOM.items())
def test_random_terms_are_those_of_lme4(text, bars):
    spec = parse(f"y ~ z + {text}", COLUMNS)
    assert [term.text for term in spec.random] == bars
    assert spec.fixed.terms == (("z",),)


def test_random_effects_are_terms():
    (term,) = parse("y ~ (x*z | a:b)").random
    assert term.effects.terms == (("x",), ("z",), ("x", "z"))
    assert term.effects.intercept and term.group == ("a", "b")
    assert term.covariance == "unstructured" and term.span == (4, 15)


@pytest.mark.parametrize(
    ("bar", "texts"),
    [
        ("(x*z||g)", ["1 | g", "0 + x | g", "0 + z | g", "0 + x:z | g"]),
        ("(0+x||g)", ["0 + x | g"]),
        ("(x|g)", ["x | g"]),
    ],
)
def test_double_bar_written_out_as_lme4_does(bar, texts):
    (term,) = parse(f"y ~ {bar}").random
    parts = independent(term)
    assert [part.text for part in parts] == texts
    assert all(part.covariance == "unstructured" for part in parts)


def test_variables_in_order_of_first_use():
    spec = parse("log(y/z) ~ x + offset(log(a)) + C(b, contr.sum) + sin(2*pi*d) + (x | g/h)")
    assert spec.variables == ("y", "z", "x", "a", "b", "d", "g", "h")
    assert spec.offsets == ("log(a)",)
    assert spec.response == "log(y/z)"


def test_dot_is_all_but_response_offsets_and_groups():
    spec = parse("y ~ . + offset(a) + (x | g)", ("y", "x", "my col", "a", "g"))
    assert spec.fixed.terms == (("x",), ("`my col`",))
    assert set(spec.variables) == {"y", "x", "my col", "a", "g"}


def test_response_of_two_columns_is_kept():
    spec = parse("cbind(a, b - a) ~ x + (1 | g)", COLUMNS)
    assert spec.response == "cbind(a, b - a)" and spec.variables[:2] == ("a", "b")


def test_one_sided():
    assert parse("~ x", one_sided=True).response == ""


def test_equal_formulas_are_remembered():
    assert parse("y ~ x", ("y", "x")) is parse("y ~ x", ["y", "x"])


def test_columns_in():
    assert columns_in("log(x / `my col`) + x") == ("x", "my col")


# the formula, with a line of carets where the error must point, and a word of the message
REFUSED = """
y ~ x + 1|g
    ^^^^^^^            parentheses: (1 | g)
y ~ x*(1|g)
      ^^^^^            '+' alone
y ~ x:(1|g)
      ^^^^^            '+' alone
y ~ -(1|g)
     ^^^^^             subtracted
y ~ x - (1|g)
        ^^^^^          subtracted
y ~ log((1|g))
         ^^^           by itself
y ~ ((1|g)|h)
     ^^^^^             inside another
y ~ ( | g)
      ^                nothing on its left
y ~ (1 | )
       ^               Nothing stands after
y ~ (1|g
    ^                  not closed
y ~ x) + z
     ^                 closes nothing
y ~ x + + z
      ^^^              Two operators
y ~ x +
      ^                Nothing stands after
y ~
  ^                    right of '~'
~ x
^                      response is missing
y x
^^^                    '~'
y ~ x ~ z
      ^                second
y ~ x z
      ^                operator is missing
y ~ 2x
     ^                 operator is missing
y ~ x & z
      ^                '&'
y ~ x$z
     ^                 name the column alone
y ~ `x
    ^                  backtick
y ~ fctor(x)
    ^^^^^              'factor'
y ~ s(x)
    ^                  bs(x, df=5)
y ~ cs(x)
    ^^                 not known
y ~ poly(x, row=TRUE)
            ^^^        'raw'
y ~ log(x, 2, 3)
              ^        does not take
y ~ x*offset(z)
      ^^^^^^^^^        product
y ~ cbind(x, z)
    ^^^^^              is a response
y ~ x + 2
        ^              I(2 * x)
y ~ x > 3
    ^^^^^              I(x > 3)
y ~ x^2
    ^^^                I(x^2)
y ~ (x + z)^z
            ^          whole number
y ~ I(x:z)
      ^^^              arithmetic
y ~ x:1
      ^                constant
y ~ x - z
        ^              no term 'z'
y ~ x + y
        ^              also a predictor
y ~ (1|a+b)
       ^^^             (1 | a) + (1 | b)
y ~ (1|log(g))
       ^^^^^^          in the table
y ~ (0|g)
     ^                 no effects
y ~ (1|g) + (1|g)
            ^^^^^      twice
y ~ (x + .|g)
         ^             bars
y ~ x + "z"
        ^^^            quotes
y ~ ()
    ^^                 empty
1 ~ x
^                      computed from columns
""".strip("\n").split("\n")


@pytest.mark.parametrize(("formula", "carets"), list(zip(REFUSED[::2], REFUSED[1::2], strict=True)))
def test_refused_with_a_caret(formula, carets):
    with pytest.raises(FormulaError) as caught:
        parse(formula, COLUMNS)
    start = carets.index("^")
    marks, words = carets.split(maxsplit=1)
    assert caught.value.span == (start, start + len(marks))
    assert words in str(caught.value)


def test_empty_formula():
    with pytest.raises(FormulaError, match="empty"):
        parse("  ")


@pytest.mark.parametrize("name", ["toep", "ou", "rr"])
def test_covariances_that_are_not_offered(name):
    with pytest.raises(NotYetSupported, match=name):
        parse(f"y ~ {name}(x | g)")


def test_unknown_column_points_and_offers_the_nearest():
    with pytest.raises(UnknownColumn) as caught:
        parse("y ~ x + (1|schol)", COLUMNS)
    assert str(caught.value) == (
        "No column 'schol' (used in random term (1 | schol)). Did you mean 'school'?\n"
        "    y ~ x + (1|schol)\n"
        "               ^^^^^"
    )
