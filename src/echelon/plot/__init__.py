"""Figures of a fit; matplotlib is loaded when the first one is drawn.

>>> import echelon as ec
>>> fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", ec.datasets.load("timss", quiet=True))
>>> fit.plot
Figures of 'bsmmatxx ~ 1 + (1 | idschool)': .plot.caterpillar(), .plot.shrinkage(), \
.plot.observed(), .plot.distributions(), .plot.weights(), .plot.means_by(); all of these: \
.plot.save_all(folder); .plot.profile(), .plot.emmeans("f"), .plot.johnson_neyman("x", "w")
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MethodType
from typing import Concatenate, Generic, ParamSpec, TypeVar, cast

from echelon.model.fit import LmmFit
from echelon.plot.caterpillar import caterpillar
from echelon.plot.distributions import distributions
from echelon.plot.emmeans import emmeans
from echelon.plot.gallery import Drawing, figures
from echelon.plot.johnson_neyman import johnson_neyman
from echelon.plot.means_by import means_by
from echelon.plot.pictures import picture, save_all
from echelon.plot.profile import profile
from echelon.plot.shrinkage import shrinkage
from echelon.plot.sizes import observed, weights
from echelon.plot.theme import new_figure

__all__ = [
    "Drawing",
    "FitPlots",
    "caterpillar",
    "distributions",
    "emmeans",
    "figures",
    "johnson_neyman",
    "means_by",
    "new_figure",
    "observed",
    "picture",
    "profile",
    "save_all",
    "shrinkage",
    "weights",
]

P = ParamSpec("P")
R = TypeVar("R")


class _OfFit(Generic[P, R]):
    """A function of a fit, as a method of whatever holds the fit."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[Concatenate[LmmFit, P], R]) -> None:
        self.function = function

    def __get__(self, plots: FitPlots, owner: type | None = None) -> Callable[P, R]:
        if plots is None:  # asked of the class, by help() and documentation tools
            return cast("Callable[P, R]", self.function)
        return cast("Callable[P, R]", MethodType(self.function, plots.fit))


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class FitPlots:
    """The figures of a fit, each the free function of the same name with the fit filled in.

    Attributes
    ----------
    fit : the fitted model
    """

    fit: LmmFit

    caterpillar = _OfFit(caterpillar)
    shrinkage = _OfFit(shrinkage)
    observed = _OfFit(observed)
    distributions = _OfFit(distributions)
    weights = _OfFit(weights)
    means_by = _OfFit(means_by)
    johnson_neyman = _OfFit(johnson_neyman)
    emmeans = _OfFit(emmeans)
    profile = _OfFit(profile)
    figures = _OfFit(figures)
    save_all = _OfFit(save_all)

    def __repr__(self) -> str:
        names = ("caterpillar", "shrinkage", "observed", "distributions", "weights", "means_by")
        calls = ", ".join(f".plot.{name}()" for name in names)
        more = '.plot.profile(), .plot.emmeans("f"), .plot.johnson_neyman("x", "w")'
        formula = self.fit.spec.formula
        return f"Figures of {formula!r}: {calls}; all of these: .plot.save_all(folder); {more}"
