"""The best numbers of groups and rows for a budget, and the cheapest for a power."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from echelon.errors import DataError
from echelon.linalg.distributions import t_quantile
from echelon.study.analytic import Cells, TwoLevel, critical, freedom, parts, std_error
from echelon.study.power import smallest_groups
from echelon.study.power_grid import cells, check_setting, grid
from echelon.study.powers import Powers, found_for
from echelon.tolerances import LARGEST_TRIED

Array = NDArray[np.float64]
_TRIED = 40  # plans that are compared by their exact power, the best by Bloom's approximation


def optimal_values(
    setting: TwoLevel,
    given: Mapping[str, object],
    *,
    cost_group: float,
    cost_row: float,
    budget: float | None,
) -> Powers:
    """The best J and n, for every combination of icc, effect, ... given.

    Parameters
    ----------
    given : as for `power_values`, without J and n
    cost_group, cost_row : of a group, without its rows, and of one row
    budget : what may be spent; None for the cheapest plan with the power wanted

    Notes
    -----
    All whole n up to a bound are tried, with the most groups the budget allows or the fewest that
    have the power. The rule for large J, equation `power-optimal`, stands in a remark;
    raudenbush1997.
    """
    check_setting(setting)
    _check_costs(cost_group, cost_row, budget)
    given = {name: value for name, value in given.items() if name not in ("J", "n")}
    if given.get("icc") is None:
        raise DataError("icc= is needed: the share of the variance that lies between groups.")
    if given.get("power") is None:
        raise DataError("power= is needed: the power wanted, as in power=0.8.")
    if budget is None and given.get("effect") is None:
        raise DataError("Give budget=, or the effect= to be found with the power= at least cost.")
    made = grid(given)
    nothing = np.full(made.size, np.nan)
    known = {"effect_sd": made.values["effect_sd"] / setting.sd} if setting.varying else {}
    full = cells(made, J=nothing, n=nothing, **known)
    effect, power = made.values.get("effect"), made.values["power"]
    best = np.array(
        [
            _best(setting, full, i, effect, power, (cost_group, cost_row, budget))
            for i in range(made.size)
        ]
    )
    chosen = replace(full, J=best[:, 0], n=best[:, 1])
    found = found_for(setting, chosen, effect, power if effect is None else None)
    return replace(
        found,
        asked="plan",
        goal=power if effect is None else np.full(made.size, np.nan),
        varied=tuple(name for name in made.varied if name != "power" or effect is None),
        cost=chosen.J * (cost_group + cost_row * chosen.n),
        remarks=(
            _aim(effect, power, cost_group, cost_row, budget),
            _rule(setting, full, cost_group, cost_row),
        ),
    )


def _best(
    setting: TwoLevel,
    full: Cells,
    place: int,
    effect: Array | None,
    power: Array,
    costs: tuple[float, float, float | None],
) -> tuple[float, float]:
    """J and n of one plan."""
    group, row, budget = costs
    if budget is None:
        assert effect is not None  # checked by the caller
        n = np.arange(1.0, _most(setting, full, place, group, row) + 1)
        J = smallest_groups(
            setting, full.other(place, n, n), np.full(n.shape, effect[place]), power[place]
        )
        spent = J * (group + row * n)
        if np.isnan(spent).all():
            raise DataError("No plan has the power wanted: the effect is too small to be found.")
        at = int(np.nanargmin(spent))
        return float(J[at]), float(n[at])
    n = np.arange(1.0, min(LARGEST_TRIED, max(1.0, (budget / 2 - group) // row)) + 1)
    J = np.floor(budget / (group + row * n) * (1 + 1e-12))
    tried = full.other(place, J, n)
    possible = (J >= 2) & (freedom(setting, tried) >= 1)
    if not possible.any():
        raise DataError(
            f"budget={budget:g} does not pay for groups enough at {group:g} a group and {row:g} a "
            "row: a test needs a few groups."
        )
    tried = full.other(place, J[possible], n[possible])
    near = np.argsort(_bloom(setting, tried, float(power[place])), kind="stable")[:_TRIED]
    tried = full.other(place, tried.J[near], tried.n[near])
    made = found_for(setting, tried, None, np.full(tried.J.shape, power[place]))
    at = int(np.argmin(made.effect))
    return float(tried.J[at]), float(tried.n[at])


def _bloom(setting: TwoLevel, tried: Cells, power: float) -> Array:
    """Bloom's approximation to the smallest effect found, cheap and of the same order."""
    df = freedom(setting, tried)
    return std_error(setting, tried) * (critical(setting, df) + t_quantile(power, df))


def _most(setting: TwoLevel, full: Cells, place: int, group: float, row: float) -> float:
    """The largest n worth trying: well beyond the optimum for many groups."""
    a, b = (float(each[place]) for each in parts(setting, full))
    if a == 0 or row == 0:
        return float(LARGEST_TRIED)
    return min(float(LARGEST_TRIED), 100 + 10 * float(np.sqrt(group / row * b / a)))


def _aim(effect: Array | None, power: Array, group: float, row: float, budget: float | None) -> str:
    """What the plan is best at."""
    costs = f"at {group:,g} a group and {row:,g} a row of it"
    if budget is None:
        shown = f"{100 * power[0]:.4g}%" if np.ptp(power) == 0 else "the size given"
        return f"The cheapest plan with a power of {shown}, {costs}."
    best = "the smallest effect is found" if effect is None else "the power is largest"
    return f"The plan with which {best} for a budget of {budget:,g}, {costs}."


def _rule(setting: TwoLevel, full: Cells, group: float, row: float) -> str:
    a, b = parts(setting, full)
    if not (a > 0).all():
        return "With nothing varying between groups, few groups as large as possible are cheapest."
    rule = np.unique(np.round(np.sqrt(group / row * b / a), 1))
    shown = f"{rule[0]:g}" if rule.size == 1 else f"{rule[0]:g} to {rule[-1]:g}"
    return (
        f"With many groups the best n is the square root of (cost of a group / cost of a row) x "
        f"(variance within / variance between) = {shown}, whatever the budget."
    )


def _check_costs(group: float, row: float, budget: float | None) -> None:
    named = (("cost_group", group), ("cost_row", row), ("budget", budget))
    for name, value in named:
        number = isinstance(value, int | float | np.integer | np.floating)
        if value is not None and not (number and 0 < value < np.inf):
            raise DataError(f"{name}={value!r} must be a positive number.")
