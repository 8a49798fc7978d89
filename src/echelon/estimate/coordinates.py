"""Local coordinates of a search: the covariance factor in the eigenbasis of the current covariance.

A lower-triangular factor is a poor chart near the boundary unless the small direction comes last:
if a middle pivot vanishes, the entries below it trade against each other along a circle, and
Newton's method follows the circle in short steps. In the eigenbasis of the current D (block by
block, largest first) the factor is diagonal, null directions are its last columns, and the chart is
good. Blocks with a structure have coordinates of their own (`estimate/structures.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.estimate import structures
from echelon.estimate.deviance import Evaluation
from echelon.linalg.structures import parameter_count, structure
from echelon.linalg.symmetric import Pairs, block_diagonal, pairs

Array = NDArray[np.float64]


class _Part(Protocol):
    """Coordinates of one block, or of all blocks when none has a structure."""

    @property
    def x(self) -> Array: ...
    @property
    def jacobian(self) -> Array: ...
    @property
    def curvature(self) -> Array: ...
    def taken(self, step: Array) -> Array: ...
    def factor(self, step: Array) -> Array: ...


@dataclass(frozen=True, slots=True, eq=False)
class _Eigenbasis:
    """Unstructured blocks: D = Q L(x) L(x)' Q'.

    Attributes
    ----------
    pairs : which entries of L are free
    Q : (q, q) orthogonal, block diagonal
    x : (t,) free entries of L at the centre: singular values on the diagonal, zeros below
    jacobian : (t, t) of the free entries of D in x;  curvature : (t, t) of <slope, D>
    """

    pairs: Pairs
    Q: Array
    x: Array
    jacobian: Array
    curvature: Array

    def taken(self, step: Array) -> Array:
        """The step as it is: L may be anything."""
        return step

    def factor(self, step: Array) -> Array:
        """Lower-triangular factor one step away."""
        return self.pairs.rotated(self.Q @ self.pairs.factor(self.x + step))


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """The deviance around one covariance, in local coordinates x.

    Attributes
    ----------
    parts : coordinates by block
    x : (m,) the coordinates at the centre
    jacobian : (t, m) derivative of the free entries of D in x
    gradient : (m,);  hessian : (m, m) of the deviance in x
    """

    parts: tuple[_Part, ...]
    x: Array
    jacobian: Array
    gradient: Array
    hessian: Array

    def D_gradient(self) -> Array:
        """(t, m) derivative of the free entries of D in x, at the centre."""
        return self.jacobian

    def factor(self, step: Array) -> Array:
        """Lower-triangular factor (q, q) of the covariance one step away."""
        if len(self.parts) == 1:
            return self.parts[0].factor(step)
        return block_diagonal([p.factor(s) for p, s in self._shares(step)])

    def taken(self, step: Array) -> tuple[Array, float]:
        """The step as far as the structures allow, and the decrease that it promises."""
        done = np.concatenate([p.taken(s) for p, s in self._shares(step)])
        promised = -float(self.gradient @ done + 0.5 * done @ self.hessian @ done)
        return done, max(promised, float(np.sqrt(np.finfo(float).tiny)))

    def _shares(self, step: Array) -> list[tuple[_Part, Array]]:
        ends = np.cumsum([len(part.x) for part in self.parts])[:-1]
        return list(zip(self.parts, np.split(step, ends), strict=True))


def chart(at: Evaluation, shape: Pairs) -> Chart:
    """Local coordinates around an evaluation; costs arithmetic on q x q matrices only."""
    Q, singular = directions(at.lam, shape)
    singular = np.where(singular > tolerances.NULL * singular.max(initial=0.0), singular, 0.0)
    if not shape.kinds:
        return _joined((_eigenbasis(Q, singular, at.slope, shape),), at, shape)
    parts: list[_Part] = []
    for kind, block in shape.blocks:
        lam, slope = at.lam[block, block], at.slope[block, block]
        if kind == "us":
            free = pairs((len(lam),))
            parts.append(_eigenbasis(Q[block, block], singular[block], slope, free))
        else:
            parts.append(structures.local(structures.place(structure(kind, len(lam)), lam), slope))
    return _joined(tuple(parts), at, shape)


def in_parameters(at: Evaluation, shape: Pairs) -> tuple[Array, Array, NDArray[np.intp]]:
    """Gradient and Hessian in the parameters that a reader knows, and which of them these are.

    The entries of Lam of an unstructured block, the scales and the angle of the correlation of a
    structured one; a scale at zero against which the deviance rises is left out.
    """
    if not shape.kinds:
        return at.gradient, at.hessian, np.arange(len(at.gradient))
    parts: list[_Part] = []
    kept, before = [], 0
    for kind, block in shape.blocks:
        lam, slope = at.lam[block, block], at.slope[block, block]
        if kind == "us":
            free = pairs((len(lam),))
            inside = free.factor_jacobian(lam), free.factor_curvature(slope)
            parts.append(_Eigenbasis(free, np.eye(len(lam)), free.free(lam), *inside))
            number = np.arange(len(free.row))
        else:
            part = structures.local(structures.place(structure(kind, len(lam)), lam), slope)
            parts.append(part)
            number = part.kept
        kept.append(before + number)
        before += parameter_count(kind, len(lam))
    joined = _joined(tuple(parts), at, shape)
    return joined.gradient, joined.hessian, np.concatenate(kept)


def _eigenbasis(Q: Array, singular: Array, slope: Array, shape: Pairs) -> _Eigenbasis:
    L = np.diag(singular)
    return _Eigenbasis(
        pairs=shape,
        Q=Q,
        x=shape.free(L),
        jacobian=shape.congruence(Q) @ shape.factor_jacobian(L),
        curvature=shape.factor_curvature(Q.T @ slope @ Q),
    )


def _joined(parts: tuple[_Part, ...], at: Evaluation, shape: Pairs) -> Chart:
    """The chart of all blocks: block-diagonal Jacobian, chain rule for the deviance."""
    if len(parts) == 1:
        chain, bend, x = parts[0].jacobian, parts[0].curvature, parts[0].x
    else:
        chain = _diagonal([part.jacobian for part in parts])
        bend = _diagonal([part.curvature for part in parts])
        x = np.concatenate([part.x for part in parts])
    slope = shape.free(at.slope)
    return Chart(
        parts=parts,
        x=x,
        jacobian=chain,
        gradient=chain.T @ np.where(shape.on_diagonal, slope, 2 * slope),
        hessian=chain.T @ at.hessian_D @ chain + bend,
    )


def _diagonal(parts: list[Array]) -> Array:
    """The matrices, of any shapes, on the diagonal of one."""
    rows, cols = (np.cumsum([0, *(part.shape[k] for part in parts)]) for k in (0, 1))
    out = np.zeros((rows[-1], cols[-1]))
    for i, part in enumerate(parts):
        out[rows[i] : rows[i + 1], cols[i] : cols[i + 1]] = part
    return out


def directions(lam: Array, shape: Pairs) -> tuple[Array, Array]:
    """Eigenvectors Q (q, q) of lam lam', block by block, and the singular values (q,) of lam."""
    Q, singular = np.zeros_like(lam), np.zeros(len(lam))
    for start, size in zip(shape.starts, shape.sizes, strict=True):
        block = slice(start, start + size)
        Q[block, block], singular[block], _ = np.linalg.svd(lam[block, block])
    return Q, singular
