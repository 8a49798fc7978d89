"""The cross-products of random effects in working units, laid out for the engines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.linalg.symmetric import Pairs

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class FactorBlocks:
    """One grouping factor with J groups and q effects, structure of arrays.

    Attributes
    ----------
    ZtZ : (q, q, J) Z_j'WZ_j;  ZtV : (q, k, J) Z_j'W[X y]
    """

    ZtZ: Array
    ZtV: Array

    @property
    def q(self) -> int:
        """Effects a group."""
        return int(self.ZtZ.shape[0])

    @property
    def J(self) -> int:
        """Groups."""
        return int(self.ZtZ.shape[2])


@dataclass(frozen=True, slots=True, eq=False)
class CrossBlocks:
    """Two grouping factors f < g: Z_f'WZ_g by pair of groups that share rows.

    Attributes
    ----------
    first, second : f and g
    row, col : (m,) groups of f and of g, each pair once
    blocks : (q_f, q_g, m)
    """

    first: int
    second: int
    row: NDArray[np.intp]
    col: NDArray[np.intp]
    blocks: Array

    def transposed(self) -> CrossBlocks:
        """The same block seen from g, its pairs in the same order as here."""
        blocks = self.blocks.transpose(1, 0, 2)
        return CrossBlocks(self.second, self.first, self.col, self.row, blocks)


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """All grouping factors of a model.

    Attributes
    ----------
    factors : one entry a factor, in the order of the formula
    crossings : one entry a pair of factors
    pairs : free entries of the covariance of all effects, (q, q) and block diagonal by factor
    """

    factors: tuple[FactorBlocks, ...]
    crossings: tuple[CrossBlocks, ...]
    pairs: Pairs

    @property
    def k(self) -> int:
        """Columns of [X y]."""
        return int(self.factors[0].ZtV.shape[1])

    @property
    def parts(self) -> tuple[slice, ...]:
        """Where the effects of each factor are among all of them."""
        ends = np.cumsum([f.q for f in self.factors])
        return tuple(slice(int(e) - f.q, int(e)) for e, f in zip(ends, self.factors, strict=True))

    def entries(self, factor: int) -> NDArray[np.intp]:
        """Numbers of the free entries of D that belong to a factor."""
        part = self.parts[factor]
        return np.flatnonzero((self.pairs.row >= part.start) & (self.pairs.row < part.stop))

    def crossing(self, first: int, second: int) -> CrossBlocks:
        """Z_f'WZ_g of two factors, in either order."""
        for block in self.crossings:
            if (block.first, block.second) == (first, second):
                return block
            if (block.first, block.second) == (second, first):
                return block.transposed()
        raise LookupError(f"no crossing of factors {first} and {second}")
