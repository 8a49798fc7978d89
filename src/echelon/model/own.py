"""Each group's own prediction: the fixed part of its random coefficients, found from moments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.model.fit import LmmFit
from echelon.moments import GroupMoments, Moments

Array = NDArray[np.float64]

_IN_SPAN = 1e-10
"""A fixed column lies in the span of the random columns within every group when they leave less
than this share of its sum of squares (the precision of centred cross-products, with room)."""


@dataclass(frozen=True, slots=True, eq=False)
class OwnPart:
    """The fixed part of a model, split by where it acts.

    For every group, X_j = Z_j own_j + (level-1 columns): a level-2 predictor shifts the group's
    intercept, its product with a random column shifts that slope.

    Attributes
    ----------
    own : (J, q, p) zero for level-1 columns
    level1 : (p,) True for columns that vary within groups beyond the random columns
    inverse : (J, q, q) inverse of Z_j'WZ_j about the centre of Z; nan where it is singular
    undo : (q, q) coefficients on the user's columns = undo @ coefficients on the centred ones
    """

    own: Array
    level1: NDArray[np.bool_]
    inverse: Array
    undo: Array

    @property
    def estimable(self) -> NDArray[np.bool_]:
        """(J,) whether the group alone identifies its coefficients by least squares."""
        return ~np.isnan(self.inverse[:, 0, 0])

    @property
    def least_squares_variance(self) -> Array:
        """(J, q, q) (Z_j'WZ_j)^-1 in the user's units, relative to sigma^2."""
        return self.undo @ self.inverse @ self.undo.T

    def predictors(self) -> NDArray[np.intp]:
        """(q,) fixed effects that act on each random coefficient (S_q + 1 in HLM's terms)."""
        acting: NDArray[np.intp] = (np.abs(self.own) > 0).any(axis=0).sum(axis=1)
        return acting


def own_part(fit: LmmFit, place: int = 0) -> OwnPart:
    """Split the fixed columns of a fit into level-2 and level-1 parts, seen from one factor.

    Parameters
    ----------
    place : of the grouping factor among those of the fit

    Notes
    -----
    Cost O(J q^2 (q + p)).
    """
    group, moments = fit.moments.groups[place], fit.moments
    J, q = len(group.levels), len(group.effects)
    undo = group.user_from_centred()
    inverse = _inverses(group.ZtZ)
    singular = np.isnan(inverse[:, 0, 0])
    names = fit.names
    own = np.zeros((J, q, len(names)))
    level1 = np.zeros(len(names), dtype=bool)
    constant = group.effects.index("(Intercept)") if "(Intercept)" in group.effects else None
    for i, name in enumerate(names):
        if name in group.effects:
            own[:, group.effects.index(name), i] = 1.0
            continue
        column = moments.columns.index(name)
        part = _within_span(group, moments, column, inverse, constant is not None)
        if part is None:
            level1[i] = True
            continue
        if constant is not None:
            part[:, constant] += moments.centre[column]
        own[:, :, i] = _tidied(part @ undo.T, group, moments, column, singular, undo)
    return OwnPart(own, level1, inverse, undo)


def _inverses(ZtZ: Array) -> Array:
    """(J, q, q) inverses, nan where a group's random columns are dependent.

    Columns are measured in their spread over all groups, so that units do not matter.
    """
    unit = _units(ZtZ)
    values, vectors = np.linalg.eigh(ZtZ / unit)
    good = values[:, 0] > 1e-10 * np.maximum(values[:, -1], np.finfo(float).tiny)
    inverse = np.full_like(ZtZ, np.nan)
    V = vectors[good]
    inverse[good] = (V / values[good][:, None, :]) @ V.transpose(0, 2, 1) / unit
    return inverse


def _units(ZtZ: Array) -> Array:
    """(q, q) products of the columns' spreads over all groups."""
    spread = np.sqrt(np.einsum("jaa->a", ZtZ) / len(ZtZ))
    return np.outer(spread, spread)


def _within_span(
    group: GroupMoments, moments: Moments, column: int, inverse: Array, constant: bool
) -> Array | None:
    """(J, q) coefficients of a centred column on the random columns, None when it varies beyond.

    Groups whose random columns are dependent carry the least-norm solution.
    """
    ZtX = group.ZtV[:, :, column]
    total = float(moments.cross[column, column])
    if not constant:  # without a constant among the random columns the column stays raw
        ZtX = ZtX + moments.centre[column] * group.ZtV[:, :, 0]
        total += moments.weight * float(moments.centre[column]) ** 2
    singular = np.isnan(inverse[:, 0, 0])
    full = inverse.copy()
    if singular.any():
        unit = _units(group.ZtZ)
        pinned = np.linalg.pinv(group.ZtZ[singular] / unit, rcond=1e-10, hermitian=True)
        full[singular] = pinned / unit
    part = np.einsum("jab,jb->ja", full, ZtX)
    left = total - float(np.einsum("ja,ja->", part, ZtX))
    return part if left <= _IN_SPAN * total else None


def _tidied(
    part: Array,
    group: GroupMoments,
    moments: Moments,
    column: int,
    singular: NDArray[np.bool_],
    undo: Array,
) -> Array:
    """Clear rounding, and give groups with dependent random columns the pattern of the others.

    Where every other group uses one random column only (a level-2 predictor, or its product with
    one slope), so do they.
    """
    size = np.abs(part)
    scale = size[~singular].max(initial=0.0) if (~singular).any() else size.max(initial=0.0)
    used = (size[~singular] > 1e-8 * scale).any(axis=0) if (~singular).any() else None
    if used is None:
        return part
    part = np.where(used, part, 0.0)
    if singular.any() and used.sum() == 1:
        a = int(np.flatnonzero(used)[0])
        back = np.linalg.inv(undo)  # unit triangular
        ZtZ = back.T @ group.ZtZ[singular] @ back
        ZtV = group.ZtV[singular]
        ZtX = (ZtV[:, :, column] + moments.centre[column] * ZtV[:, :, 0]) @ back
        with np.errstate(divide="ignore", invalid="ignore"):
            part[singular] = 0.0
            part[singular, a] = np.nan_to_num(ZtX[:, a] / ZtZ[:, a, a])
    return part
