"""Any number of grouping factors: the largest is eliminated group by group, the rest is dense.

With M = Z'WZ in blocks, factor 0 eliminated and `2` the others (`crossed`; bates2015):

    R = (I + M_00 D_0)^-1   W = D_0 R   K = R M_00     by group of factor 0
    S = M_22 - N'W N        N = M_02                   Schur complement
    H = I + Lam'S Lam = L L'                           Lam of the other factors
    W_2 = Lam H^-1 Lam'     R_2 = I - S W_2            K_22 = R_2 S

and log|I + M D| = sum log|I + M_00 D_0| + log|H|. S depends on D_0: S_i = -N'R'E_i R N. First and
second derivatives of the log-determinant follow exactly from S_i, W_2 and R_2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dpotri
from scipy.sparse import csr_array

from echelon import tolerances
from echelon.errors import TooLarge
from echelon.estimate.blocks import Blocks
from echelon.estimate.border import Border, border
from echelon.estimate.core import Core, core_of
from echelon.estimate.engine import FactorEffects, Second
from echelon.estimate.rest import Rest, smallest
from echelon.linalg.batched import Resolvent, resolvent
from echelon.linalg.dense import mirror
from echelon.linalg.threads import threaded

Array = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Crossed:
    """The engine of several factors in any relation.

    Attributes
    ----------
    blocks : the model's blocks
    first : the factor that is eliminated, the one with most effects
    core : where the effects of the other factors are in the dense part, and their M_22
    border : N = Z_first'W Z_others
    ZtV : [Z_first'W[X y] (q, J, k), Z_others'W[X y] (n, k)]
    """

    blocks: Blocks
    first: int
    core: Core
    border: Border
    ZtV: tuple[Array, Array]
    name: str = "crossed"

    @classmethod
    def of(cls, blocks: Blocks) -> Crossed:
        """Prepare the engine.

        Raises
        ------
        TooLarge : the dense part does not fit in memory
        """
        effects = [f.q * f.J for f in blocks.factors]
        first = int(np.argmax(effects))
        size = sum(effects) - effects[first]
        if size > tolerances.MAX_CORE:
            raise TooLarge(
                f"The factors besides the largest have {size:,} effects; the exact method needs a "
                f"dense matrix of that order and stops at {tolerances.MAX_CORE:,}. Use "
                'method="iterative": fixed effects as exact, variances and likelihood with '
                "Monte Carlo errors that it reports."
            )
        core = core_of(blocks, first)
        C0 = np.ascontiguousarray(blocks.factors[first].ZtV.transpose(0, 2, 1))
        return cls(
            blocks,
            first,
            core,
            border(_border_rows(blocks, first, core)),
            (C0, core.flat([f.ZtV for f in blocks.factors])),
        )

    @property
    def sizes(self) -> tuple[tuple[str, int], ...]:
        """Order of the dense part, entries of the border, pairs listed."""
        lists = self.border.lists
        return (
            ("order of the dense part", self.core.n),
            ("pairs of groups", int(self.border.rows[0].nnz)),
            *((("pairs of pairs", int(lists.of[0, 0].nnz)),) if lists is not None else ()),
        )

    def sweep(self, lam: Array) -> CrossedSweep:
        """Eliminate factor `first`, factor the rest."""
        part = self.blocks.parts[self.first]
        at = resolvent(self.blocks.factors[self.first].ZtZ, lam[part, part])
        S = self.border.gram(-at.W)
        S += self.core.M
        lams = self.core.lams(lam)
        H = self.core.between({g: part.T for g, part in lams.items()}, S)
        H[np.diag_indices_from(H)] += 1.0
        with threaded(self.core.n, tolerances.THREADED_FACTOR):
            L, info = dpotrf(H.T if H.flags.c_contiguous else H, lower=1, clean=0, overwrite_a=1)
        if info != 0:
            raise np.linalg.LinAlgError("I + Lam'S Lam is not positive definite")
        logdet = float(at.logdet.sum()) + 2 * float(np.log(np.diagonal(L)).sum())
        with threaded(self.core.n, tolerances.THREADED_FACTOR):
            Hinv = mirror(dpotri(L, lower=1, overwrite_c=1)[0]).T
        regular = all(smallest(part) > tolerances.DIVIDE for part in lams.values())
        rest = Rest(self.core, lams, S, Hinv, regular)
        C0, C2 = self.ZtV
        F0, F2, taken = _solve(self.border, at, rest, C0, C2)
        return CrossedSweep(self, at, rest, (F0, F2), logdet, (taken + taken.T) / 2)


def _border_rows(blocks: Blocks, first: int, core: Core) -> tuple[csr_array, ...]:
    """N, one matrix an effect of the eliminated factor."""
    row, col, values = [], [], []
    q, J = blocks.factors[first].q, blocks.factors[first].J
    for g, start in core.starts.items():
        block, size = blocks.crossing(first, g), blocks.factors[g].q
        for b in range(size):
            row.append(block.row)
            col.append(start + block.col * size + b)
            values.append(block.blocks[:, b])
    rows, cols, data = np.concatenate(row), np.concatenate(col), np.concatenate(values, axis=1)
    shape = (J, core.n)
    order = csr_array((np.arange(len(rows)), (rows, cols)), shape=shape)  # a counting sort
    order.sort_indices()
    return tuple(
        csr_array((data[a][order.data], order.indices, order.indptr), shape=shape) for a in range(q)
    )


@dataclass(frozen=True, slots=True, eq=False)
class CrossedSweep:
    """Several factors at one covariance factor.

    Attributes
    ----------
    at : R, K, W of the eliminated factor's groups
    rest : the other factors after the elimination
    F : Z'V0^-1[X y] of the eliminated factor (q, J, k) and of the others (n, k)
    """

    engine: Crossed
    at: Resolvent
    rest: Rest
    F: tuple[Array, Array]
    logdet: float
    explained: Array

    def second(self, solve: Array, reml: bool) -> Second:
        """Exact first and second derivatives."""
        from echelon.estimate.crossed_second import second

        return second(self, solve, reml)

    def mixed(self, solve: Array, weights: Array) -> Array:
        """U'K U for a few combinations U of the E_i T."""
        from echelon.estimate.crossed_second import mixed

        return mixed(self, solve, weights)

    def apply_K(self, U0: Array, U2: Array) -> tuple[Array, Array]:
        """Z'V0^-1 Z u for u of the eliminated factor (q, J, r) and of the others (n, r)."""
        engine = self.engine
        M0 = engine.blocks.factors[engine.first].ZtZ
        C0 = _rotate(M0, U0) + engine.border.times(U2)
        C2 = engine.border.transposed(U0) + engine.core.M @ U2
        F0, F2, _ = _solve(engine.border, self.at, self.rest, C0, C2)
        return F0, F2

    def between(self, f: int, g: int, j: Places, k: Places) -> Array:
        """Conditional covariances of pairs of groups."""
        from echelon.estimate.crossed_pairs import between

        return between(self, f, g, j, k)

    def effects(self) -> tuple[FactorEffects, ...]:
        """F and the conditional covariance of every group."""
        engine, core = self.engine, self.engine.core
        found = dict(core.split(self.F[1]))
        W2 = self.rest.W()
        spread = dict(core.diagonal_blocks(W2))
        seen = engine.border.sampled(W2)
        W = self.at.W
        found[engine.first] = self.F[0].transpose(0, 2, 1)
        spread[engine.first] = W + np.einsum("abj,bcj,cdj->adj", W, seen, W)
        return tuple(
            FactorEffects(np.ascontiguousarray(found[f]), spread[f])
            for f in range(len(engine.blocks.factors))
        )


def _solve(
    N: Border, at: Resolvent, rest: Rest, C0: Array, C2: Array
) -> tuple[Array, Array, Array]:
    """Z'V0^-1 v for C = Z'W v, and what the groups take from v'W v."""
    WC = _rotate(at.W, C0)
    left = C2 - N.transposed(WC)
    x, F2 = rest.solve(left)
    F0 = _rotate(at.R, C0 - N.times(x))
    taken = np.tensordot(C0, WC, ((0, 1), (0, 1))) + left.T @ x
    return F0, F2, taken


def _rotate(R: Array, C: Array) -> Array:
    """R_j C_j for every group: R (q, q, J), C (q, J, r)."""
    return np.stack(
        [
            sum((R[a, b][:, None] * C[b] for b in range(1, len(C))), start=R[a, 0][:, None] * C[0])
            for a in range(len(R))
        ]
    )
