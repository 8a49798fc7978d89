"""Which parameter is held, and how it is one of the coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from math import asin, cos, exp, inf, log, pi, sin
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from echelon.estimate.constrained.surface import Held

Array = NDArray[np.float64]
TargetKind = Literal["sd", "correlation", "scale", "rho", "sigma", "fixed"]


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """One parameter of a model.

    Attributes
    ----------
    kind : standard deviation or correlation of an unstructured block, scale or correlation of a
        structured one, residual SD, or fixed effect
    block : number of the block of D; -1 for sigma and fixed effects
    leading : (k, q_b) user's effects in question in terms of the block's working ones
    number : of the scale
    unit : user's units per working unit of a scale; of a structured correlation half the distance
        between its bounds
    middle : of a structured correlation, between its bounds
    held : of a fixed effect
    """

    kind: TargetKind
    block: int
    leading: Array
    number: int
    unit: float
    middle: float
    held: Held | None

    @property
    def is_scale(self) -> bool:
        """Whether it is a standard deviation between groups."""
        return self.kind in ("sd", "scale")

    @property
    def is_correlation(self) -> bool:
        """Whether it is a correlation."""
        return self.kind in ("correlation", "rho")

    def value(self, t: float) -> float:
        """The parameter in the user's units, of its coordinate t."""
        if self.is_correlation:
            edge = abs(t) >= pi / 2
            return self.middle + self.unit * (float(np.sign(t)) if edge else sin(t))
        if self.kind == "sigma":
            return exp(t)
        return t + (self.held.centre + self.middle if self.held is not None else 0.0)

    def coordinate(self, value: float) -> float:
        """The coordinate of a value in the user's units; beyond a bound it is at the bound."""
        if self.is_correlation:
            return asin(float(np.clip((value - self.middle) / self.unit, -1.0, 1.0)))
        if self.kind == "sigma":
            return log(value)
        return value - (self.held.centre + self.middle if self.held is not None else 0.0)

    @property
    def bounds(self) -> tuple[float, float]:
        """Bounds of the coordinate."""
        if self.is_correlation:
            return -pi / 2, pi / 2
        return (0.0, inf) if self.is_scale else (-inf, inf)


def rate(target: Target, t: float) -> float:
    """Derivative of `value` in t."""
    if target.is_correlation:
        return target.unit * cos(t)
    return exp(t) if target.kind == "sigma" else 1.0
