"""A command that turns errors into one clear message and an exit code."""

from __future__ import annotations

import sys
import traceback
import warnings
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from echelon.cli.terminal import note, tell
from echelon.errors import EchelonError, EchelonWarning

EXIT_REFUSED = 1  # the data or the model cannot be fitted as asked
EXIT_UNEXPECTED = 70  # EX_SOFTWARE of sysexits.h
_DEBUG = "echelon.debug"

Debug = Annotated[
    bool, typer.Option("--debug", help="Show the full traceback when something goes wrong.")
]


class Command(TyperCommand):
    """Runs a command; its errors are messages, with a traceback only under --debug."""

    def format_options(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]
        """Write the help of arguments and options under the headings that group them."""
        parts: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                plain = "Arguments" if param.param_type_name == "argument" else "Options"
                heading = getattr(param, "rich_help_panel", None) or plain
                parts.setdefault(heading, []).append(record)
        # the options of every command stand last
        for heading in sorted(parts, key=lambda name: name == "Options"):
            with formatter.section(heading):
                formatter.write_dl(parts[heading])

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Run the command under the handlers."""
        debug = debugging(ctx) or bool(ctx.params.get("debug"))
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                result = super().invoke(ctx)
            _pass_on(caught, debug)
            return result
        except (typer.Exit, typer.Abort, typer.BadParameter):
            _pass_on(caught, debug)
            raise
        except EchelonError as error:
            _traceback(debug)
            tell(f"Error: {error}")
            raise typer.Exit(EXIT_REFUSED) from None
        except Exception as error:  # a bug of ours, or a disk that is full: never a bare traceback
            _traceback(debug)
            tell(_unexpected(error, debug))
            raise typer.Exit(EXIT_UNEXPECTED) from None


def remember_debug(ctx: typer.Context, on: bool) -> None:
    """Keep the --debug given before the command's name."""
    ctx.meta[_DEBUG] = on


def debugging(ctx: typer.Context) -> bool:
    """Whether --debug was given before the command's name."""
    return bool(ctx.meta.get(_DEBUG))


def refused(message: str) -> typer.Exit:
    """Say why a result must not be used, and return the exit to raise."""
    note(f"Error: {message}")
    return typer.Exit(EXIT_REFUSED)


def _unexpected(error: Exception, debug: bool) -> str:
    kind, text = type(error).__name__, " ".join(str(error).split())
    ending = "" if debug else " Run the command again with --debug for the details."
    return f"Unexpected problem ({kind}{': ' + text if text else ''}).{ending}"


def _traceback(debug: bool) -> None:
    if debug:
        traceback.print_exc(file=sys.stderr)


def _pass_on(caught: list[warnings.WarningMessage], debug: bool) -> None:
    """Show warnings that concern the numbers; those of other libraries only under --debug."""
    for text in dict.fromkeys(
        str(w.message) for w in caught if debug or issubclass(w.category, EchelonWarning)
    ):
        note(f"Warning: {text}")
