"""`echelon fit`: a formula and a file to estimates, tables, figures and a report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

import echelon as ec
from echelon.cli import options as opt
from echelon.cli.command import Command, Debug, refused
from echelon.cli.fit_files import Files, outputs
from echelon.cli.json_results import results_json
from echelon.cli.source import is_path, read_table
from echelon.cli.staging import write_all
from echelon.cli.terminal import note, say, shown_size, tell, width, working

if TYPE_CHECKING:
    from echelon.api.results import LMM, OLS

_STDOUT = "-"


class FitCommand(Command):
    """Lets `--json` stand alone: its value is the next word only if that names a .json file."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Complete a bare `--json` to `--json -`."""
        full: list[str] = []
        for i, word in enumerate(args):
            full.append(word)
            following = args[i + 1] if i + 1 < len(args) else ""
            if word == "--json" and following != _STDOUT and not following.endswith(".json"):
                full.append(_STDOUT)
        return super().parse_args(ctx, full)


@dataclass(frozen=True, slots=True)
class Model:
    """What to fit, as asked on the command line."""

    formula: str
    file: str
    reml: bool
    df: opt.Df
    precision: str | None
    offset: str | None
    summaries: bool
    n: str | None
    sd: str | None

    @property
    def multilevel_only(self) -> list[str]:
        """The options given that a linear model has no use for."""
        given = {
            "--ml": not self.reml,
            "--df": self.df is opt.Df.none,
            "--summaries": self.summaries,
        }
        return [option for option, used in given.items() if used]


def fit(
    formula: opt.Formula,
    file: opt.File,
    ml: opt.Ml = False,
    df: opt.DfMethod = opt.Df.satterthwaite,
    precision: opt.Precision = None,
    offset: opt.Offset = None,
    summaries: opt.Summaries = False,
    n: opt.Sizes = None,
    sd: opt.Spreads = None,
    report: opt.Report = None,
    docx: opt.Docx = None,
    pptx: opt.Pptx = None,
    html: opt.Html = None,
    latex: opt.Latex = None,
    figures: opt.Figures = None,
    groups: opt.Groups = None,
    json: opt.Json = None,
    debug: Debug = False,
) -> None:
    """Fit a multilevel model (or, without a bar, a linear one) and print its summary.

    \b
    echelon fit "bsmmatxx ~ 1 + (1 | idschool)" timss
    echelon fit "score ~ ses + (ses | school)" pupils.sav --docx table.docx
    echelon fit "score ~ ses + (1 | school/class)" pupils.csv --report report.html
    """  # noqa: D301
    model = Model(formula, file, not ml, df, precision, offset, summaries, n, sd)
    files = Files(report, docx, pptx, html, latex, figures, groups, _json_path(json))
    _check_usage(model, files)
    fitted = _fitted(model, files)
    if json != _STDOUT:
        say(fitted.summary(width=width()))
    made = outputs(fitted, files)
    with working("Writing the files"):
        written = write_all(made)
    for path in written:
        tell(f"Wrote {path} ({shown_size(path.stat().st_size)})")
    if json == _STDOUT:
        say(results_json(fitted))
    _check_verdict(fitted)


def _json_path(json: str | None) -> Path | None:
    return None if json in (None, _STDOUT) else Path(str(json))


def _check_usage(model: Model, files: Files) -> None:
    """What can be refused before any data are read."""
    if "~" in model.file and "~" not in model.formula:
        raise typer.BadParameter(
            f'the formula comes first: echelon fit "{model.file}" {model.formula}'
        )
    if (model.n or model.sd) and not model.summaries:
        raise typer.BadParameter("--n and --sd go with --summaries.")
    if model.summaries and (model.precision or model.offset):
        raise typer.BadParameter("--precision and --offset do not go with --summaries.")
    files.check(Path(model.file).expanduser() if is_path(model.file) else None)


def _fitted(model: Model, files: Files) -> LMM | OLS:
    """Fit what was asked for; a formula without a bar is a linear model."""
    from echelon.formula import parse

    if parse(model.formula).random:
        table = read_table(model.file)
        with working("Fitting"):
            return _multilevel(model, table)
    unsuited = model.multilevel_only + files.multilevel_only
    if unsuited:
        raise typer.BadParameter(
            f"{', '.join(unsuited)} needs a multilevel model, and the formula has no random part "
            "such as (1 | school)."
        )
    table = read_table(model.file)
    note("The formula has no random part such as (1 | school): a linear model, by least squares.")
    return ec.lm(model.formula, table, precision=model.precision, offset=model.offset)


def _multilevel(model: Model, table: object) -> LMM:
    if model.summaries:
        given = ec.Summaries(table, n=model.n or "n", sd=_sd(model.sd or "sd"))
        return ec.lmer(model.formula, summaries=given, reml=model.reml, df=model.df.value)
    return ec.lmer(
        model.formula,
        table,
        reml=model.reml,
        df=model.df.value,
        precision=model.precision,
        offset=model.offset,
    )


def _sd(given: str) -> str | float:
    """A column name, or one pooled standard deviation."""
    try:
        return float(given)
    except ValueError:
        return given


def _check_verdict(fitted: LMM | OLS) -> None:
    from echelon.model.fit import LmmFit

    if isinstance(fitted, LmmFit) and fitted.verdict.status == "failed":
        raise refused("The search for the estimates failed: do not report them (see the verdict).")
