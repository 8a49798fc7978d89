"""Moments under a residual structure: one for each fixed matrix in the inverse covariance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array

from echelon import tolerances
from echelon.design.design import Design
from echelon.design.residual import ResidualDesign
from echelon.moments.combine import combine
from echelon.moments.moments import CrossMoments, GroupMoments, Moments
from echelon.moments.rows import from_rows

Array = NDArray[np.float64]
Index = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """The rows that products are made of, about their centres and times the root of their weights.

    Attributes
    ----------
    columns : distinct columns (n,), V = [1 X y] first
    k : columns of V
    place : for each factor, the column of each of its effects
    codes : for each factor, the group of each row
    pair : for each pair of factors, the place of each row among the pairs of groups
    """

    columns: tuple[Array, ...]
    k: int
    place: tuple[tuple[int, ...], ...]
    codes: tuple[Index, ...]
    pair: tuple[Index, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ResidualMoments:
    """All that a model with a residual structure needs of the data.

    Attributes
    ----------
    base : moments with independent residuals of one variance
    structure : the products of rows and their sets
    sets : one Moments a set of products; () when they are too many to keep, and every combination
        goes through the rows again
    rows : the rows behind them
    """

    base: Moments
    structure: ResidualDesign
    sets: tuple[Moments, ...]
    rows: _Rows

    @property
    def kept(self) -> bool:
        """Whether rows are never touched again."""
        return bool(self.sets)

    def combined(self, omega: Array, log_weight: float) -> Moments:
        """Moments with inverse covariance sum_m omega_m B_m.

        Cost O(m J q k), or one pass over the rows, O(n k q), when the sets are not kept.
        """
        if self.sets:
            return combine(self.sets, omega, like=self.base, log_weight=log_weight)
        every = slice(0, len(self.structure.which))
        whole = _moments_of(self, every, omega[self.structure.which], mirrored=None)
        return replace(whole, log_weight=log_weight)


def residual_moments(design: Design, structure: ResidualDesign) -> ResidualMoments:
    """Moments of every set of products, in one pass over the rows.

    Cost O(N k q) time for N products (n for strata, 3 n for ar1) and m times the memory of a plain
    model's moments. Above `MAX_SETS` sets or `MAX_SET_ENTRIES` numbers the sets are not kept.
    """
    base = from_rows(design)
    rows = _rows_of(design, structure, base)
    empty = ResidualMoments(base, structure, (), rows)
    entries = sum(g.ZtZ.size + g.ZtV.size for g in base.groups)
    entries += sum(c.blocks.size for c in base.crossings)
    m = structure.sets
    if m > tolerances.MAX_SETS or m * entries > tolerances.MAX_SET_ENTRIES:
        return empty
    ends = np.searchsorted(structure.which, np.arange(m + 1))
    sets = tuple(
        _moments_of(empty, slice(a, b), None, mirrored=_mirrored(structure, a))
        for a, b in pairwise(ends.tolist())
    )
    return replace(empty, sets=sets)


def _mirrored(structure: ResidualDesign, at: int) -> bool:
    """Whether a set's products are of two different rows, so that each counts with its mirror."""
    return bool(structure.left[at] != structure.right[at])


def _rows_of(design: Design, structure: ResidualDesign, base: Moments) -> _Rows:
    n = design.n
    root = None if design.precision is None else np.sqrt(design.precision)
    y = design.y if design.offset is None else design.y - design.offset
    known: dict[tuple[int, float], int] = {}
    columns: list[Array] = []

    def column(array: Array | None, centre: float) -> int:
        values = np.ones(n) if array is None else array - centre
        known.setdefault((id(array), centre), len(columns))
        columns.append(_extended(values if root is None else values * root, structure))
        return len(columns) - 1

    for array, centre in zip((None, *design.arrays, y), base.centre, strict=True):
        column(array, float(centre))
    k = len(columns)
    place = []
    for factor, group in zip(design.factors, base.groups, strict=True):
        arrays = factor.columns
        keys = [(id(a), float(c)) for a, c in zip(arrays, group.centre, strict=True)]
        place.append(
            tuple(
                known[key] if key in known else column(a, key[1])
                for key, a in zip(keys, arrays, strict=True)
            )
        )
    codes = tuple(_member(f.codes.astype(np.intp), structure) for f in design.factors)
    pair = tuple(_pair(codes[c.first], codes[c.second], c, base) for c in base.crossings)
    return _Rows(tuple(columns), k, tuple(place), codes, pair)


