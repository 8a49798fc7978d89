"""A profile of a fit: intervals at any level and the curves behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from echelon.infer.intervals import Intervals
from echelon.infer.profile.curves import Curve, curves_frame, curves_from
from echelon.infer.profile.intervals import intervals_from, prepared
from echelon.infer.profile.parameters import Parameter, Scale
from echelon.infer.profile.profile import Ground
from echelon.linalg.distributions import check_level, t_quantile
from echelon.linalg.threads import serial
from echelon.model.fit import LmmFit


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Profile:
    """The profile likelihood of parameters of a fit.

    Attributes
    ----------
    fit : the model
    ground : the optimum that the profiles start from: of the ML deviance, or of the REML criterion
    parameters : what is profiled
    scale : "sd" or "variance"
    limits : intervals at the level asked for
    """

    fit: LmmFit
    ground: Ground
    parameters: tuple[Parameter, ...]
    scale: Scale
    limits: Intervals

    @property
    def level(self) -> float:
        """Coverage of `limits`."""
        return self.limits.level

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return self.limits.names

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know, one sentence each."""
        return self.limits.notes

    def intervals(self, level: float | None = None) -> Intervals:
        """Intervals at a level; None for the one asked for at first."""
        if level is None or level == self.level:
            return self.limits
        return _intervals(self, level)

    def frame(self, level: float | None = None) -> object:
        """Intervals in the caller's dataframe library: term, estimate, conf_low, conf_high."""
        return self.intervals(level).frame(self.fit.source.backend)

    def curves(self, level: float = 0.99) -> tuple[Curve, ...]:
        """The curve of each parameter, a little beyond the limits of a level or to its bounds."""
        check_level(level)
        reach = float(t_quantile((1 + level) / 2, np.inf))
        return curves_from(self.ground, self.parameters, self.scale, reach)

    def zeta(self, level: float = 0.99) -> object:
        """The points of the curves in the caller's dataframe library: term, value, zeta."""
        return curves_frame(self.curves(level), self.fit.source.backend)


@serial
def profile_values(
    fit: LmmFit,
    parameters: str | Sequence[str] | None = None,
    *,
    level: float = 0.95,
    scale: Scale = "sd",
    restricted: bool = False,
) -> Profile:
    """Profile parameters of a fit; options as in `profile_intervals`."""
    check_level(level)
    ground, every = prepared(fit, parameters, scale, restricted)
    ground, limits = intervals_from(ground, every, level, scale)
    return Profile(fit, ground, tuple(every), scale, limits)


@serial
def _intervals(profile: Profile, level: float) -> Intervals:
    return intervals_from(profile.ground, profile.parameters, level, profile.scale)[1]
