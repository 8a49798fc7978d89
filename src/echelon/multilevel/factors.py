"""The grouping factors of a fit: which one is meant, where its effects are, which holds which."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from echelon.errors import DataError, UnknownColumn
from echelon.model.fit import LmmFit
from echelon.moments import CrossMoments

Array = NDArray[np.float64]


def place_of(fit: LmmFit, factor: str | None, where: str) -> int:
    """Number of a grouping factor among those of a fit; of the only one when none is named.

    Raises
    ------
    UnknownColumn : no such factor
    DataError : several factors and none named
    """
    if factor is not None and factor not in fit.factors:
        raise UnknownColumn(factor, fit.factors, f"{where}; it takes a grouping factor")
    return fit.place(factor)


def check_one_factor(fit: LmmFit, what: str, instead: str) -> None:
    """Refuse what is defined for one grouping factor only.

    Raises
    ------
    DataError : several factors
    """
    if len(fit.factors) > 1:
        raise DataError(
            f"{what} is defined for one grouping factor only, and this model has "
            f"{len(fit.factors)}: {', '.join(map(repr, fit.factors))}. {instead}"
        )


def effects_of(fit: LmmFit, place: int) -> slice:
    """Where the random effects of a factor are among those of all factors."""
    ends = np.cumsum([len(group.effects) for group in fit.moments.groups])
    return slice(int(ends[place]) - len(fit.moments.groups[place].effects), int(ends[place]))


def covariance_of(fit: LmmFit, place: int) -> Array:
    """(q, q) covariance of a factor's random effects."""
    part = effects_of(fit, place)
    return fit.optimum.covariance[part, part]


def crossing(fit: LmmFit, first: int, second: int) -> CrossMoments:
    """The pairs of groups of two factors that share rows, seen from the first."""
    for pair in fit.moments.crossings:
        if (pair.first, pair.second) == (first, second):
            return pair
        if (pair.second, pair.first) == (first, second):
            return CrossMoments(first, second, pair.col, pair.row, pair.blocks.transpose(0, 2, 1))
    raise LookupError(f"no crossing of factors {first} and {second}")


def is_nested(fit: LmmFit, inner: int, outer: int) -> bool:
    """Whether every group of one factor lies in one group of another, which has fewer groups."""
    groups = fit.moments.groups
    if inner == outer or len(groups[outer].levels) >= len(groups[inner].levels):
        return False
    return len(crossing(fit, inner, outer).row) == len(groups[inner].levels)


def parents(fit: LmmFit, inner: int, outer: int) -> NDArray[np.intp]:
    """(J,) for each group of a nested factor, the group of the other that holds it."""
    pair = crossing(fit, inner, outer)
    return pair.col[np.argsort(pair.row)]


def nested_order(fit: LmmFit) -> tuple[int, ...] | None:
    """Places of the factors from the finest to the coarsest; None where two of them cross."""
    sizes = [len(group.levels) for group in fit.moments.groups]
    order = sorted(range(len(sizes)), key=lambda place: -sizes[place])
    return tuple(order) if all(is_nested(fit, a, b) for a, b in pairwise(order)) else None
