"""The `echelon` program: its commands and its options."""

from __future__ import annotations

from typing import Annotated

import typer

from echelon import __version__
from echelon.cli.command import Command, Debug, remember_debug
from echelon.cli.compare import CompareCommand, compare
from echelon.cli.datasets import datasets
from echelon.cli.demo import demo
from echelon.cli.describe import describe
from echelon.cli.fit import FitCommand, fit
from echelon.cli.power import PowerCommand, power
from echelon.cli.terminal import say

app = typer.Typer(
    name="echelon",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Multilevel models: fit, unpack, compare and report, with the numbers of lme4.",
    epilog="Start with: echelon demo",
)
app.command(cls=Command)(demo)
app.command(cls=FitCommand)(fit)
app.command(cls=CompareCommand)(compare)
app.command(cls=Command)(describe)
app.command(cls=PowerCommand)(power)
app.command(cls=Command)(datasets)


def _version(asked: bool) -> None:
    if asked:
        say(f"echelon {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    ctx: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
    debug: Debug = False,
) -> None:
    remember_debug(ctx, debug)


def main() -> None:
    """Run the program."""
    app(prog_name="echelon")


if __name__ == "__main__":
    main()
