"""Responses in the coordinates of a layout, a batch of them at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.estimate.batch.layout import Layout

Array = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class WorkingResponses:
    """Cross-products of R responses with the columns of a `Problem`, in its working units.

    Attributes
    ----------
    ZtY : one (q, J, R) a grouping factor: Z_j'W y
    XtY : (p, R);  yty : (R,)
    """

    ZtY: tuple[Array, ...]
    XtY: Array
    yty: Array

    @property
    def R(self) -> int:
        """Responses."""
        return len(self.yty)

    def take(self, which: Places | slice) -> WorkingResponses:
        """Some of the responses."""
        return WorkingResponses(
            tuple(part[..., which] for part in self.ZtY), self.XtY[:, which], self.yty[which]
        )


@dataclass(frozen=True, slots=True, eq=False)
class LocalResponses:
    """The same less their least-squares fit on X, in the coordinates of a layout.

    Attributes
    ----------
    h : (q, G, R) of the groups that are kept
    rest : (s, B, R) lower triangles of h h' of the others, by class; None when all are kept
    Xy : (p, R), yy : (R,) within groups
    beta : (p, R) the least-squares fit, in orthonormal columns
    """

    h: Array
    rest: Array | None
    Xy: Array
    yy: Array
    beta: Array

    def take(self, which: Places) -> LocalResponses:
        """Some of the responses."""
        return LocalResponses(
            np.ascontiguousarray(self.h[..., which]),
            None if self.rest is None else np.ascontiguousarray(self.rest[..., which]),
            self.Xy[:, which],
            self.yy[which],
            self.beta[:, which],
        )


def local_responses(design: Layout, given: WorkingResponses, ZtX: Array) -> LocalResponses:
    """Turn responses into a layout's coordinates.

    Parameters
    ----------
    ZtX : (q, p, J) Z_j'W X of the problem
    """
    beta = design.to_orthonormal.T @ given.XtY
    fitted = np.tensordot(design.to_orthonormal, beta, 1)
    q = len(ZtX)
    taken = np.matmul(ZtX.transpose(0, 2, 1), fitted)
    c = given.ZtY[0] - taken
    U = design.inverse_N[:, :, design.classes.of_group]
    h = np.zeros_like(c)
    for a in range(q):
        for b in range(q):
            h[a] += U[b, a][:, None] * c[b]
    h, rest = _rotated(design, h)
    Xy = -np.einsum("axg,agr->xr", design.HX, h, optimize=True)
    yy = given.yty - np.einsum("xr,xr->r", beta, beta) - np.einsum("agr,agr->r", h, h)
    if rest is not None:
        on = design.pairs.all_row == design.pairs.all_col
        yy = yy - rest[on].sum(axis=(0, 1))
    return LocalResponses(h, rest, Xy, yy, beta)


def _rotated(design: Layout, h: Array) -> tuple[Array, Array | None]:
    classes, row, col = design.classes, design.pairs.all_row, design.pairs.all_col
    if classes.rotations is None:
        return h, None
    kept, rest = [], np.empty((len(row), len(classes.count), h.shape[2]))
    for b, rotation in enumerate(classes.rotations):
        members = h[:, classes.of_group == b]
        inside = np.matmul(rotation.T, members)
        kept.append(inside)
        rest[:, b] = np.einsum("sgr,sgr->sr", members[row], members[col])
        rest[:, b] -= np.einsum("sgr,sgr->sr", inside[row], inside[col])
    return np.concatenate(kept, axis=1), rest
