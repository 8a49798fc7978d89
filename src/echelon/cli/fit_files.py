"""The files that `echelon fit` can write, and how each is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import typer

from echelon.cli.json_results import results_json
from echelon.cli.row_files import ROW_FILES
from echelon.cli.staging import Output
from echelon.cli.terminal import note
from echelon.errors import DataError

if TYPE_CHECKING:
    from echelon.api.results import LMM, OLS
    from echelon.cli.extra import Extra
    from echelon.cli.extras import Extras
    from echelon.show import Table

_ROWS = (".csv", ".tsv", ".parquet", ".sav", ".dta", ".zsav", ".csv.gz", ".tsv.gz")
"""Endings of files of rows: those that `echelon.write` has."""
_ENDINGS = {
    "report": (".html", ".htm"),
    "docx": (".docx",),
    "pptx": (".pptx",),
    "html": (".html", ".htm"),
    "latex": (".tex",),
    "groups": (".csv",),
    "json": (".json",),
    **dict.fromkeys(ROW_FILES, _ROWS),
}
_MULTILEVEL_ONLY = ("report", "figures", "groups", "residual_file")
_OF_GROUPS = ("report", "figures", "groups")
_IN_GALLERY = ("check", "ranks")
"""Results whose figures are among those of every fit: residuals, Q-Q plots, league tables."""
TABLE_FORMATS = ("docx", "pptx", "html", "latex")


@dataclass(frozen=True, slots=True)
class Files:
    """Paths asked for by option; None where an option was not given."""

    report: Path | None = None
    docx: Path | None = None
    pptx: Path | None = None
    html: Path | None = None
    latex: Path | None = None
    figures: Path | None = None
    groups: Path | None = None
    json: Path | None = None
    predictions: Path | None = None
    augment: Path | None = None
    residual_file: Path | None = None
    simulate: Path | None = None

    @property
    def given(self) -> dict[str, Path]:
        """The options that were given, in order."""
        paths = ((f.name, getattr(self, f.name)) for f in fields(self))
        return {name: path for name, path in paths if path is not None}

    @property
    def multilevel_only(self) -> list[str]:
        """The options given that need a multilevel model."""
        return [option_of(name) for name in self.given if name in _MULTILEVEL_ONLY]

    def check(self, *data: Path) -> None:
        """Refuse endings that do not match, one path given twice, and files that are read."""
        seen: dict[Path, str] = {}
        for name, path in self.given.items():
            option = option_of(name)
            _check_ending(option, path, _ENDINGS.get(name, ()))
            place = path.expanduser().resolve()
            refuse_overwriting(option, path, data)
            if place in seen:
                raise typer.BadParameter(f"{seen[place]} and {option} name the same file.")
            seen[place] = option


def option_of(name: str) -> str:
    """An option as it is typed."""
    return f"--{name.replace('_', '-')}"


def refuse_overwriting(option: str, path: Path, data: Sequence[Path]) -> None:
    """Refuse to write to a file that is read."""
    if path.expanduser().resolve() in {file.resolve() for file in data}:
        raise typer.BadParameter(f"{option} would overwrite the data file {str(path)!r}.")


def _check_ending(option: str, path: Path, allowed: tuple[str, ...]) -> None:
    if not allowed or path.name.lower().endswith(allowed):
        return
    endings = allowed[:1] if allowed[0] != _ROWS[0] or len(allowed) == 1 else allowed[:5]
    more = ""
    if len(endings) > 1 and path.suffix.lower() in (".xlsx", ".xls"):
        more = " Spreadsheets are not written; they open .csv."
    listed = " or ".join([*([", ".join(endings[:-1])] if endings[1:] else []), endings[-1]])
    raise typer.BadParameter(
        f"{option} needs a file name ending in {listed}, not {str(path)!r}.{more}"
    )


def outputs(fitted: LMM | OLS, files: Files, extras: Extras) -> list[Output]:
    """Every output asked for, ready to be written."""
    given = files.given
    formats = {name: path for name, path in given.items() if name in TABLE_FORMATS}
    made = table_outputs([fitted.table(), *extras.tables], formats) if formats else []
    if "json" in given:
        made.append(text_output(given["json"], results_json(fitted, extras) + "\n"))
    if given.keys() & set(_OF_GROUPS):
        made += _multilevel(cast("LMM", fitted), given, extras)
    return made


def table_outputs(
    tables: list[Table], formats: dict[str, Path], title: str | None = None
) -> list[Output]:
    """The same tables in each format, by option name."""
    from echelon.show import save_tables

    return [
        Output(path, lambda place: save_tables(tables, place, title=title), f"t{_ENDINGS[name][0]}")
        for name, path in formats.items()
    ]


def _multilevel(fit: LMM, given: dict[str, Path], extras: Extras) -> list[Output]:
    from echelon.multilevel import stacked_groups

    made = []
    if "report" in given:
        made.append(
            Output(given["report"], lambda place: _report(fit, place, extras), "report.html")
        )
    if "groups" in given:
        groups = cast(Any, fit.groups() if len(fit.factors) == 1 else stacked_groups(fit))
        made.append(text_output(given["groups"], groups.to_csv(index=False, lineterminator="\n")))
    if "figures" in given:
        made.append(Output(given["figures"], lambda place: _figures(fit, place, extras), "f", True))
    return made


def _report(fit: LMM, path: Path, extras: Extras) -> None:
    """Write the report, whose own tests are not shown twice."""
    found = {extra.typed: extra.result for extra in extras.made if extra.key == "intervals"}
    drawn = [result for method, result in found.items() if method != "wald"]
    also = [_with_figure(extra) for extra in extras.made if not _is_in_report(extra)]
    fit.report(
        path,
        also=also,
        robust=extras.robust,
        cluster=extras.cluster,
        intervals=drawn[0] if drawn else "wald",
    )


def _is_in_report(extra: Extra) -> bool:
    """Whether every report has this result."""
    always = {("anova", "III"), ("ranova", ""), ("intervals", "wald"), ("check", "")}
    return (extra.key, extra.typed) in always


def _with_figure(extra: Extra) -> Any:
    """A result where it has a figure of its own, its table as the shell words it where not."""
    from echelon.report.further import has_figure

    own = has_figure(extra.result) and extra.key not in _IN_GALLERY
    return extra.result if own else extra.table


def _figures(fit: LMM, folder: Path, extras: Extras) -> None:
    """Write all figures of a fit and of the further results into a folder."""
    from echelon.plot import save_all
    from echelon.report.further import drawn, has_figure

    save_all(fit, folder)
    shown = [e for e in extras.made if has_figure(e.result) and e.key not in _IN_GALLERY]
    names = [extra.typed if extra.key == "intervals" else extra.key for extra in shown]
    for place, (name, extra) in enumerate(zip(names, shown, strict=True)):
        number = f"_{names[: place + 1].count(name)}" if names.count(name) > 1 else ""
        try:
            content = drawn(extra.result, name, "png")
        except DataError as reason:  # more lines than a figure holds
            note(f"No figure of {extra.typed!r}: {reason}")
            continue
        (folder / f"{name}{number}.png").write_bytes(content)


def text_output(target: Path, text: str) -> Output:
    """A text as a file."""
    return Output(
        target,
        lambda place: _drop(place.write_text(text, encoding="utf-8", newline="\n")),
        f"t{target.suffix}",
    )


def _drop(_: object) -> None:
    """Make a writer of a function that returns something."""
