"""`echelon power`: power, smallest effects, sample sizes and best plans of two-level studies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

import echelon as ec
from echelon.cli import options as opt
from echelon.cli import power_options as own
from echelon.cli.command import Debug
from echelon.cli.fit import STDOUT, FitCommand
from echelon.cli.json_results import as_json
from echelon.cli.power_files import check_files, power_json, power_outputs
from echelon.cli.staging import write_all
from echelon.cli.terminal import say, shown, shown_size, tell, working

if TYPE_CHECKING:
    from echelon.api.power_result import PowerResult
    from echelon.api.power_simulated import SimulatedPower
    from echelon.study.analytic import Design


class PowerCommand(FitCommand):
    """Lets `--json` stand alone, as in `fit`."""


def power(
    design: own.DesignName = own.Design.cluster,
    groups: own.J = None,
    n: own.N = None,
    sizes: own.Sizes = None,
    icc: own.Icc = None,
    effect: own.Effect = None,
    wanted: own.Power = None,
    half_width: own.HalfWidth = None,
    std_error: own.StdError = None,
    cv: own.Cv = None,
    effect_sd: own.EffectSd = None,
    r2_1: own.R21 = "0",
    r2_2: own.R22 = "0",
    covariates: own.Covariates = 0,
    share: own.Share = 0.5,
    x_share: own.XShare = None,
    sites: own.SitesName = own.Sites.random,
    sd: own.Sd = 1.0,
    alpha: own.Alpha = 0.05,
    one_sided: own.OneSided = False,
    cost_group: own.CostGroup = None,
    cost_row: own.CostRow = None,
    budget: own.Budget = None,
    simulate: own.Simulate = False,
    reps: own.Reps = None,
    seed: own.Seed = None,
    plot: own.Plot = None,
    out: own.Out = None,
    json: opt.Json = None,
    debug: Debug = False,
) -> None:
    """Plan a two-level study: what is left out of --J, --n and --effect is found.

    With all three, the power. Several values are given as 10,20,40 or 10:40:10.

    \b
    echelon power --J 40 --n 20 --icc 0.2 --effect 0.25
    echelon power --J 20,40,80 --n 10,30 --icc 0.2
    echelon power --n 20 --icc 0.2 --effect 0.25,0.5 --power 0.9
    echelon power multisite --J 30 --n 20 --icc 0.2 --effect 0.2 --effect-sd 0.1
    echelon power --icc 0.2 --cost-group 300 --cost-row 10 --budget 20000
    echelon power --J 20,40 --n 20 --cv 0.6 --icc 0.2 --effect 0.5 --simulate
    """  # noqa: D301
    given = {
        "J": own.numbers("J", groups),
        "n": own.sizes(n, sizes),
        "icc": own.numbers("icc", icc),
        "effect": own.numbers("effect", effect),
        "power": own.numbers("power", wanted),
        "half_width": own.numbers("half-width", half_width),
        "std_error": own.numbers("std-error", std_error),
        "cv": own.numbers("cv", cv),
        "cost_group": cost_group,
        "cost_row": cost_row,
        "budget": budget,
    }
    rest = {
        "effect_sd": own.numbers("effect-sd", effect_sd),
        "r2_1": own.numbers("r2-1", r2_1),
        "r2_2": own.numbers("r2-2", r2_2),
        "covariates": covariates,
        "share": share,
        "x_share": x_share,
        "sites": sites.value,
        "sd": sd,
        "alpha": alpha,
        "alternative": "one-sided" if one_sided else "two-sided",
    }
    to_file = None if json in (None, STDOUT) else Path(str(json))
    check_files(plot, out, to_file)
    found = _found(design.value, {k: v for k, v in given.items() if v is not None}, rest)
    both = _simulated(found, simulate, reps, seed)
    text = as_json(power_json(found, both))
    if json != STDOUT:
        say(shown((found if both is None else both).table()))
    for path in write_all(power_outputs(found, both, plot, out, to_file, text)):
        tell(f"Wrote {path} ({shown_size(path.stat().st_size)})")
    if json == STDOUT:
        say(text)


def _simulated(
    found: PowerResult, asked: bool, reps: int | None, seed: int | None
) -> SimulatedPower | None:
    """The same plans simulated, where that was asked for."""
    if not asked:
        if reps is not None or seed is not None:
            raise typer.BadParameter("--reps and --seed belong to --simulate.")
        return None
    with working("Simulating"):
        return found.simulate(reps=1000 if reps is None else reps, rng=seed, progress=False)


def _found(design: Design, given: dict[str, Any], rest: dict[str, Any]) -> PowerResult:
    """What was left out, by the function that finds it."""
    costs: list[str] = [name for name in ("cost_group", "cost_row", "budget") if name in given]
    goals = [name for name in ("effect", "half_width", "std_error") if name in given]
    if costs:
        _check_costs(given, costs)
        return ec.optimal_design(design, **given, **rest)
    absent = [name for name in ("J", "n") if name not in given]
    if isinstance(given.get("n"), tuple):
        absent = []
    if len(absent) == 2:
        raise typer.BadParameter("--J or --n is needed: the other, or the effect, is found.")
    if absent:
        if not goals:
            raise typer.BadParameter(
                f"--{absent[0]} is to be found: give --effect too (or --half-width, --std-error)."
            )
        return ec.sample_size(design, **given, **rest)
    for name in ("half_width", "std_error"):
        if name in given:
            option = name.replace("_", "-")
            raise typer.BadParameter(f"--{option} is a goal: leave --J or --n out, to be found.")
    if "effect" not in given:
        return ec.mdes(design, **given, **rest)
    if "power" in given:
        raise typer.BadParameter(
            "--J, --n, --effect and --power are all given: leave out what is to be found."
        )
    return ec.power(design, **given, **rest)


def _check_costs(given: dict[str, Any], costs: list[str]) -> None:
    if not {"cost_group", "cost_row"} <= set(costs):
        raise typer.BadParameter("The best plan needs both --cost-group and --cost-row.")
    for name in ("J", "n", "half_width", "std_error", "cv"):
        if name in given:
            option = name.replace("_", "-")
            raise typer.BadParameter(f"--{option} has no use with costs: J and n are found.")
