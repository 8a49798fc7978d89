"""What `echelon power` writes: tables, numbers, pictures, JSON."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, cast

import typer

from echelon import __version__
from echelon.cli.fit_files import text_output
from echelon.cli.json_extras import Json
from echelon.cli.staging import Output

if TYPE_CHECKING:
    from echelon.api.power_result import PowerResult
    from echelon.api.power_simulated import SimulatedPower

SCHEMA = "echelon.power/1"
_TABLES = (".docx", ".pptx", ".html", ".htm", ".tex", ".txt")
_PICTURES = (".png", ".svg", ".pdf")


def power_json(found: PowerResult, both: SimulatedPower | None = None) -> dict[str, Json]:
    """Plans as JSON: what was found, the test, one object a plan."""
    shown = found if both is None else both
    made: dict[str, Json] = {
        "schema": SCHEMA,
        "echelon_version": __version__,
        "design": found.setting.design,
        "found": found.asked,
        "alpha": found.setting.alpha,
        "alternative": found.setting.alternative,
        "plans": _plans(found, both),
        "notes": list(shown.table().notes),
    }
    if both is not None:
        made["simulation"] = {
            "estimator": both.estimator,
            "replicates": both.reps,
            "seed": both.seed,
        }
    return made


def _plans(found: PowerResult, both: SimulatedPower | None) -> list[Json]:
    """One object a plan: the columns of the frame; simulated ones after the formula's."""
    from echelon.api.power_columns import power_columns

    columns = power_columns(found)
    if both is not None:
        columns |= {f"simulated_{name}": value for name, value in both.measured.items()}
    listed = {name: _listed(each) for name, each in columns.items()}
    return [dict(zip(listed, row, strict=True)) for row in zip(*listed.values(), strict=True)]


def _listed(values: object) -> list[object]:
    """Plain numbers and words."""
    plain: list[object] = getattr(values, "tolist", lambda: list(cast("list[object]", values)))()
    return plain


def check_files(plot: Path | None, out: Path | None, json: Path | None) -> None:
    """Refuse endings that say no format."""
    for name, path, endings in (
        ("plot", plot, _PICTURES),
        ("out", out, (*_TABLES, ".csv")),
        ("json", json, (".json",)),
    ):
        if path is not None and path.suffix.lower() not in endings:
            raise typer.BadParameter(
                f"--{name} needs a file name ending in {', '.join(endings)}, not {str(path)!r}."
            )


def power_outputs(
    found: PowerResult,
    both: SimulatedPower | None,
    plot: Path | None,
    out: Path | None,
    json: Path | None,
    text: str,
) -> list[Output]:
    """Every file asked for, ready to be written."""
    shown = found if both is None else both
    made = []
    if plot is not None:
        made.append(Output(plot, lambda place: _draw(found, place), f"p{plot.suffix.lower()}"))
    if out is not None and out.suffix.lower() == ".csv":
        made.append(text_output(out, _csv(_plans(found, both))))
    elif out is not None:
        made.append(Output(out, shown.to_file, f"t{out.suffix.lower()}"))
    if json is not None:
        made.append(text_output(json, text + "\n"))
    return made


def _draw(found: PowerResult, path: Path) -> None:
    from echelon.plot.theme import new_figure

    figure = new_figure()
    found.plot(ax=figure.subplots())
    figure.savefig(path, dpi=200)


def _csv(plans: list[Json]) -> str:
    rows = cast("list[dict[str, object]]", plans)
    written = io.StringIO()
    table = csv.DictWriter(written, list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return written.getvalue()
