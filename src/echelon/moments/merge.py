"""Adding moments: chunks of a file, partitions of a cluster, sites that may not share rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from echelon.moments.moments import GroupMoments, Moments

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
    groups = tuple(_merge_groups(g, h) for g, h in zip(a.groups, b.groups, strict=True))
    return replace(
        a,
        n=a.n + b.n,
        log_weight=a.log_weight + b.log_weight,
        cross=a.cross + b.cross,
        groups=groups,
    )


def _merge_groups(first: GroupMoments, second: GroupMoments) -> GroupMoments:
    same = (first.factor, first.effects, first.sizes) == (
        second.factor,
        second.effects,
        second.sizes,
    )
    if not same:
        raise ValueError(f"moments of different random effects: {first.effects}, {second.effects}")
    second = _recentre_effects(second, first.centre)
    known = {level: j for j, level in enumerate(first.levels)}
    new = tuple(level for level in second.levels if level not in known)
    known.update({level: len(first.levels) + i for i, level in enumerate(new)})
    place = np.array([known[level] for level in second.levels], dtype=np.intp)

    def joined(a: Array, b: Array) -> Array:
        out = np.zeros((len(known), *a.shape[1:]))
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


def _recentre_effects(group: GroupMoments, centre: Array) -> GroupMoments:
    """Move the effects' columns to another centre through the constant of their term."""
    move = np.eye(len(group.effects))
    change = group.centre - centre
    moved = np.flatnonzero(change)
    move[group.constants()[moved], moved] = change[moved]
    return replace(group, centre=centre, ZtZ=move.T @ group.ZtZ @ move, ZtV=move.T @ group.ZtV)
