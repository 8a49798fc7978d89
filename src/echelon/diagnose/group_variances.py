"""Residual variances of the groups, each by its own least squares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.design.design import Design
from echelon.diagnose.added import varies_within
from echelon.diagnose.level1 import RowResiduals
from echelon.model.fit import LmmFit

Array = NDArray[np.float64]
Codes = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class GroupVariances:
    """Residual variances of the groups, each by its own least squares.

    Attributes
    ----------
    factor, levels : grouping factor and the labels of the groups used
    variance : (K,) residual mean squares, relative to the model's residual variance
    df : (K,) their degrees of freedom, at least `least`
    left_out : groups with fewer
    own : names of the level-1 columns whose coefficients each group had for itself
    """

    factor: str
    levels: tuple[object, ...]
    variance: Array
    df: Array
    left_out: int
    own: tuple[str, ...]


def group_variances(
    fit: LmmFit, place: int, rows: RowResiduals, *, least: int
) -> tuple[GroupVariances, float]:
    """Own residual variances of groups, and the kurtosis of the residuals behind them.

    Every group has least-squares coefficients of its own for the random columns and for the other
    level-1 columns; only for the former where that would leave most groups too few degrees of
    freedom. Cost O(n k^2).
    """
    design = fit.rows("Residual variances of groups").design
    codes, J = design.factors[place].codes.astype(np.intp), len(fit.moments.groups[place].levels)
    weight = _weights(fit, design)
    # the model's conditional residuals differ from y by columns of the regression, and are small
    y = rows.residual * weight / fit.optimum.sigma
    random, others = _columns(fit, design, place, codes)
    if np.median(np.bincount(codes)) < least + len(random):
        others = {}  # no need to try
    wide = np.column_stack([x * weight for x in (*random.values(), *others.values())])
    rest, df = _within(y, wide, codes, J)
    own = (*random, *others)
    if others and (df >= least).mean() < 0.5:
        rest, df = _within(y, wide[:, : len(random)], codes, J)
        own = tuple(random)
    used = (df >= least) & (np.bincount(codes, rest**2, J) > tolerances.PERFECT_FIT)
    squares = np.bincount(codes, rest**2, J)
    levels = fit.moments.groups[place].levels
    inside = used[codes]
    z = rest[inside] / np.sqrt(squares[used].sum() / df[used].sum()) if inside.any() else rest
    fourth = float(np.mean(z**4) / np.mean(z**2) ** 2 - 3) if inside.any() else np.nan
    found = GroupVariances(
        factor=fit.factors[place],
        levels=tuple(level for level, u in zip(levels, used, strict=True) if u),
        variance=squares[used] / df[used],
        df=df[used],
        left_out=int((~used).sum()),
        own=own,
    )
    return found, fourth


def _weights(fit: LmmFit, design: Design) -> Array:
    """(n,) by which a row is multiplied to have residual variance sigma^2."""
    w = np.ones(design.n) if design.precision is None else np.sqrt(design.precision)
    return w if fit.residual is None else w / fit.residual.ratio[fit.residual.stratum]


def _columns(
    fit: LmmFit, design: Design, place: int, codes: Codes
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Columns of a factor's random effects with the constant, and other columns of level 1."""
    random: dict[str, Array] = {"(Intercept)": np.ones(design.n)}
    for term in design.factors[place].terms:
        lead = int(term.intercept)
        random |= dict(zip(term.names[lead:], term.arrays, strict=True))
    others = {
        name: array
        for name, array in zip(design.names, design.arrays, strict=True)
        if name in fit.names and name not in random and varies_within(array, codes)
    }
    return random, others


def _within(y: Array, X: Array, codes: Codes, J: int) -> tuple[Array, Array]:
    """(n,) residuals of the regression of y on X in every group, and (J,) degrees of freedom."""
    k = X.shape[1]
    cross = np.stack(
        [np.bincount(codes, X[:, a] * X[:, b], J) for a in range(k) for b in range(k)], axis=1
    ).reshape(J, k, k)
    scale = np.sqrt(np.diagonal(cross, axis1=1, axis2=2))
    scale = np.where(scale > 0, scale, 1.0)
    values, vectors = np.linalg.eigh(cross / scale[:, :, None] / scale[:, None, :])
    used = values > tolerances.RANK_CENTRED * k
    inverse = np.divide(1.0, values, out=np.zeros_like(values), where=used)
    Xy = np.stack([np.bincount(codes, X[:, a] * y, J) for a in range(k)], axis=1) / scale
    b = np.einsum("jab,jb,jcb,jc->ja", vectors, inverse, vectors, Xy) / scale
    rest: Array = y - np.einsum("ia,ia->i", X, b[codes])
    return rest, np.bincount(codes, minlength=J) - used.sum(axis=1).astype(np.float64)
