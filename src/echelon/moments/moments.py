"""Moments: the blocks of [Z 1 X y]'W[Z 1 X y], all that a linear mixed model needs of the data."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from echelon.linalg.structures import Kind

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class GroupMoments:
    """The blocks of one grouping factor.

    Attributes
    ----------
    factor : name of the grouping factor
    levels : J labels, in the order of the blocks
    effects : q names of the random effects
    sizes : effects per random term; the terms of one factor are independent of each other
        (a diagonal covariance is as many terms of one effect)
    centre : (q,) what was subtracted from each effect's column; 0 for constants and in terms
        without a constant or with a structured covariance, whose columns may not be moved
    count : (J,) rows per group
    weight : (J,) sum of precision weights per group; equals `count` without weights
    ZtZ : (J, q, q) Z_j'W Z_j about `centre`
    ZtV : (J, q, k) Z_j'W [1 X y]_j, both about their centres
    kinds : structure of each term's covariance; () where all are unstructured
    """

    factor: str
    levels: tuple[object, ...]
    effects: tuple[str, ...]
    sizes: tuple[int, ...]
    centre: Array
    count: NDArray[np.intp]
    weight: Array
    ZtZ: Array
    ZtV: Array
    kinds: tuple[Kind, ...] = ()

    @property
    def structure(self) -> tuple[Kind, ...]:
        """Structure of each term's covariance."""
        free: tuple[Kind, ...] = ("us",)
        return self.kinds or free * len(self.sizes)

    def constants(self) -> NDArray[np.intp]:
        """(q,) for each effect, the place of the constant of its term (its own if it has none)."""
        starts = np.repeat(np.cumsum((0, *self.sizes[:-1])), self.sizes)
        return np.asarray(starts, dtype=np.intp)

    def user_from_centred(self) -> Array:
        """A (q, q) with Z_centred = Z A, so A times centred coefficients are the user's."""
        undo = np.eye(len(self.effects))
        moved = np.flatnonzero(self.centre)
        undo[self.constants()[moved], moved] = -self.centre[moved]
        return undo

    def __post_init__(self) -> None:
        J, q = len(self.levels), len(self.effects)
        if self.ZtZ.shape != (J, q, q) or self.ZtV.shape[:2] != (J, q) or sum(self.sizes) != q:
            raise ValueError(
                f"blocks {self.ZtZ.shape} and {self.ZtV.shape} do not fit {J} groups, {q} effects"
            )


@dataclass(frozen=True, slots=True, eq=False)
class CrossMoments:
    """The blocks Z_f'W Z_g of two grouping factors, for the pairs of groups that share rows.

    Attributes
    ----------
    first, second : places f < g of the two factors among `Moments.groups`
    row, col : (m,) groups of the two, each pair once, in increasing order of (row, col)
    blocks : (m, q_f, q_g) sums of w z_f z_g' over the rows of the pair, both about their centres
    """

    first: int
    second: int
    row: NDArray[np.intp]
    col: NDArray[np.intp]
    blocks: Array


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Centred cross-products of the constant, the fixed columns and the response.

    Attributes
    ----------
    columns : names of V = [1 X y]; the constant first, the response last
    intercept : whether the constant is a column of the model
    n : rows
    log_weight : sum of the logarithms of the precision weights
    centre : (k,) what was subtracted from each column of V; 0 for the constant
    cross : (k, k) V'WV about `centre`
    groups : one entry a grouping factor; empty for a linear model
    crossings : one entry a pair of grouping factors
    """

    columns: tuple[str, ...]
    intercept: bool
    n: int
    log_weight: float
    centre: Array
    cross: Array
    groups: tuple[GroupMoments, ...] = ()
    crossings: tuple[CrossMoments, ...] = ()

    def __post_init__(self) -> None:
        k = len(self.columns)
        if self.cross.shape != (k, k) or self.centre.shape != (k,):
            raise ValueError(f"cross-products {self.cross.shape} do not fit {k} columns")

    @property
    def weight(self) -> float:
        """Sum of the precision weights (the number of rows without them)."""
        return float(self.cross[0, 0])

    def __add__(self, other: Moments) -> Moments:
        """Moments of both pieces of a table; groups are matched by label.

        Raises
        ------
        ValueError : the two were made from different columns, effects or factors
        """
        from echelon.moments.merge import merge

        return merge(self, other)

    def recentred(self, centre: Array) -> Moments:
        """The same moments about another centre, exactly (up to rounding)."""
        move = np.eye(len(self.columns))
        move[0] += self.centre - centre
        return replace(
            self,
            centre=centre,
            cross=move.T @ self.cross @ move,
            groups=tuple(replace(g, ZtV=g.ZtV @ move) for g in self.groups),
        )
