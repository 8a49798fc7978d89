"""Cross-products of columns divided into those within groups and those between, level by level."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from echelon.design.design import EffectColumns
from echelon.errors import DataError
from echelon.model.fit import LmmFit
from echelon.moments import GroupMoments, Moments
from echelon.moments.rows import from_rows
from echelon.multilevel.factors import nested_order
from echelon.multilevel.null_model import constant_in

Array = NDArray[np.float64]

_CONSTANT = EffectColumns(names=("(Intercept)",), arrays=(), intercept=True)


@dataclass(frozen=True, slots=True, eq=False)
class ByLevel:
    """Second moments of columns at the levels of nested factors, over the sum of the weights.

    Attributes
    ----------
    order : places of the factors, finest first
    fixed : (L, m, m) of the fixed columns other than the constant, within the finest groups first
    random : for each factor, (L, q, q) of its random columns about their means
    means : for each factor, (q,) means of its random columns about their centres
    """

    order: tuple[int, ...]
    fixed: Array
    random: tuple[Array, ...]
    means: tuple[Array, ...]


def by_level(fit: LmmFit, moments: Moments, columns: list[int]) -> ByLevel:
    """Divide the columns of a fit's moments; rows are read where a factor has no constant.

    Parameters
    ----------
    moments : of the rows, every one counting once
    columns : places of the fixed columns among those of the moments

    Raises
    ------
    DataError : crossed factors
    NeedsRows : a random part without constant, and no rows

    Notes
    -----
    With s_j the sum of a column over group j and n_j its weight, sum_j s_j s_j' / n_j is what lies
    between the groups; differences of that from factor to factor are the levels
    (`level-components`).
    """
    order = nested_order(fit)
    if order is None:
        raise DataError(
            "The variance within and between groups is divided level by level, and the factors "
            f"{', '.join(map(repr, fit.factors))} cross: their levels have no order. r2() and "
            "icc_by_group() take crossed factors."
        )
    moments, constants = _with_constants(fit, moments)
    total = moments.weight
    fixed = [moments.cross[np.ix_(columns, columns)]]
    for f in order:
        group = moments.groups[f]
        sums = np.einsum("a,jak->jk", constants[f], group.ZtV[:, :, columns])
        fixed.append(_between(sums, group.weight))
    random, means = [], []
    for f, own in enumerate(moments.groups):
        q = len(fit.moments.groups[f].effects)
        mean = np.einsum("a,jab->b", constants[f], own.ZtZ)[:q] / total
        parts = [own.ZtZ.sum(axis=0)[:q, :q]]
        for g in order:
            parts.append(_between(_sums(moments, constants, f, g)[:, :q], moments.groups[g].weight))
        random.append(_differences(parts, total * np.outer(mean, mean)) / total)
        means.append(mean)
    last = np.zeros_like(fixed[0])
    return ByLevel(order, _differences(fixed, last) / total, tuple(random), tuple(means))


def _between(sums: Array, weight: Array) -> Array:
    scaled = sums / np.sqrt(weight)[:, None]
    found: Array = scaled.T @ scaled
    return found


def _differences(parts: list[Array], last: Array) -> Array:
    """Each less the next, the last less what is no variance."""
    return np.stack([a - b for a, b in zip(parts, [*parts[1:], last], strict=True)])


def _sums(moments: Moments, constants: list[Array], f: int, g: int) -> Array:
    """(J_g, q_f) sums of a factor's random columns over the groups of another, or its own."""
    if f == g:
        own: Array = np.einsum("a,jab->jb", constants[f], moments.groups[f].ZtZ)
        return own
    out = np.zeros((len(moments.groups[g].levels), len(moments.groups[f].effects)))
    for c in moments.crossings:
        if {c.first, c.second} == {f, g}:
            blocks = c.blocks if c.first == f else c.blocks.transpose(0, 2, 1)
            np.add.at(out, c.col if c.first == f else c.row, blocks @ constants[g])
    return out


def _with_constants(fit: LmmFit, moments: Moments) -> tuple[Moments, list[Array]]:
    """Moments, and for each factor the constant as a combination of its random columns."""
    found = [constant_in(group) for group in moments.groups]
    if all(c is not None for c in found):
        return moments, [c for c in found if c is not None]
    design = fit.rows("variance within and between the groups of a model without random intercept")
    factors = tuple(
        f if c is not None else replace(f, terms=(*f.terms, _CONSTANT))
        for f, c in zip(design.design.factors, found, strict=True)
    )
    moments = from_rows(replace(design.design, factors=factors, precision=None))
    made = [
        _last(group) if c is None else c for group, c in zip(moments.groups, found, strict=True)
    ]
    return moments, made


def _last(group: GroupMoments) -> Array:
    unit = np.zeros(len(group.effects))
    unit[-1] = 1.0
    return unit
