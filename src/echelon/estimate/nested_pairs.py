"""Conditional covariances of two groups of nested factors, whichever they are.

Given the groups that hold it, a group's effects are -w times theirs and something of its own. So
the covariance of two groups follows from that of the groups above the finer one, level by level;
groups of two trees share nothing (`nested`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.estimate.nested_fronts import Front, spread
from echelon.estimate.nested_tree import Piece
from echelon.linalg.products import times, transposed

Array = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """The groups of every level of all pieces, numbered as they lie.

    Attributes
    ----------
    node : (J,) by level, the node of each group
    parent : (J,) by level, the node of the next level that holds each node; empty at the coarsest
    w : (q, p, J) by level, minus what a node's effects take from those above it
    W : (q, q, J) by level, conditional covariances of the nodes
    q : effects a group, by level
    """

    node: tuple[Places, ...]
    parent: tuple[Places, ...]
    w: tuple[Array, ...]
    W: tuple[Array, ...]
    q: tuple[int, ...]

    @classmethod
    def of(cls, pieces: Sequence[Piece], at: Sequence[Sequence[Front]]) -> Chain:
        """Join the pieces."""
        spreads = [spread(piece, each) for piece, each in zip(pieces, at, strict=True)]
        node, parent, w, W = [], [], [], []
        for level in range(len(pieces[0])):
            node.append(np.argsort(np.concatenate([piece[level].place for piece in pieces])))
            parent.append(_parents(pieces, level))
            w.append(np.concatenate([each[level].w for each in at], axis=2))
            W.append(np.concatenate([each[level] for each in spreads], axis=2))
        return cls(
            tuple(node), tuple(parent), tuple(w), tuple(W), tuple(level.q for level in pieces[0])
        )

    def between(self, l: int, a: Places, h: int, b: Places) -> Array:
        """(q_l, q_h, m) covariances over sigma^2 of nodes a of level l and nodes b of level h."""
        if l > h:
            return transposed(self.between(h, b, l, a))
        out = np.zeros((self.q[l], self.q[h], len(a)))
        up, start = a, 0
        for above in range(l + 1, len(self.q)):
            up = self.parent[above - 1][up]
            w = self.w[l][:, start : start + self.q[above], a]
            out -= times(w, self.between(above, up, h, b))
            start += self.q[above]
        if l == h:
            same = a == b
            out[:, :, same] = self.W[l][:, :, a[same]]
        return out


def _parents(pieces: Sequence[Piece], level: int) -> Places:
    """(J,) node of the next level that holds each node of a level; empty at the coarsest."""
    if level + 1 == len(pieces[0]):
        return np.zeros(0, dtype=np.intp)
    ends = np.cumsum([len(piece[level + 1].place) for piece in pieces])
    starts = np.concatenate([[0], ends[:-1]])
    found = [piece[level].parent + start for piece, start in zip(pieces, starts, strict=True)]
    return np.concatenate(found).astype(np.intp)
