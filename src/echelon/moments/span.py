"""Orthonormal coordinates of the columns [Z 1 X] of a model, from their cross-products alone.

A response is known to the model by its coordinates h (of the largest factor's groups) and t (of
what is left of all other columns), and by the square of its length outside. Noise with precision
weights W has independent normal coordinates of one variance (`span-coordinates`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpstrf
from scipy.sparse import coo_array, csr_array

from echelon import tolerances
from echelon.errors import TooLarge
from echelon.moments.moments import CrossMoments, GroupMoments, Moments
from echelon.moments.responses import ResponseMoments

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Span:
    """Coordinates of the columns of a model.

    Attributes
    ----------
    moments : whose columns these are
    first : place of the factor whose groups have coordinates of their own
    N, over : (J, q, q) Z_j'W Z_j = N N', over = N^-1' with zeros for null directions
    alive : (J, q) directions that exist
    fixed : (J q, k - 1) coordinates h of [1 X]
    others : (J q, Q) the same of the other factors' columns, sparse; None with one factor
    C : (Q + k - 1, r) coordinates t of the other factors' columns and [1 X]
    freedom : rows less the dimension of the span
    """

    moments: Moments
    first: int
    N: Array
    over: Array
    alive: NDArray[np.bool_]
    fixed: Array
    others: csr_array | None
    C: Array
    freedom: int

    @property
    def group(self) -> GroupMoments:
        """The factor with coordinates of its own."""
        return self.moments.groups[self.first]

    @property
    def rest(self) -> tuple[GroupMoments, ...]:
        """The other factors."""
        return _without(self.moments.groups, self.first)


def span(moments: Moments) -> Span:
    """Lay out the coordinates. Cost O(J q^2 k + (Q + k)^3), Q effects of all factors but one.

    Raises
    ------
    TooLarge : Q is beyond `tolerances.MAX_SPAN`
    """
    first = int(np.argmax([g.ZtZ.shape[0] * g.ZtZ.shape[1] for g in moments.groups]))
    group, rest = moments.groups[first], _without(moments.groups, first)
    Q = sum(g.ZtZ.shape[0] * g.ZtZ.shape[1] for g in rest)
    if Q > tolerances.MAX_SPAN:
        raise TooLarge(
            f"Simulation without rows factorises a matrix of {Q:,} effects of all factors but the "
            f"largest; it takes {tolerances.MAX_SPAN:,}."
        )
    N, over, alive = _roots(group.ZtZ)
    J, q, _ = N.shape
    fixed = np.einsum("jba,jbv->jav", over, group.ZtV[:, :, :-1]).reshape(J * q, -1)
    others = _others(moments, first, over) if rest else None
    left = _products(moments, first)
    size = np.sqrt(np.diagonal(left))
    C = _root(left - _explained(fixed, others), size)
    dimension = int(np.count_nonzero(alive)) + C.shape[1]
    return Span(moments, first, N, over, alive, fixed, others, C, max(moments.n - dimension, 0))


def drawn(
    at: Span,
    coefficients: Array,
    effects: tuple[Array, ...],
    sigma: float,
    centre: float,
    rng: np.random.Generator,
) -> ResponseMoments:
    """Cross-products of R responses with given means and random effects and with new residuals.

    Parameters
    ----------
    coefficients : (k - 1,) of [1 X] about their centres: the mean of y - centre
    effects : one (J, q, R) a factor, of its columns about their centres
    sigma : residual standard deviation of a row of weight one

    Notes
    -----
    `span-draws`. No cost in n.
    """
    J, q, R = effects[at.first].shape
    rest = _without(effects, at.first)
    flat = [part.reshape(-1, R) for part in rest]
    fixed = np.broadcast_to(coefficients[:, None], (len(coefficients), R))
    coordinates = np.concatenate([*flat, fixed])
    h = sigma * rng.standard_normal((J, q, R)) * at.alive[:, :, None]
    h += np.einsum("jba,jbr->jar", at.N, effects[at.first])
    h += (at.fixed @ coefficients).reshape(J, q, 1)
    if at.others is not None:
        h += (at.others @ coordinates[: at.others.shape[1]]).reshape(J, q, R)
    t = sigma * rng.standard_normal((at.C.shape[1], R)) + at.C.T @ coordinates
    outside = sigma**2 * rng.chisquare(at.freedom, R) if at.freedom else np.zeros(R)
    by_row = h.reshape(J * q, R)
    left = at.C @ t
    Q = len(left) - len(coefficients)
    VtY = left[Q:] + at.fixed.T @ by_row
    parts = _split(left[:Q] + at.others.T @ by_row, rest) if at.others is not None else []
    parts.insert(at.first, np.einsum("jab,jbr->jar", at.N, h))
    yty = np.einsum("ir,ir->r", by_row, by_row) + np.einsum("ir,ir->r", t, t) + outside
    return ResponseMoments(np.full(R, centre), VtY, yty, tuple(parts))


def _without(items: tuple, place: int) -> tuple:  # type: ignore[type-arg]
    return items[:place] + items[place + 1 :]


def _split(rows: Array, like: tuple[Array, ...]) -> list[Array]:
    """Rows of all other factors as (J, q, R) of each."""
    ends = np.cumsum([part.shape[0] * part.shape[1] for part in like])
    return [
        piece.reshape(part.shape)
        for piece, part in zip(np.split(rows, ends[:-1]), like, strict=True)
    ]


def _roots(M: Array) -> tuple[Array, Array, NDArray[np.bool_]]:
    """N = U S and U / S of M = U S^2 U' (J, q, q), and which S are not zero.

    In units of each column's total, so that a column in small units does not count as null.
    """
    unit = np.sqrt(np.einsum("jaa->a", M))
    unit[unit == 0] = 1.0
    values, U = np.linalg.eigh(M / np.outer(unit, unit))
    alive = values > tolerances.RANK_CENTRED * np.maximum(values[:, -1:], np.finfo(float).tiny)
    size = np.sqrt(np.where(alive, values, 0.0))[:, None]
    over = np.where(alive, 1.0 / np.sqrt(np.where(alive, values, 1.0)), 0.0)[:, None]
    return U * size * unit[:, None], U * over / unit[:, None], alive


def _others(moments: Moments, first: int, over: Array) -> csr_array:
    """(J q, Q) coordinates h of the other factors' columns."""
    J, q, _ = over.shape
    entries, starts = [], _starts(moments, first)
    for cross in moments.crossings:
        if first not in (cross.first, cross.second):
            continue
        mine, other, blocks, place = _turned(cross, first)
        turned = np.einsum("mba,mbc->mac", over[mine], blocks)
        m, _, c = turned.shape
        row = np.broadcast_to((mine[:, None] * q + np.arange(q))[:, :, None], (m, q, c))
        col = np.broadcast_to(
            starts[place] + (other[:, None] * c + np.arange(c))[:, None, :], (m, q, c)
        )
        entries.append((turned.ravel(), row.ravel(), col.ravel()))
    value, row, col = (np.concatenate(part) for part in zip(*entries, strict=True))
    Q = sum(g.ZtZ.shape[0] * g.ZtZ.shape[1] for g in _without(moments.groups, first))
    return coo_array((value, (row, col)), shape=(J * q, Q)).tocsr()


