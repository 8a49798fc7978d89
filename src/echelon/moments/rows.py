"""Moments from rows: one pass in blocks that fit the cache, no sort, no n x q matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array

from echelon import tolerances
from echelon.design.design import Design, FactorDesign
from echelon.moments.crossings import crossings
from echelon.moments.moments import GroupMoments, Moments

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Layout:
    """Distinct columns to pass over: V = [1 X y] first, then random-effect columns not in V.

    `place[f]` gives, for factor f, the column of each of its effects.
    """

    arrays: tuple[Array | None, ...]  # None is the constant
    centre: Array
    k: int
    place: tuple[tuple[int, ...], ...]


def from_rows(design: Design) -> Moments:
    """Compress a design to moments, centred on the weighted column means.

    Cost O(n k q) time; memory O(J q k) plus one block of rows.
    """
    w = design.precision
    layout = _layout(design, w)
    K = len(layout.arrays)
    cross = np.zeros((K, K))
    sums = [
        np.zeros((len(place), len(f.levels), K))
        for f, place in zip(design.factors, layout.place, strict=True)
    ]
    for start, stop in _blocks(design):
        V = _block(layout, start, stop)
        WV = V if w is None else V * w[start:stop, None]
        cross += WV.T @ V
        for factor, place, into in zip(design.factors, layout.place, sums, strict=True):
            _add_group_sums(factor.codes[start:stop], V, WV, place, into)
    k = layout.k
    names = ("(Intercept)", *design.names, design.response)
    return Moments(
        columns=names,
        intercept=design.intercept,
        n=design.n,
        log_weight=0.0 if w is None else float(np.log(w).sum()),
        centre=layout.centre[:k],
        cross=(cross[:k, :k] + cross[:k, :k].T) / 2,
        groups=tuple(
            _group_moments(f, place, into, layout, w)
            for f, place, into in zip(design.factors, layout.place, sums, strict=True)
        ),
        crossings=crossings(
            tuple(f.codes for f in design.factors),
            tuple(len(f.levels) for f in design.factors),
            tuple(_effect_columns(layout, place) for place in layout.place),
            w,
        )
        if len(design.factors) > 1
        else (),
    )


def _effect_columns(layout: _Layout, place: tuple[int, ...]) -> tuple[Array | None, ...]:
    """The columns of a factor's effects about their centres; None is the constant."""
    columns = ((layout.arrays[i], layout.centre[i]) for i in place)
    return tuple(None if array is None else array - centre for array, centre in columns)


def _layout(design: Design, w: Array | None) -> _Layout:
    y = design.y if design.offset is None else design.y - design.offset
    arrays: list[Array | None] = [None, *design.arrays, y]
    centre = [0.0, *(float(np.average(a, weights=w)) for a in (*design.arrays, y))]
    k = len(arrays)
    centred = {id(a): i for i, a in enumerate(arrays) if a is not None}
    raw: dict[int, int] = {}

    def column(a: Array, about_mean: bool) -> int:
        known = centred if about_mean else raw
        if id(a) not in known:
            known[id(a)] = len(arrays)
            arrays.append(a)
            centre.append(float(np.average(a, weights=w)) if about_mean else 0.0)
        return known[id(a)]

    place = tuple(
        tuple(
            i
            for term in factor.terms
            for i in (
                *((0,) if term.intercept else ()),
                *(column(a, term.centred) for a in term.arrays),
            )
        )
        for factor in design.factors
    )
    return _Layout(tuple(arrays), np.array(centre), k, place)


def _blocks(design: Design) -> list[tuple[int, int]]:
    """Row ranges.

    A block has at least four rows a group, so that adding its group sums to the total stays a small
    part of the work.
    """
    J = max((len(f.levels) for f in design.factors), default=1)
    size = max(tolerances.ROW_BLOCK, 4 * J)
    return [(a, min(a + size, design.n)) for a in range(0, design.n, size)]


def _block(layout: _Layout, start: int, stop: int) -> Array:
    V = np.empty((stop - start, len(layout.arrays)))
    for i, (array, centre) in enumerate(zip(layout.arrays, layout.centre, strict=True)):
        if array is None:
            V[:, i] = 1.0
        else:
            np.subtract(array[start:stop], centre, out=V[:, i])
    return V


def _add_group_sums(
    codes: NDArray[np.int32], V: Array, WV: Array, place: tuple[int, ...], into: Array
) -> None:
    """into[a, code[i], :] += z_a[i] w[i] V[i, :], through SciPy's compiled product."""
    _, J, _ = into.shape
    pointer = np.arange(len(codes) + 1, dtype=np.int32)
    for a, column in enumerate(place):
        z = np.ascontiguousarray(WV[:, column])
        into[a] += csc_array((z, codes, pointer), shape=(J, len(codes))) @ V


def _group_moments(
    factor: FactorDesign, place: tuple[int, ...], sums: Array, layout: _Layout, w: Array | None
) -> GroupMoments:
    J = len(factor.levels)
    blocks = np.ascontiguousarray(sums.transpose(1, 0, 2))  # (J, q, K)
    count = np.bincount(factor.codes, minlength=J)
    weight = np.bincount(factor.codes, weights=w, minlength=J).astype(np.float64)
    laid = [block for term in factor.terms for block in term.blocks]
    kinds = tuple(kind for kind, _ in laid)
    return GroupMoments(
        factor=factor.factor,
        levels=factor.levels,
        effects=tuple(name for term in factor.terms for name in term.names),
        sizes=tuple(size for _, size in laid),
        centre=layout.centre[list(place)],
        count=count,
        weight=weight,
        ZtZ=blocks[:, :, list(place)],
        ZtV=np.ascontiguousarray(blocks[:, :, : layout.k]),
        kinds=kinds if set(kinds) != {"us"} else (),
    )
