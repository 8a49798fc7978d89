"""Cross-products of the effects of two grouping factors, over the pairs of groups that share rows.

A pair that shares no row has no block, so a factor nested in another costs one block a group and
two crossed factors at most one a row.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echelon.linalg.pairing import pair
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
    place, row, col = pair(codes[f], codes[g], sizes[f], sizes[g])
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