def _extended(values: Array, structure: ResidualDesign) -> Array:
    """A column with the sums of its cells appended."""
    if not structure.cells:
        return values
    sums = np.bincount(structure.cell, values, structure.cells)
    return np.concatenate([values, sums])


def _member(codes: Index, structure: ResidualDesign) -> Index:
    """Group codes, with those of the cells appended."""
    return np.concatenate([codes, codes[structure.member]]) if structure.cells else codes


def _pair(first: Index, second: Index, cross: CrossMoments, base: Moments) -> Index:
    K = len(base.groups[cross.second].levels)
    return np.searchsorted(cross.row * K + cross.col, first * K + second)


def _moments_of(
    source: ResidualMoments, items: slice, weight: Array | None, *, mirrored: bool | None
) -> Moments:
    """Sum over products of (u v' + v u') / 2, twice that for two different rows.

    Parameters
    ----------
    weight : coefficient of each product, None for ones
    mirrored : whether all products are of two different rows; None when some are
    """
    base, rows, structure = source.base, source.rows, source.structure
    K = len(rows.columns)
    cross = np.zeros((K, K))
    sums = [
        np.zeros((len(place), len(g.levels), K))
        for g, place in zip(base.groups, rows.place, strict=True)
    ]
    weights = [np.zeros(len(g.levels)) for g in base.groups]
    blocks = [np.zeros(c.blocks.shape) for c in base.crossings]
    for start in range(items.start, items.stop, tolerances.ROW_BLOCK):
        block = slice(start, min(start + tolerances.ROW_BLOCK, items.stop))
        left, right = structure.left[block], structure.right[block]
        U = np.stack([c[left] for c in rows.columns], axis=1)
        V = U if mirrored is False else np.stack([c[right] for c in rows.columns], axis=1)
        if weight is not None:
            scale = weight[block.start - items.start : block.stop - items.start]
            U = U * np.where(left == right, scale / 2, scale)[:, None]
        ways = ((U, V),) if mirrored is False else ((U, V), (V, U))
        for A, B in ways:
            cross += A.T @ B
            for codes, place, into, ones in zip(rows.codes, rows.place, sums, weights, strict=True):
                _add_group_sums(codes[left], A, B, place, into)
                ones += np.bincount(codes[left], A[:, 0] * B[:, 0], len(ones))
            for c, at, block_sums in zip(base.crossings, rows.pair, blocks, strict=True):
                _add_pair_sums(
                    at[left], A[:, rows.place[c.first]], B[:, rows.place[c.second]], block_sums
                )
    k = rows.k
    return replace(
        base,
        log_weight=0.0,
        cross=(cross[:k, :k] + cross[:k, :k].T) / 2,
        groups=tuple(
            _group(g, place, into, ones, k)
            for g, place, into, ones in zip(base.groups, rows.place, sums, weights, strict=True)
        ),
        crossings=tuple(replace(c, blocks=b) for c, b in zip(base.crossings, blocks, strict=True)),
    )


def _add_group_sums(codes: Index, A: Array, B: Array, place: tuple[int, ...], into: Array) -> None:
    """into[a, code[i], :] += A[i, place_a] B[i, :]."""
    _, J, _ = into.shape
    pointer = np.arange(len(codes) + 1, dtype=np.int32)
    for a, column in enumerate(place):
        z = np.ascontiguousarray(A[:, column])
        into[a] += csc_array((z, codes.astype(np.int32), pointer), shape=(J, len(codes))) @ B


def _add_pair_sums(at: Index, A: Array, B: Array, into: Array) -> None:
    for a in range(A.shape[1]):
        for b in range(B.shape[1]):
            into[:, a, b] += np.bincount(at, A[:, a] * B[:, b], len(into))


def _group(
    group: GroupMoments, place: tuple[int, ...], sums: Array, ones: Array, k: int
) -> GroupMoments:
    blocks = np.ascontiguousarray(sums.transpose(1, 0, 2))
    ZtZ = blocks[:, :, list(place)]
    ZtV = np.ascontiguousarray(blocks[:, :, :k])
    return replace(group, weight=ones, ZtZ=(ZtZ + ZtZ.transpose(0, 2, 1)) / 2, ZtV=ZtV)
