"""The dense part of several factors: where each factor's effects are, and products with Lam."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.estimate.blocks import Blocks
from echelon.linalg.dense import mirror

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Core:
    """The effects of all factors but the eliminated one; effect a of group j of factor g is row
    starts[g] + j q_g + a.

    Attributes
    ----------
    n : effects
    starts : first row of each factor
    q, J : effects a group and groups, by factor
    parts : where a factor's effects are in lam
    M : (n, n) Z'WZ
    """

    n: int
    starts: dict[int, int]
    q: dict[int, int]
    J: dict[int, int]
    parts: dict[int, slice]
    M: Array

    def rows(self, g: int) -> slice:
        """The rows of a factor."""
        return slice(self.starts[g], self.starts[g] + self.q[g] * self.J[g])

    def left(self, of: dict[int, Array], A: Array) -> Array:
        """Block-diagonal times A: every group's block of factor g is of[g] (q, q)."""
        out = np.empty_like(A)
        for g in self.starts:
            part, rows = A[self.rows(g)], self.rows(g)
            if self.q[g] == 1:
                np.multiply(part, of[g][0, 0], out=out[rows])
            else:
                stacked = part.reshape(self.J[g], self.q[g], -1)
                out[rows] = np.matmul(of[g], stacked).reshape(part.shape)
        return out

    def lams(self, lam: Array) -> dict[int, Array]:
        """The factor's own covariance factors."""
        return {g: lam[self.parts[g], self.parts[g]] for g in self.starts}

    def between(self, of: dict[int, Array], A: Array) -> Array:
        """B A B' for block-diagonal B: every group's block of factor g is of[g] (q, q).

        With one effect a factor, block by block in one pass and without temporaries; the triangle
        of A that is not filled is not filled in the result either.
        """
        if all(size == 1 for size in self.q.values()):
            out = np.empty_like(A)
            for g in self.starts:
                for h in self.starts:
                    scale, at = of[g][0, 0] * of[h][0, 0], (self.rows(g), self.rows(h))
                    np.multiply(A[at], scale, out=out[at])
            return out
        full = mirror(A.T.copy()).T  # a group's own block needs both of its triangles
        return self.left(of, np.ascontiguousarray(self.left(of, full).T)).T

    def flat(self, by_factor: Sequence[Array]) -> Array:
        """(n, k) of arrays (q, k, J) by factor."""
        return np.concatenate(
            [
                by_factor[g].transpose(2, 0, 1).reshape(self.q[g] * self.J[g], -1)
                for g in self.starts
            ]
        )

    def split(self, F: Array) -> dict[int, Array]:
        """(q, k, J) by factor of (n, k)."""
        return {
            g: F[self.rows(g)].reshape(self.J[g], self.q[g], -1).transpose(1, 2, 0)
            for g in self.starts
        }

    def diagonal_blocks(self, A: Array) -> dict[int, Array]:
        """(q, q, J) the groups' own blocks of A (n, n), by factor."""
        found = {}
        for g, start in self.starts.items():
            q = self.q[g]
            at = start + q * np.arange(self.J[g])
            found[g] = np.stack([np.stack([A[at + a, at + b] for b in range(q)]) for a in range(q)])
        return found


def core_of(blocks: Blocks, first: int) -> Core:
    """Lay out the dense part of all factors but `first`."""
    others = [g for g in range(len(blocks.factors)) if g != first]
    q = {g: blocks.factors[g].q for g in others}
    J = {g: blocks.factors[g].J for g in others}
    ends = np.cumsum([q[g] * J[g] for g in others])
    starts = {g: int(end) - q[g] * J[g] for g, end in zip(others, ends, strict=True)}
    n = int(ends[-1])
    M = np.zeros((n, n))
    for g in others:
        at = starts[g] + q[g] * np.arange(J[g])
        for a in range(q[g]):
            for b in range(q[g]):
                M[at + a, at + b] = blocks.factors[g].ZtZ[a, b]
    for g in others:
        for h in others:
            if g < h:
                block = blocks.crossing(g, h)
                for a in range(q[g]):
                    for b in range(q[h]):
                        r, c = starts[g] + q[g] * block.row + a, starts[h] + q[h] * block.col + b
                        M[r, c] = M[c, r] = block.blocks[a, b]
    return Core(n, starts, q, J, {g: blocks.parts[g] for g in others}, M)
