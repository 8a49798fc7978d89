"""Moments of fewer columns: what a smaller model needs is a part of what a larger one has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from echelon.moments.moments import CrossMoments, GroupMoments, Moments

Mask = NDArray[np.bool_]


def of_columns(moments: Moments, kept: Mask, *, intercept: bool) -> Moments:
    """The moments without some fixed columns.

    Parameters
    ----------
    kept : (k - 2,) which columns between the constant and the response stay
    intercept : whether the constant is in the model; its sums are there in any case
    """
    at = np.concatenate([[0], 1 + np.flatnonzero(kept), [len(moments.columns) - 1]])
    return replace(
        moments,
        columns=tuple(moments.columns[i] for i in at),
        intercept=intercept,
        centre=moments.centre[at],
        cross=moments.cross[np.ix_(at, at)],
        groups=tuple(replace(g, ZtV=np.ascontiguousarray(g.ZtV[:, :, at])) for g in moments.groups),
    )


def of_effects(moments: Moments, kept: Sequence[Mask]) -> Moments:
    """The moments without some random effects; a factor without any left is gone.

    Parameters
    ----------
    kept : for each factor, (q,) which effects stay. Where a constant goes, so does its term.

    Raises
    ------
    ValueError : the constant of a term goes and a column about its mean stays
    """
    old = [place for place, mask in enumerate(kept) if mask.any()]
    new = {place: i for i, place in enumerate(old)}
    return replace(
        moments,
        groups=tuple(_group(moments.groups[place], kept[place]) for place in old),
        crossings=tuple(
            _crossing(c, kept, new) for c in moments.crossings if c.first in new and c.second in new
        ),
    )


def _group(group: GroupMoments, kept: Mask) -> GroupMoments:
    if kept.all():
        return group
    moved = group.centre != 0
    if (moved & kept & ~kept[group.constants()]).any():
        raise ValueError("a centred random effect cannot stay without the constant of its term")
    ends = np.cumsum(group.sizes)[:-1]
    sizes = [int(part.sum()) for part in np.split(kept, ends)]
    left = [(kind, size) for kind, size in zip(group.structure, sizes, strict=True) if size]
    kinds = tuple(kind for kind, _ in left)
    return replace(
        group,
        effects=tuple(name for name, keep in zip(group.effects, kept, strict=True) if keep),
        sizes=tuple(size for _, size in left),
        centre=group.centre[kept],
        ZtZ=np.ascontiguousarray(group.ZtZ[:, kept][:, :, kept]),
        ZtV=np.ascontiguousarray(group.ZtV[:, kept]),
        kinds=kinds if set(kinds) != {"us"} else (),
    )


def _crossing(c: CrossMoments, kept: Sequence[Mask], new: dict[int, int]) -> CrossMoments:
    blocks = c.blocks[:, kept[c.first]][:, :, kept[c.second]]
    return replace(c, first=new[c.first], second=new[c.second], blocks=np.ascontiguousarray(blocks))
