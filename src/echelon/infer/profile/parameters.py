"""The parameters of a model that can be profiled: names, estimates, and what holds each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from echelon.errors import DataError, UnknownOption
from echelon.estimate import structures
from echelon.estimate.constrained.surface import Held
from echelon.estimate.constrained.target import Target
from echelon.estimate.deviance import Evaluation
from echelon.estimate.problem import Problem
from echelon.linalg.structures import HOMOGENEOUS, Kind, structure
from echelon.model.fit import LmmFit
from echelon.model.parameters import joint_name

Array = NDArray[np.float64]
Scale = Literal["sd", "variance"]
_KINDS = {"fixed": "fixed", "variance": "variance", "beta_": "fixed", "theta_": "variance"}
"""Kinds of parameters, and lme4's names of them."""
NO_EFFECTS = np.zeros((0, 0))


@dataclass(frozen=True, slots=True, eq=False)
class Parameter:
    """One parameter of a model.

    Attributes
    ----------
    name : as `Refits.component_names` on the scale of standard deviations, or the fixed effect's
    target : what holds it
    scales : of a correlation, the standard deviations without which there is none
    """

    name: str
    target: Target
    scales: tuple[Target, ...] = ()

    @property
    def fixed(self) -> bool:
        """Whether it is a fixed effect."""
        return self.target.kind == "fixed"

    @property
    def squared(self) -> bool:
        """Whether scale="variance" shows its square."""
        return self.target.is_scale or self.target.kind == "sigma"

    def shown(self, scale: Scale) -> str:
        """Its name on a scale."""
        if scale == "sd" or not self.squared:
            return self.name
        return "sigma2" if self.name == "sigma" else f"var_{self.name.removeprefix('sd_')}"


def parameters_of(fit: LmmFit) -> tuple[Parameter, ...]:
    """All parameters: fixed effects, then by block of the covariance, then sigma."""
    found = [Parameter(name, _fixed(fit, k)) for k, name in enumerate(fit.names)]
    owner = [(group.factor, effect) for group in fit.moments.groups for effect in group.effects]
    for number, (kind, block) in enumerate(fit.problem.pairs.blocks):
        effects = tuple(effect for _, effect in owner[block])
        inside = fit.problem.whiten[block, block]
        make = _unstructured if kind == "us" else _structured
        found += make(kind, owner[block.start][0], effects, number, inside)
    return (*found, Parameter("sigma", _target("sigma")))


def chosen(every: tuple[Parameter, ...], names: str | Sequence[str] | None) -> list[Parameter]:
    """The parameters asked for: None for all, "fixed", "variance", one name or several.

    Raises
    ------
    UnknownOption : a name that is none of the model's, with the nearest one
    DataError : no name at all
    """
    if names is None:
        return list(every)
    kind = _KINDS.get(names) if isinstance(names, str) else None
    if kind is not None:
        return [each for each in every if each.fixed == (kind == "fixed")]
    if not isinstance(names, str | Sequence):
        raise UnknownOption("parameters", names, ("fixed", "variance", *(e.name for e in every)))
    asked = [names] if isinstance(names, str) else list(names)
    by_name = {each.shown(scale): each for scale in ("variance", "sd") for each in every}
    for name in asked:
        if name not in by_name:
            options = ("fixed", "variance", *(each.name for each in every))
            raise UnknownOption("parameters", str(name), options)
    if not asked:
        raise DataError("parameters=[] asks for nothing. Leave it out for all parameters.")
    return list(dict.fromkeys(by_name[name] for name in asked))


def estimate_of(each: Parameter, fit: LmmFit) -> float:
    """The estimate that the fit reports; nan for the correlation of a variance of zero."""
    best, target = fit.optimum, each.target
    if target.kind == "sigma":
        return best.sigma
    if target.kind == "fixed":
        return float(best.beta[fit.names.index(each.name)])
    block = fit.problem.pairs.blocks[target.block][1]
    return value_in(target, fit.lam_working[block, block], best.sigma, fit.problem.pairs.blocks)


def value_at(each: Parameter, at: Evaluation, problem: Problem) -> float:
    """The parameter's value where the deviance was evaluated."""
    target, sigma = each.target, sqrt(at.sigma2)
    if target.held is not None:
        return float(target.held.contrast @ at.beta) + target.middle
    if target.kind == "sigma":
        return sigma
    block = problem.pairs.blocks[target.block][1]
    return value_in(target, at.lam[block, block], sigma, problem.pairs.blocks)


def value_in(
    target: Target, lam: Array, sigma: float, blocks: tuple[tuple[Kind, slice], ...]
) -> float:
    """A variance parameter's value at its block's factor Lam (working units) and sigma."""
    if target.kind in ("scale", "rho"):
        here = structures.place(structure(blocks[target.block][0], len(lam)), lam)
        if target.kind == "rho":
            return here.r if here.known else np.nan
        return sigma * target.unit * float(here.shape.scales_of(here.s)[target.number])
    rows = target.leading @ lam
    sd = np.linalg.norm(rows, axis=1)
    if target.kind == "sd":
        return sigma * float(sd[0])
    if not sd.all():
        return np.nan
    return float(np.clip(rows[0] @ rows[1] / (sd[0] * sd[1]), -1.0, 1.0))


def _fixed(fit: LmmFit, k: int) -> Target:
    """A fixed effect: a row of the way back from centred coordinates."""
    contrast = fit.problem.fixed.back[k]
    return _target("fixed", middle=float(fit.problem.fixed.shift[k]), held=Held(contrast, 0.0))


def _unstructured(
    kind: Kind, factor: str, effects: tuple[str, ...], number: int, whiten: Array
) -> list[Parameter]:
    """Standard deviations and correlations in lme4's order, column by column."""
    found = []
    for c, first in enumerate(effects):
        name = f"sd_{first}|{factor}"
        found.append(Parameter(name, _target("sd", number, whiten[[c]])))
        for r in range(c + 1, len(effects)):
            name = f"cor_{effects[r]}.{first}|{factor}"
            both = (_target("sd", number, whiten[[c]]), _target("sd", number, whiten[[r]]))
            target = _target("correlation", number, whiten[[c, r]])
            found.append(Parameter(name, target, both))
    return found


def _structured(
    kind: Kind, factor: str, effects: tuple[str, ...], number: int, whiten: Array
) -> list[Parameter]:
    """The scales of a structured block, then its correlation."""
    form, joint = structure(kind, len(effects)), joint_name(effects)
    named = (joint,) if kind in HOMOGENEOUS else effects
    found = [
        Parameter(f"sd_{name}|{factor}", _target("scale", number, place=i, unit=whiten[i, i]))
        for i, name in enumerate(named)
    ]
    if form.correlated:
        low, high = form.bounds
        target = _target(
            "rho", number, place=form.scales, unit=(high - low) / 2, middle=(low + high) / 2
        )
        shared = (found[0].target,) if kind in HOMOGENEOUS else ()
        found.append(Parameter(f"rho_{joint}|{factor}", target, shared))
    return found


def _target(
    kind: Literal["sd", "correlation", "scale", "rho", "sigma", "fixed"],
    block: int = -1,
    leading: Array = NO_EFFECTS,
    *,
    place: int = 0,
    unit: float = 1.0,
    middle: float = 0.0,
    held: Held | None = None,
) -> Target:
    return Target(kind, block, leading, place, float(unit), middle, held)
