"""Exact second derivatives of several factors: log-determinant by the Schur complement, quadratic
forms by applying K = Z'V0^-1 Z.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.estimate.engine import Second

if TYPE_CHECKING:
    from echelon.estimate.crossed import CrossedSweep

Array = NDArray[np.float64]


def second(sweep: CrossedSweep, solve: Array, reml: bool) -> Second:
    """First and second derivatives in the free entries of D, in the order of the formula."""
    slope, trace = _log_determinant(sweep)
    gram, quadratic, mixed = _quadratic_forms(sweep, solve, reml)
    return Second(slope, trace, gram, quadratic, mixed)


def _entries(sweep: CrossedSweep, factor: int) -> tuple[NDArray[np.intp], Array]:
    """Numbers (t_f,) of a factor's free entries and their matrices E (t_f, q_f, q_f)."""
    blocks = sweep.engine.blocks
    numbers, part, q = blocks.entries(factor), blocks.parts[factor], blocks.pairs.q
    E = blocks.pairs.basis[numbers].reshape(-1, q, q)[:, part, part]
    return numbers, np.ascontiguousarray(E)


# --- log-determinant ------------------------------------------------------------------------


def _log_determinant(sweep: CrossedSweep) -> tuple[Array, Array]:
    engine, core = sweep.engine, sweep.engine.core
    t = len(engine.blocks.pairs.row)
    slope, trace = np.zeros(t), np.zeros((t, t))
    R2, K22 = _rest(sweep)
    own, E0 = _entries(sweep, engine.first)
    R, K = sweep.at.R, sweep.at.K
    seen = engine.border.sampled(sweep.W2)
    Q = np.einsum("abj,bcj,dcj->adj", R, seen, R, optimize=True)
    slope[own] = np.einsum("iab,ab->i", E0, (K - Q).sum(axis=2))
    trace[np.ix_(own, own)] = _trace_form(E0, K, K) - 2 * _trace_form(E0, K, Q)
    moved = [_moved(sweep, R2, E) for E in E0]  # R_2 S_i
    _own_second(sweep, moved, own, trace)
    for g in core.starts:
        at, E = _entries(sweep, g)
        slope[at] = np.einsum("iab,abj->i", E, core.diagonal_blocks(K22)[g])
        for i, X in zip(own, moved, strict=True):
            change = _own_blocks(X, R2, core.rows(g), core.q[g])  # of R_2 S_i R_2'
            trace[i, at] = trace[at, i] = -np.einsum("lab,ab->l", E, change)
        for h in core.starts:
            there, G = _entries(sweep, h)
            trace[np.ix_(at, there)] = _block_form(
                E, G, K22[core.rows(g), core.rows(h)], core.q[g], core.q[h]
            )
    return slope, (trace + trace.T) / 2


def _rest(sweep: CrossedSweep) -> tuple[Array, Array]:
    """R_2 = (I + S D_2)^-1 and K_22 = R_2 S.

    From H^-1 where Lam can be divided by; otherwise by products.
    """
    core = sweep.engine.core
    lams = core.lams(sweep.lam)
    if all(_smallest(part) > tolerances.DIVIDE for part in lams.values()):
        inverses = {g: _inverse(part).T for g, part in lams.items()}
        half = core.left(inverses, sweep.Hinv)  # Lam^-T H^-1
        R2 = core.left(lams, np.ascontiguousarray(half.T)).T
        gap = -sweep.Hinv
        gap[np.diag_indices_from(gap)] += 1.0
        K22 = core.left(inverses, np.ascontiguousarray(core.left(inverses, gap).T))
        return R2, K22
    R2 = -sweep.S @ sweep.W2
    R2[np.diag_indices_from(R2)] += 1.0
    K22 = R2 @ sweep.S
    return R2, (K22 + K22.T) / 2


def _inverse(lam: Array) -> Array:
    return np.asarray(np.linalg.inv(lam), dtype=np.float64)


def _smallest(lam: Array) -> float:
    return float(np.linalg.svd(lam, compute_uv=False)[-1])


def _moved(sweep: CrossedSweep, R2: Array, E: Array) -> Array:
    """R_2 S_i, with S_i = -N'R'E_i R N the change of the Schur complement."""
    R = sweep.at.R
    A = np.einsum("baj,bc,cdj->adj", R, E, R, optimize=True)
    product: Array = R2 @ sweep.engine.border.gram(-A)
    return product


