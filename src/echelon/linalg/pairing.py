"""Pairs of integer codes numbered in order, without sorting the rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array

Codes = NDArray[np.int32] | NDArray[np.intp]
Places = NDArray[np.intp]

_GLANCE = 4096  # rows looked at before a whole column is, to see that codes are not nested


class Pairing(NamedTuple):
    """The distinct pairs of two columns of codes.

    Attributes
    ----------
    place : (n,) number of each row's pair
    first, second : (m,) codes of each pair, in increasing order of (first, second)
    """

    place: Places
    first: Places
    second: Places


def pair(first: Codes, second: Codes, J: int, K: int) -> Pairing:
    """Number the pairs that occur among `first` in range(J) and `second` in range(K).

    Where the codes of one column determine those of the other nothing is counted; small tables are
    counted; large ones go through a sparse matrix. Cost O(n + J + K), with a logarithm in the last
    case.

    >>> found = pair(np.array([1, 0, 1]), np.array([0, 2, 0]), 2, 3)
    >>> found.place.tolist(), found.first.tolist(), found.second.tolist()
    ([1, 0, 1], [0, 1], [2, 0])
    """
    above = _determined(first, second, J)
    if above is not None:
        return _renumbered(first, np.flatnonzero(above >= 0), J, above)
    above = _determined(second, first, K)
    if above is not None:
        used = np.flatnonzero(above >= 0)
        order = used[np.argsort(above[used], kind="stable")]
        found = _renumbered(second, order, K, above)
        return Pairing(found.place, found.second, found.first)
    key = first.astype(np.int64) * K + second
    if max(20 * len(key), 1_000_000) >= J * K:
        seen = np.zeros(J * K, dtype=bool)
        seen[key] = True
        present = np.flatnonzero(seen)
        number = np.empty(J * K, dtype=np.int32)
        number[present] = np.arange(len(present), dtype=np.int32)
        return Pairing(number[key].astype(np.intp), present // K, present % K)
    present = _distinct(first, second, J, K)
    return Pairing(np.searchsorted(present, key), present // K, present % K)


def _determined(codes: Codes, other: Codes, J: int) -> Places | None:
    """(J,) the value of `other` at each code, -1 at codes that do not occur; None if not unique."""
    above = np.full(J, -1, dtype=np.intp)
    for rows in (slice(_GLANCE), slice(None)):
        above[codes[rows]] = other[rows]
        if not np.array_equal(above[codes[rows]], other[rows]):
            return None
    return above


def _renumbered(codes: Codes, order: Places, J: int, above: Places) -> Pairing:
    """The codes listed in `order` become 0, 1, 2, ..."""
    if len(order) == J and np.array_equal(order, np.arange(J)):
        return Pairing(codes.astype(np.intp, copy=False), order, above)
    number = np.empty(J, dtype=np.intp)
    number[order] = np.arange(len(order))
    return Pairing(number[codes], order, above[order])


def _distinct(first: Codes, second: Codes, J: int, K: int) -> NDArray[np.int64]:
    """Distinct pairs as first * K + second, in order, by the counting sort of a sparse matrix."""
    table = coo_array((np.ones(len(first), dtype=np.int8), (first, second)), shape=(J, K)).tocsr()
    table.sum_duplicates()
    row = np.repeat(np.arange(J, dtype=np.int64), np.diff(table.indptr))
    keys: NDArray[np.int64] = row * K + table.indices
    return keys
