"""The profiled deviance of R responses at R covariance factors, with exact derivatives.

The formulas are those of `estimate/deviance.py`; entries are (..., R), vectorised over groups and
responses, and what belongs to the design alone enters by matrix products (`batch-sums`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.estimate.batch.layout import Layout, class_sums
from echelon.estimate.batch.responses import LocalResponses
from echelon.linalg.stacked import cholesky, gram, lower_inverse

Array = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Evaluations:
    """The deviance of R responses, each at its own covariance.

    Attributes
    ----------
    value : (R,) deviance, nan where it does not exist
    F : (q, q, R) factor of D
    D : (t, R) free entries of D
    rho2 : (R,) y'Py
    beta : (p, R), Xinv : (p, p, R) inverse of X'V0^-1 X, both in orthonormal columns
    slope, score : (t, R);  trace, quadratic : (t, t, R), as in `Curvature`
    """

    value: Array
    F: Array
    D: Array
    rho2: Array
    beta: Array
    Xinv: Array
    slope: Array
    score: Array
    trace: Array
    quadratic: Array

    def take(self, which: Places | NDArray[np.bool_]) -> Evaluations:
        """Some of the responses."""
        return Evaluations(*(getattr(self, name)[..., which] for name in Evaluations.__slots__))

    def put(self, which: Places, new: Evaluations) -> None:
        """Overwrite some of the responses, in place: the state of a search."""
        for name in Evaluations.__slots__:
            getattr(self, name)[..., which] = getattr(new, name)


def evaluate(design: Layout, given: LocalResponses, F: Array, reml: bool) -> Evaluations:
    """Deviance and derivatives in the free entries of D.

    Parameters
    ----------
    F : (q, q, R) any factor of D, block diagonal
    """
    shape, p = design.pairs, design.p
    D = np.einsum("ibr,ibr->ir", F[shape.row], F[shape.col])
    P, logdet = _inverses(design, D, F)
    P_kept = _to_kept(design, P)
    XX = _fixed_sums(design, P) + design.within[:, :, None]
    u = _symmetric_times(design, P_kept, given.h)
    Xy = given.Xy + _fixed_times(design, u)
    yy = given.yy + np.einsum("agr,agr->r", given.h, u)
    if given.rest is not None:
        yy = yy + np.einsum("s,sbr,sbr->r", _twice(design), P, given.rest)
    L = cholesky(_bordered(XX, Xy, yy))
    root = lower_inverse(L[:p, :p])
    Xinv = gram(root)
    beta = np.einsum("lxr,lr->xr", root, L[p, :p])
    rho2 = L[p, p] ** 2  # as a difference of products it would lose digits where y has many
    df = design.n - p if reml else design.n
    value = logdet - design.log_weight + df * (1 + np.log(2 * np.pi * rho2 / df))
    if reml:
        value = value + 2 * np.log(np.einsum("xxr->xr", L)[:p]).sum(axis=0)
        value -= 2 * np.log(np.diagonal(design.to_orthonormal)).sum()
    e = _symmetric_times(design, P_kept, given.h - _fixed_at(design, beta))
    slope, score, trace, quadratic = _curvature(design, given, (P, P_kept, e), Xinv, reml)
    return Evaluations(value, F, D, rho2, beta, Xinv, slope, score, trace, quadratic)


def spread_gradient(design: Layout, at: Evaluations) -> Array:
    """(t, p, p, R) derivative of `Xinv` in the free entries of D: Xinv X'V0^-1 V_i V0^-1 X Xinv."""
    P, _ = _inverses(design, at.D, at.F)
    slope = _fixed_derivatives(design, P, at.Xinv)
    return np.asarray(np.einsum("ixyr,yzr->ixzr", slope, at.Xinv))


def _bordered(XX: Array, Xy: Array, yy: Array) -> Array:
    """(p + 1, p + 1, R) cross-products of [X y]."""
    p = len(XX)
    A = np.empty((p + 1, p + 1, len(yy)))
    A[:p, :p], A[p, :p], A[:p, p], A[p, p] = XX, Xy, Xy, yy
    return A


