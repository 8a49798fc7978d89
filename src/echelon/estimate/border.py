"""The border N = Z_0'W Z_rest of the eliminated factor: three ways to multiply with it.

Which one is used is a matter of cost alone. *Pairs*: for each group of the eliminated factor the
list of pairs of columns that meet in it is made once, and each product N'A N is then one sparse
matrix-vector product. *Dense*: blocks of rows are filled in and multiplied by BLAS. *Sparse*: a
sparse product, for borders too large and too thin for both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dsyrk
from scipy.sparse import coo_array, csr_array, triu

from echelon import tolerances
from echelon.linalg.threads import threaded

Array = NDArray[np.float64]
Strategy = Literal["pairs", "dense", "sparse"]


@dataclass(frozen=True, slots=True, eq=False)
class PairLists:
    """Pairs of columns i <= j that meet in a group, by cell (i, j) that any group fills.

    Attributes
    ----------
    cells : (u,) numbers i n + j of the cells
    of : (a, b) -> sparse (u, J), what a group contributes to each cell by an effect pair
    """

    cells: NDArray[np.intp]
    of: dict[tuple[int, int], csr_array]


@dataclass(frozen=True, slots=True, eq=False)
class Border:
    """N as one sparse (J, n) matrix an effect of the eliminated factor, all with one pattern.

    Attributes
    ----------
    rows : q matrices (J, n);  columns : their transposes (n, J) by rows
    strategy : how products with weights are formed
    lists : the pairs, for strategy "pairs"
    """

    rows: tuple[csr_array, ...]
    columns: tuple[csr_array, ...]
    strategy: Strategy
    lists: PairLists | None

    @property
    def q(self) -> int:
        """Effects of the eliminated factor."""
        return len(self.rows)

    @property
    def n(self) -> int:
        """Effects of all other factors."""
        return int(self.rows[0].shape[1])

    def times(self, U: Array) -> Array:
        """N U, (q, J, r), for U (n, r)."""
        return np.stack([N @ U for N in self.rows])

    def transposed(self, V: Array) -> Array:
        """N'V, (n, r), for V (q, J, r)."""
        out: Array = self.columns[0] @ V[0]
        for N, v in zip(self.columns[1:], V[1:], strict=True):
            out = out + N @ v
        return out

    def gram(self, A: Array) -> Array:
        """Sum over groups of N_j'A_j N_j, (n, n), for symmetric A (q, q, J): the upper triangle
        above zeros.
        """
        if self.strategy == "pairs":
            return self._gram_pairs(A)
        return self._gram_dense(A) if self.strategy == "dense" else self._gram_sparse(A)

    def sampled(self, W: Array) -> Array:
        """N_j W N_j' of every group, (q, q, J), for symmetric W (n, n)."""
        if self.lists is None:
            return self._sampled_dense(W)
        out = np.empty((self.q, self.q, self.rows[0].shape[0]))
        met = W.ravel()[self.lists.cells]
        met[self.lists.cells % (self.n + 1) == 0] *= 0.5
        for (a, b), matrix in self.lists.of.items():
            out[a, b] = out[b, a] = (2 if a == b else 1) * (matrix.T @ met)
        return out

    def _gram_pairs(self, A: Array) -> Array:
        assert self.lists is not None
        upper = np.zeros(self.n * self.n)
        upper[self.lists.cells] = sum(matrix @ A[ab] for ab, matrix in self.lists.of.items())
        return upper.reshape(self.n, self.n)

    def _gram_dense(self, A: Array) -> Array:
        if self.q == 1:
            return self._gram_one(A[0, 0])
        out = np.zeros((self.n, self.n))
        for block in self._blocks():
            N = [rows[block].toarray() for rows in self.rows]
            for a in range(self.q):
                weighted = sum(A[a, b, block, None] * N[b] for b in range(self.q))
                out += N[a].T @ weighted
        return np.triu(out)

    def _gram_one(self, weight: Array) -> Array:
        """One effect: a symmetric rank-k update; weights of one sign."""
        sign = -1.0 if weight.min() < 0 else 1.0
        root = np.sqrt(sign * weight)
        out = np.zeros((self.n, self.n), order="F")
        for block in self._blocks():
            N = self.rows[0][block].toarray()
            N *= root[block, None]
            with threaded(self.n, tolerances.THREADED_PRODUCT):
                out = dsyrk(sign, N.T, beta=1.0, c=out, lower=1, overwrite_c=1)
        return np.asarray(out.T, dtype=np.float64)

    def _gram_sparse(self, A: Array) -> Array:
        total = None
        for a in range(self.q):
            weighted = sum(self.rows[b].multiply(A[a, b][:, None]) for b in range(self.q))
            product = self.columns[a] @ csr_array(weighted)
            total = product if total is None else total + product
        assert total is not None
        return np.asarray(triu(total).toarray(), dtype=np.float64)

    def _sampled_dense(self, W: Array) -> Array:
        J = self.rows[0].shape[0]
        out = np.empty((self.q, self.q, J))
        for block in self._blocks():
            N = [rows[block] for rows in self.rows]
            dense = [part.toarray() for part in N]
            for a in range(self.q):
                product = dense[a] @ W if self.strategy == "dense" else N[a] @ W
                for b in range(a + 1):
                    out[a, b, block] = np.einsum("ij,ij->i", product, dense[b])
                    out[b, a, block] = out[a, b, block]
        return out

    def _blocks(self) -> list[slice]:
        J = self.rows[0].shape[0]
        size = max(64, tolerances.BORDER_BLOCK // self.n)
        return [slice(a, min(a + size, J)) for a in range(0, J, size)]


def border(rows: tuple[csr_array, ...]) -> Border:
    """Prepare a border: choose the cheapest strategy and make the pair lists it needs.

    Parameters
    ----------
    rows : one (J, n) matrix an effect, in canonical format and with one common pattern
    """
    J, n = rows[0].shape
    q = len(rows)
    met = np.diff(rows[0].indptr).astype(np.int64)
    pairs = int((met * (met + 1) // 2).sum()) * q * (q + 1) // 2
    dense_seconds = 2.0 * J * q * n * n / tolerances.DENSE_FLOPS
    pair_seconds = pairs * tolerances.PAIR_SECONDS
    strategy: Strategy = "sparse"
    if pairs <= tolerances.MAX_PAIRS and pair_seconds < dense_seconds:
        strategy = "pairs"
    elif (
        dense_seconds < tolerances.CHEAP_BORDER
        or rows[0].nnz * n * tolerances.SPARSE_SECONDS > dense_seconds
    ):
        strategy = "dense"
    lists = _pair_lists(rows) if strategy == "pairs" else None
    return Border(rows, tuple(csr_array(N.T) for N in rows), strategy, lists)


def _pair_lists(rows: tuple[csr_array, ...]) -> PairLists:
    """All pairs (i <= j) of a group's columns, groups of equal length handled together."""
    J, n = rows[0].shape
    start, index = rows[0].indptr.astype(np.int64), rows[0].indices.astype(np.int64)
    met = np.diff(start)
    out_start = np.concatenate([[0], np.cumsum(met * (met + 1) // 2)])
    cell = np.empty(out_start[-1], dtype=np.int32 if n * n < 2**31 else np.int64)
    effects = [(a, b) for a in range(len(rows)) for b in range(a + 1)]
    values = {ab: np.empty(out_start[-1]) for ab in effects}
    for length in np.unique(met[met > 0]):
        upper_i, upper_j = np.triu_indices(length)
        groups = np.flatnonzero(met == length)
        chunk = max(1, tolerances.PAIR_CHUNK // len(upper_i))
        for at in range(0, len(groups), chunk):
            some = groups[at : at + chunk]
            i, j = start[some][:, None] + upper_i, start[some][:, None] + upper_j
            to = out_start[some][:, None] + np.arange(len(upper_i))
            cell[to] = index[i] * n + index[j]
            for a, b in effects:
                u, v = rows[a].data, rows[b].data
                values[a, b][to] = u[i] * v[j] if a == b else u[i] * v[j] + v[i] * u[j]
    group = np.repeat(np.arange(J, dtype=np.int32), np.diff(out_start))
    found = {
        ab: coo_array((v, (cell, group)), shape=(n * n, J)).tocsr() for ab, v in values.items()
    }
    any_ab = found[0, 0]
    cells = np.flatnonzero(np.diff(any_ab.indptr))
    pointer = np.append(any_ab.indptr[cells], any_ab.indptr[-1])
    shape = (len(cells), J)
    return PairLists(
        cells, {ab: csr_array((m.data, m.indices, pointer), shape=shape) for ab, m in found.items()}
    )
