"""A start from moments: the variances that equate sums of squares with their expectations.

With M = I - X(X'WX)^-1X'W and u = Z'W M y, the expectations of u'E_i u and of y'W M y are linear in
sigma^2 and the free entries of sigma^2 D (`start`; MINQUE(0), searle1992 ch. 11). One pass over the
blocks, no factorisation: a small part of an evaluation of the deviance when factors are crossed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.estimate.blocks import Blocks
from echelon.estimate.deviance import Curvature
from echelon.linalg.symmetric import Pairs
from echelon.linalg.triangular import cholesky, inverse

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Expectations:
    """Sums of squares and what they are expected to be when D = 0.

    Attributes
    ----------
    rho2 : y'W M y, on n - p degrees of freedom
    score : (t,) u'E_i u;  slope : (t,) tr(E_i A);  trace : (t, t) tr(E_i A E_l A), A = Z'W M Z
    """

    rho2: float
    score: Array
    slope: Array
    trace: Array


def expectations(blocks: Blocks, cross: Array) -> Expectations | None:
    """The sums of squares of a model; None when the fixed effects reproduce the response.

    Parameters
    ----------
    cross : (k, k) [X y]'W[X y]
    """
    L = cholesky(cross)
    if L is None or not L[-1, -1] > 0:
        return None
    solve = inverse(L)
    solve[-1] *= L[-1, -1]
    B = [np.einsum("xk,akj->axj", solve, f.ZtV) for f in blocks.factors]  # Z'W[X L^-T, M y]
    entries = [(int(i), f) for f in range(len(blocks.factors)) for i in blocks.entries(f)]
    E = {i: _local(blocks, i, f) for i, f in entries}
    t = len(entries)
    score, slope, trace = np.empty(t), np.empty(t), np.empty((t, t))
    for i, f in entries:
        gram = np.einsum("axj,ab,byj->xy", B[f], E[i], B[f], optimize=True)
        score[i] = gram[-1, -1]
        slope[i] = np.vdot(E[i], blocks.factors[f].ZtZ.sum(axis=2)) - np.trace(gram[:-1, :-1])
    grams, moved = _through_M(blocks, B, entries, E)
    for i, f in entries:
        for l, g in entries:
            inside = np.einsum("axj,ab,bxj->", B[f][:, :-1], E[i], moved[l][f], optimize=True)
            trace[i, l] = _squares(blocks, f, g, E[i], E[l]) - 2 * inside
            trace[i, l] += np.vdot(grams[i], grams[l])
    return Expectations(float(L[-1, -1] ** 2), score, slope, (trace + trace.T) / 2)


def equated(
    shape: Pairs, df: int, rho2: float, known: Curvature | Expectations, d: Array | float = 0.0
) -> Array | None:
    """The relative covariance that equates quadratic forms at D = d with their expectations.

    None where that would need a residual variance of nearly nothing.
    """
    d = np.zeros(len(known.slope)) + d
    with_one = known.slope - known.trace @ d  # tr(P P V_i), because P V0 P = P
    corner = df - d @ known.slope - d @ with_one
    system = np.block([[np.array([[corner]]), with_one[None]], [with_one[:, None], known.trace]])
    target = np.concatenate([[rho2 - d @ known.score], known.score])
    try:
        variances = np.linalg.solve(system, target)
    except np.linalg.LinAlgError:
        return None
    if not np.isfinite(variances).all() or variances[0] <= 1e-3 * rho2 / df:
        return None
    D = shape.symmetric(variances[1:] / variances[0])
    values, vectors = np.linalg.eigh(D)
    floor = tolerances.SCORING_FLOOR * max(values[-1], 1e-4)
    D = (vectors * np.maximum(values, floor)) @ vectors.T
    return shape.symmetric(shape.free(D))


def _local(blocks: Blocks, i: int, factor: int) -> Array:
    """E_i on the effects of its factor."""
    part, q = blocks.parts[factor], blocks.pairs.q
    own: Array = blocks.pairs.basis[i].reshape(q, q)[part, part]
    return own


def _through_M(
    blocks: Blocks, B: list[Array], entries: list[tuple[int, int]], E: dict[int, Array]
) -> tuple[dict[int, Array], dict[int, list[Array]]]:
    """B'E_i B (p, p), and Z'WZ E_l B by factor."""
    grams, moved = {}, {}
    for l, g in entries:
        U = np.einsum("ab,bxj->axj", E[l], B[g][:, :-1])
        grams[l] = np.tensordot(B[g][:, :-1], U, ((0, 2), (0, 2)))
        moved[l] = [_times(blocks, f, g, U) for f in range(len(blocks.factors))]
    return grams, moved


def _times(blocks: Blocks, f: int, g: int, U: Array) -> Array:
    """Z_f'W Z_g U, (q_f, p, J_f), for U (q_g, p, J_g)."""
    if f == g:
        within: Array = np.einsum("abj,bxj->axj", blocks.factors[f].ZtZ, U)
        return within
    block = blocks.crossing(f, g)
    out = np.zeros((blocks.factors[f].q, U.shape[1], blocks.factors[f].J))
    for a in range(len(out)):
        for x in range(U.shape[1]):
            weight = np.einsum("bm,bm->m", block.blocks[a], U[:, x, block.col])
            out[a, x] = np.bincount(block.row, weight, out.shape[2])
    return out


def _squares(blocks: Blocks, f: int, g: int, E: Array, G: Array) -> float:
    """tr(E_i M_fg E_l M_gf), M = Z'WZ."""
    M = blocks.factors[f].ZtZ if f == g else blocks.crossing(f, g).blocks
    flat = M.reshape(M.shape[0] * M.shape[1], -1)
    tensor = (flat @ flat.T).reshape(*M.shape[:2], *M.shape[:2])  # M_ac M_bd
    return float(np.einsum("ba,acbd,cd->", E, tensor, G, optimize=True))
