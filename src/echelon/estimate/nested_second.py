"""Exact second derivatives of nested factors: every front carries the derivatives of its matrix.

A parameter is eliminated with the level it belongs to. Take P = [-w; I]. For the derivative
A_i = [M_i N_i; N_i' S_i] of a front in a parameter of a finer level let Y_i be the first rows of
A_i P, and for a parameter of the level itself let X_i = E_i G. The front of the parent receives
(`nested-jets`; liu1992)

    first   P'A_i P                               -G'E_i G
    second  P'A_il P - Y_i'W Y_l - Y_l'W Y_i      X_i'K X_l + X_l'K X_i      -X_i'R Y_l - Y_l'R'X_i

and the log-determinant (`nested-logdet`)

    first   tr W M_i                              tr K E_i
    second  tr W M_il - tr W M_i W M_l            -tr K E_i K E_l            tr R M_l R'E_i

where the columns are two finer parameters, two of the level itself, and one of each. Quadratic
forms need no derivatives: see `quadratic_forms`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from echelon.estimate.forms import trace_form
from echelon.estimate.nested_fronts import Front, to_parents
from echelon.estimate.nested_tree import Level, Piece
from echelon.linalg.products import Parts, lower, parts, times, transposed

Array = NDArray[np.float64]


class Jets(NamedTuple):
    """Derivatives of a front's packed matrix in the parameters of finer levels.

    Attributes
    ----------
    first : (t, m, J);  second : (t (t + 1) / 2, m, J) pairs i >= l row by row
    """

    first: Array
    second: Array


class LogDeterminant(NamedTuple):
    """Derivatives of a piece's log-determinant, parameters from the finest level to the coarsest.

    Attributes
    ----------
    slope : (t,);  curve : (t, t)
    """

    slope: Array
    curve: Array


def log_determinant(piece: Piece, at: Sequence[Front], bases: Sequence[Array]) -> LogDeterminant:
    """Exact derivatives. Cost O(J (t q p)^2) at each level.

    Parameters
    ----------
    bases : matrices E (t_l, q, q) of the free entries of each level
    """
    t = sum(len(E) for E in bases)
    slope, curve = np.zeros(t), np.zeros((t, t))
    jets: Jets | None = None
    done = 0
    for level, front, E in zip(piece, at, bases, strict=True):
        early, own = slice(0, done), slice(done, done + len(E))
        slope[own] = np.einsum("iab,ab->i", E, front.K.sum(axis=2))
        curve[own, own] = -trace_form(E, front.K, front.K)
        if jets is not None:
            places = parts(level.q, level.p)
            M = jets.first[:, places.own]
            WM = times(front.W, M)
            slope[early] += np.einsum("iaaj->i", WM)
            curve[early, early] += _pairwise(_second_trace(jets, places, front.W), done)
            curve[early, early] -= _gram(WM, WM.swapaxes(1, 2))
            moved = times(times(front.R, M), transposed(front.R)).sum(axis=3)
            curve[own, early] = np.einsum("iab,lab->il", E, moved)
            curve[early, own] = curve[own, early].T
        if level.p:
            jets = _carried(level, front, E, jets)
        done = own.stop
    return LogDeterminant(slope, curve)


def _second_trace(jets: Jets, places: Parts, W: Array) -> Array:
    """(s,) sums over groups of tr(W M_il)."""
    second: Array = jets.second[:, places.own].reshape(len(jets.second), -1) @ W.ravel()
    return second


def _pairwise(values: Array, t: int) -> Array:
    """Symmetric (t, t) matrix of its lower triangle, row by row."""
    out = np.empty((t, t))
    row, col = np.tril_indices(t)
    out[row, col] = out[col, row] = values
    return out


def _gram(A: Array, B: Array) -> Array:
    """(t, u) inner products of A (t, ...) and B (u, ...)."""
    product: Array = A.reshape(len(A), -1) @ B.reshape(len(B), -1).T
    return product


def _carried(level: Level, front: Front, E: Array, jets: Jets | None) -> Jets:
    """Derivatives of what is added to the fronts of the parents."""
    X = np.tensordot(E, front.G, 1)
    first = [-lower(front.G, X)]
    left, right_early, right_own = [X], [], [times(front.K, X)]
    if jets is not None:
        Y, S = _projected(level, front, jets.first)
        first.insert(0, S)
        left.insert(0, Y)
        right_early = [-times(front.W, Y)]
        right_own.insert(0, -times(front.R, Y))
    factors = np.concatenate(left)
    t, early = len(factors), len(factors) - len(E)
    total = to_parents(level, np.concatenate(first))
    second = np.empty((t * (t + 1) // 2, *total.shape[1:]))
    if jets is not None:
        kept = _projected(level, front, jets.second)[1]
    of_early = np.concatenate(right_early) if right_early else factors
    of_own = np.concatenate(right_own)
    for i in range(t):
        pairs = slice(i * (i + 1) // 2, (i + 1) * (i + 2) // 2)
        right = (of_early if i < early else of_own)[: i + 1]
        value = lower(factors[i], right) + lower(right, factors[i])
        second[pairs] = to_parents(level, value + kept[pairs] if i < early else value)
    return Jets(total, second)


def _projected(level: Level, front: Front, packed: Array) -> tuple[Array, Array]:
    """Y = N - M w (t, q, p, J) and P'A P (t, p (p + 1) / 2, J) for symmetric A."""
    places = parts(level.q, level.p)
    N = packed[:, places.border]
    Y = N - times(packed[:, places.own], front.w)
    return Y, packed[:, places.rest] - lower(N, front.w) - lower(front.w, Y)


