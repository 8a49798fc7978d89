"""The options of `echelon power`, and the numbers they hold."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

_PLAN, _TEST, _COSTS, _FILES = "The plan", "The test", "Costs", "Files"
_UNIFORM = re.compile(r"uniform\([^)]*\)")


class Design(StrEnum):
    """Which effect is of interest."""

    cluster = "cluster"
    multisite = "multisite"
    level1 = "level-1"
    level2 = "level-2"
    interaction = "interaction"
    mean = "mean"


class Sites(StrEnum):
    """What the groups stand for."""

    random = "random"
    fixed = "fixed"


def _option(panel: str, help_: str, *names: str, metavar: str = "X") -> object:
    return typer.Option(
        *names, metavar=metavar, help=help_, rich_help_panel=panel, case_sensitive=True
    )


DesignName = Annotated[
    Design,
    typer.Argument(
        metavar="[DESIGN]",
        help="cluster (whole groups treated), multisite (rows treated within groups), level-1, "
        "level-2 (continuous predictors), interaction (treatment of groups by a level-1 "
        "predictor), mean.",
        case_sensitive=False,
    ),
]
J = Annotated[str | None, _option(_PLAN, "Groups.", "--J", "--groups")]
N = Annotated[
    str | None, _option(_PLAN, 'Rows in a group, or their mean; or "uniform(5, 35)".', "--n")
]
Sizes = Annotated[
    str | None, _option(_PLAN, "All sizes of the groups: 5,12,30 (instead of --n).", "--sizes")
]
Icc = Annotated[str | None, _option(_PLAN, "Intraclass correlation.", "--icc")]
Effect = Annotated[
    str | None, _option(_PLAN, "In SDs of the response (in its units with --sd).", "--effect")
]
Power = Annotated[str | None, _option(_PLAN, "Power wanted [0.8].", "--power")]
HalfWidth = Annotated[
    str | None, _option(_PLAN, "Half-width wanted of the interval, for --effect.", "--half-width")
]
StdError = Annotated[
    str | None, _option(_PLAN, "Standard error wanted, for --effect.", "--std-error")
]
Cv = Annotated[str | None, _option(_PLAN, "Coefficient of variation of the sizes.", "--cv")]
EffectSd = Annotated[
    str | None,
    _option(
        _PLAN, "SD of the effect between groups (multisite, level-1, interaction).", "--effect-sd"
    ),
]
R21 = Annotated[
    str, _option(_PLAN, "Share of the variance within groups that covariates explain.", "--r2-1")
]
R22 = Annotated[
    str, _option(_PLAN, "Share of the variance between groups that they explain.", "--r2-2")
]
Covariates = Annotated[
    int, _option(_PLAN, "Covariates between groups.", "--covariates", metavar="N")
]
Share = Annotated[float, _option(_PLAN, "Share treated.", "--share")]
XShare = Annotated[
    float | None,
    _option(_PLAN, "Interaction: rows with a 1 in a binary level-1 predictor.", "--x-share"),
]
SitesName = Annotated[
    Sites,
    _option(_PLAN, "random, or fixed: the effect in these very groups.", "--sites", metavar="KIND"),
]
Sd = Annotated[float, _option(_PLAN, "SD of the response.", "--sd")]
Alpha = Annotated[float, _option(_TEST, "Level of the test.", "--alpha")]
OneSided = Annotated[
    bool, typer.Option("--one-sided", help="One-sided test.", rich_help_panel=_TEST)
]
CostGroup = Annotated[
    float | None,
    _option(_COSTS, "Cost of a group without its rows: finds the best plan.", "--cost-group"),
]
CostRow = Annotated[float | None, _option(_COSTS, "Cost of a row.", "--cost-row")]
Budget = Annotated[
    float | None, _option(_COSTS, "What may be spent; else the least for --effect.", "--budget")
]
Simulate = Annotated[
    bool,
    typer.Option(
        "--simulate", help="Simulate the same plans beside the formula.", rich_help_panel=_TEST
    ),
]
Reps = Annotated[
    int | None, _option(_TEST, "With --simulate: replicates a plan [1000].", "--reps", metavar="N")
]
Seed = Annotated[
    int | None,
    _option(_TEST, "With --simulate: the same draws at every call.", "--seed", metavar="N"),
]
Plot = Annotated[
    Path | None, _option(_FILES, "Power curves, as .png, .svg or .pdf.", "--plot", metavar="PATH")
]
Out = Annotated[
    Path | None,
    _option(
        _FILES,
        "The table as .docx, .pptx, .html, .tex or .txt; the numbers as .csv.",
        "--out",
        metavar="PATH",
    ),
]


def numbers(name: str, text: str | None) -> float | list[float] | None:
    """One number, several as "10,20,40", or a range as "10:40:10".

    >>> numbers("J", "20"), numbers("J", "10,20"), numbers("J", "10:40:10")
    (20.0, [10.0, 20.0], [10.0, 20.0, 30.0, 40.0])
    """
    if text is None:
        return None
    try:
        if ":" in text:
            return _range(text)
        found = [float(part) for part in text.split(",")]
    except ValueError:
        raise typer.BadParameter(
            f"--{name} {text!r} is no number; several are given as 10,20,40 or 10:40:10."
        ) from None
    return found if len(found) > 1 else found[0]


def sizes(n: str | None, listed: str | None) -> object:
    """What the sizes are, as `ec.power(n=...)` takes them."""
    if n is not None and listed is not None:
        raise typer.BadParameter(
            "--n and --sizes both give the sizes of the groups: leave one out."
        )
    if listed is not None:
        given = numbers("sizes", listed)
        return tuple(given) if isinstance(given, list) else (given,)
    if n is not None and _UNIFORM.fullmatch(n.strip()):
        return n
    return numbers("n", n)


def _range(text: str) -> list[float]:
    low, high, *step = (float(part) for part in text.split(":"))
    by = step[0] if step else 1.0
    if len(step) > 1 or by <= 0 or high < low:
        raise ValueError
    count = int((high - low) / by + 1e-9) + 1
    return [round(low + k * by, 12) for k in range(count)]