def _turned(
    cross: CrossMoments, first: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], Array, int]:
    """Groups of factor `first`, of the other, their blocks, and the other's place."""
    if cross.first == first:
        return cross.row, cross.col, cross.blocks, cross.second
    return cross.col, cross.row, cross.blocks.transpose(0, 2, 1), cross.first


def _starts(moments: Moments, first: int) -> dict[int, int]:
    """Where the columns of each other factor begin."""
    starts, total = {}, 0
    for place, group in enumerate(moments.groups):
        if place != first:
            starts[place] = total
            total += group.ZtZ.shape[0] * group.ZtZ.shape[1]
    return starts


def _products(moments: Moments, first: int) -> Array:
    """(Q + k - 1, Q + k - 1) cross-products of the other factors' columns and [1 X]."""
    starts, k = _starts(moments, first), len(moments.columns) - 1
    rest = [(place, moments.groups[place]) for place in starts]
    Q = sum(g.ZtZ.shape[0] * g.ZtZ.shape[1] for _, g in rest)
    out = np.zeros((Q + k, Q + k))
    out[Q:, Q:] = moments.cross[:-1, :-1]
    for place, group in rest:
        J, q, _ = group.ZtZ.shape
        at = starts[place] + np.arange(J * q).reshape(J, q)
        out[at[:, :, None], at[:, None, :]] = group.ZtZ
        out[starts[place] : starts[place] + J * q, Q:] = group.ZtV[:, :, :-1].reshape(J * q, k)
    for cross in moments.crossings:
        if first in (cross.first, cross.second):
            continue
        _, a, b = cross.blocks.shape
        row = starts[cross.first] + cross.row[:, None] * a + np.arange(a)
        col = starts[cross.second] + cross.col[:, None] * b + np.arange(b)
        out[row[:, :, None], col[:, None, :]] = cross.blocks
    return np.triu(out) + np.triu(out, 1).T


def _explained(fixed: Array, others: csr_array | None) -> Array:
    """What the first factor's columns explain of the cross-products of all others."""
    own: Array = fixed.T @ fixed
    if others is None:
        return own
    across = others.T @ fixed
    return np.block([[(others.T @ others).toarray(), across], [across.T, own]])


def _root(S: Array, size: Array) -> Array:
    """C (m, r) with C C' = S, which has lost what is small beside `size` squared to rounding."""
    unit = np.where(size > 0, size, 1.0)
    scaled = S / np.outer(unit, unit)
    factor, pivot, rank, _ = dpstrf(scaled, tol=tolerances.RANK_CENTRED, lower=1)
    if np.diagonal(scaled).max() <= tolerances.RANK_CENTRED:
        rank = 0  # LAPACK does not ask this of the first pivot
    C = np.zeros((len(S), rank))
    C[pivot - 1] = np.tril(factor)[:, :rank]
    return C * unit[:, None]
