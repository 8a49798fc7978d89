"""`echelon fit`: a formula and a file to estimates, tests, tables, figures and a report."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from echelon.cli import options as opt
from echelon.cli.command import Command, Debug
from echelon.cli.extras import Asked, Extras, extras_of
from echelon.cli.fit_files import Files, outputs
from echelon.cli.json_results import results_json
from echelon.cli.model import Model, check_verdict, fit_model, has_random_part, is_failed
from echelon.cli.source import is_path, read_table
from echelon.cli.staging import write_all
from echelon.cli.terminal import note, say, shown, shown_size, tell, width, working

if TYPE_CHECKING:
    from echelon.api.results import LMM, OLS

STDOUT = "-"
_TYPES = {"1": "I", "2": "II", "3": "III"} | {name: name for name in opt.AnovaType}
_TYPE = re.compile(r"[ivx]+|\d+", re.IGNORECASE)  # a type, whether there is one of this name or not
_NOT_TESTED = "Nothing else was tested."


class FitCommand(Command):
    """Lets `--json` and `--anova` stand alone: their value is the next word only if it is one."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Complete a bare `--json` to `--json -`, a bare `--anova` to `--anova III`."""
        full: list[str] = []
        for i, word in enumerate(args):
            full.append(_TYPES.get(word.upper(), word) if args[i - 1 : i] == ["--anova"] else word)
            following = args[i + 1] if i + 1 < len(args) else ""
            if word == "--json" and following != STDOUT and not following.endswith(".json"):
                full.append(STDOUT)
            if word == "--anova" and not _TYPE.fullmatch(following):
                full.append("III")
        return super().parse_args(ctx, full)


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
    robust: opt.RobustKind = None,
    cluster: opt.ClusterColumn = None,
    anova: opt.Anova = None,
    ranova: opt.Ranova = False,
    drop1: opt.Drop1 = False,
    test: opt.Hypotheses = None,
    emmeans: opt.Emmeans = None,
    slopes: opt.Slopes = None,
    johnson_neyman: opt.JohnsonNeyman = None,
    confint: opt.ConfintMethod = None,
    replicates: opt.Replicates = None,
    seed: opt.Seed = None,
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

    Tests and intervals are printed after it, and are in every file.

    \b
    echelon fit "bsmmatxx ~ 1 + (1 | idschool)" timss
    echelon fit "score ~ ses + (ses | school)" pupils.sav --docx table.docx
    echelon fit "score ~ ses + (1 | school/class)" pupils.csv --report report.html
    echelon fit "mathach ~ ses * sector + (ses | school)" hsb --anova --ranova
    """  # noqa: D301
    model = Model(formula, file, not ml, df, precision, offset, summaries, n, sd)
    files = Files(report, docx, pptx, html, latex, figures, groups, _json_path(json))
    asked = Asked(
        anova=anova,
        ranova=ranova,
        drop1=drop1,
        tests=tuple(test or ()),
        emmeans=tuple(emmeans or ()),
        slopes=tuple(slopes or ()),
        johnson_neyman=tuple(johnson_neyman or ()),
        confint=confint,
        replicates=replicates,
        seed=seed,
        robust=robust,
        cluster=cluster,
    )
    _run(model, asked, files, json == STDOUT)


def _run(model: Model, asked: Asked, files: Files, to_stdout: bool) -> None:
    """Fit, test, print and write; all is made before anything is printed."""
    _check_usage(model, asked, files)
    table = read_table(model.file)
    fitted = _fitted(model, table)
    extras = Extras() if is_failed(fitted) else extras_of(fitted, asked, table)
    if not to_stdout:
        _print(fitted, extras)
    with working("Writing the files"):
        written = write_all(outputs(fitted, files, extras))
    for path in written:
        tell(f"Wrote {path} ({shown_size(path.stat().st_size)})")
    if to_stdout:
        say(results_json(fitted, extras))
    check_verdict(fitted, _NOT_TESTED if asked.any else "")


def _json_path(json: str | None) -> Path | None:
    return None if json in (None, STDOUT) else Path(str(json))


def _check_usage(model: Model, asked: Asked, files: Files) -> None:
    """What can be refused before any data are read."""
    model.check()
    files.check(Path(model.file).expanduser() if is_path(model.file) else None)
    multilevel = has_random_part(model.formula)
    unsuited = model.multilevel_only + asked.multilevel_only + files.multilevel_only
    if unsuited and not multilevel:
        raise typer.BadParameter(
            f"{', '.join(unsuited)} needs a multilevel model, and the formula has no random part "
            "such as (1 | school)."
        )
    asked.check(multilevel)


def _fitted(model: Model, table: object) -> LMM | OLS:
    """Fit what was asked for, and say if it is a linear model."""
    if not has_random_part(model.formula):
        note(
            "The formula has no random part such as (1 | school): a linear model, by least squares."
        )
    with working("Fitting"):
        return fit_model(model, table)


def _print(fitted: LMM | OLS, extras: Extras) -> None:
    """The summary, and the table of everything else."""
    say(fitted.summary(width=width(), robust=extras.robust, cluster=extras.cluster))
    for extra in extras.made:
        say()
        say(shown(extra.table))
