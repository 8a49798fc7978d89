"""One grouping factor laid out for many responses: everything that does not depend on them.

In coordinates N_j with M_j = N_j N_j', the group's part of y is c_j = N_j h_j, and

    H_j = I + N_j'D N_j    P_j = H_j^-1
    A = A_within + sum_j h_j'P_j h_j    log|V0| = sum_j log|H_j| - sum_i log w_i

(`batch-coordinates`, `batch-sums`): sums of positive terms, which lose no digits. Groups with the
same M_j share P_j and form a class, inside which they may be rotated into one another; only as
many are kept as the fixed columns need (`batch-classes`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.estimate.problem import Problem
from echelon.linalg.symmetric import Pairs
from echelon.linalg.triangular import inverse

Array = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Classes:
    """Groups with the same M_j.

    Attributes
    ----------
    of_group : (J,) class of each group
    count : (B,) groups in each
    rotations : per class (n_b, r_b), orthonormal columns that span what the fixed columns need;
        None when every group is its own class
    of_kept : (G,) class of each group that is kept, in increasing order
    """

    of_group: Places
    count: Array
    rotations: tuple[Array, ...] | None
    of_kept: Places


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """What an evaluation needs of the design; s = q (q + 1) / 2 entries of a lower triangle.

    Attributes
    ----------
    n, p, log_weight : as in `Problem`
    pairs : free entries of D
    classes : groups with the same M_j
    N, inverse_N : (q, q, B) M = N N' and N = U S, inverse_N = U / S, zero for null directions
    det_M : (B,) determinants of M
    moved : (s, B, t) lower triangles of N'E_i N
    HX : (q, p, G) h of the fixed columns
    XX : (p, p, s * B) class sums of h h' of the fixed columns, off-diagonal entries doubled
    within : (p, p) A_within of the fixed columns
    to_orthonormal : (p, p) X_working @ to_orthonormal has X'WX = I, the columns used here
    forms : (t * t, s * s) what makes tr(E_i A E_l B) of vech(B) vech(A)'
    """

    n: int
    p: int
    log_weight: float
    pairs: Pairs
    classes: Classes
    N: Array
    inverse_N: Array
    det_M: Array
    moved: Array
    HX: Array
    XX: Array
    within: Array
    to_orthonormal: Array
    forms: Array

    @property
    def q(self) -> int:
        """Effects a group."""
        return self.pairs.q

    @property
    def cells(self) -> int:
        """Groups and classes to go through for one response."""
        return max(int(self.HX.shape[2]), len(self.classes.count))


def layout(problem: Problem) -> Layout:
    """Lay out a problem of one grouping factor. Cost O(J (q p)^2)."""
    factor, p, shape = problem.blocks.factors[0], problem.p, problem.pairs
    of_group, count = _same(factor.ZtZ)
    M = np.zeros((*factor.ZtZ.shape[:2], len(count)))
    M[:, :, of_group] = factor.ZtZ  # one of each class stands for all
    N, inverse_N = _roots(M)
    orthonormal = inverse(np.linalg.cholesky(problem.cross[:p, :p]).astype(np.float64)).T
    C = np.einsum("axj,xy->ayj", factor.ZtV[:, :p], orthonormal)
    HX = np.einsum("caj,cyj->ayj", inverse_N[:, :, of_group], C)
    classes, HX = _rotate_classes(of_group, count, HX)
    row, col = shape.all_row, shape.all_col
    by_group = HX[row][:, :, None] * HX[col][:, None]
    by_group = (by_group + by_group.transpose(0, 2, 1, 3)) / np.where(row == col, 2.0, 1.0)[
        :, None, None, None
    ]
    XX = class_sums(classes, by_group).transpose(1, 2, 0, 3)
    within = np.eye(p) - np.einsum("axj,ayj->xy", HX, HX)
    E = shape.basis.reshape(-1, shape.q, shape.q)
    moved = np.einsum("cab,icd,deb->aeib", N, E, N, optimize=True)[row, col]
    return Layout(
        n=problem.n,
        p=p,
        log_weight=problem.log_weight,
        pairs=shape,
        classes=classes,
        N=N,
        inverse_N=inverse_N,
        det_M=np.prod((N**2).sum(axis=0), axis=0),
        moved=np.ascontiguousarray(moved.transpose(0, 2, 1)),
        HX=HX,
        XX=XX.reshape(p, p, -1),
        within=within,
        to_orthonormal=orthonormal,
        forms=_forms(shape),
    )


def class_sums(classes: Classes, by_group: Array) -> Array:
    """Sums over the kept groups of each class, along the group axis (the last of a constant)."""
    if classes.rotations is None:
        return by_group
    starts = np.flatnonzero(np.diff(classes.of_kept, prepend=-1))
    out = np.zeros((*by_group.shape[:-1], len(classes.count)))
    out[..., classes.of_kept[starts]] = np.add.reduceat(by_group, starts, axis=-1)
    return out


def _same(M: Array) -> tuple[Places, Array]:
    """Class of each group and size of each class; every group by itself when few are alike."""
    q, _, J = M.shape
    row, col = np.tril_indices(q)
    scale = np.sqrt(np.einsum("aaj->a", M) / J)
    entries = (M[row, col] / (scale[row] * scale[col])[:, None]).T
    _, of_group, count = np.unique(
        np.round(entries, tolerances.SAME_DIGITS), axis=0, return_inverse=True, return_counts=True
    )
    few = len(count) <= tolerances.SAME_CLASSES
    if not few or tolerances.SAME_GROUPS * len(count) > J:
        return np.arange(J), np.ones(J)
    return of_group.ravel().astype(np.intp), count.astype(np.float64)


def _roots(M: Array) -> tuple[Array, Array]:
    """N = U S and U / S of M = U S^2 U', (q, q, B)."""
    values, U = np.linalg.eigh(M.transpose(2, 0, 1))
    alive = values > tolerances.RANK_CENTRED * values[:, -1:]
    size = np.sqrt(np.where(alive, values, 0.0))[:, None]
    over = np.where(alive, 1.0 / np.sqrt(np.where(alive, values, 1.0)), 0.0)[:, None]
    return (
        np.ascontiguousarray((U * size).transpose(1, 2, 0)),
        np.ascontiguousarray((U * over).transpose(1, 2, 0)),
    )


def _rotate_classes(of_group: Places, count: Array, HX: Array) -> tuple[Classes, Array]:
    """Classes, and the fixed columns' h of the groups that are kept."""
    if len(count) == len(of_group):
        return Classes(of_group, count, None, of_group), HX
    rotations, kept, of_kept = [], [], []
    for b in range(len(count)):
        members = HX[:, :, of_group == b]
        q, p, _ = members.shape
        _, size, Vt = np.linalg.svd(members.reshape(q * p, -1), full_matrices=False)
        rotation = Vt[size > 1e-13 * size.max()].T
        rotations.append(rotation)
        kept.append(members @ rotation)
        of_kept += [b] * rotation.shape[1]
    classes = Classes(of_group, count, tuple(rotations), np.array(of_kept, dtype=np.intp))
    return classes, np.concatenate(kept, axis=2)


def _forms(shape: Pairs) -> Array:
    """`Pairs.trace_form` as a matrix on the entries of its argument."""
    s, t = len(shape.all_row), len(shape.row)
    unit = np.eye(s * s).reshape(-1, s, s)
    return np.stack([shape.trace_form(by_pairs) for by_pairs in unit], axis=-1).reshape(t * t, -1)