def _twice(design: Layout) -> Array:
    """(s,) how often an entry of the lower triangle counts in a sum over the whole matrix."""
    return np.where(design.pairs.all_row == design.pairs.all_col, 1.0, 2.0)


def _to_kept(design: Layout, by_class: Array) -> Array:
    """From classes to the groups that are kept."""
    if design.classes.rotations is None:
        return by_class
    return by_class[:, design.classes.of_kept]


def _inverses(design: Layout, D: Array, F: Array) -> tuple[Array, Array]:
    """P_j (s, B, R), lower triangles of (I + N'D N)^-1, and sum of log|I + N'D N| (R,)."""
    s, B, t = design.moved.shape
    H = (design.moved.reshape(s * B, t) @ D).reshape(s, B, -1)
    on = design.pairs.all_row == design.pairs.all_col
    if design.q == 2:
        det_D = (F[0, 0] * F[1, 1] - F[0, 1] * F[1, 0]) ** 2
        det = 1.0 + H[0] + H[2] + design.det_M[:, None] * det_D
        P = np.stack([(1.0 + H[2]) / det, -H[1] / det, (1.0 + H[0]) / det])
        return P, design.classes.count @ np.log(det)
    H[on] += 1.0
    if design.q == 1:
        return 1.0 / H, design.classes.count @ np.log(H[0])
    full = H[design.pairs.place]
    L = cholesky(full.reshape(design.q, design.q, -1))
    P = gram(lower_inverse(L))[design.pairs.all_row, design.pairs.all_col].reshape(H.shape)
    logs = 2 * np.log(np.einsum("aar->ar", L)).sum(axis=0).reshape(B, -1)
    return P, design.classes.count @ logs


def _fixed_sums(design: Layout, P: Array) -> Array:
    """(p, p, R) sum over the kept groups of h_X'P h_X."""
    p = design.p
    return (design.XX.reshape(p * p, -1) @ P.reshape(-1, P.shape[2])).reshape(p, p, -1)


def _fixed_times(design: Layout, v: Array) -> Array:
    """(p, R) sum over the kept groups of h_X'v, v (q, G, R)."""
    flat = design.HX.transpose(1, 0, 2).reshape(design.p, -1)
    total: Array = flat @ v.reshape(-1, v.shape[2])
    return total


def _fixed_at(design: Layout, beta: Array) -> Array:
    """(q, G, R) h_X beta."""
    fitted: Array = np.matmul(design.HX.transpose(0, 2, 1), beta)
    return fitted


def _symmetric_times(design: Layout, S: Array, v: Array) -> Array:
    """(q, G, R) S v, S by its lower triangle."""
    place, q = design.pairs.place, design.q
    out = np.empty(np.broadcast_shapes(v.shape, (1, *S.shape[1:])))
    for a in range(q):
        np.multiply(S[place[a, 0]], v[0], out=out[a])
        for b in range(1, q):
            out[a] += S[place[a, b]] * v[b]
    return out


def _between(design: Layout, S: Array, A: Array) -> Array:
    """Lower triangles (s, B, R) of S A S for symmetric S and A, by their lower triangles."""
    place, q = design.pairs.place, design.q
    shape = np.broadcast_shapes(S.shape[1:], A.shape[1:])
    half, out = np.zeros((q, q, *shape)), np.zeros((len(S), *shape))
    for a in range(q):
        for c in range(q):
            for b in range(q):
                half[a, c] += S[place[a, b]] * A[place[b, c]]
    for i, (a, b) in enumerate(zip(design.pairs.all_row, design.pairs.all_col, strict=True)):
        for c in range(q):
            out[i] += half[a, c] * S[place[c, b]]
    return out


