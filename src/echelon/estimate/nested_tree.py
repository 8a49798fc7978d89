"""Nested factors as trees: each level's groups next to their siblings, cut into pieces that fit the
cache.

A tree is a group of the coarsest factor with everything below it. Trees share no rows, so that a
piece, some trees with their levels, can be evaluated by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.estimate.blocks import Blocks, CrossBlocks

Array = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """The groups of one factor in a piece, children of one parent next to each other.

    Attributes
    ----------
    M : (q, q, J) Z_j'WZ_j
    N : (q, p, J) Z_j'WZ of the p effects of the groups that hold j, the smallest group first
    C : (q, k, J) Z_j'W[X y]
    starts : first child of each group of the next level; empty at the coarsest
    parent : (J,) group of the next level; empty at the coarsest
    place : (J,) number of each group in its factor
    """

    M: Array
    N: Array
    C: Array
    starts: Places
    parent: Places
    place: Places

    @property
    def q(self) -> int:
        """Effects a group."""
        return int(self.M.shape[0])

    @property
    def p(self) -> int:
        """Effects of all groups that hold a group."""
        return int(self.N.shape[1])


Piece = tuple[Level, ...]
"""Levels from the finest to the coarsest."""


def chain(blocks: Blocks) -> tuple[int, ...] | None:
    """The factors from the finest to the coarsest, each nested in the next; None if not nested."""
    order = sorted(range(len(blocks.factors)), key=lambda f: -blocks.factors[f].J)
    for f, g in pairwise(order):
        own, other = _groups(_block(blocks, f, g), f)
        J, K = blocks.factors[f].J, blocks.factors[g].J
        each = len(own) == J and np.bincount(own, minlength=J).max() == 1
        if not each or np.bincount(other, minlength=K).min() == 0:
            return None
    return tuple(order)


def forest(blocks: Blocks, order: tuple[int, ...]) -> tuple[Piece, ...]:
    """Lay out the factors of a chain. Cost O(J) beyond one sort a level by parent."""
    parents = [_parent(_block(blocks, f, g), f) for f, g in pairwise(order)]
    places = _siblings_together(parents, blocks.factors[order[-1]].J)
    pointers = [
        np.searchsorted(
            _rank(above)[parent[place]], np.arange(len(above) + 1)
        )  # first child of each group, and the end
        for parent, place, above in zip(parents, places[:-1], places[1:], strict=True)
    ]
    cuts = _cuts(pointers, len(places[-1]))
    whole = [_sorted_blocks(blocks, order, l, place) for l, place in enumerate(places)]
    return tuple(_piece(whole, places, pointers, a, b) for a, b in pairwise(cuts.tolist()))


def _block(blocks: Blocks, f: int, g: int) -> CrossBlocks:
    """The stored block of two factors, whichever is first."""
    found = {(block.first, block.second): block for block in blocks.crossings}
    return found[min(f, g), max(f, g)]


def _groups(block: CrossBlocks, f: int) -> tuple[Places, Places]:
    """Groups of f and of the other factor, by pair."""
    return (block.row, block.col) if block.first == f else (block.col, block.row)


def _parent(block: CrossBlocks, f: int) -> Places:
    """(J_f,) group of the other factor that holds each group of f."""
    own, other = _groups(block, f)
    parent = np.empty(len(own), dtype=np.intp)
    parent[own] = other
    return parent


def _rank(place: Places) -> Places:
    rank = np.empty(len(place), dtype=np.intp)
    rank[place] = np.arange(len(place))
    return rank


def _siblings_together(parents: list[Places], top: int) -> list[Places]:
    """For each level the numbers of its groups, ordered by parent from the coarsest down."""
    places = [np.arange(top)]
    for parent in reversed(parents):
        places.append(np.argsort(_rank(places[-1])[parent], kind="stable"))
    return places[::-1]


def _cuts(pointers: list[Places], top: int) -> Places:
    """Where to cut the coarsest groups so that a piece has about FOREST_BLOCK finest groups."""
    finest = np.arange(top + 1)
    for pointer in reversed(pointers):
        finest = pointer[finest]
    steps = np.arange(0, finest[-1], tolerances.FOREST_BLOCK)
    return np.unique(np.append(np.searchsorted(finest, steps), top))


def _sorted_blocks(
    blocks: Blocks, order: tuple[int, ...], l: int, place: Places
) -> tuple[Array, Array, Array]:
    """M, N and C of a level's groups in the order of `place`."""
    f = order[l]
    own = blocks.factors[f]
    N = [np.empty((own.q, 0, own.J))]
    for g in order[l + 1 :]:
        block = _block(blocks, f, g)
        if block.first == f:
            N.append(block.blocks[:, :, place])  # rows of a nested factor are 0, 1, 2, ...
        else:
            at = _rank(block.col)[place]
            N.append(block.blocks.transpose(1, 0, 2)[:, :, at])
    return own.ZtZ[:, :, place], np.concatenate(N, axis=1), own.ZtV[:, :, place]


def _piece(
    whole: list[tuple[Array, Array, Array]],
    places: list[Places],
    pointers: list[Places],
    begin: int,
    end: int,
) -> Piece:
    """The trees `begin` to `end`."""
    none = np.empty(0, dtype=np.intp)
    levels: list[Level] = []
    for l in reversed(range(len(places))):
        starts = parent = none
        if l < len(pointers):
            bounds = pointers[l][begin : end + 1]
            begin, end = int(bounds[0]), int(bounds[-1])
            starts = bounds[:-1] - begin
            parent = np.repeat(np.arange(len(starts)), np.diff(bounds))
        M, N, C = (np.ascontiguousarray(part[:, :, begin:end]) for part in whole[l])
        levels.append(Level(M, N, C, starts, parent, places[l][begin:end]))
    return tuple(reversed(levels))
