"""Figures of a fit; matplotlib is loaded when the first one is drawn.

>>> import echelon as ec
>>> fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", ec.datasets.load("timss", quiet=True))
>>> fit.plot
Figures of 'bsmmatxx ~ 1 + (1 | idschool)': .plot.caterpillar(), .plot.league(), \
.plot.shrinkage(), .plot.observed(), .plot.distributions(), .plot.weights(), \
.plot.means_by(); all of these: \
.plot.save_all(folder); .plot.profile(), .plot.emmeans("f"), .plot.johnson_neyman("x", "w"); \
residuals: .plot.residuals(), .plot.qq(), .plot.group_qq()
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from inspect import signature
from types import MethodType
from typing import Concatenate, Generic, ParamSpec, TypeVar, cast

from echelon.errors import DataError, UnknownArgument
from echelon.model.fit import LmmFit, OlsFit
from echelon.plot.caterpillar import caterpillar
from echelon.plot.distributions import distributions
from echelon.plot.emmeans import emmeans
from echelon.plot.gallery import Drawing, figures
from echelon.plot.group_residuals import effects_scatter, group_residuals
from echelon.plot.influence import influence
from echelon.plot.johnson_neyman import johnson_neyman
from echelon.plot.league import league
from echelon.plot.means_by import means_by
from echelon.plot.pictures import few_colours, picture, save_all
from echelon.plot.profile import profile
from echelon.plot.qq import group_qq, mahalanobis, qq
from echelon.plot.r2_bars import r2_bars
from echelon.plot.residual_rows import residuals, scale_location
from echelon.plot.shrinkage import shrinkage
from echelon.plot.sizes import observed, weights
from echelon.plot.theme import new_figure

__all__ = [
    "Drawing",
    "FitPlots",
    "RowPlots",
    "caterpillar",
    "distributions",
    "effects_scatter",
    "emmeans",
    "few_colours",
    "figures",
    "group_qq",
    "group_residuals",
    "influence",
    "johnson_neyman",
    "league",
    "mahalanobis",
    "means_by",
    "new_figure",
    "observed",
    "picture",
    "profile",
    "qq",
    "r2_bars",
    "residuals",
    "save_all",
    "scale_location",
    "shrinkage",
    "weights",
]

P = ParamSpec("P")
R = TypeVar("R")


def _checked(function: Callable[Concatenate[LmmFit, P], R]) -> Callable[..., R]:
    """The function with a clear error for an option that it does not have."""
    known = tuple(signature(function).parameters)[1:]

    @wraps(function)
    def call(fit: LmmFit, *args: object, **options: object) -> R:
        for name in options:
            if name not in known:
                raise UnknownArgument(function.__name__, name, known)
        if options.get("ax") is not None and not hasattr(options["ax"], "get_figure"):
            raise DataError(
                f"ax={options['ax']!r} is no Axes of matplotlib; leave it out for a new one."
            )
        return cast("Callable[..., R]", function)(fit, *args, **options)

    return call


class _OfFit(Generic[P, R]):
    """A function of a fit, as a method of whatever holds the fit."""

    __slots__ = ("checked", "function")

    def __init__(self, function: Callable[Concatenate[LmmFit, P], R]) -> None:
        self.function = function
        self.checked = _checked(function)

    def __get__(self, plots: FitPlots | RowPlots, owner: type | None = None) -> Callable[P, R]:
        if plots is None:  # asked of the class, by help() and documentation tools
            return cast("Callable[P, R]", self.function)
        return cast("Callable[P, R]", MethodType(self.checked, plots.fit))


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
    league = _OfFit(league)
    observed = _OfFit(observed)
    distributions = _OfFit(distributions)
    weights = _OfFit(weights)
    means_by = _OfFit(means_by)
    johnson_neyman = _OfFit(johnson_neyman)
    emmeans = _OfFit(emmeans)
    profile = _OfFit(profile)
    r2_bars = _OfFit(r2_bars)
    influence = _OfFit(influence)
    residuals = _OfFit(residuals)
    scale_location = _OfFit(scale_location)
    qq = _OfFit(qq)
    group_qq = _OfFit(group_qq)
    group_residuals = _OfFit(group_residuals)
    mahalanobis = _OfFit(mahalanobis)
    effects_scatter = _OfFit(effects_scatter)
    figures = _OfFit(figures)
    save_all = _OfFit(save_all)

    def __repr__(self) -> str:
        names = (
            "caterpillar",
            "league",
            "shrinkage",
            "observed",
            "distributions",
            "weights",
            "means_by",
        )
        calls = ", ".join(f".plot.{name}()" for name in names)
        more = '.plot.profile(), .plot.emmeans("f"), .plot.johnson_neyman("x", "w"); residuals: '
        more += ".plot.residuals(), .plot.qq(), .plot.group_qq()"
        formula = self.fit.spec.formula
        return f"Figures of {formula!r}: {calls}; all of these: .plot.save_all(folder); {more}"


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class RowPlots:
    """The figures of a linear model, those of its residuals.

    Attributes
    ----------
    fit : the fitted model
    """

    fit: OlsFit

    residuals = _OfFit(residuals)
    scale_location = _OfFit(scale_location)
    qq = _OfFit(qq)

    def __repr__(self) -> str:
        calls = ".plot.residuals(), .plot.scale_location(), .plot.qq()"
        return f"Figures of {self.fit.spec.formula!r}: {calls}"
