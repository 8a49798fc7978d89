"""`echelon datasets`: the bundled data and their codebooks."""

from __future__ import annotations

import textwrap
from typing import Annotated

import typer

import echelon as ec
from echelon.cli.command import Debug
from echelon.cli.terminal import bold, say, width
from echelon.errors import nearest_hint


def datasets(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Show the codebook of this data set.")
    ] = None,
    debug: Debug = False,
) -> None:
    """List the bundled data sets, or show the codebook of one."""
    if name is not None:
        if name not in ec.datasets.names():
            hint = nearest_hint(name, ec.datasets.names(), "Bundled data sets")
            raise typer.BadParameter(f"there is no data set {name!r}.{hint}", param_hint="NAME")
        say(str(ec.datasets.codebook(name)))
        return
    names = ec.datasets.names()
    column = max(len(n) for n in names) + 2
    for each in names:
        book = ec.datasets.codebook(each)
        title = textwrap.wrap(book.title, width() - column - 1)
        lines = [f"{each:<{column}}{title[0]}", *(" " * column + t for t in title[1:])]
        say(bold(each) + lines[0][len(each) :])
        for line in lines[1:]:
            say(line)
    say()
    say("Codebook:  echelon datasets NAME")
    say("Use one:   echelon describe NAME   or as FILE in: echelon fit FORMULA NAME")
