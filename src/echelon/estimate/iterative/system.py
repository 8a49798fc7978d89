"""Several factors as one sparse system: the largest apart, the others in one sparse matrix.

Effect a of group j of a factor is row j q + a of that factor's vectors; the other factors follow
each other in the core. Nothing here is dense but vectors (`iterative-schur` of
docs/theory/iterative.md).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from echelon.estimate.blocks import Blocks, CrossBlocks

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class System:
    """Z'WZ of all factors, sparse.

    Attributes
    ----------
    blocks : the model's blocks
    first : the factor that is eliminated, the one with most effects
    starts : first row of each other factor in the core
    n : effects of the other factors, the order of the core
    N : (J q, n) Z_first'W Z_others
    M : (n, n) Z_others'W Z_others
    own : (J, q, q) Z_first'W Z_first
    C0, C2 : (J q, k) and (n, k) Z'W[X y] of the eliminated factor and of the others
    """

    blocks: Blocks
    first: int
    starts: dict[int, int]
    n: int
    N: csr_array
    M: csr_array
    own: Array
    C0: Array
    C2: Array

    def rows(self, g: int) -> slice:
        """The rows of a factor of the core."""
        return slice(self.starts[g], self.starts[g] + self.effects(g))

    def effects(self, f: int) -> int:
        """Effects of a factor."""
        return self.blocks.factors[f].q * self.blocks.factors[f].J

    def part(self, f: int, F0: Array, F2: Array) -> Array:
        """(J_f, q_f, r) a factor's share of a vector (J q, r), (n, r)."""
        own = F0 if f == self.first else F2[self.rows(f)]
        return own.reshape(self.blocks.factors[f].J, self.blocks.factors[f].q, -1)

    def whole(self, f: int, U: Array) -> tuple[Array, Array]:
        """The vector (J q, r), (n, r) that is U (J_f, q_f, r) on factor f and zero elsewhere."""
        r = U.shape[2]
        U0, U2 = np.zeros((len(self.C0), r)), np.zeros((self.n, r))
        if f == self.first:
            U0 = U.reshape(-1, r)
        else:
            U2[self.rows(f)] = U.reshape(-1, r)
        return U0, U2

    def times(self, f: int, U: Array) -> tuple[Array, Array]:
        """Z'W Z_f U as (J q, r), (n, r), for U (J_f, q_f, r)."""
        flat = U.reshape(-1, U.shape[2])
        if f == self.first:
            return each(self.own, flat), self.N.T @ flat
        U2 = self.whole(f, U)[1]
        return self.N @ U2, self.M @ U2

    def met(self, g: int) -> CrossBlocks:
        """The blocks of the eliminated factor (rows) and factor g (columns), in stored order."""
        for c in self.blocks.crossings:
            if (c.first, c.second) == (self.first, g):
                return c
            if (c.first, c.second) == (g, self.first):
                return CrossBlocks(self.first, g, c.col, c.row, c.blocks.transpose(1, 0, 2))
        raise LookupError(f"no crossing of factors {self.first} and {g}")


def each(A: Array, U: Array) -> Array:
    """A_j U_j of every group, for A (J, q, q) or one (q, q), and U (J q, r)."""
    q = A.shape[-1]
    if q == 1:
        return (A[0, 0] if A.ndim == 2 else A.reshape(-1, 1)) * U
    product: Array = np.matmul(A, U.reshape(-1, q, U.shape[1])).reshape(U.shape)
    return product


def system(blocks: Blocks) -> System:
    """Lay the blocks out; O(pairs of groups that share rows) time and memory."""
    factors = blocks.factors
    sizes = [f.q * f.J for f in factors]
    first = int(np.argmax(sizes))
    starts, n = {}, 0
    for g in range(len(factors)):
        if g != first:
            starts[g] = n
            n += sizes[g]
    flat = [f.ZtV.transpose(2, 0, 1).reshape(f.q * f.J, -1) for f in factors]
    bare = System(
        blocks,
        first,
        starts,
        n,
        csr_array((sizes[first], n)),
        csr_array((n, n)),
        np.ascontiguousarray(factors[first].ZtZ.transpose(2, 0, 1)),
        np.ascontiguousarray(flat[first]),
        np.concatenate([flat[g] for g in starts]),
    )
    return replace(bare, N=_border(bare, sizes[first]), M=_core(bare))


_Entries = tuple[NDArray[np.int32], NDArray[np.int32], Array]


def _entries(block: CrossBlocks, row: int, col: int) -> _Entries:
    """Rows, columns and values of a block that starts at (row, col)."""
    q, r, m = block.blocks.shape
    shape = (m, q, r)
    rows = (row + q * block.row)[:, None, None] + np.arange(q)[:, None]
    cols = (col + r * block.col)[:, None, None] + np.arange(r)
    return (
        np.broadcast_to(rows, shape).ravel().astype(np.int32),
        np.broadcast_to(cols, shape).ravel().astype(np.int32),
        np.ascontiguousarray(block.blocks.transpose(2, 0, 1)).ravel(),
    )


def _sparse(entries: list[_Entries], shape: tuple[int, int]) -> csr_array:
    row, col, values = (np.concatenate(part) for part in zip(*entries, strict=True))
    return csr_array(coo_array((values, (row, col)), shape=shape).tocsr())


def _border(bare: System, rows: int) -> csr_array:
    entries = [_entries(bare.met(g), 0, start) for g, start in bare.starts.items()]
    return _sparse(entries, (rows, bare.n))


def _core(bare: System) -> csr_array:
    """Own blocks on the diagonal; the crossings of the other factors, both triangles."""
    entries = []
    for g, start in bare.starts.items():
        every = np.arange(bare.blocks.factors[g].J)
        own = CrossBlocks(g, g, every, every, bare.blocks.factors[g].ZtZ)
        entries.append(_entries(own, start, start))
    for c in bare.blocks.crossings:
        if bare.first not in (c.first, c.second):
            row, col, values = _entries(c, bare.starts[c.first], bare.starts[c.second])
            entries += [(row, col, values), (col, row, values)]
    return _sparse(entries, (bare.n, bare.n))
