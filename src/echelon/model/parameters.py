"""Names of the variance parameters, and what is at its bound, in words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.estimate.optimise import Search
from echelon.estimate.optimum import Optimum
from echelon.estimate.problem import Problem
from echelon.estimate.structures import Place, place
from echelon.estimate.verdict import Rival, Verdict
from echelon.linalg.structures import HOMOGENEOUS, Kind, structure
from echelon.moments import Moments

Array = NDArray[np.float64]


def theta_names(best: Optimum, moments: Moments) -> tuple[str, ...]:
    """lme4's names: "Subject.(Intercept)", "Subject.Days.(Intercept)".

    A structured term has "Subject.time" for its one standard deviation, or one name an effect, and
    "Subject.time.rho".
    """
    names = []
    for factor, kind, block, effects in _blocks(best, moments):
        shared = joint_name(effects)
        if kind == "us":
            start = block.start
            names += [
                f"{factor}.{effects[r - start]}" + ("" if r == c else f".{effects[c - start]}")
                for r, c in zip(best.pairs.row, best.pairs.col, strict=True)
                if block.start <= r < block.stop
            ]
        else:
            own = (shared,) if kind in HOMOGENEOUS else effects
            names += [f"{factor}.{name}" for name in own]
            names += [f"{factor}.{shared}.rho"] if kind != "homdiag" else []
    return tuple(names)


def at_zero(best: Optimum, moments: Moments) -> tuple[str, ...]:
    """Effects with zero variance, and blocks whose covariance is singular, in words."""
    found = []
    for factor, kind, block, effects in _blocks(best, moments):
        lam = best.lam[block, block]
        if kind == "us":
            found += _unstructured(factor, effects, lam)
        else:
            found += _structured(factor, effects, place(structure(kind, len(effects)), lam))
    return tuple(found)


def rival_of(search: Search, problem: Problem, best: Optimum, moments: Moments) -> Rival | None:
    """The second solution of a search in words; None when there is none."""
    if search.rival is None:
        return None
    there = replace(best, lam=best.pairs.rotated(problem.whiten @ search.rival.lam))
    zero = at_zero(there, moments)
    where = " and ".join(zero) if zero else "all variances above zero, in other proportions"
    return Rival((search.rival.value - search.at.value) / 2, where)


def without_residual(verdict: Verdict, D: Array, best: Optimum, moments: Moments) -> Verdict:
    """The verdict where a structured term takes all of the residual variance.

    Parameters
    ----------
    D : (q, q) relative covariance in working units
    """
    if not verdict.flat or not best.pairs.kinds:
        return verdict
    for factor, kind, block, effects in _blocks(best, moments):
        if kind != "us" and np.diagonal(D)[block].max() > tolerances.NO_RESIDUAL:
            message = (
                f"The residual variance runs to zero beside that of {joint_name(effects)} of "
                f"{factor}: what is shown of it ({best.sigma2:.3g}) is where the search stopped. "
                "The sum of the two is determined, and fixed effects are not affected. A "
                "correlation of the residuals themselves may say the same with less."
            )
            return replace(verdict, status="boundary", message=message)
    return verdict


def joint_name(effects: tuple[str, ...]) -> str:
    """One name for the effects of a term: the variable whose levels they are, or all of them.

    >>> joint_name(("day[0]", "day[1]", "day[2]")), joint_name(("(Intercept)", "x"))
    ('day', '(Intercept), x')
    """
    stems = {name.split("[")[0] for name in effects if name.endswith("]")}
    if len(stems) == 1 and all(name.endswith("]") for name in effects):
        return stems.pop()
    return ", ".join(effects)


def _blocks(best: Optimum, moments: Moments) -> list[tuple[str, Kind, slice, tuple[str, ...]]]:
    """Factor, structure, place and effects of each block."""
    owner = [(group.factor, effect) for group in moments.groups for effect in group.effects]
    return [
        (owner[block.start][0], kind, block, tuple(effect for _, effect in owner[block]))
        for kind, block in best.pairs.blocks
    ]


def _unstructured(factor: str, effects: tuple[str, ...], lam: Array) -> list[str]:
    zero = [name for name, row in zip(effects, lam, strict=True) if not row.any()]
    found = [f"zero variance of {name} between {factor}" for name in zero]
    alive = len(effects) - len(zero)
    if alive > np.linalg.matrix_rank(lam) and alive > 1:
        what = "a correlation of +1 or -1" if alive == 2 else "perfectly dependent effects"
        kept = [name for name in effects if name not in zero]
        found.append(f"{what} between the random effects {', '.join(kept)} of {factor}")
    return found


def _structured(factor: str, effects: tuple[str, ...], at: Place) -> list[str]:
    shared = joint_name(effects)
    if not at.s.any():
        return [f"zero variance of {shared} between {factor}"]
    zero = [name for name, s in zip(effects, at.s, strict=True) if s == 0]
    found = [f"zero variance of {name} between {factor}" for name in zero]
    if at.at_bound:
        found.append(f"a correlation of {at.r:.3g}, its bound, for {shared} of {factor}")
    return found
