"""Moments of whole groups drawn again, or left out: sums of each group's own cross-products.

The groups are those of the factor that holds all others, each with everything inside it. A group
drawn twice is two groups.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from echelon import tolerances
from echelon.design.design import Design
from echelon.moments.moments import CrossMoments, Moments

Array = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Members:
    """Which groups of a factor, or which rows, belong to each group of the top one.

    Attributes
    ----------
    order : all of them, top group after top group
    start, count : (J,) where each top group begins in `order`, and how many it has
    rank : for each, its number within its top group
    """

    order: Places
    start: Places
    count: Places
    rank: Places

    @classmethod
    def of(cls, top: Places, J: int) -> Members:
        """From the top group of each."""
        order = np.argsort(top, kind="stable").astype(np.intp)
        count = np.bincount(top, minlength=J).astype(np.intp)
        start = np.cumsum(count) - count
        rank = np.empty(len(top), dtype=np.intp)
        rank[order] = np.arange(len(top)) - np.repeat(start, count)
        return cls(order, start, count, rank)

    def taken(self, chosen: Places) -> tuple[Places, Places]:
        """Members of the chosen top groups in order, and for each the number of its draw."""
        count = self.count[chosen]
        draw = np.repeat(np.arange(len(chosen)), count)
        inside = np.arange(len(draw)) - np.repeat(np.cumsum(count) - count, count)
        return self.order[self.start[chosen][draw] + inside], draw

    def numbers(self, chosen: Places, members: Places, draw: Places) -> Places:
        """New numbers of members: those of one draw follow those of the draw before."""
        count = self.count[chosen]
        found: Places = (np.cumsum(count) - count)[draw] + self.rank[members]
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """The independent groups of a table and what is inside them.

    Attributes
    ----------
    place : number of the factor that holds all others
    J : its groups
    inside : members of each factor (of the top factor: itself)
    pairs : members of each of `Moments.crossings`
    """

    place: int
    J: int
    inside: tuple[Members, ...]
    pairs: tuple[Members, ...]


def clusters(moments: Moments) -> Clusters | None:
    """The factor all others are nested in, None when factors are crossed."""
    sizes = [len(group.levels) for group in moments.groups]
    place = int(np.argmin(sizes))
    top = [np.zeros(0, dtype=np.intp)] * len(sizes)
    top[place] = np.arange(sizes[place], dtype=np.intp)
    for cross in moments.crossings:
        if place in (cross.first, cross.second):
            here, there = (cross.row, cross.col)
            other = cross.second
            if cross.second == place:
                here, there, other = cross.col, cross.row, cross.first
            if len(there) != sizes[other]:
                return None  # a group of this factor lies in two of the top one
            top[other] = np.empty(sizes[other], dtype=np.intp)
            top[other][there] = here
    J = sizes[place]
    return Clusters(
        place,
        J,
        tuple(Members.of(of, J) for of in top),
        tuple(Members.of(top[cross.first][cross.row], J) for cross in moments.crossings),
    )


@dataclass(frozen=True, slots=True, eq=False)
class GroupProducts:
    """Cross-products of V = [1 X y] within each top group.

    Attributes
    ----------
    cross : (J, k, k) V_j'W V_j about the centres of the moments
    rows, log_weight : (J,) rows and sums of log precision weights
    """

    cross: Array
    rows: Places
    log_weight: Array


def group_products(moments: Moments, design: Design, place: int) -> GroupProducts:
    """Compress a design by the groups of one factor. Cost O(n k^2), memory O(J k^2)."""
    codes, J, k = (
        design.factors[place].codes,
        len(moments.groups[place].levels),
        len(moments.centre),
    )
    cross, w = np.zeros((k, J, k)), design.precision
    y = design.y if design.offset is None else design.y - design.offset
    size = max(tolerances.ROW_BLOCK, 4 * J)
    for start in range(0, design.n, size):
        rows = slice(start, min(start + size, design.n))
        V = np.column_stack(
            [np.ones(rows.stop - start), *(a[rows] for a in design.arrays), y[rows]]
        )
        V -= moments.centre
        pointer = np.arange(len(V) + 1, dtype=np.int32)
        for i in range(k):
            z = V[:, i] if w is None else V[:, i] * w[rows]
            by_row = csr_array((np.ascontiguousarray(z), codes[rows], pointer), shape=(len(V), J))
            cross[i] += by_row.T @ V
    logs = np.zeros(design.n) if w is None else np.log(w)
    return GroupProducts(
        np.ascontiguousarray(cross.transpose(1, 0, 2)),
        np.bincount(codes, minlength=J).astype(np.intp),
        np.bincount(codes, weights=logs, minlength=J).astype(np.float64),
    )


def resampled(
    moments: Moments, found: Clusters, products: GroupProducts, chosen: Places
) -> Moments:
    """Moments of the chosen top groups, each a group of its own.

    Parameters
    ----------
    chosen : numbers of top groups, in any order, with repeats

    Notes
    -----
    `case-moments`. All but one of the groups: what is left when one is left out, by subtraction.
    Cost O(J q k), whatever n.
    """
    times = np.bincount(chosen, minlength=found.J).astype(np.float64)
    cross = np.tensordot(times, products.cross, 1)
    groups = []
    for group, members in zip(moments.groups, found.inside, strict=True):
        kept, _ = members.taken(chosen)
        groups.append(
            replace(
                group,
                levels=tuple(range(len(kept))),
                count=group.count[kept],
                weight=group.weight[kept],
                ZtZ=group.ZtZ[kept],
                ZtV=group.ZtV[kept],
            )
        )
    made = replace(
        moments,
        n=int(times @ products.rows),
        log_weight=float(times @ products.log_weight),
        cross=(cross + cross.T) / 2,
        groups=tuple(groups),
        crossings=tuple(
            _crossing(c, members, found, chosen)
            for c, members in zip(moments.crossings, found.pairs, strict=True)
        ),
    )
    centre = made.centre + made.cross[0] / made.weight
    centre[0] = 0.0
    return made.recentred(centre)


def _crossing(
    cross: CrossMoments, members: Members, found: Clusters, chosen: Places
) -> CrossMoments:
    pairs, draw = members.taken(chosen)
    row = found.inside[cross.first].numbers(chosen, cross.row[pairs], draw)
    col = found.inside[cross.second].numbers(chosen, cross.col[pairs], draw)
    order = np.lexsort((col, row))
    return replace(cross, row=row[order], col=col[order], blocks=cross.blocks[pairs][order])
