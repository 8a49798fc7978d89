"""Four tables that every renderer must cope with."""

from __future__ import annotations

import math

import pytest

from echelon.show import Entry, Heading, Section, Table

NAN = float("nan")


def coefficient_table() -> Table:
    fixed = (
        ("(Intercept)", Entry(473.2168, stars="***"), 4.8813, 186.4, 96.9447, 1e-12),
        ("Female", Entry(-7.0342, stars="*"), 3.1027, 7610.2, -2.2671, 0.0234),
        ("Books at home (centred)", Entry(21.9081, stars="***"), 0.8119, 7598.7, 26.984, 0.0),
        ("School mean of books", Entry(0.00004, stars=""), 0.4, 188.1, 0.0001, 0.99992),
        ("Rural × ses", -1.25, 2.5, 1200.0, -0.5, 0.6171),
    )
    random = (
        ("School: variance of intercept", 1834.027, None, None, None, None),
        ("School: correlation", -0.21, None, None, None, None),
        ("Residual variance", 4561.93, None, None, None, None),
    )
    return Table(
        (
            Heading("Term", "text"),
            Heading("Estimate", digits=2),
            Heading("Std. error", digits=2),
            Heading("df", digits=1),
            Heading("t", digits=2),
            Heading("p", "p"),
        ),
        (Section(fixed, "Fixed effects"), Section(random, "Random effects")),
        title="Mathematics score by gender and books at home",
        notes=(
            "REML; 7,620 students in 189 schools; degrees of freedom by Satterthwaite's method; "
            "standard errors from the inverse of the expected information.",
            "* p < .05, ** p < .01, *** p < .001",
        ),
    )


def _with_error(estimate: float, error: float, stars: str = "") -> Entry:
    return Entry(estimate, stars=stars, below=Entry(error))


def comparison_table() -> Table:
    e = _with_error
    fixed = (
        ("(Intercept)", e(50.621, 0.1234, "***"), e(50.9, 0.42, "***"), e(51.0023, 0.3911, "***")),
        ("Sector: private", e(3.1415, 0.211, "***"), e(2.7, 1.1, "*"), e(2.9812, 0.9031, "**")),
        ("Socio-economic status", e(4.2, 0.1), None, e(-0.1234, 0.0812)),
        ("Sector × socio-economic status", None, None, e(-1.05, 0.33, "**")),
    )
    random = (
        ("Between schools", None, None, 8.614),
        ("Within schools", 41.2, None, 34.9),
    )
    fit = (
        ("Observations", *(Entry(n, "integer") for n in (11091, 812, 11091))),
        ("AIC", *(Entry(x, digits=1) for x in (75234.51, 5120.2, 73120.88))),
        ("R²", *(Entry(x, "percent", 1) for x in (0.213, 0.4, NAN))),
    )
    return Table(
        (
            Heading("", "text"),
            Heading("(1)", group="All students"),
            Heading("(2)", group="School means"),
            Heading("(3)", group="Two levels"),
        ),
        (Section(fixed), Section(random, "Variances"), Section(fit, "Fit")),
        title="Three models of the reading score",
        notes=(
            "Standard errors in parentheses. Model 2 is fitted to 812 school means.",
            "* p < .05, ** p < .01, *** p < .001",
        ),
    )


def school_table() -> Table:
    rows = []
    for i in range(1, 46):
        n, mean = 5 + (7 * i) % 38, 50 + 6 * math.sin(1.7 * i)
        reliability = 8.6 / (8.6 + 35 / n)
        rows.append(
            (f"School {1000 + 13 * i}", n, mean, 35 / n, math.sqrt(35 / n), reliability,
             Entry(51 + reliability * (mean - 51)), math.sqrt(8.6 * (1 - reliability)),
             mean - 2.1, mean + 2.1)
        )  # fmt: skip
    return Table(
        (
            Heading("School", "text"),
            Heading("n", "integer"),
            Heading("Mean", digits=2, group="Sample"),
            Heading("Variance of the mean", digits=3, group="Sample"),
            Heading("SE", digits=3, group="Sample"),
            Heading("Reliability", digits=3),
            Heading("Estimate", digits=2, group="Empirical Bayes"),
            Heading("SE", digits=2, group="Empirical Bayes"),
            Heading("2.5%", digits=2, group="Empirical Bayes"),
            Heading("97.5%", digits=2, group="Empirical Bayes"),
        ),
        (Section(tuple(rows)),),
        title="Forty-five schools: sample means and empirical Bayes estimates",
        notes=("Schools in the order of their number.",),
    )


def hostile_table() -> Table:
    long_label = "A label that goes on " * 8 + "and_one_word_" * 8
    rows = (
        ("<script>alert('x')</script>", NAN, None, "a & b"),
        ("50% of_A {x} \\cmd $y$ #1 ~^", -1e9, 1e-9, '"quoted" [x] *'),
        ("σ² Zürich 東京 é \U0001f600", float("-inf"), 0.5, ""),
        (long_label, Entry(None, stars="*"), Entry("(ref.)"), "tab\there\x00\x07\nnew"),
        ("", None, None, None),
    )
    return Table(
        (
            Heading("Name <b>", "text", group="G & H"),
            Heading("A_1"),
            Heading("p", "p", group="50% "),
            Heading("Comment", "text", group="50% "),
        ),
        (Section((), "Empty & titled"), Section(rows, "S_1 <i>")),
        title='Title <b> & "more" 100% of_it',
        notes=("Note </td> & 5% _x_", ""),
    )


@pytest.fixture
def coefficients() -> Table:
    return coefficient_table()


@pytest.fixture
def comparison() -> Table:
    return comparison_table()


@pytest.fixture
def schools() -> Table:
    return school_table()


@pytest.fixture
def hostile() -> Table:
    return hostile_table()


@pytest.fixture(params=["coefficients", "comparison", "schools", "hostile"])
def any_table(request: pytest.FixtureRequest) -> Table:
    table = request.getfixturevalue(request.param)
    assert isinstance(table, Table)
    return table
