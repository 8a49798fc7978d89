"""`echelon compare`: several models of one table, side by side and by likelihood ratios."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

import echelon as ec
from echelon import __version__
from echelon.cli import options as opt
from echelon.cli.command import Debug
from echelon.cli.fit import STDOUT, FitCommand
from echelon.cli.fit_files import Files, table_outputs, text_output
from echelon.cli.json_extras import Json, comparison_json
from echelon.cli.json_results import as_json
from echelon.cli.model import Model, check_verdict, fit_model
from echelon.cli.source import is_path, read_table
from echelon.cli.staging import write_all
from echelon.cli.terminal import say, shown, shown_size, tell, working

if TYPE_CHECKING:
    from echelon.api.likelihood import ComparisonResult

SCHEMA = "echelon.compare/1"


def compare(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="FORMULA... FILE",
            help="Two formulas or more, each in quotes, then a data file or a bundled data set.",
        ),
    ],
    ml: opt.Ml = False,
    precision: opt.Precision = None,
    offset: opt.Offset = None,
    docx: opt.Docx = None,
    pptx: opt.Pptx = None,
    html: opt.Html = None,
    latex: opt.Latex = None,
    json: opt.Json = None,
    debug: Debug = False,
) -> None:
    """Compare models of the same rows: side by side, and by likelihood-ratio tests.

    REML fits with different fixed parts are refitted by maximum likelihood for the tests.

    \b
    echelon compare "mathach ~ 1 + (1|school)" "mathach ~ ses + (1|school)" hsb
    """  # noqa: D301
    formulas, file = _split(words)
    models = [Model(f, file, not ml, precision=precision, offset=offset) for f in formulas]
    to_file = None if json in (None, STDOUT) else Path(str(json))
    files = Files(docx=docx, pptx=pptx, html=html, latex=latex, json=to_file)
    files.check(*([Path(file).expanduser()] if is_path(file) else []))
    table = read_table(file)
    with working("Fitting"):
        fits = [fit_model(model, table) for model in models]
    names = [f"Model {k}" for k in range(1, len(fits) + 1)]
    with working("Comparing"):
        found = cast("ComparisonResult", ec.anova(*fits, names=names))
    tables = [ec.compare(*fits, names=names, layout="stacked"), found.table()]
    text = as_json(_results(found))
    if json != STDOUT:
        say(f"{shown(tables[0])}\n\n{shown(tables[1])}")
    formats = {name: path for name, path in files.given.items() if name != "json"}
    made = table_outputs(tables, formats)
    for path in write_all([*made, *([text_output(to_file, text + "\n")] if to_file else [])]):
        tell(f"Wrote {path} ({shown_size(path.stat().st_size)})")
    if json == STDOUT:
        say(text)
    for fitted in fits:
        check_verdict(fitted)


class CompareCommand(FitCommand):
    """Lets `--json` stand alone, as in `fit`."""

    def collect_usage_pieces(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """Say that the file is the last word."""
        return ["[OPTIONS]", "FORMULA", "FORMULA...", "FILE"]


def _split(words: list[str]) -> tuple[list[str], str]:
    """The formulas and the file after them."""
    *formulas, file = words
    if "~" in file or not all("~" in formula for formula in formulas) or len(formulas) < 2:
        raise typer.BadParameter(
            "two formulas or more come first, each in quotes, and one file last: "
            'echelon compare "y ~ 1 + (1 | g)" "y ~ x + (1 | g)" FILE'
        )
    return formulas, file


def _results(found: ComparisonResult) -> Json:
    return {"schema": SCHEMA, "echelon_version": __version__, **comparison_json(found)}
