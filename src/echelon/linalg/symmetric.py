"""Block-diagonal symmetric matrices by their free entries, and their lower-triangular factors.

A covariance matrix D of q effects is block diagonal with given block sizes. Its free entries, and
those of the factor Lam with D = Lam Lam', are the lower triangles of the blocks, column by column:
the order of lme4's `theta`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from echelon.linalg.structures import Kind, parameter_count

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Index machinery for q x q symmetric matrices with the given diagonal blocks.

    Attributes
    ----------
    sizes : block sizes; q is their sum
    row, col : (t,) position of each free entry, row >= col
    basis : (t, q * q) E_i flattened: the symmetric matrix with ones at entry i and its mirror
    all_row, all_col : (q (q + 1) / 2,) every entry of the lower triangle, blocks or not
    place : (q, q) number of an entry among `all_row`, `all_col`
    kinds : structure of each block; () where every block is free
    """

    sizes: tuple[int, ...]
    row: NDArray[np.intp]
    col: NDArray[np.intp]
    basis: Array
    all_row: NDArray[np.intp]
    all_col: NDArray[np.intp]
    place: NDArray[np.intp]
    kinds: tuple[Kind, ...] = ()

    @property
    def q(self) -> int:
        """Number of effects."""
        return sum(self.sizes)

    @property
    def starts(self) -> tuple[int, ...]:
        """First effect of each block."""
        return tuple(int(s) for s in np.cumsum((0, *self.sizes[:-1])))

    @property
    def parameters(self) -> int:
        """Free parameters: the free entries, or fewer where a block has a structure."""
        if not self.kinds:
            return len(self.row)
        return sum(map(parameter_count, self.kinds, self.sizes))

    @property
    def blocks(self) -> tuple[tuple[Kind, slice], ...]:
        """Structure and place of each block."""
        free: tuple[Kind, ...] = ("us",)
        kinds = self.kinds or free * len(self.sizes)
        return tuple(
            (kind, slice(start, start + size))
            for kind, start, size in zip(kinds, self.starts, self.sizes, strict=True)
        )

    @property
    def on_diagonal(self) -> NDArray[np.bool_]:
        """(t,) which free entries lie on the diagonal."""
        return np.equal(self.row, self.col)

    def factor(self, theta: Array) -> Array:
        """Lower-triangular Lam (q, q) of the free entries."""
        lam = np.zeros((self.q, self.q))
        lam[self.row, self.col] = theta
        return lam

    def free(self, matrix: Array) -> Array:
        """Free entries (t,) of a matrix."""
        return matrix[self.row, self.col]

    def rotated(self, factor: Array) -> Array:
        """Lower-triangular Lam (q, q) with Lam Lam' = factor factor', for a block-diagonal factor.

        Found from the factor itself, not from its square, so directions at exactly zero stay there.
        """
        lam = np.zeros_like(factor)
        for start, size in zip(self.starts, self.sizes, strict=True):
            block = slice(start, start + size)
            lower = np.asarray(np.linalg.qr(factor[block, block].T, mode="r")).T
            lower = np.tril(lower * np.where(np.diagonal(lower) < 0, -1.0, 1.0))
            reach = np.linalg.norm(lower, axis=1, keepdims=True)
            lam[block, block] = np.where(np.abs(lower) > 1e-12 * reach, lower, 0.0)
        return lam

    def symmetric(self, entries: Array) -> Array:
        """Symmetric matrix (q, q) of its free entries."""
        return np.reshape(entries @ self.basis, (self.q, self.q))

    def symmetric_slope(self, entries: Array) -> Array:
        """Symmetric S (q, q) with <S, D> = entries . (free entries of D), zero outside blocks."""
        halved = np.where(self.on_diagonal, entries, entries / 2)
        return self.symmetric(halved)

    def trace_form(self, by_pairs: Array) -> Array:
        """(t, t) sums over groups of tr(E_i A E_l B).

        Parameters
        ----------
        by_pairs : (s, s) sums over groups of vech(B) vech(A)' for symmetric A and B, both over
            `all_row`, `all_col`
        """
        q = self.q
        tensor = by_pairs[self.place[:, :, None, None], self.place[None, None, :, :]]  # B_da A_bc
        middle = tensor.transpose(1, 2, 3, 0).reshape(q * q, q * q)  # [(a, b), (c, d)]
        return self.basis @ middle @ self.basis.T

    def factor_jacobian(self, lam: Array) -> Array:
        """(t, t) derivative of the free entries of D = Lam Lam' in those of Lam."""
        t, q = len(self.row), self.q
        half = np.zeros((t, q, q))
        half[np.arange(t), self.row] = lam[:, self.col].T
        return (half + half.transpose(0, 2, 1))[:, self.row, self.col].T

    def factor_curvature(self, slope: Array) -> Array:
        """(t, t) second derivatives of <slope, Lam Lam'> in the free entries of Lam."""
        same_column = np.equal.outer(self.col, self.col).astype(np.float64)
        return 2 * slope[np.ix_(self.row, self.row)] * same_column

    def congruence(self, U: Array) -> Array:
        """(t, t) matrix of D -> U D U' on free entries, for U with the same blocks."""
        q = self.q
        moved = U @ self.basis.reshape(-1, q, q) @ U.T
        return moved[:, self.row, self.col].T


@lru_cache(maxsize=64)
def pairs(sizes: tuple[int, ...], kinds: tuple[Kind, ...] = ()) -> Pairs:
    """The index machinery of block sizes, made once per shape."""
    row: list[int] = []
    col: list[int] = []
    start = 0
    for size in sizes:
        for c in range(start, start + size):
            for r in range(c, start + size):
                row.append(r)
                col.append(c)
        start += size
    q, t = start, len(row)
    basis = np.zeros((t, q, q))
    basis[np.arange(t), row, col] = basis[np.arange(t), col, row] = 1.0
    all_row, all_col = np.tril_indices(q)
    place = np.empty((q, q), dtype=np.intp)
    place[all_row, all_col] = place[all_col, all_row] = np.arange(len(all_row))
    flat = basis.reshape(t, q * q)
    return Pairs(sizes, np.array(row), np.array(col), flat, all_row, all_col, place, kinds)


def block_diagonal(parts: Sequence[Array]) -> Array:
    """The square matrices on the diagonal of one (q, q) matrix."""
    q = sum(len(part) for part in parts)
    out, start = np.zeros((q, q)), 0
    for part in parts:
        stop = start + len(part)
        out[start:stop, start:stop] = part
        start = stop
    return out


def semidefinite_factor(D: Array) -> Array:
    """Lower-triangular Lam with Lam Lam' = D for a positive semi-definite D; exact zeros stay zero.

    >>> semidefinite_factor(np.array([[4.0, 2.0], [2.0, 1.0]])).tolist()
    [[2.0, 0.0], [1.0, 0.0]]
    """
    q = len(D)
    lam = np.zeros((q, q))
    rest = D.copy()
    for j in range(q):
        if rest[j, j] > 1e-13 * D[j, j]:  # own scale: effects may differ by 1e12 in their units
            lam[j:, j] = rest[j:, j] / np.sqrt(rest[j, j])
            rest[j:, j:] -= np.outer(lam[j:, j], lam[j:, j])
    return lam
