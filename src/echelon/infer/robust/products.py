"""Cross-products of [Z X y] cluster by cluster: one pass over the rows, no n x n matrix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array

from echelon import tolerances
from echelon.errors import TooLarge
from echelon.infer.robust.clusters import Clusters, Codes
from echelon.infer.robust.working import Working

Array = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Clusters handled together, those with fewer random columns padded with zeros.

    U = [Z Lam, X] of a cluster, m columns of which the first q are random; r = y - X beta.

    Attributes
    ----------
    UtU : (B, m, m) U'WU;  Utr : (B, m) U'Wr
    q : random columns
    """

    UtU: Array
    Utr: Array
    q: int


def batches(at: Working, given: Clusters) -> Iterator[Batch]:
    """All clusters, some at a time.

    Cost O(n p^2) for the rows and O(sum of m^2) for the rest, with m = p + the random effects in
    a cluster.

    Raises
    ------
    TooLarge : clusters of many groups, whose m x m matrices would take hours
    """
    groups = _by_cluster(at, given)
    width = at.lay.shape[1] - 1 + sum(f.effects * f.count for f in groups)
    if float((np.asarray(width, dtype=np.float64) ** 3).sum()) > tolerances.ROBUST_WORK:
        raise TooLarge(
            f"The largest cluster of {given.name!r} holds {int(np.max(width)):,} random and fixed "
            "effects: CR2 and its degrees of freedom take the cube of that for each cluster. Use "
            'robust="CR1", or smaller clusters.'
        )
    for first, VtV in _row_products(at, given):
        X = np.einsum("ka,jkl,lb->jab", at.lay[:-1, :-1], VtV[:, :-1], at.lay, optimize=True)
        here = np.arange(first, first + len(X))
        for some in _alike(np.broadcast_to(width, given.count)[here]):
            yield _batch(at, groups, X[some], here[some])