def _own_second(
    sweep: CrossedSweep, moved: list[Array], own: NDArray[np.intp], trace: Array
) -> None:
    """tr(W_2 S_i W_2 S_l) of the eliminated factor's entries, with W_2 S_i = D_2 R_2 S_i."""
    core = sweep.engine.core
    D2 = {g: part @ part.T for g, part in core.lams(sweep.lam).items()}
    T = [core.left(D2, X) for X in moved]
    for a, i in enumerate(own):
        for b, l in enumerate(own[: a + 1]):
            value = float(np.einsum("xy,yx->", T[a], T[b]))
            trace[i, l] += value
            if i != l:
                trace[l, i] += value


def _own_blocks(X: Array, R2: Array, rows: slice, q: int) -> Array:
    """(q, q) sum of the groups' own blocks of X R_2'."""
    x, r = X[rows].reshape(-1, q, X.shape[1]), R2[rows].reshape(-1, q, R2.shape[1])
    found: Array = np.einsum("jax,jbx->ab", x, r, optimize=q > 1)
    return found


def _block_form(E: Array, G: Array, K: Array, q: int, r: int) -> Array:
    """(t_g, t_h) sums over pairs of groups of tr(E_i K_jk G_l K_jk')."""
    blocks = K.reshape(K.shape[0] // q, q, K.shape[1] // r, r).transpose(1, 3, 0, 2)
    flat = np.ascontiguousarray(blocks).reshape(q * r, -1)
    tensor = (flat @ flat.T).reshape(q, r, q, r)  # [a, c, b, d] = sum K_ac K_bd
    form: Array = np.einsum("iba,acbd,lcd->il", E, tensor, G, optimize=True)
    return form


def _trace_form(E: Array, A: Array, B: Array) -> Array:
    """(t, t) sums over groups of tr(E_i A_j E_l B_j), for A, B (q, q, J) symmetric."""
    q = len(A)
    tensor = (A.reshape(q * q, -1) @ B.reshape(q * q, -1).T).reshape(q, q, q, q)  # A_bc B_da
    form: Array = np.einsum("iab,bcda,lcd->il", E, tensor, E, optimize=True)
    return (form + form.T) / 2


# --- quadratic forms ------------------------------------------------------------------------


def _quadratic_forms(
    sweep: CrossedSweep, solve: Array, reml: bool
) -> tuple[Array, Array, Array | None]:
    """[T e]'E_i[T e], e'E_i K E_l e, and its sum over the columns of T."""
    engine, core = sweep.engine, sweep.engine.core
    t, k = len(engine.blocks.pairs.row), len(solve)
    TE0, TE2 = sweep.F[0] @ solve.T, sweep.F[1] @ solve.T
    columns = slice(0 if reml else k - 1, k)
    gram, quad = np.empty((t, k, k)), np.empty((t, t, k))
    left: dict[int, tuple[int, Array]] = {}
    for f in range(len(engine.blocks.factors)):
        own = f == engine.first
        V = TE0 if own else TE2[core.rows(f)].reshape(core.J[f], core.q[f], k).transpose(1, 0, 2)
        for i, E in zip(*_entries(sweep, f), strict=True):
            EV = np.tensordot(E, V, 1)
            gram[i] = np.tensordot(V, EV, ((0, 1), (0, 1)))
            left[int(i)] = (f, EV[:, :, columns])
    for l, (f, EV) in left.items():
        U0, U2 = np.zeros_like(TE0[:, :, columns]), np.zeros_like(TE2[:, columns])
        if f == engine.first:
            U0 = EV
        else:
            U2[core.rows(f)] = EV.transpose(1, 0, 2).reshape(-1, EV.shape[2])
        K0, K2 = sweep.apply_K(U0, U2)
        for i, (g, EW) in left.items():
            if g == engine.first:
                quad[i, l, columns] = np.einsum("ajx,ajx->x", EW, K0)
            else:
                KU = K2[core.rows(g)].reshape(core.J[g], core.q[g], -1)
                quad[i, l, columns] = np.einsum("ajx,jax->x", EW, KU)
    mixed = quad[:, :, :-1].sum(axis=2) if reml else None
    return gram, quad[:, :, -1], mixed
