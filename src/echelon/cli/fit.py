"""`echelon fit`: a formula and a file to estimates, tests, tables, figures and a report."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from echelon.cli import after_options as late
from echelon.cli import options as opt
from echelon.cli.asked import ROWS, After, Asked
from echelon.cli.command import Command, Debug
from echelon.cli.extras import Extras, extras_of
from echelon.cli.fit_files import Files, option_of, outputs, refuse_overwriting
from echelon.cli.json_results import results_json
from echelon.cli.model import Model, check_verdict, fit_model, has_random_part, is_failed
from echelon.cli.row_files import ROW_FILES, row_outputs
from echelon.cli.source import is_data, is_path, read_table
from echelon.cli.staging import write_all
from echelon.cli.terminal import note, say, shown, shown_size, tell, width, working

if TYPE_CHECKING:
    from echelon.api.results import LMM, OLS

STDOUT = "-"
_TYPES = {"1": "I", "2": "II", "3": "III"} | {name: name for name in opt.AnovaType}
_TYPE = re.compile(r"[ivx]+|\d+", re.IGNORECASE)  # a type, whether there is one of this name or not
_WORD = re.compile(r"[\w.:]+")
_ALONE = {"--influence": ROWS, "--ranks": ""}
"""Options that may stand alone, and what they mean then."""
_NOT_TESTED = "Nothing else was tested."


class FitCommand(Command):
    """Lets options stand alone: their value is the next word only if it is one."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Complete a bare `--json` to `--json -`, `--anova` to III, `--influence` to rows, ..."""
        factors = _factors(args)
        full: list[str] = []
        for i, word in enumerate(args):
            full.append(_TYPES.get(word.upper(), word) if args[i - 1 : i] == ["--anova"] else word)
            following = args[i + 1] if i + 1 < len(args) else ""
            if word == "--json" and following != STDOUT and not following.endswith(".json"):
                full.append(STDOUT)
            if word == "--anova" and not _TYPE.fullmatch(following):
                full.append("III")
            if word in _ALONE and not _names_groups(following, factors):
                full.append(_ALONE[word])
        return super().parse_args(ctx, full)


def _factors(args: list[str]) -> set[str]:
    """The words of the formula among the arguments."""
    return {name for word in args if "~" in word for name in _WORD.findall(word)}


def _names_groups(word: str, known: set[str]) -> bool:
    """Whether a word names groups, and is no option, no formula and no data file."""
    if not word or word.startswith("-") or "~" in word:
        return False
    if word in known or word.lower() == ROWS:
        return True
    return not (is_data(word) or Path(word).suffix)


def fit(
    formula: opt.Formula,
    file: opt.File,
    ml: opt.Ml = False,
    df: opt.DfMethod = opt.Df.satterthwaite,
    precision: opt.Precision = None,
    offset: opt.Offset = None,
    residual: opt.Residual = None,
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
    check: late.Check = False,
    performance: late.Performance = False,
    r2: late.R2 = False,
    influence: late.Influence = None,
    ranks: late.Ranks = None,
    explain: late.Explain = None,
    predict: late.Predict = None,
    predictions: late.Predictions = None,
    interval: late.IntervalKind = None,
    new_groups: late.NewGroupsKind = None,
    random: late.Random = None,
    report: opt.Report = None,
    docx: opt.Docx = None,
    pptx: opt.Pptx = None,
    html: opt.Html = None,
    latex: opt.Latex = None,
    figures: opt.Figures = None,
    groups: opt.Groups = None,
    augment: late.Augment = None,
    residual_file: late.ResidualFile = None,
    hlm_names: late.HlmNames = False,
    simulate: late.Simulate = None,
    json: opt.Json = None,
    debug: Debug = False,
) -> None:
    """Fit a multilevel model (or, without a bar, a linear one) and print its summary.

    Tests, intervals, checks and predictions are printed after it, and are in every file.

    \b
    echelon fit "bsmmatxx ~ 1 + (1 | idschool)" timss
    echelon fit "score ~ ses + (ses | school)" pupils.sav --docx table.docx
    echelon fit "score ~ ses + (1 | school/class)" pupils.csv --report report.html
    echelon fit "mathach ~ ses * sector + (ses | school)" hsb --anova --ranova
    echelon fit "mathach ~ ses + (1 | school)" hsb --check --ranks --explain 8367
    echelon fit "mathach ~ ses + (1 | school)" hsb --predict new.csv
    """  # noqa: D301
    model = Model(formula, file, not ml, df, precision, offset, residual, summaries, n, sd)
    draws, drawn = (None, None) if simulate is None else simulate
    tables = (report, docx, pptx, html, latex, figures, groups, _json_path(json))
    files = Files(*tables, predictions, augment, residual_file, drawn)
    after = After(
        check=check,
        performance=performance,
        r2=r2,
        influence=tuple(influence or ()),
        ranks=tuple(ranks or ()),
        explain=tuple(explain or ()),
        predict=predict,
        keep=predictions is not None,
        interval=interval,
        new_groups=new_groups,
        random=random,
        simulate=draws,
        groups_file=residual_file is not None,
        hlm_names=hlm_names,
    )
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
        after=after,
    )
    _run(model, asked, files, json == STDOUT)


def _run(model: Model, asked: Asked, files: Files, to_stdout: bool) -> None:
    """Fit, test, print and write; all is made before anything is printed."""
    _check_usage(model, asked, files)
    table = read_table(model.file)
    fitted = _fitted(model, table)
    failed = is_failed(fitted)
    extras = Extras() if failed else extras_of(fitted, asked, table)
    rows = [] if failed else row_outputs(fitted, files.given, asked, table, extras)
    for output in rows:
        refuse_overwriting("--residual-file", output.target, _read_files(model, asked))
    if not to_stdout:
        _print(fitted, extras)
    with working("Writing the files"):
        written = write_all([*outputs(fitted, files, extras), *rows])
    for path in written:
        tell(f"Wrote {path} ({shown_size(path.stat().st_size)})")
    if to_stdout:
        say(results_json(fitted, extras))
    check_verdict(fitted, _not_made(asked, files))


def _not_made(asked: Asked, files: Files) -> str:
    """What a failed search leaves unmade."""
    tested = _NOT_TESTED if asked.any else ""
    lost = [option_of(name) for name in files.given if name in ROW_FILES]
    return f"{tested} Not written: {', '.join(lost)}.".strip() if lost else tested


def _read_files(model: Model, asked: Asked) -> list[Path]:
    """The data files that are read, which nothing may overwrite."""
    names = [model.file, *([] if asked.after.predict is None else [asked.after.predict])]
    return [Path(name).expanduser() for name in names if is_path(name)]


def _json_path(json: str | None) -> Path | None:
    return None if json in (None, STDOUT) else Path(str(json))


def _check_usage(model: Model, asked: Asked, files: Files) -> None:
    """What can be refused before any data are read."""
    model.check()
    files.check(*_read_files(model, asked))
    multilevel = has_random_part(model.formula)
    unsuited = model.multilevel_only + asked.multilevel_only + files.multilevel_only
    if unsuited and not multilevel:
        raise typer.BadParameter(
            f"{', '.join(unsuited)} needs a multilevel model, and the formula has no random part "
            "such as (1 | school)."
        )
    asked.check(multilevel)
    rows = [*asked.after.of_rows, *([option_of("augment")] if files.augment else [])]
    if rows and model.summaries:
        raise typer.BadParameter(
            f"{', '.join(rows)}: needs single rows, and with --summaries there are none."
        )


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
        say(extra.said or shown(extra.table))
