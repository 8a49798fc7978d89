"""One grouping factor: sums over its groups at given relative covariance, the only loop over them.

For group j, with M = Z'WZ and C = Z'W[X y]:

    R = (I + M D)^-1    K = R M = Z'V0^-1 Z    F = R C = Z'V0^-1 [X y]

(`one-factor`; bates2015). Everything is vectorised over groups, in blocks that stay in cache.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.estimate.blocks import Blocks
from echelon.estimate.engine import FactorEffects, Second
from echelon.linalg.batched import resolvent

Array = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class GroupSums:
    """What one pass over the groups leaves.

    Attributes
    ----------
    logdet : sum_j log|I + M_j D|
    explained : (k, k) sum_j C_j' W_j C_j with W = D R, what the groups take from [X y]'W[X y]
    K : (q, q) sum_j K_j
    FF : (q, k, q, k) sum_j of outer products of F_j
    K_each, W_each : (s, J) lower triangles of K_j and W_j;  F_each : (q, k, J)
    """

    logdet: float
    explained: Array
    K: Array
    FF: Array
    K_each: Array
    W_each: Array
    F_each: Array


def group_sums(blocks: Blocks, lam: Array) -> GroupSums:
    """One pass over the groups. Cost O(J (q k)^2), memory O(J q k)."""
    ZtZ, ZtV, shape = blocks.factors[0].ZtZ, blocks.factors[0].ZtV, blocks.pairs
    q, k, J = ZtV.shape
    K_each, W_each = np.empty((len(shape.all_row), J)), np.empty((len(shape.all_row), J))
    F_each, G = np.empty((q, k, J)), np.empty((q, k, min(J, tolerances.GROUP_BLOCK)))
    explained, FF, logdet = np.zeros((k, k)), np.zeros((q * k, q * k)), 0.0
    for block in _blocks(J):
        at = resolvent(ZtZ[:, :, block], lam)
        logdet += float(at.logdet.sum())
        C, F = ZtV[:, :, block], F_each[:, :, block]
        WC = G[:, :, : C.shape[2]]
        _rotate(at.R, C, F)
        _rotate(at.W, C, WC)
        for a in range(q):
            explained += C[a] @ WC[a].T
        flat = F_each.reshape(q * k, J)[:, block]
        FF += flat @ flat.T
        K_each[:, block] = at.K[shape.all_row, shape.all_col]
        W_each[:, block] = at.W[shape.all_row, shape.all_col]
    K_sum = K_each.sum(axis=1)[shape.place]
    return GroupSums(logdet, explained, K_sum, FF.reshape(q, k, q, k), K_each, W_each, F_each)


def _blocks(J: int) -> list[slice]:
    size = tolerances.GROUP_BLOCK
    return [slice(a, min(a + size, J)) for a in range(0, J, size)]


def _rotate(R: Array, C: Array, out: Array) -> None:
    """out[a] = sum_b R[a, b] C[b] for every group."""
    q = len(R)
    for a in range(q):
        np.multiply(C[0], R[a, 0], out=out[a])
        for b in range(1, q):
            out[a] += C[b] * R[a, b]


@dataclass(frozen=True, slots=True, eq=False)
class SecondSums:
    """Sums over groups of products of K_j, e_j e_j' and T_j T_j', for second derivatives.

    Attributes
    ----------
    KK, eK, TK : (s, s) sums of outer products of lower triangles: K with K, e e' with K, and the
        sum over fixed effects of T T' with K
    """

    KK: Array
    eK: Array
    TK: Array


def second_sums(blocks: Blocks, sums: GroupSums, solve: Array, reml: bool) -> SecondSums:
    """Second pass: F_j in orthonormal fixed-effect coordinates T_j and residuals e_j.

    Parameters
    ----------
    solve : (k, k) rows that turn F into [T; e]
    """
    shape = blocks.pairs
    s, p = len(shape.all_row), len(solve) - 1
    row, col = shape.all_row, shape.all_col
    eK, TK = np.zeros((s, s)), np.zeros((s, s))
    for block in _blocks(blocks.factors[0].J):
        F, K = sums.F_each[:, :, block], sums.K_each[:, block]
        T = np.matmul(solve if reml else solve[p:], F)
        e = T[:, -1]
        eK += (e[row] * e[col]) @ K.T
        if reml:
            outer = np.stack(
                [np.einsum("pj,pj->j", T[a, :p], T[b, :p]) for a, b in zip(row, col, strict=True)]
            )
            TK += outer @ K.T
    return SecondSums(sums.K_each @ sums.K_each.T, eK, TK)


@dataclass(frozen=True, slots=True, eq=False)
class OneFactor:
    """The engine of one grouping factor."""

    blocks: Blocks
    name: str = "one factor"

    @property
    def sizes(self) -> tuple[tuple[str, int], ...]:
        """Nothing but the groups' blocks."""
        return ()

    def sweep(self, lam: Array) -> OneFactorSweep:
        """One pass over the groups."""
        return OneFactorSweep(self.blocks, group_sums(self.blocks, lam))


