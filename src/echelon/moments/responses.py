"""Cross-products of further responses with a design that is compressed already."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array

from echelon import tolerances
from echelon.design.design import Design
from echelon.moments.moments import GroupMoments, Moments

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ResponseMoments:
    """All that a linear mixed model needs of R responses, besides the moments of its columns.

    Attributes
    ----------
    centre : (R,) what was subtracted from each response; any number near its mean will do
    VtY : (k - 1, R) [1 X]'W y, both about their centres
    yty : (R,) y'W y about the centre
    ZtY : one (J, q, R) a grouping factor: Z_j'W y, both about their centres
    """

    centre: Array
    VtY: Array
    yty: Array
    ZtY: tuple[Array, ...]

    def __post_init__(self) -> None:
        R = len(self.centre)
        found = {self.VtY.shape[1], len(self.yty), *(part.shape[2] for part in self.ZtY)}
        if found != {R}:
            raise ValueError(f"{R} centres, and cross-products of {sorted(found)} responses")

    @property
    def R(self) -> int:
        """Responses."""
        return len(self.centre)


def responses(moments: Moments, design: Design, Y: Array) -> ResponseMoments:
    """Compress responses on a design that was compressed to `moments`, in one pass over the rows.

    Cost O(n R (k + q)) time; memory O(J q R) plus one block of rows (`moments-responses`).

    Parameters
    ----------
    Y : (n, R) responses on the scale of `design.y`, offset included
    """
    w = design.precision
    centre = _means(Y, w) - (0.0 if design.offset is None else _mean(design.offset, w))
    R = len(centre)
    VtY, yty = np.zeros((len(moments.columns) - 1, R)), np.zeros(R)
    into = [np.zeros((len(g.effects), len(g.levels), R)) for g in moments.groups]
    size = max(tolerances.ROW_BLOCK // max(R // 8, 1), 256)
    for start in range(0, design.n, size):
        rows = slice(start, min(start + size, design.n))
        y = Y[rows] - centre
        if design.offset is not None:
            y -= design.offset[rows, None]
        weighted = y if w is None else y * w[rows, None]
        yty += np.einsum("ir,ir->r", weighted, y)
        VtY += _columns(moments, design, rows).T @ weighted
        for sums, group, effects in zip(into, moments.groups, _effects(design), strict=True):
            _add(sums, group, effects, rows, weighted)
    return ResponseMoments(centre, VtY, yty, tuple(np.swapaxes(part, 0, 1) for part in into))


def with_response(moments: Moments, given: ResponseMoments, r: int, name: str) -> Moments:
    """The moments with response number r in the place of the response."""
    cross, centre = moments.cross.copy(), moments.centre.copy()
    cross[:-1, -1] = cross[-1, :-1] = given.VtY[:, r]
    cross[-1, -1], centre[-1] = given.yty[r], given.centre[r]
    groups = []
    for group, part in zip(moments.groups, given.ZtY, strict=True):
        ZtV = group.ZtV.copy()
        ZtV[:, :, -1] = part[..., r]
        groups.append(replace(group, ZtV=ZtV))
    columns = (*moments.columns[:-1], name)
    return replace(moments, columns=columns, centre=centre, cross=cross, groups=tuple(groups))


def _mean(values: Array, w: Array | None) -> float:
    return float(np.average(values, weights=w))


def _means(Y: Array, w: Array | None) -> Array:
    means: Array = Y.mean(axis=0) if w is None else w @ Y / w.sum()
    return means


def _columns(moments: Moments, design: Design, rows: slice) -> Array:
    """[1 X] of some rows, about the centres."""
    V = np.empty((rows.stop - rows.start, len(moments.columns) - 1))
    V[:, 0] = 1.0
    for i, array in enumerate(design.arrays, start=1):
        np.subtract(array[rows], moments.centre[i], out=V[:, i])
    return V


_Effects = tuple[NDArray[np.int32], tuple[Array | None, ...]]


def _effects(design: Design) -> list[_Effects]:
    """Codes and columns of each factor's effects; None is the constant."""
    return [(factor.codes, factor.columns) for factor in design.factors]


def _add(sums: Array, group: GroupMoments, effects: _Effects, rows: slice, weighted: Array) -> None:
    """sums[a, code[i]] += z_a[i] weighted[i], through SciPy's compiled product."""
    codes, columns = effects
    m = len(weighted)
    pointer = np.arange(m + 1, dtype=np.int32)
    for a, (column, centre) in enumerate(zip(columns, group.centre, strict=True)):
        z = np.ones(m) if column is None else column[rows] - centre
        if weighted.shape[1] == 1:
            sums[a, :, 0] += np.bincount(codes[rows], z * weighted[:, 0], sums.shape[1])
        else:
            sums[a] += csc_array((z, codes[rows], pointer), shape=(sums.shape[1], m)) @ weighted
