"""`echelon demo`: two case studies step by step, with tables, figures and reports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from echelon.cli.command import Debug
from echelon.cli.staging import Output, write_all
from echelon.cli.steps import show_cases
from echelon.cli.terminal import bold, prose, say, shown_size, working

if TYPE_CHECKING:
    from echelon.api.results import LMM
    from echelon.cli.case_eclsk import Eclsk
    from echelon.cli.case_timss import Timss

_SYNTHETIC = (
    "The data are SYNTHETIC: simulated so that the summaries published in a lecture come back to "
    "their printed digits. They hold no record of TIMSS or ECLS-K, and nothing found in them is a "
    "finding about schools."
)
_REPORTS = (
    "Mathematics in 20 schools (SYNTHETIC data, after TIMSS 2019)",
    "Reading in 742 schools (SYNTHETIC data, after ECLS-K:2011)",
)
_READ = (
    "report.html         case 1, the model of step 4: open it in a browser",
    "report-eclsk.html   case 2, the model of step 14",
    "tables.docx, .pptx  the tables, to be edited in Word and PowerPoint",
    "figures             distributions, observed (step 1); weights (steps 6, 7);",
    "                    shrinkage, caterpillar, league (step 8);",
    "                    means_by_... (step 14); residuals, qq, ...: step 4 checked",
)
_TITLE = "Multilevel models: two case studies (synthetic data)"


def demo(
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the files go; made if absent.")
    ] = Path("echelon-demo"),
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Write the files only; do not print the steps.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Work through two case studies: 20 schools' mathematics, 742 schools' reading.

    Prints every step with its numbers, and writes reports (HTML), tables (Word, PowerPoint) and
    figures (PNG) into a folder. Other files in that folder stay.
    """
    with working("Fitting the models"):
        from echelon.cli.case_eclsk import eclsk
        from echelon.cli.case_timss import timss

        first, second = timss(), eclsk()
    if not quiet:
        say(prose(_SYNTHETIC))
        say()
        show_cases([first.case, second.case])
    with working("Writing reports, tables and figures"):
        written = write_all([Output(out, lambda place: _fill(place, first, second), "demo", True)])
    _list(written, out)


def _fill(folder: Path, first: Timss, second: Eclsk) -> None:
    """Write every file of the demonstration into an empty folder."""
    from echelon.plot import save_all
    from echelon.show import write_docx, write_pptx

    first.fit.report(folder / "report.html", title=_REPORTS[0])
    second.exercise.report(folder / "report-eclsk.html", title=_REPORTS[1])
    write_docx([*first.tables, *second.tables("wide")], folder / "tables.docx", title=_TITLE)
    write_pptx([*first.tables, *second.tables("stacked")], folder / "tables.pptx", title=_TITLE)
    save_all(first.fit, folder / "figures")
    _draw_sectors(second.exercise, folder / "figures")


def _draw_sectors(fit: LMM, folder: Path) -> None:
    """Add the scatter of school means on school SES by sector, which case 1 has no use for."""
    from echelon.plot import figures, new_figure

    for name, _, draw in figures(fit):
        if name.startswith("means_by"):
            figure = new_figure()
            draw(figure.subplots())
            figure.savefig(folder / f"{name}.png", dpi=200)


def _list(written: list[Path], out: Path) -> None:
    say(bold(f"Files in {out}"))
    names = [path.relative_to(out.expanduser()).as_posix() for path in written]
    column = max(map(len, names))
    for name, path in zip(names, written, strict=True):
        say(f"  {name:<{column}}  {shown_size(path.stat().st_size):>7}")
    say()
    for line in _READ:
        say(line)
