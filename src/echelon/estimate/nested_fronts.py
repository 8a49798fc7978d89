"""Nested factors, one piece of the forest: elimination from the finest level up, and back.

The front of a group is what is left of Z'WZ for its own q effects and the p effects of the groups
that hold it, [M N; N' S], after everything below has been eliminated. Eliminating the group gives

    R = (I + M D)^-1    W = D R    K = R M    w = W N    G = R N    S - N'w

and the last is added to the front of its parent (`nested`; liu1992).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from echelon.estimate.nested_tree import Level, Piece
from echelon.linalg.batched import resolvent
from echelon.linalg.products import lower, parts, times, transposed

Array = NDArray[np.float64]


class Front(NamedTuple):
    """What eliminating the groups of one level leaves.

    Attributes
    ----------
    R, K, W : (q, q, J);  w, G : (q, p, J)
    logdet : sum over groups of log|I + M D|
    """

    R: Array
    K: Array
    W: Array
    w: Array
    G: Array
    logdet: float


class Solved(NamedTuple):
    """[X y] carried through a piece.

    Attributes
    ----------
    F : Z_j'V0^-1[X y] (q, k, J) by level
    explained : (k, k)
    """

    F: tuple[Array, ...]
    explained: Array


def fronts(piece: Piece, lams: Sequence[Array]) -> tuple[Front, ...]:
    """Eliminate all levels of a piece.

    Raises
    ------
    numpy.linalg.LinAlgError : I + M D is singular to working precision
    """
    found = []
    carried: Array | None = None
    for level, lam in zip(piece, lams, strict=True):
        M, N, S = _assembled(level, carried)
        with np.errstate(invalid="ignore", divide="ignore"):
            at = resolvent(M, lam)
        logdet = float(at.logdet.sum())
        if not np.isfinite(logdet):
            raise np.linalg.LinAlgError("I + M D is not positive definite")
        w, G = times(at.W, N), times(at.R, N)
        found.append(Front(at.R, at.K, at.W, w, G, logdet))
        if level.p:
            carried = to_parents(level, S - lower(N, w))
    return tuple(found)


def _assembled(level: Level, carried: Array | None) -> tuple[Array, Array, Array | float]:
    """M, N and the lower triangle of S of the fronts of a level."""
    if carried is None:
        return level.M, level.N, 0.0
    at = parts(level.q, level.p)
    return level.M + carried[at.own], level.N + carried[at.border], carried[at.rest]


def to_parents(level: Level, values: Array) -> Array:
    """Sums over the children of each parent, last axis."""
    return np.add.reduceat(values, level.starts, axis=-1)


def solve(piece: Piece, at: Sequence[Front]) -> Solved:
    """Z'V0^-1[X y] of every group, and what the groups take from [X y]'W[X y]."""
    eliminated, explained = _forward(piece, at)
    F: list[Array] = []
    b: Array | None = None  # D F of the groups of a level and of those that hold them
    for level, front, (c, Wc) in zip(piece[::-1], at[::-1], eliminated[::-1], strict=True):
        F.append(times(front.R, c))
        above = None if b is None else b[:, :, level.parent]
        if above is not None:
            F[-1] -= times(front.G, above)
        if len(F) < len(piece):
            b = Wc if above is None else np.concatenate([Wc - times(front.w, above), above])
    return Solved(tuple(F[::-1]), explained)


def _forward(piece: Piece, at: Sequence[Front]) -> tuple[list[tuple[Array, Array]], Array]:
    """Of each level, before it is eliminated, c = Z_j'V^-1[X y] and W c; and the sum of c'W c."""
    found = []
    explained = np.zeros((piece[0].C.shape[1],) * 2)
    carried: Array | None = None
    for level, front in zip(piece, at, strict=True):
        c = level.C if carried is None else level.C + carried[: level.q]
        Wc = times(front.W, c)
        for a in range(level.q):
            explained += c[a] @ Wc[a].T
        found.append((c, Wc))
        if level.p:
            moved = times(transposed(front.w), c)
            carried = to_parents(level, -moved if carried is None else carried[level.q :] - moved)
    return found, explained


def spread(piece: Piece, at: Sequence[Front]) -> tuple[Array, ...]:
    """Diagonal blocks (q, q, J) of D - D K D by level: given those that hold a group, b is -w b."""
    found: list[Array] = []
    joint: Array | None = None  # of the effects of a level's groups and of those that hold them
    for level, front in zip(piece[::-1], at[::-1], strict=True):
        if joint is None:
            joint = front.W
            found.append(joint)
            continue
        above = joint[:, :, level.parent]
        wS = times(front.w, above)
        own = front.W + times(wS, transposed(front.w))
        found.append((own + transposed(own)) / 2)
        joint = np.concatenate(
            [
                np.concatenate([found[-1], -wS], axis=1),
                np.concatenate([-transposed(wS), above], axis=1),
            ]
        )
    return tuple(found[::-1])
