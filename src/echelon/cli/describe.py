"""`echelon describe`: means, spreads and ranges of columns, by group and by level."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import echelon as ec
from echelon.cli import options as opt
from echelon.cli.command import Debug
from echelon.cli.fit_files import Files, table_outputs
from echelon.cli.source import is_path, read_table
from echelon.cli.staging import write_all
from echelon.cli.terminal import note, say, shown, shown_size, tell
from echelon.errors import DataError


def describe(
    file: opt.File,
    columns: Annotated[
        str | None,
        typer.Option("--vars", metavar="A,B", help="Columns; without it, all numeric ones."),
    ] = None,
    by: Annotated[
        str | None, typer.Option(metavar="COL", help="Describe each value of COL apart.")
    ] = None,
    level: Annotated[
        str | None,
        typer.Option(metavar="COL", help="Describe the means of the groups in COL, not the rows."),
    ] = None,
    docx: opt.Docx = None,
    pptx: opt.Pptx = None,
    html: opt.Html = None,
    latex: opt.Latex = None,
    debug: Debug = False,
) -> None:
    """Describe columns: mean, SD, median, minimum and maximum.

    \b
    echelon describe eclsk --vars g1rscore,schmeanses --by sector --level schid
    """  # noqa: D301
    files = Files(docx=docx, pptx=pptx, html=html, latex=latex)
    files.check(*([Path(file).expanduser()] if is_path(file) else []))
    data = read_table(file)
    chosen = _chosen(columns) if columns is not None else _numeric(data, {by, level})
    table = ec.describe(data, chosen, by=by, level=level).table()
    say(shown(table))
    for path in write_all(table_outputs([table], files.given)):
        tell(f"Wrote {path} ({shown_size(path.stat().st_size)})")


def _chosen(listed: str) -> list[str]:
    names = [name.strip() for name in listed.split(",") if name.strip()]
    if not names:
        raise typer.BadParameter("--vars needs names of columns, separated by commas.")
    return names


def _numeric(data: object, keys: set[str | None]) -> list[str]:
    """All numeric columns but the ones that group; says which are left out."""
    from echelon.data import Frame

    frame = Frame.of(data)
    numeric: list[str] = []
    other: list[str] = []
    for name in frame.columns:
        if name in keys:
            continue
        try:
            apart = frame.column(name).is_categorical
        except DataError:  # dates, lists
            apart = True
        (other if apart else numeric).append(name)
    if not numeric:
        raise DataError("The table has no numeric column to describe.")
    if other:
        note(f"Not numeric, left out: {', '.join(other)}.")
    return numeric
