"""The arguments and options of the commands: what each is called, and its line of help."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

_MODEL, _TESTS, _FILES = "The model", "Tests and intervals", "Files"
"""Headings of the help."""


class Df(StrEnum):
    """How the degrees of freedom of tests are found."""

    satterthwaite = "satterthwaite"
    kenward_roger = "kenward-roger"
    between_within = "between-within"
    none = "none"


class Robust(StrEnum):
    """Corrections of cluster-robust standard errors."""

    CR0 = "CR0"
    CR1 = "CR1"
    CR1S = "CR1S"
    CR2 = "CR2"


class AnovaType(StrEnum):
    """What the terms of an analysis of variance are tested beside."""

    I = "I"
    II = "II"
    III = "III"


class Confint(StrEnum):
    """How intervals are found."""

    wald = "wald"
    profile = "profile"
    bootstrap = "bootstrap"


def path_option(help_: str, metavar: str = "PATH") -> object:
    """An option for a file to write."""
    return typer.Option(metavar=metavar, help=help_, rich_help_panel=_FILES)


def _column(help_: str, *names: str) -> object:
    return typer.Option(*names, metavar="COL", help=help_, rich_help_panel=_MODEL)


def _test(help_: str, *names: str, metavar: str | None = None) -> object:
    return typer.Option(
        *names, metavar=metavar, help=help_, rich_help_panel=_TESTS, case_sensitive=False
    )


Formula = Annotated[
    str,
    typer.Argument(
        metavar="FORMULA", help='In quotes: "score ~ ses + (1 | school)", or (1 | school/class).'
    ),
]
File = Annotated[
    str,
    typer.Argument(
        metavar="FILE",
        help="A data file (csv, tsv, parquet, SPSS, Stata, SAS or R), or a bundled data set.",
    ),
]
Ml = Annotated[
    bool,
    typer.Option("--ml", help="Maximum likelihood; the default is REML.", rich_help_panel=_MODEL),
]
DfMethod = Annotated[
    Df,
    typer.Option(
        metavar="METHOD",
        help="Degrees of freedom of tests: satterthwaite, kenward-roger, between-within (as HLM), "
        "or none for z tests.",
        rich_help_panel=_MODEL,
        case_sensitive=False,
    ),
]
Precision = Annotated[
    str | None, _column("Known precision weights, Var(e_i) = sigma^2 / w_i.", "--precision")
]
Offset = Annotated[str | None, _column("Added to the fixed part.", "--offset")]
Residual = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        help='Structure of the residuals: "by(sector)", "ar1(time | id)", "cs(1 | id)".',
        rich_help_panel=_MODEL,
    ),
]
Summaries = Annotated[
    bool,
    typer.Option(
        "--summaries",
        help="FILE has one row a group: mean, n and sd of its rows.",
        rich_help_panel=_MODEL,
    ),
]
Sizes = Annotated[str | None, _column("With --summaries: group sizes [n].", "--n")]
Spreads = Annotated[
    str | None,
    _column("With --summaries: SDs within groups [sd], or one pooled SD as a number.", "--sd"),
]

RobustKind = Annotated[
    Robust | None,
    _test(
        "Cluster-robust standard errors too: CR0 (as HLM), CR1, CR1S or CR2; the tests below are "
        "by them.",
        "--robust",
        metavar="KIND",
    ),
]
ClusterColumn = Annotated[
    str | None,
    _test(
        "With --robust: a grouping factor or another column; the outermost factor without.",
        "--cluster",
        metavar="COL",
    ),
]
Anova = Annotated[
    AnovaType | None,
    _test(
        "F tests of the fixed terms, of type I, II or III; III without a type.",
        "--anova",
        metavar="[TYPE]",
    ),
]
Ranova = Annotated[
    bool,
    _test("Likelihood-ratio tests of the random terms, with the law of variances.", "--ranova"),
]
Drop1 = Annotated[
    bool, _test("Likelihood-ratio tests of the fixed terms that may be left out.", "--drop1")
]
Hypotheses = Annotated[
    list[str] | None,
    _test('Linear hypotheses, "sector = 0, ses = meanses". Repeatable.', "--test", metavar="TEXT"),
]
Emmeans = Annotated[
    list[str] | None,
    _test(
        'Estimated marginal means and their pairwise comparisons: "sector", "sector by urban". '
        "Repeatable.",
        "--emmeans",
        metavar="SPEC",
    ),
]
Slopes = Annotated[
    list[str] | None,
    _test('Simple slopes of a predictor: "ses by sector". Repeatable.', "--slopes", metavar="SPEC"),
]
JohnsonNeyman = Annotated[
    list[str] | None,
    _test(
        'Where the effect of a predictor differs from zero: "ses by meanses". Repeatable.',
        "--johnson-neyman",
        metavar="SPEC",
    ),
]
ConfintMethod = Annotated[
    Confint | None,
    _test(
        "95% intervals: wald (fixed effects), profile or bootstrap (all parameters).",
        "--confint",
        metavar="METHOD",
    ),
]
Replicates = Annotated[
    int | None,
    _test("With --confint bootstrap: how many [1000].", "--replicates", metavar="N"),
]
Seed = Annotated[
    int | None,
    _test(
        "With --confint bootstrap or --simulate: the same draws at every call.",
        "--seed",
        metavar="N",
    ),
]

Report = Annotated[Path | None, path_option("A report in one HTML file.", "HTML")]
Docx = Annotated[Path | None, path_option("The tables in Word.")]
Pptx = Annotated[Path | None, path_option("The tables in PowerPoint.")]
Html = Annotated[Path | None, path_option("The tables in HTML.")]
Latex = Annotated[Path | None, path_option("The tables in LaTeX.")]
Figures = Annotated[Path | None, path_option("All figures that suit the model.", "DIR")]
Groups = Annotated[
    Path | None,
    path_option(
        "One row a group: mean, weight, reliability, EB; all factors in one table.",
        "CSV",
    ),
]
Json = Annotated[
    str | None,
    typer.Option(
        metavar="[PATH]",
        help="Results as JSON, to a .json file; alone: to stdout, with nothing else there.",
        rich_help_panel=_FILES,
    ),
]
