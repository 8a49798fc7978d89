"""Power, minimum detectable effects and sample sizes of two-level designs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from echelon.errors import DataError
from echelon.study.analytic import BETWEEN, Cells, TwoLevel, freedom
from echelon.study.power_grid import Grid, cells, check_setting, grid
from echelon.study.powers import Asked, Powers, Target, found_for
from echelon.tolerances import LARGEST_J, LARGEST_N

Array = NDArray[np.float64]


def power_values(setting: TwoLevel, given: Mapping[str, object]) -> Powers:
    """Power for every combination of J, n, icc, effect, ... given."""
    made, full = _prepared(setting, given, ("effect",))
    effect = made.values["effect"]
    _check_freedom(setting, full)
    return _named(found_for(setting, full, effect, None), made)


def detectable_values(setting: TwoLevel, given: Mapping[str, object]) -> Powers:
    """The smallest effect found with a given power, for every combination of the rest.

    Notes
    -----
    The noncentrality is solved for; Bloom's multiplier, the sum of two quantiles of the central t,
    is its start. Equation `power-mdes`; bloom1995.
    """
    made, full = _prepared(setting, given, ("power",))
    wanted = made.values["power"]
    if (wanted <= setting.alpha).any():
        raise DataError(
            f"power={wanted.min():g} must be above alpha={setting.alpha:g}, which a test of no "
            "effect has."
        )
    _check_freedom(setting, full)
    return _named(found_for(setting, full, None, wanted), made)


def size_values(setting: TwoLevel, given: Mapping[str, object], goal: Target) -> Powers:
    """The smallest J, or n, with the power or the precision asked for.

    Parameters
    ----------
    given : as for `power_values`, with J or n left out, and "half_width" or "std_error" in the
        place of effect and power where precision is the goal
    goal : which of the three is the goal
    """
    solve_n = given.get("J") is not None
    names = ("effect", "power") if goal == "power" else (goal,)
    made, full = _prepared(setting, given, names, sought="n" if solve_n else "J")
    effect = made.values.get("effect", np.full(made.size, np.nan))
    if goal == "power" and not (effect != 0).all():
        raise DataError("effect=0 is found by no sample: give the smallest effect of interest.")
    wanted = made.values[goal]

    def enough(count: Array) -> NDArray[np.bool_]:
        now = replace(full, n=count) if solve_n else replace(full, J=count)
        found = found_for(setting, now, effect, None)
        if goal == "power":
            return found.power >= wanted
        reached: Array = getattr(found, goal)
        return (reached <= wanted) & (found.df >= 1)

    first, last = (1, LARGEST_N) if solve_n else (2, LARGEST_J)
    count = _smallest(enough, made.size, first, last)
    now = replace(full, n=count) if solve_n else replace(full, J=count)
    found = found_for(setting, now, effect, None)
    remarks: tuple[str, ...] = ()
    if solve_n:
        remarks = _out_of_reach(setting, full, effect, count, goal)
    elif np.isnan(count).any():
        remarks = (f"More than {LARGEST_J:,} groups would be needed where J is missing.",)
    asked: Asked = "n" if solve_n else "J"
    return replace(_named(found, made), asked=asked, target=goal, goal=wanted, remarks=remarks)


def _prepared(
    setting: TwoLevel, given: Mapping[str, object], needed: tuple[str, ...], sought: str = ""
) -> tuple[Grid, Cells]:
    """The grid of plans, once all that is needed is there; a size that is sought is nan."""
    check_setting(setting)
    made = grid({name: value for name, value in given.items() if name != sought})
    for name in ("J", "n", "icc", *needed):
        if name not in made.values and name != sought:
            raise DataError(f"{name}= is needed: {_NEEDED[name]}.")
    known: dict[str, Array] = {}
    if setting.varying:
        known["effect_sd"] = made.values["effect_sd"] / setting.sd
    if sought:
        known[sought] = np.full(made.size, np.nan)
    return made, cells(made, **known)


def _named(found: Powers, made: Grid) -> Powers:
    """The same with the names of what varies, and of the sizes."""
    labels: tuple[str, ...] = ()
    if made.sizes:
        labels = tuple(made.sizes[int(place)].label for place in made.values["n"])
    if "cv" in made.values:
        cv = [f" (cv {each:g})" if each else "" for each in made.values["cv"]]
        labels = tuple(f"{label}{more}" for label, more in zip(labels, cv, strict=True))
    return replace(found, varied=made.varied, labels=labels)


def smallest_groups(setting: TwoLevel, full: Cells, effect: Array, power: float) -> Array:
    """The fewest groups with a power, for plans whose J is not known; nan where there are none."""

    def enough(count: Array) -> NDArray[np.bool_]:
        return found_for(setting, replace(full, J=count), effect, None).power >= power

    return _smallest(enough, full.n.size, 2, LARGEST_J)


def _smallest(
    enough: Callable[[Array], NDArray[np.bool_]], count: int, first: int, last: int
) -> Array:
    """The smallest whole numbers that are enough, by doubling and bisection; nan above `last`."""
    low = np.full(count, float(first - 1))  # not enough, or not tried
    high = np.full(count, float(first))
    while True:
        met = enough(high) | (high >= last)
        if met.all():
            break
        low, high = np.where(met, low, high), np.where(met, high, np.minimum(2 * high, last))
    possible = enough(high)
    while (high - low > 1).any():
        middle = np.maximum(np.floor((low + high) / 2), first)
        met = enough(middle)
        wide = high - low > 1
        low, high = np.where(wide & ~met, middle, low), np.where(wide & met, middle, high)
    return np.where(possible, high, np.nan)


def _check_freedom(setting: TwoLevel, full: Cells) -> None:
    """Refuse plans without degrees of freedom."""
    df = freedom(setting, full)
    if (df < 1).any():
        at = int(np.argmin(df))
        taken = f" with {setting.covariates} covariates" if setting.covariates else ""
        more = "groups" if setting.design in BETWEEN or setting.varying else "groups or rows"
        raise DataError(
            f"J={full.J[at]:g} groups of n={full.n[at]:g}{taken} leave {df[at]:g} degrees of "
            f"freedom in design={setting.design!r}: plan for more {more}."
        )


def _out_of_reach(
    setting: TwoLevel, full: Cells, effect: Array, count: Array, goal: Target
) -> tuple[str, ...]:
    """What the largest groups would give, where no size of the groups is enough."""
    missing = np.isnan(count)
    if not missing.any():
        return ()
    at = int(np.flatnonzero(missing)[0])
    best = found_for(setting, replace(full, n=np.full(count.shape, float(LARGEST_N))), effect, None)
    reached = float(getattr(best, goal)[at])
    words = {"power": "a power of", "half_width": "a half-width of", "std_error": "an SE of"}[goal]
    return (
        f"No size of the groups is enough with J = {full.J[at]:g}: in the limit of endless groups "
        f"it has {words} {reached:.3g}. More groups are needed.",
    )


_NEEDED = {
    "J": "the number of groups",
    "n": "the number of rows in a group (a number, a distribution, or all sizes in a tuple)",
    "icc": "the intraclass correlation, the share of the variance that lies between groups",
    "effect": "the effect to be found, in SDs of the response (or in its units, with sd=)",
    "power": "the power wanted, as in power=0.8",
    "half_width": "half of the width of the confidence interval",
    "std_error": "the standard error wanted",
}
