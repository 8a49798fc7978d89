"""Options for what is asked of a fit after its table: checks, measures, groups, predictions."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from echelon.cli.options import path_option

_CHECKS, _PREDICTION = "Checks, measures, groups", "Prediction"
"""Headings of the help."""


class Interval(StrEnum):
    """What an interval of a prediction is for."""

    confidence = "confidence"
    prediction = "prediction"


class NewGroups(StrEnum):
    """What becomes of groups that the fit has not seen."""

    error = "error"
    population = "population"


def _after(help_: str, *names: str, metavar: str | None = None) -> object:
    return typer.Option(*names, metavar=metavar, help=help_, rich_help_panel=_CHECKS)


def _predicted(help_: str, *names: str, metavar: str) -> object:
    return typer.Option(
        *names, metavar=metavar, help=help_, rich_help_panel=_PREDICTION, case_sensitive=False
    )


Check = Annotated[
    bool, _after("What was checked, each with verdict, evidence and remedy.", "--check")
]
Performance = Annotated[
    bool,
    _after("Measures of fit: AIC, BIC, conditional AIC, R squared, ICC, errors.", "--performance"),
]
R2 = Annotated[
    bool, _after("R squared by source and level, and of predicting rows and means.", "--r2")
]
Influence = Annotated[
    list[str] | None,
    _after(
        "What each row (rows), or each group of a factor or column, does to the estimates; rows "
        "without a word. Repeatable.",
        "--influence",
        metavar="[rows|COL]",
    ),
]
Ranks = Annotated[
    list[str] | None,
    _after(
        'Ranks of the groups with their uncertainty; "ses of school" for a slope, the only factor '
        "without a word. Repeatable.",
        "--ranks",
        metavar="[FACTOR]",
    ),
]
Explain = Annotated[
    list[str] | None,
    _after(
        'One group in sentences: what it shows, what becomes of it, why; "12 of class" among '
        "several factors. Repeatable.",
        "--explain",
        metavar="GROUP",
    ),
]

Predict = Annotated[
    str | None,
    _predicted("The rows to predict: a data file of any kind that is read.", "--predict",
               metavar="FILE"),
]  # fmt: skip
Predictions = Annotated[
    Path | None,
    _predicted(
        "These rows with their predictions beside them: .csv, .tsv, .parquet, .sav or .dta.",
        "--predictions",
        metavar="PATH",
    ),
]
IntervalKind = Annotated[
    Interval | None,
    _predicted(
        "Standard errors and 95% intervals: confidence (of the expected value) or prediction (of "
        "a new observation).",
        "--interval",
        metavar="KIND",
    ),
]
NewGroupsKind = Annotated[
    NewGroups | None,
    _predicted(
        "Groups that the fit has not seen: error, or population for effects of zero [error].",
        "--new-groups",
        metavar="KIND",
    ),
]
Random = Annotated[
    str | None,
    _predicted(
        'Which random effects count: all, none, factors, or terms as "(1 | school)" [all].',
        "--random",
        metavar="TEXT",
    ),
]

Augment = Annotated[
    Path | None,
    path_option("The data with fitted values, residuals and leverages: .csv, .sav and others."),
]
ResidualFile = Annotated[
    Path | None,
    path_option(
        "The groups as in HLM's residual file: .csv, .sav and others; with several factors a file "
        "each, named by it."
    ),
]
HlmNames = Annotated[
    bool,
    typer.Option(
        "--hlm-names",
        help="With --residual-file: HLM's names of the columns.",
        rich_help_panel="Files",
    ),
]
Simulate = Annotated[
    tuple[int, Path] | None,
    typer.Option(
        metavar="N PATH",
        help="The data with N responses drawn from the model: .csv, .sav and others.",
        rich_help_panel="Files",
    ),
]