def _outward(design: Layout, A: Array) -> Array:
    """Lower triangles (s, B, R) of N A N' for symmetric A: back to the effects' own coordinates."""
    shape, N, q = design.pairs, design.N, design.q
    if q == 1:
        return np.asarray((N[0, 0] ** 2)[:, None] * A)
    out = []
    for r, c in zip(shape.all_row, shape.all_col, strict=True):
        total = np.zeros(A.shape[1:])
        for i, (a, b) in enumerate(zip(shape.all_row, shape.all_col, strict=True)):
            twice = N[r, b] * N[c, a] if a != b else 0.0
            total += (N[r, a] * N[c, b] + twice)[:, None] * A[i]
        out.append(total)
    return np.stack(out)


def _curvature(
    design: Layout,
    given: LocalResponses,
    groups: tuple[Array, Array, Array],
    Xinv: Array,
    reml: bool,
) -> tuple[Array, Array, Array, Array]:
    """slope, score, trace and quadratic of `Curvature`."""
    P, P_kept, e = groups
    shape, count = design.pairs, design.classes.count
    row, col, at = shape.all_row, shape.all_col, shape.place[shape.row, shape.col]
    weight = np.where(shape.on_diagonal, 1.0, 2.0)[:, None]
    ee = _class_sums(design, e[row] * e[col])
    if given.rest is not None:
        ee = ee + _between(design, P, given.rest)
    ee, K = _outward(design, ee), _outward(design, P)
    cross = np.stack([_fixed_times(design, v) for v in _directions(design, P_kept, e)])
    taken = np.einsum("ixr,lxr->ilr", np.einsum("ixr,xyr->iyr", cross, Xinv), cross)
    quadratic = _form(design, ee, K) - taken
    counted = count[:, None] * K
    slope, trace = counted.sum(axis=1)[at], _form(design, counted, K)
    if reml:
        T = _outward(design, _between(design, P, _fixed_spread(design, Xinv)))
        fixed = _fixed_derivatives(design, P, Xinv)
        slope = slope - T.sum(axis=1)[at]
        trace = trace - 2 * _form(design, T, K) + np.einsum("ixyr,lyxr->ilr", fixed, fixed)
    return weight * slope, weight * ee.sum(axis=1)[at], trace, quadratic


def _class_sums(design: Layout, by_group: Array) -> Array:
    """Sums over the kept groups of each class of (s, G, R)."""
    if design.classes.rotations is None:
        return by_group
    sums = class_sums(design.classes, by_group.transpose(0, 2, 1))
    return np.swapaxes(sums, 1, 2)


def _form(design: Layout, A: Array, K: Array) -> Array:
    """(t, t, R) sum over classes of tr(E_i K E_l A), symmetric in i and l."""
    s, t = len(A), len(design.pairs.row)
    by_pairs = np.einsum("xbr,ybr->xyr", A, K).reshape(s * s, -1)
    form: Array = (design.forms @ by_pairs).reshape(t, t, -1)
    return (form + form.transpose(1, 0, 2)) / 2


def _directions(design: Layout, P: Array, e: Array) -> list[Array]:
    """P N'E_i N e (q, G, R) for each free entry i of D."""
    kept = design.classes.of_kept
    moved = design.moved if design.classes.rotations is None else design.moved[:, kept]
    out = []
    for i in range(moved.shape[2]):
        turned = _symmetric_times(design, np.ascontiguousarray(moved[:, :, i, None]), e)
        out.append(_symmetric_times(design, P, turned))
    return out


def _fixed_spread(design: Layout, Xinv: Array) -> Array:
    """(s, B, R) class sums of h_X Xinv h_X'."""
    p = design.p
    flat = design.XX.reshape(p * p, -1).T @ Xinv.reshape(p * p, -1)
    spread: Array = flat.reshape(len(design.pairs.all_row), -1, Xinv.shape[2])
    return spread / _twice(design)[:, None, None]


def _fixed_derivatives(design: Layout, P: Array, Xinv: Array) -> Array:
    """(t, p, p, R) Xinv times X'V0^-1 V_i V0^-1 X."""
    out = []
    for i in range(design.moved.shape[2]):
        inner = _between(design, P, np.ascontiguousarray(design.moved[:, :, i, None]))
        out.append(np.einsum("xyr,yzr->xzr", Xinv, _fixed_sums(design, inner)))
    return np.stack(out)
