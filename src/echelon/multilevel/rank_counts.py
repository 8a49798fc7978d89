"""Ranks counted over draws, a piece at a time: no table of all draws is kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances

Array = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class RankCounts:
    """How often each group had each rank; rank 1 is the highest value.

    Attributes
    ----------
    n : draws
    first, last : (B,) ranks that a cell counts; every rank has its own cell up to a few thousand
        groups
    counts : (J, B) draws
    above : (J,) draws in which the group was above the average of all groups
    """

    n: int
    first: Places
    last: Places
    counts: NDArray[np.uint32]
    above: Places

    @property
    def middle(self) -> Array:
        """(B,) the mean rank of a cell."""
        return (self.first + self.last) / 2

    def mean(self) -> Array:
        """(J,) mean rank."""
        return self._moment(self.middle)

    def variance(self) -> Array:
        """(J,) variance of the rank."""
        return np.maximum(self._moment(self.middle**2) - self.mean() ** 2, 0.0)

    def _moment(self, of_cell: Array) -> Array:
        parts = [self.counts[some] @ of_cell / self.n for some in self._blocks()]
        return np.concatenate(parts)

    def _blocks(self) -> list[slice]:
        """Groups a piece at a time: their counts as doubles are never all in memory."""
        J, B = self.counts.shape
        size = max(tolerances.DRAWN_ENTRIES // B, 1)
        return [slice(start, start + size) for start in range(0, J, size)]

    def quantiles(self, shares: tuple[float, ...]) -> Places:
        """(J, len(shares)) cells in which a share of the draws is reached."""
        found = np.empty((len(self.counts), len(shares)), dtype=np.intp)
        for some in self._blocks():
            below = np.cumsum(self.counts[some], axis=1)
            for i, share in enumerate(shares):
                found[some, i] = np.argmax(below >= np.ceil(share * self.n), axis=1)
        return found

    def share(self, first: int, last: int) -> Array:
        """(J,) share of draws with a rank from `first` to `last`, which are ends of cells."""
        inside = (self.first >= first) & (self.last <= last)
        share: Array = self.counts[:, inside].sum(axis=1) / self.n
        return share


def counted(draws: Iterable[Array], J: int, ends: Iterable[int], *, lowest: bool) -> RankCounts:
    """Count ranks over draws (R, J).

    Cost O(n J log J) time; memory O(J B) with B cells, at most `tolerances.RANK_CELLS` in all.

    Parameters
    ----------
    ends : ranks after which a cell must end
    lowest : whether rank 1 is the lowest value
    """
    cells = min(J, max(tolerances.RANK_CELLS // J, 1))
    last = np.unique([*np.linspace(0, J, cells + 1).round().astype(int)[1:], *ends, J])
    last = last[(last >= 1) & (last <= J)]
    first = np.concatenate([[1], last[:-1] + 1])
    cell = np.repeat(np.arange(len(last)), last - first + 1)
    flat, n = np.zeros(J * len(last), dtype=np.uint32), 0
    above = np.zeros(J, dtype=np.intp)
    for values in draws:
        order = np.argsort(values if lowest else -values, axis=1)
        np.add.at(flat, (order * len(last) + cell).ravel(), 1)
        centre = values.mean(axis=1, keepdims=True)
        above += (values < centre if lowest else values > centre).sum(axis=0)
        n += len(values)
    return RankCounts(n, first, last, flat.reshape(J, -1), above)


def ranks_of(estimate: Array, *, lowest: bool) -> Array:
    """(J,) ranks of estimates, 1 for the highest (or lowest); equal ones share their mean rank.

    >>> ranks_of(np.array([3.0, 5.0, 3.0]), lowest=False).tolist()
    [2.5, 1.0, 2.5]
    """
    _, place, count = np.unique(
        estimate if lowest else -estimate, return_inverse=True, return_counts=True
    )
    end = np.cumsum(count)
    mean: Array = (end - (count - 1) / 2)[place]
    return mean
