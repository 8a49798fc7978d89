"""Adding moments: chunks of a file, partitions of a cluster, sites that may not share rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from echelon.moments.crossings import from_pairs
from echelon.moments.moments import CrossMoments, GroupMoments, Moments

Array = NDArray[np.float64]


def merge(first: Moments, second: Moments) -> Moments:
    """Moments of two pieces of one table, about their common weighted mean.

    The second piece's columns and effects must be those of the first. Group labels seen in one
    piece only are appended, in order of appearance.
    """
    if (first.columns, first.intercept) != (second.columns, second.intercept):
        raise ValueError(f"moments of different columns: {first.columns} and {second.columns}")
    if len(first.groups) != len(second.groups):
        raise ValueError("moments of different grouping factors")
    total = first.weight + second.weight
    means = [m.centre + m.cross[0] / m.weight for m in (first, second)]
    centre = (first.weight * means[0] + second.weight * means[1]) / total
    centre[0] = 0.0
    a, b = first.recentred(centre), second.recentred(centre)
    places = tuple(_places(g, h) for g, h in zip(a.groups, b.groups, strict=True))
    groups = tuple(
        _merge_groups(g, h, place) for g, h, place in zip(a.groups, b.groups, places, strict=True)
    )
    moves = tuple(_move(h, g.centre) for g, h in zip(a.groups, b.groups, strict=True))
    crossings = tuple(
        _merge_crossings(c, d, places, moves) for c, d in zip(a.crossings, b.crossings, strict=True)
    )
    return replace(
        a,
        n=a.n + b.n,
        log_weight=a.log_weight + b.log_weight,
        cross=a.cross + b.cross,
        groups=groups,
        crossings=crossings,
    )


def _places(first: GroupMoments, second: GroupMoments) -> NDArray[np.intp]:
    """Where the groups of the second piece go among those of both; new ones are appended."""
    known = {level: j for j, level in enumerate(first.levels)}
    for level in second.levels:
        known.setdefault(level, len(known))
    return np.array([known[level] for level in second.levels], dtype=np.intp)


def _merge_groups(
    first: GroupMoments, second: GroupMoments, place: NDArray[np.intp]
) -> GroupMoments:
    same = (first.factor, first.effects, first.sizes, first.kinds) == (
        second.factor,
        second.effects,
        second.sizes,
        second.kinds,
    )
    if not same:
        raise ValueError(f"moments of different random effects: {first.effects}, {second.effects}")
    second = _recentre_effects(second, first.centre)
    old = len(first.levels)
    new = tuple(level for level, at in zip(second.levels, place, strict=True) if at >= old)

    def joined(a: Array, b: Array) -> Array:
        out = np.zeros((old + len(new), *a.shape[1:]))
        out[: len(a)] = a
        out[place] += b
        return out

    return replace(
        first,
        levels=first.levels + new,
        count=joined(_floats(first.count), _floats(second.count)).astype(np.intp),
        weight=joined(first.weight, second.weight),
        ZtZ=joined(first.ZtZ, second.ZtZ),
        ZtV=joined(first.ZtV, second.ZtV),
    )


def _floats(values: NDArray[np.intp]) -> Array:
    return values.astype(np.float64)


def _merge_crossings(
    first: CrossMoments,
    second: CrossMoments,
    places: tuple[NDArray[np.intp], ...],
    moves: tuple[Array, ...],
) -> CrossMoments:
    f, g = first.first, first.second
    blocks = moves[f].T @ second.blocks @ moves[g]
    return from_pairs(
        f,
        g,
        np.concatenate([first.row, places[f][second.row]]),
        np.concatenate([first.col, places[g][second.col]]),
        np.concatenate([first.blocks, blocks]),
    )


def _move(group: GroupMoments, centre: Array) -> Array:
    """(q, q) what takes the effects' columns to another centre through their terms' constants."""
    move = np.eye(len(group.effects))
    change = group.centre - centre
    moved = np.flatnonzero(change)
    move[group.constants()[moved], moved] = change[moved]
    return move


def _recentre_effects(group: GroupMoments, centre: Array) -> GroupMoments:
    move = _move(group, centre)
    return replace(group, centre=centre, ZtZ=move.T @ group.ZtZ @ move, ZtV=move.T @ group.ZtV)
