"""Exact second derivatives of several factors: log-determinant by the Schur complement, quadratic
forms by applying K = Z'V0^-1 Z.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.estimate.engine import Second
from echelon.estimate.forms import combined, entries, square_root, trace_form

if TYPE_CHECKING:
    from echelon.estimate.crossed import CrossedSweep

Array = NDArray[np.float64]


def second(sweep: CrossedSweep, solve: Array, reml: bool) -> Second:
    """First and second derivatives in the free entries of D, in the order of the formula."""
    slope, trace = _log_determinant(sweep)
    gram, quadratic, mixed = _quadratic_forms(sweep, solve, reml)
    return Second(slope, trace, gram, quadratic, mixed)


# --- log-determinant ------------------------------------------------------------------------


def _log_determinant(sweep: CrossedSweep) -> tuple[Array, Array]:
    engine, core = sweep.engine, sweep.engine.core
    t = len(engine.blocks.pairs.row)
    slope, trace = np.zeros(t), np.zeros((t, t))
    R, K = sweep.at.R, sweep.at.K
    own, E0 = entries(sweep.engine.blocks, engine.first)
    changes = [engine.border.gram(_change(R, E)) for E in E0]
    first = _one_effect if len(K) == 1 else _several_effects
    seen, form = first(sweep, E0, changes[0])
    slope[own] = np.einsum("iab,ab->i", E0, K.sum(axis=2) - seen)
    trace[np.ix_(own, own)] = trace_form(E0, K, K) - 2 * form
    parts = sweep.rest.derivatives(changes)
    _add_products(parts.inner, own, trace)
    for g in core.starts:
        at, E = entries(sweep.engine.blocks, g)
        E = parts.backs[g].T @ E @ parts.backs[g]
        slope[at] = np.einsum("iab,abj->i", E, core.diagonal_blocks(parts.K)[g])
        for i, X in zip(own, parts.left, strict=True):
            change = _own_blocks(X, parts.right, core.rows(g), core.q[g])
            trace[i, at] = trace[at, i] = -np.einsum("lab,ab->l", E, change)
        for h in core.starts:
            there, G = entries(sweep.engine.blocks, h)
            G = parts.backs[h].T @ G @ parts.backs[h]
            trace[np.ix_(at, there)] = _block_form(
                E, G, parts.K[core.rows(g), core.rows(h)], core.q[g], core.q[h]
            )
    return slope, (trace + trace.T) / 2


def _several_effects(sweep: CrossedSweep, E: Array, _: Array) -> tuple[Array, Array]:
    """Sum of Q_j = R_j N_j W_2 N_j'R_j', and the sums of tr(E_i K_j E_l Q_j)."""
    R = sweep.at.R
    seen = sweep.engine.border.sampled(sweep.rest.W())
    Q = np.einsum("abj,bcj,dcj->adj", R, seen, R, optimize=True)
    return Q.sum(axis=2), trace_form(E, sweep.at.K, Q)


def _one_effect(sweep: CrossedSweep, _: Array, change: Array) -> tuple[Array, Array]:
    """The same for one effect: sums of w_j N_j W_2 N_j' are inner products of W_2 and N'wN."""
    R, K = sweep.at.R, sweep.at.K
    W = sweep.rest.W()
    weighted = sweep.engine.border.gram(K * R * R)
    return np.array([[_inner(W, change)]]), np.array([[_inner(W, weighted)]])


def _inner(A: Array, upper: Array) -> float:
    """tr(A B) for symmetric A and B, B as an upper triangle above zeros."""
    twice = 2 * float(np.vdot(A, upper))
    return twice - float(np.diagonal(A) @ np.diagonal(upper))


def _change(R: Array, E: Array) -> Array:
    """R'E R by group, (q, q, J): the change of W in one entry of D."""
    if len(R) == 1:
        squares: Array = E[0, 0] * R * R
        return squares
    change: Array = np.einsum("baj,bc,cdj->adj", R, E, R, optimize=True)
    return change


def _add_products(T: list[Array], own: NDArray[np.intp], trace: Array) -> None:
    """Add tr(T_i T_l) to the entries of the eliminated factor."""
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
    moved: list[tuple[int, int, Array]] = []  # entry, factor, E_i [T e]
    for f in range(len(engine.blocks.factors)):
        own = f == engine.first
        V = TE0 if own else TE2[core.rows(f)].reshape(core.J[f], core.q[f], k).transpose(1, 0, 2)
        for i, E in zip(*entries(sweep.engine.blocks, f), strict=True):
            EV = np.tensordot(E, V, 1)
            gram[i] = np.tensordot(V, EV, ((0, 1), (0, 1)))
            moved.append((int(i), f, EV[:, :, columns]))
    width = TE0[0, :1, columns].shape[1]
    at_once = max(1, tolerances.VECTOR_BLOCK // (width * (TE0[..., 0].size + core.n)))
    for start in range(0, t, at_once):
        some = moved[start : start + at_once]
        K0, K2 = sweep.apply_K(*_side_by_side(sweep, some, width))
        for place, (l, _, _) in enumerate(some):
            part = slice(place * width, (place + 1) * width)
            for i, g, EW in moved:
                if g == engine.first:
                    quad[i, l, columns] = np.einsum("ajx,ajx->x", EW, K0[:, :, part])
                else:
                    KU = K2[core.rows(g), part].reshape(core.J[g], core.q[g], width)
                    quad[i, l, columns] = np.einsum("ajx,jax->x", EW, KU)
    mixed = quad[:, :, :-1].sum(axis=2) if reml else None
    return gram, quad[:, :, -1], mixed


def mixed(sweep: CrossedSweep, solve: Array, weights: Array) -> Array:
    """(p, p) sum over i and l of weights_il T'E_i K E_l T, by a square root of the weights."""
    engine, core = sweep.engine, sweep.engine.core
    T0, T2 = sweep.F[0] @ solve[:-1].T, sweep.F[1] @ solve[:-1].T
    total = np.zeros((T2.shape[1],) * 2)
    for root in square_root(weights):
        E = {f: combined(engine.blocks, f, root) for f in range(len(engine.blocks.factors))}
        U0, U2 = np.tensordot(E[engine.first], T0, 1), core.left(E, T2)
        K0, K2 = sweep.apply_K(U0, U2)
        total += np.tensordot(U0, K0, ((0, 1), (0, 1))) + U2.T @ K2
    return (total + total.T) / 2


def _side_by_side(
    sweep: CrossedSweep, moved: list[tuple[int, int, Array]], width: int
) -> tuple[Array, Array]:
    """Vectors of several entries as columns, zero in the factors an entry does not belong to."""
    engine, core = sweep.engine, sweep.engine.core
    U0 = np.zeros((*sweep.F[0].shape[:2], width * len(moved)))
    U2 = np.zeros((core.n, width * len(moved)))
    for place, (_, f, EV) in enumerate(moved):
        part = slice(place * width, (place + 1) * width)
        if f == engine.first:
            U0[:, :, part] = EV
        else:
            U2[core.rows(f), part] = EV.transpose(1, 0, 2).reshape(-1, width)
    return U0, U2
