"""What a planned study says of itself: what was found, the formula, the degrees of freedom."""

from __future__ import annotations

import numpy as np

from echelon.study.analytic import TwoLevel
from echelon.study.powers import Powers

NAMES = {
    "cluster": "cluster randomised trial",
    "multisite": "multisite trial",
    "level-1": "predictor of level 1",
    "level-2": "predictor of level 2",
    "interaction": "cross-level interaction",
    "mean": "grand mean",
}
HEADS = {
    "J": "J",
    "n": "n",
    "icc": "ICC",
    "effect": "Effect",
    "effect_sd": "SD of effect",
    "cv": "CV of sizes",
    "r2_1": "R2 level 1",
    "r2_2": "R2 level 2",
    "power": "Power",
    "half_width": "Half-width",
    "std_error": "SE",
}


def power_notes(found: Powers) -> tuple[str, ...]:
    """What was computed, by which formula, with which degrees of freedom."""
    setting = found.setting
    sides = "Two-sided" if setting.two_sided else "One-sided"
    same = _same(found)
    unit = "SDs of the response"
    if setting.sd != 1:
        unit = f"units of the response (SD {setting.sd:g})"
    freedom = _freedom(setting)
    if (found.df == found.df[0]).all():
        freedom += f" = {found.df[0]:g}"
    lines = [
        f"{_sentence(found)}{f', with {same}' if same else ''}.",
        f"{sides} t test at alpha = {setting.alpha:g} with {freedom} degrees of freedom; "
        f"power by the noncentral t distribution. Effects are in {unit}{_per(setting)}.",
        f"Variance of the estimate: {_formula(setting)}.",
    ]
    if (found.cells.cv > 0).any():
        lines.append(
            "Sizes that vary: correction by their coefficient of variation (van Breukelen)."
        )
    elif (found.cells.law >= 0).any():
        lines.append("Sizes that vary: the information of each group is added.")
    if setting.design in ("multisite", "level-1", "interaction") and not setting.varying:
        fixed = setting.sites == "fixed"
        lines.append(
            "The mean effect in these very sites; nothing is said about others."
            if fixed
            else "The effect is taken to be the same in every group; where it varies, effect_sd= "
            "gives less power."
        )
    return (*lines, *found.remarks)


def _sentence(found: Powers) -> str:
    """What was found, in a sentence."""
    one = len(found.power) == 1
    J, n = float(found.cells.J[0]), float(found.cells.n[0])
    effect, power = float(found.effect[0]), float(found.power[0])
    if found.asked == "power":
        if one:
            return f"The power to find an effect of {effect:g} is {power:.3f}"
        return "The power to find an effect of the size given"
    if found.asked == "effect":
        wanted = f"{100 * power:.4g}%" if "power" not in found.varied else "the size given"
        number = f" is {effect:.3f}" if one else ""
        return f"The smallest effect that is found with a power of {wanted}{number}"
    if found.asked == "plan":
        return f"The best plan has {J:g} groups of {n:g}" if one else "The best plans"
    goal = _goal(found)
    what, count = ("groups", J) if found.asked == "J" else ("rows in each group", n)
    number = f" are {count:,.0f}" if one and np.isfinite(count) else ""
    return f"The fewest {what} that {goal}{number}"


def _goal(found: Powers) -> str:
    """What a size had to reach."""
    if "power" not in found.varied and found.target == "power":
        return f"give a power of {100 * found.goal[0]:.4g}%"
    if found.target == "power":
        return "give the power wanted"
    words = {"half_width": "a half-width of the interval of", "std_error": "a standard error of"}
    wanted = f"{found.goal[0]:g}" if found.target not in found.varied else "the size wanted"
    return f"give {words[found.target]} {wanted}"


def _same(found: Powers) -> str:
    """What all plans have in common, one word each."""
    setting, cells = found.setting, found.cells
    parts = []
    sought = {"J": ("J",), "n": ("n",), "plan": ("J", "n"), "effect": ("effect",)}
    for name in ("J", "n", "icc", "effect", "effect_sd", "r2_1", "r2_2"):
        if name in found.varied or name in sought.get(found.asked, ()):
            continue
        if name == "effect" and found.asked == "power" and len(found.power) == 1:
            continue  # the sentence says it
        value = float(getattr(found if name == "effect" else cells, name)[0])
        if name == "n" and found.labels:
            parts.append(f"n = {found.labels[0]}")
        elif name == "effect_sd":
            parts += [f"SD of effect = {value * setting.sd:g}"] if setting.varying else []
        elif (name.startswith("r2") and value == 0) or np.isnan(value):
            continue
        elif name != "effect" or not found.finds_effect:
            parts.append(f"{HEADS[name].lower() if name == 'effect' else HEADS[name]} = {value:g}")
    if setting.design in ("cluster", "multisite", "interaction") and setting.share is not None:
        parts.append(f"{100 * setting.share:g}% treated")
    if setting.covariates:
        plural = "s" if setting.covariates > 1 else ""
        parts.append(f"{setting.covariates} covariate{plural} between groups")
    return ", ".join(parts)


def _freedom(setting: TwoLevel) -> str:
    """The degrees of freedom as a formula; `power-freedom`."""
    g = f" - {setting.covariates}" if setting.covariates else ""
    if setting.design in ("cluster", "level-2"):
        return f"J - 2{g}"
    if setting.design == "mean":
        return f"J - 1{g}"
    if setting.design == "interaction":
        return f"J - 2{g}" if setting.varying else f"N - J - 2{g}"
    if setting.sites == "fixed":
        return f"N - 2J{g}"
    return f"J - 1{g}" if setting.varying else f"N - J - 1{g}"


def _formula(setting: TwoLevel) -> str:
    """The variance as a formula; `power-parts`."""
    P = "P(1 - P)"
    within = "(1 - ICC)(1 - R2_1) / n"
    between = "ICC (1 - R2_2)"
    if setting.design in ("cluster", "level-2", "mean"):
        below = f"{P} J" if setting.design == "cluster" and setting.share is not None else "J"
        return f"[{between} + {within}] / {'(' + below + ')' if ' ' in below else below}"
    shared = setting.share is not None
    inner = f"({P} n)" if setting.design == "multisite" and shared else "n"
    if setting.design == "interaction" and setting.x_share is not None:
        inner = "(Q(1 - Q) n)"
    outer = f"({P} J)" if setting.design == "interaction" and shared else "J"
    within = f"(1 - ICC)(1 - R2_1) / {inner}"
    if not setting.varying:
        return f"[{within}] / {outer}"
    return f"[SD of effect^2 (1 - R2_2) + {within}] / {outer}"


def _per(setting: TwoLevel) -> str:
    if setting.design == "level-1":
        return " per SD of the predictor within groups"
    if setting.design == "level-2" or (setting.design == "cluster" and setting.share is None):
        return " per SD of the predictor between groups"
    if setting.design == "interaction":
        level1 = "" if setting.x_share is not None else " per SD of the level-1 predictor"
        return f": the difference in slopes{level1}"
    return ""
