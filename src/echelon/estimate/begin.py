"""Where a search begins: half the variance, variances from moments, or several correlations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.estimate import structures
from echelon.estimate.deviance import Curvature, Evaluation, evaluate
from echelon.estimate.problem import Problem
from echelon.estimate.start import Expectations, equated, expectations
from echelon.linalg.structures import structure
from echelon.linalg.symmetric import Pairs, pairs, semidefinite_factor

Array = NDArray[np.float64]
Objective = Callable[[Array], Evaluation | None]


def beginnings(problem: Problem, objective: Objective) -> list[Evaluation | None]:
    """Where searches begin: one place, or several when structured terms make several minima likely.

    With a correlation to choose, the best of several; with a variance for each effect besides, all.

    Parameters
    ----------
    objective : the evaluation at a factor Lam (q, q); None where the deviance does not exist
    """
    if not problem.pairs.kinds:
        tried = [objective(lam) for lam in (_independent(problem), *_dependent(problem))]
        known = [at for at in tried if at is not None]
        best = [min(known, key=lambda at: at.value)] if known else []
        few = problem.n <= tolerances.FEW_ROWS
        return [*best, objective(2.0 * np.eye(problem.q))] if few else [*best]
    several = _heterogeneous(problem.pairs)
    scale = tolerances.START_WEAK if several else tolerances.START
    tried = [objective(lam) for lam in _correlated(problem.pairs, scale)]
    if several:
        return [*tried]
    known = [at for at in tried if at is not None]
    return [min(known, key=lambda at: at.value)] if known else []


def _independent(problem: Problem) -> Array:
    """Half the variance with one factor; with several, what moments give to independent terms."""
    half = np.eye(problem.q) * tolerances.START
    if len(problem.blocks.factors) == 1:
        return half
    sums = _at_zero(problem)
    if sums is None:
        return half
    D = equated(problem.pairs, problem.n - problem.p, *sums)
    return half if D is None else semidefinite_factor(D)


def _dependent(problem: Problem) -> list[Array]:
    """Where a factor has several independent terms: their part of what they are when dependent.

    Terms such as those of (x || g) with x far from zero vary against each other, and the likelihood
    then has an optimum at large variances that a start from independent terms does not see.
    """
    blocks = problem.blocks
    sizes = tuple(factor.q for factor in blocks.factors)
    if sizes == problem.pairs.sizes:
        return []
    free = pairs(sizes)
    known = expectations(replace(blocks, pairs=free), problem.cross)
    D = None if known is None else equated(free, problem.n - problem.p, known.rho2, known)
    shape = problem.pairs
    return [] if D is None else [semidefinite_factor(shape.symmetric(shape.free(D)))]


def _at_zero(problem: Problem) -> tuple[float, Curvature | Expectations] | None:
    """Sums of squares and their expectations at D = 0; where groups are nested an evaluation has
    the same numbers for less.
    """
    if problem.engine.name == "nested":
        at = evaluate(problem, np.zeros((problem.q, problem.q)), reml=True)
        return None if at is None else (at.rho2, at.curvature)
    known = expectations(problem.blocks, problem.cross)
    return None if known is None else (known.rho2, known)


def _heterogeneous(shape: Pairs) -> bool:
    """Whether a structured block of three effects or more has a variance for each."""
    sizes = zip(shape.kinds, shape.sizes, strict=True) if shape.kinds else ()
    return any(kind in ("cs", "hetar1") and size > 2 for kind, size in sizes)


def _correlated(shape: Pairs, scale: float) -> list[Array]:
    """Factors with equal scales and several correlations: the deviance may have more than one hill.

    Parameters
    ----------
    scale : relative standard deviation of every effect
    """
    out = []
    correlated = any(kind not in ("us", "homdiag") for kind, _ in shape.blocks)
    for share in tolerances.START_CORRELATIONS if correlated else (0.0,):
        lam = np.eye(shape.q) * scale
        for kind, block in shape.blocks:
            if kind not in ("us", "homdiag"):
                form = structure(kind, block.stop - block.start)
                r = share * (form.bounds[1] if share > 0 else -form.bounds[0])
                lam[block, block] = structures.at(form, np.full(form.size, scale), r).factor()
        out.append(lam)
    return out
