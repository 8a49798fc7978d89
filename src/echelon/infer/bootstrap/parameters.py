"""The parameters of a model as one row of numbers: fixed effects, SDs, correlations, sigma."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.errors import DataError, UnknownOption
from echelon.linalg.structures import HOMOGENEOUS, Kind, structure
from echelon.model.fit import LmmFit
from echelon.model.parameters import joint_name
from echelon.model.refits import Refits, components

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Parameters:
    """Which numbers of a fit are its parameters.

    Attributes
    ----------
    names : m names; of random effects as `Refits.component_names`. A structured term has one SD
        where its effects share it, and one correlation ("rho_time|id")
    fixed : how many of them are fixed effects: they come first
    kept : places of the others among the columns of `Refits.components`
    """

    names: tuple[str, ...]
    fixed: int
    kept: NDArray[np.intp]

    def of(self, fit: LmmFit) -> Array:
        """(m,) of a fit."""
        best = fit.optimum
        sigma = np.array([best.sigma])
        inside = components(best.pairs, best.covariance[None], sigma)[0]
        return np.concatenate([best.beta, inside[self.kept]])

    def of_many(self, refits: Refits) -> Array:
        """(R, m) of one model fitted to many responses."""
        return np.column_stack([refits.beta, refits.components[:, self.kept]])


def parameters(fit: LmmFit) -> Parameters:
    """The parameters of a fit, by name."""
    shape = fit.optimum.pairs
    owner = [(group.factor, effect) for group in fit.moments.groups for effect in group.effects]
    places = {
        (int(r), int(c)): i for i, (r, c) in enumerate(zip(shape.row, shape.col, strict=True))
    }
    names, kept = [], []
    for kind, block in shape.blocks:
        effects = tuple(effect for _, effect in owner[block])
        for name, (r, c) in _of_block(kind, effects):
            names.append(f"{name}|{owner[block.start][0]}")
            kept.append(places[block.start + r, block.start + c])
    kept.append(len(shape.row))
    return Parameters((*fit.names, *names, "sigma"), len(fit.names), np.array(kept, dtype=np.intp))


def _of_block(kind: Kind, effects: tuple[str, ...]) -> list[tuple[str, tuple[int, int]]]:
    """Names of a term's parameters, with the entries of its covariance where they stand."""
    q = len(effects)
    if kind == "us" or q == 1:
        return [
            (f"sd_{effects[r]}" if r == c else f"cor_{effects[r]}.{effects[c]}", (r, c))
            for c in range(q)
            for r in range(c, q)
        ]
    joint = joint_name(effects)
    named = (joint,) if kind in HOMOGENEOUS else effects
    found = [(f"sd_{name}", (i, i)) for i, name in enumerate(named)]
    return [*found, (f"rho_{joint}", (1, 0))] if structure(kind, q).correlated else found


def selected(
    names: Sequence[str], asked: str | Sequence[str] | None, fixed: int
) -> NDArray[np.intp]:
    """Places of the parameters asked for; all when none is.

    Parameters
    ----------
    asked : names, on the scale of SDs or of variances; or "fixed" or "variance" for all of a kind
    fixed : how many of the names, the first ones, are fixed effects

    Raises
    ------
    UnknownOption : no such parameter
    DataError : an empty list
    """
    if asked is None:
        return np.arange(len(names))
    kinds = {"fixed": range(fixed), "variance": range(fixed, len(names))}
    found: list[int] = []
    listed = (
        tuple(asked) if isinstance(asked, Iterable) and not isinstance(asked, str) else (asked,)
    )
    for name in listed:
        own = [i for i, known in enumerate(names) if name in (known, squared(known, i >= fixed))]
        if not own and name not in kinds:
            raise UnknownOption("parameters", name, (*kinds, *names))
        found += own or kinds[name]
    if not found:
        raise DataError("parameters=[] asks for nothing. Leave it out for all parameters.")
    return np.array(list(dict.fromkeys(found)), dtype=np.intp)


def squared(name: str, component: bool) -> str:
    """The name of a parameter on the scale of variances."""
    if component and name == "sigma":
        return "sigma2"
    return f"var_{name[3:]}" if component and name.startswith("sd_") else name