class QuadraticForms(NamedTuple):
    """Sums over a piece of v'E_i K E_l v, parameters from the finest level to the coarsest.

    Attributes
    ----------
    last : (t, t) for the last column of v;  others : (t, t) summed over the other columns
    """

    last: Array
    others: Array


def quadratic_forms(
    piece: Piece, at: Sequence[Front], bases: Sequence[Array], columns: Sequence[Array]
) -> QuadraticForms:
    """s_i'V0^-1 s_l for s_i = Z E_i v, by updating V0^-1 level by level (`nested-forms`).

    Before a level is eliminated c_i = Z_j'V^-1 s_i for parameters of finer levels; u_i = E_i v for
    its own. Eliminating it takes c_i'W c_l from the form, and adds u_i'R c_l and u_i'K u_l.

    Parameters
    ----------
    columns : v (q, r, J) of each level
    """
    t = sum(len(E) for E in bases)
    last, others = np.zeros((t, t)), np.zeros((t, t))
    carried: Array | None = None
    done = 0
    for level, front, E, v in zip(piece, at, bases, columns, strict=True):
        early, own = slice(0, done), slice(done, done + len(E))
        u = np.tensordot(E, v, 1)
        rest = times(transposed(front.G), u)
        last[own, own] += trace_form(E, front.K, v[:, None, -1] * v[None, :, -1])
        if v.shape[1] > 1:
            outer = np.einsum("arj,brj->abj", v[:, :-1], v[:, :-1])
            others[own, own] += trace_form(E, front.K, outer)
        if carried is not None:
            c = carried[:, : level.q]
            Wc, Rc = times(front.W, c), times(front.R, c)
            for form, of in ((last, slice(-1, None)), (others, slice(0, -1))):
                form[early, early] -= _gram(c[:, :, of], Wc[:, :, of])
                form[own, early] = _gram(u[:, :, of], Rc[:, :, of])
                form[early, own] = form[own, early].T
            left = carried[:, level.q :] - times(transposed(front.w), c)
            rest = np.concatenate([left, rest])
        if level.p:
            carried = to_parents(level, rest)
        done = own.stop
    return QuadraticForms(last, others)


def form(piece: Piece, at: Sequence[Front], columns: Sequence[Array]) -> Array:
    """(r, r) U'K U over a piece, by the same recursion for one vector of all levels.

    Parameters
    ----------
    columns : U (q, r, J) of each level
    """
    r = columns[0].shape[1]
    total = np.zeros((r, r))
    carried: Array | None = None
    for level, front, u in zip(piece, at, columns, strict=True):
        rest = times(transposed(front.G), u)
        seen = times(front.K, u) / 2
        if carried is not None:
            c = carried[: level.q]
            seen += times(front.R, c)
            total -= _inner(c, times(front.W, c)) / 2
            rest += carried[level.q :] - times(transposed(front.w), c)
        total += _inner(u, seen)
        if level.p:
            carried = to_parents(level, rest)
    return total + total.T


def _inner(A: Array, B: Array) -> Array:
    """(r, r) sums over groups of A'B, for A, B (q, r, J)."""
    product: Array = sum((a @ b.T for a, b in zip(A[1:], B[1:], strict=True)), start=A[0] @ B[0].T)
    return product
