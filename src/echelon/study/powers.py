"""Plans of a study with their power, and how the one follows from the other."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from echelon.linalg.distributions import t_quantile
from echelon.study.analytic import (
    Cells,
    TwoLevel,
    design_effect,
    effect_of,
    freedom,
    power_of,
    std_error,
)

Array = NDArray[np.float64]
Asked = Literal["power", "effect", "J", "n", "plan"]
Target = Literal["power", "half_width", "std_error"]


@dataclass(frozen=True, slots=True, eq=False)
class Powers:
    """Plans of a study with what was found for each.

    Attributes
    ----------
    asked : what was found: "power", "effect" (the smallest that is found), "J", "n", or the "plan",
        which is both
    target : what a sample size had to reach: "power", "half_width" or "std_error"
    goal : (m,) the value of `target` asked for; nan where nothing was to be reached
    setting : the design
    varied : names of what differs between plans
    labels : (m,) what the sizes of the groups are called
    cells : (m,) entries: groups J, rows n, icc, ...
    effect : (m,) in the units of `setting.sd`; nan where precision alone was asked for
    power : (m,) of the test
    std_error : (m,) of the effect, in the same units
    df : (m,) degrees of freedom
    cost : (m,) of the study; empty where costs were not given
    remarks : what else a reader should know
    """

    asked: Asked
    target: Target
    goal: Array
    setting: TwoLevel
    varied: tuple[str, ...]
    labels: tuple[str, ...]
    cells: Cells
    effect: Array
    power: Array
    std_error: Array
    df: Array
    cost: Array = field(default_factory=lambda: np.zeros(0))
    remarks: tuple[str, ...] = ()

    @property
    def finds_effect(self) -> bool:
        """Whether the effect was found, rather than given."""
        return self.asked == "effect" or (self.asked == "plan" and not np.isnan(self.goal).any())

    @property
    def half_width(self) -> Array:
        """Half of the width of the confidence interval at level 1 - alpha."""
        known = np.where(self.df >= 1, self.df, np.nan)
        return t_quantile(1 - self.setting.alpha / 2, known) * self.std_error

    @property
    def design_effect(self) -> Array:
        """Sampling variance over that of as many independent rows; `power-deff`."""
        return design_effect(self.setting, self.cells)

    @property
    def rows(self) -> Array:
        """Rows in all."""
        return self.cells.J * self.cells.n

    def at(self, place: int, J: Array, n: Array | None = None) -> Powers:
        """One of the plans with other numbers of groups, or rows a group.

        The power for the plan's effect; or, where effects were asked for, the effect found.
        """
        J = np.asarray(J, dtype=np.float64)
        rows = None if n is None else np.asarray(n, dtype=np.float64)
        other = self.cells.other(place, J, rows)
        if self.finds_effect:
            made = found_for(self.setting, other, None, np.full(J.shape, self.power[place]))
            return replace(made, varied=("J",))
        effect = np.full(J.shape, self.effect[place])
        return replace(found_for(self.setting, other, effect, None), varied=("J",))


def found_for(setting: TwoLevel, full: Cells, effect: Array | None, power: Array | None) -> Powers:
    """Plans with their standard error, df, and power or effect, whichever was not given."""
    error, df = std_error(setting, full), freedom(setting, full)
    asked: Asked = "power" if power is None else "effect"
    if effect is None:
        assert power is not None  # one of the two is given
        effect = setting.sd * effect_of(setting, power, error, df)
    else:
        power = power_of(setting, effect / setting.sd, error, df)
    none = np.full(error.shape, np.nan)
    scaled = setting.sd * error
    return Powers(asked, "power", none, setting, (), (), full, effect, power, scaled, df)
