"""A second solution: likelihoods of variances can have two maxima, usually one of them at zero.

Few groups of very unequal size are enough (about one in a hundred random tables of that kind; Henn
and Hodges 2014 for larger models). Where a variance is weakly determined, the other side of the
valley costs one evaluation to look at; where it is at zero, a few points inside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.estimate.coordinates import chart, directions
from echelon.estimate.deviance import Evaluation
from echelon.linalg.symmetric import Pairs

Array = NDArray[np.float64]
Evaluate = Callable[[Array], Evaluation | None]
Descend = Callable[[Evaluation], tuple[Evaluation, float]]


def rivals(
    at: Evaluation, shape: Pairs, evaluate: Evaluate, descend: Descend
) -> list[tuple[Evaluation, float]]:
    """Other local optima, each with its slope into the interior (nan inside).

    Parameters
    ----------
    at : a local optimum
    evaluate : the deviance at a covariance factor
    descend : the search from an evaluation, to a local optimum
    """
    found: list[tuple[Evaluation, float]] = []
    for start in _starts(at, shape, evaluate):
        other, kkt = descend(start)
        known = [at, *(e for e, _ in found)]
        if not kkt < 0 and all(abs(other.value - e.value) > tolerances.SAME_OPTIMUM for e in known):
            found.append((other, kkt))
    return found


def _starts(at: Evaluation, shape: Pairs, evaluate: Evaluate) -> Iterator[Evaluation]:
    """Places beyond a valley: at zero if the deviance rises from there, inside if it falls."""
    Q, singular = directions(at.lam, shape)
    local = chart(at, shape)
    steep = np.diagonal(shape.symmetric(local.hessian.diagonal()))
    null = singular <= tolerances.NULL * singular.max(initial=0.0)
    for i in range(len(singular)):
        if null[i]:
            yield from _inside(i, Q, singular, shape, evaluate)
        elif singular[i] ** 2 * steep[i] / 2 < tolerances.RIVAL_WALD:
            there = evaluate(shape.rotated(Q * np.where(np.arange(len(Q)) == i, 0.0, singular)))
            if there is not None and Q[:, i] @ there.slope @ Q[:, i] >= 0:
                yield there


def _inside(
    i: int, Q: Array, singular: Array, shape: Pairs, evaluate: Evaluate
) -> Iterator[Evaluation]:
    """The largest of a few values of a variance at which the deviance falls outwards."""
    for size in tolerances.RIVAL_SCAN:
        there = evaluate(shape.rotated(Q * np.where(np.arange(len(Q)) == i, size, singular)))
        if there is not None and Q[:, i] @ there.slope @ Q[:, i] < 0:
            yield there
            return
