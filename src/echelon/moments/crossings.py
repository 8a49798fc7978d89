"""Cross-products of the effects of two grouping factors, over the pairs of groups that share rows.

A pair that shares no row has no block, so a factor nested in another costs one block a group and
two crossed factors at most one a row.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array

from echelon.moments.moments import CrossMoments

Array = NDArray[np.float64]
Codes = NDArray[np.int32]
Columns = tuple[Array | None, ...]  # None is the constant


def crossings(
    codes: tuple[Codes, ...],
    sizes: tuple[int, ...],
    columns: tuple[Columns, ...],
    weight: Array | None,
) -> tuple[CrossMoments, ...]:
    """The blocks of every pair of factors.

    Parameters
    ----------
    codes : (n,) group of each row, for each factor
    sizes : groups of each factor
    columns : the columns (n,) of each factor's effects, about their centres
    weight : (n,) precision weights or None
    """
    return tuple(
        _crossing(f, g, codes, sizes, columns, weight)
        for f in range(len(codes))
        for g in range(f + 1, len(codes))
    )


def _crossing(
    f: int,
    g: int,
    codes: tuple[Codes, ...],
    sizes: tuple[int, ...],
    columns: tuple[Columns, ...],
    weight: Array | None,
) -> CrossMoments:
    place, row, col = _pairs(codes[f], codes[g], sizes[f], sizes[g])
    blocks = np.empty((len(row), len(columns[f]), len(columns[g])))
    for a, u in enumerate(columns[f]):
        for b, v in enumerate(columns[g]):
            blocks[:, a, b] = np.bincount(place, _product(u, v, weight), len(row))
    return CrossMoments(f, g, row, col, blocks)


def _product(u: Array | None, v: Array | None, weight: Array | None) -> Array | None:
    given = [part for part in (u, v, weight) if part is not None]
    if not given:
        return None
    out = given[0]
    for part in given[1:]:
        out = out * part
    return out


def _pairs(
    first: Codes, second: Codes, J: int, K: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Number of each row's pair, and the pairs in order; no sort of the rows.

    Nested factors are recognised; small tables are counted; large ones go through a sparse matrix.
    """
    parent = np.zeros(J, dtype=np.int32)
    parent[first] = second
    if np.array_equal(parent[first], second):
        return first.astype(np.intp), np.arange(J), parent.astype(np.intp)
    key = first.astype(np.int64) * K + second
    if max(20 * len(key), 1_000_000) >= J * K:
        seen = np.zeros(J * K, dtype=bool)
        seen[key] = True
        present = np.flatnonzero(seen)
        number = np.empty(J * K, dtype=np.int32)
        number[present] = np.arange(len(present), dtype=np.int32)
        return number[key].astype(np.intp), present // K, present % K
    present = _distinct(first, second, J, K)
    return np.searchsorted(present, key), present // K, present % K


def _distinct(first: Codes, second: Codes, J: int, K: int) -> NDArray[np.int64]:
    """Distinct pairs as row * K + col, in order, by the counting sort of a sparse matrix."""
    table = coo_array((np.ones(len(first), dtype=np.int8), (first, second)), shape=(J, K)).tocsr()
    table.sum_duplicates()
    row = np.repeat(np.arange(J, dtype=np.int64), np.diff(table.indptr))
    keys: NDArray[np.int64] = row * K + table.indices
    return keys


def from_pairs(
    first: int, second: int, row: NDArray[np.intp], col: NDArray[np.intp], blocks: Array
) -> CrossMoments:
    """Blocks listed by pair, a pair possibly several times, as each pair once in order."""
    order = np.lexsort((col, row))
    row, col, blocks = row[order], col[order], blocks[order]
    new = np.ones(len(row), dtype=bool)
    new[1:] = (np.diff(row) != 0) | (np.diff(col) != 0)
    start = np.flatnonzero(new)
    return CrossMoments(first, second, row[start], col[start], np.add.reduceat(blocks, start))


__all__ = ["crossings", "from_pairs"]
