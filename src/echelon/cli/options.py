"""The arguments and options of the commands: what each is called, and its line of help."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Df(StrEnum):
    """How the degrees of freedom of tests are found."""

    satterthwaite = "satterthwaite"
    none = "none"


def _path(help_: str, metavar: str = "PATH") -> object:
    return typer.Option(metavar=metavar, help=help_)


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
Ml = Annotated[bool, typer.Option("--ml", help="Maximum likelihood; the default is REML.")]
DfMethod = Annotated[Df, typer.Option(help="Degrees of freedom of tests; none: z tests.")]
Precision = Annotated[
    str | None,
    typer.Option(metavar="COL", help="Known precision weights, Var(e_i) = sigma^2 / w_i."),
]
Offset = Annotated[str | None, typer.Option(metavar="COL", help="Added to the fixed part.")]
Summaries = Annotated[
    bool, typer.Option("--summaries", help="FILE has one row a group: mean, n and sd of its rows.")
]
Sizes = Annotated[
    str | None, typer.Option("--n", metavar="COL", help="With --summaries: group sizes [n].")
]
Spreads = Annotated[
    str | None,
    typer.Option(
        "--sd",
        metavar="COL",
        help="With --summaries: SDs within groups [sd], or one pooled SD as a number.",
    ),
]
Report = Annotated[Path | None, _path("A report in one HTML file.", "HTML")]
Docx = Annotated[Path | None, _path("The table in Word.")]
Pptx = Annotated[Path | None, _path("The table in PowerPoint.")]
Html = Annotated[Path | None, _path("The table in HTML.")]
Latex = Annotated[Path | None, _path("The table in LaTeX.")]
Figures = Annotated[Path | None, _path("All figures that suit the model.", "DIR")]
Groups = Annotated[
    Path | None,
    _path(
        "One row a group: mean, weight, reliability, EB; all factors in one table.",
        "CSV",
    ),
]
Json = Annotated[
    str | None,
    typer.Option(
        metavar="[PATH]",
        help="Results as JSON, to a .json file; alone: to stdout, with nothing else there.",
    ),
]