@dataclass(frozen=True, slots=True, eq=False)
class OneFactorSweep:
    """One grouping factor at one covariance factor."""

    blocks: Blocks
    sums: GroupSums

    @property
    def logdet(self) -> float:
        """log|I + Z'WZ D|."""
        return self.sums.logdet

    @property
    def explained(self) -> Array:
        """(k, k) what the groups take from [X y]'W[X y]."""
        return self.sums.explained

    def second(self, solve: Array, reml: bool) -> Second:
        """Sums of products over groups, contracted with the free entries of D."""
        shape, k, q = self.blocks.pairs, len(solve), self.blocks.factors[0].q
        gram = np.matmul(solve, self.sums.FF.reshape(q, k, q * k)).reshape(q * k * q, k) @ solve.T
        by_effects = np.ascontiguousarray(gram.reshape(q, k, q, k).transpose(0, 2, 1, 3))
        sums = second_sums(self.blocks, self.sums, solve, reml)
        return Second(
            slope=shape.basis @ self.sums.K.ravel(),
            trace=shape.trace_form(sums.KK),
            gram=(shape.basis @ by_effects.reshape(q * q, k * k)).reshape(-1, k, k),
            quadratic=shape.trace_form(sums.eK),
            mixed=shape.trace_form(sums.TK) if reml else None,
        )

    def mixed(self, solve: Array, weights: Array) -> Array:
        """T_j'B_j T_j over groups, with B_j = sum of weights_il E_i K_j E_l."""
        shape, (q, k, J) = self.blocks.pairs, self.sums.F_each.shape
        E = shape.basis.reshape(-1, q, q)
        form = np.einsum("il,iab,lcd->adbc", weights, E, E, optimize=True).reshape(q, q, -1)
        gather = np.zeros((q * q, len(shape.all_row)))
        gather[np.arange(q * q), shape.place.ravel()] = 1.0
        by_entry = form @ gather
        total = np.zeros((k - 1, k - 1))
        for block in _blocks(J):
            T = np.matmul(solve[:-1], self.sums.F_each[:, :, block])
            B = by_entry @ self.sums.K_each[:, block]
            for a in range(q):
                total += T[a] @ np.einsum("dj,dpj->pj", B[a], T).T
        return (total + total.T) / 2

    def effects(self) -> tuple[FactorEffects, ...]:
        """The groups' F and W."""
        place = self.blocks.pairs.place
        return (FactorEffects(self.sums.F_each, self.sums.W_each[place]),)

    def between(self, f: int, g: int, j: Places, k: Places) -> Array:
        """Conditional covariances of pairs of groups: two different ones share nothing."""
        own = self.sums.W_each[self.blocks.pairs.place][:, :, j]
        return np.where(j == k, own, 0.0)