def _alike(width: Places) -> Iterator[Places]:
    """Places of clusters of about the same width, as many as fit in the working memory."""
    order = np.argsort(width, kind="stable")
    start = 0
    while start < len(order):
        room = max(tolerances.ROBUST_ENTRIES // int(width[order[start]]) ** 2, 1)
        stop = start + int(
            np.searchsorted(width[order[start : start + room]], 1.25 * width[order[start]], "right")
        )
        yield order[start:stop]
        start = stop


@dataclass(frozen=True, slots=True, eq=False)
class _Grouped:
    """The groups of one factor by cluster.

    `order` has the groups cluster after cluster, the first of each at `start`; `within` is the
    place of a group among those of its cluster.
    """

    effects: int
    count: Places
    start: Places
    order: Places
    within: Places
    cluster: Places


def _by_cluster(at: Working, given: Clusters) -> list[_Grouped]:
    return [
        _grouped(part.q, cluster, given.count)
        for part, cluster in zip(
            at.blocks.factors if at.blocks else (), given.of_group, strict=True
        )
    ]


def _grouped(effects: int, cluster: Places, J: int) -> _Grouped:
    count = np.bincount(cluster, minlength=J)
    start = np.cumsum(count) - count
    order = np.argsort(cluster, kind="stable")
    within = np.empty(len(cluster), dtype=np.intp)
    within[order] = np.arange(len(cluster)) - start[cluster[order]]
    return _Grouped(effects, count, start, order, within, cluster)


def _members(listed: _Grouped, clusters: Places) -> tuple[Places, Places]:
    """Entries that belong to some clusters, and for each the place of its cluster among them."""
    count = listed.count[clusters]
    owner = np.repeat(np.arange(len(clusters)), count)
    first = np.repeat(listed.start[clusters] - (np.cumsum(count) - count), count)
    return listed.order[first + np.arange(len(owner))], owner


def _batch(at: Working, groups: list[_Grouped], X: Array, clusters: Places) -> Batch:
    """Lay out the clusters numbered `clusters`; X (B, p, p + 1) has their X'W[X y]."""
    p = X.shape[1]
    wide = [f.effects * int(f.count[clusters].max()) for f in groups]
    q, begin = sum(wide), np.cumsum([0, *wide])
    UtU, Utr = np.zeros((len(clusters), q + p, q + p)), np.zeros((len(clusters), q + p))
    residual = np.append(-at.beta, 1.0)
    UtU[:, q:, q:], Utr[:, q:] = X[:, :, :p], X @ residual
    for f, factor in enumerate(groups):
        assert at.blocks is not None
        part, lam = at.blocks.factors[f], at.lam[at.blocks.parts[f], at.blocks.parts[f]]
        some, owner = _members(factor, clusters)
        column = (
            begin[f] + factor.effects * factor.within[some][:, None] + np.arange(factor.effects)
        )
        who = owner[:, None]
        ZtV = lam.T @ part.ZtV[:, :, some].transpose(2, 0, 1)
        UtU[who[:, :, None], column[:, :, None], column[:, None, :]] = (
            lam.T @ part.ZtZ[:, :, some].transpose(2, 0, 1) @ lam
        )
        UtU[who, column, q:] = ZtV[:, :, :p]
        Utr[who, column] = ZtV @ residual
    _add_crossings(at, groups, UtU, clusters, begin)
    UtU[:, q:, :q] = UtU[:, :q, q:].transpose(0, 2, 1)
    return Batch(UtU, Utr, q)


def _add_crossings(
    at: Working, groups: list[_Grouped], UtU: Array, clusters: Places, begin: Places
) -> None:
    """Fill in Z_f'WZ_g of two factors f and g."""
    for pair in at.blocks.crossings if at.blocks else ():
        f, g = groups[pair.first], groups[pair.second]
        listed = _grouped(1, f.cluster[pair.row], len(f.count))
        some, owner = _members(listed, clusters)
        parts = at.blocks.parts if at.blocks else ()
        left, right = (at.lam[parts[i], parts[i]] for i in (pair.first, pair.second))
        block = left.T @ pair.blocks[:, :, some].transpose(2, 0, 1) @ right
        row = begin[pair.first] + f.effects * f.within[pair.row[some]][:, None]
        col = begin[pair.second] + g.effects * g.within[pair.col[some]][:, None]
        row, col = row + np.arange(f.effects), col + np.arange(g.effects)
        who = owner[:, None, None]
        UtU[who, row[:, :, None], col[:, None, :]] = block
        UtU[who, col[:, :, None], row[:, None, :]] = block.transpose(0, 2, 1)


def _row_products(at: Working, given: Clusters) -> Iterator[tuple[int, Array]]:
    """V'WV (B, k, k) of [1 X y] about the centre, for clusters `first` and following."""
    k = len(at.centre)
    together = max(tolerances.BATCH_ENTRIES // k**2, 1)
    if together >= given.count:
        yield 0, _summed(at, slice(None), given.codes, given.count)
        return
    order = np.argsort(given.codes, kind="stable")
    ends = np.cumsum(np.bincount(given.codes, minlength=given.count))
    for first in range(0, given.count, together):
        last = min(first + together, given.count)
        rows = order[ends[first - 1] if first else 0 : ends[last - 1]]
        yield first, _summed(at, rows, given.codes[rows] - first, last - first)


def _summed(at: Working, rows: slice | Places, codes: Codes, J: int) -> Array:
    """(J, k, k) sums over some rows by cluster, in blocks that fit the cache."""
    design = at.design
    y = design.y if design.offset is None else design.y - design.offset
    columns = [array[rows] for array in (*design.arrays, y)]
    weight = None if design.precision is None else design.precision[rows]
    k, n = len(at.centre), len(codes)
    into = np.zeros((k, J, k))
    size = max(tolerances.ROW_BLOCK, 4 * J)
    for a in range(0, n, size):
        b = min(a + size, n)
        V = np.empty((b - a, k))
        V[:, 0] = 1.0
        for i, column in enumerate(columns, start=1):
            np.subtract(column[a:b], at.centre[i], out=V[:, i])
        WV = V if weight is None else V * weight[a:b, None]
        pointer = np.arange(b - a + 1, dtype=np.int32)
        for i in range(k):
            z = np.ascontiguousarray(WV[:, i])
            into[i] += csc_array((z, codes[a:b], pointer), shape=(J, b - a)) @ V
    return np.ascontiguousarray(into.transpose(1, 0, 2))
