"""A residual structure's sets of products in working units, and the problem that they add up to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from echelon.estimate.blocks import Blocks
from echelon.estimate.choose import choose
from echelon.estimate.problem import Problem, laid, problem
from echelon.moments.residual import ResidualMoments

Array = NDArray[np.float64]
Part = tuple[Array, Blocks]  # [X y]'B[X y] and the blocks of the random effects


@dataclass(frozen=True, slots=True, eq=False)
class WorkingSets:
    """The sets laid out once in the coordinates of the model with independent residuals.

    Attributes
    ----------
    sets : moments of the sets
    base : the problem with independent residuals
    parts : each set in working units; () when the sets are not kept
    """

    sets: ResidualMoments
    base: Problem
    parts: tuple[Part, ...]

    @classmethod
    def of(cls, sets: ResidualMoments) -> WorkingSets:
        """Lay out the sets; memory as much again as the sets take."""
        base = problem(sets.base)
        return cls(sets, base, tuple(laid(base, one) for one in sets.sets))

    def combined(self, omega: Array) -> Part:
        """sum_m omega_m of the sets. Cost O(m J q k)."""
        if not self.parts:
            return laid(self.base, self.sets.combined(omega, 0.0))
        used = [(part, float(w)) for part, w in zip(self.parts, omega, strict=True) if w != 0] or [
            (self.parts[0], 0.0)
        ]
        cross = _total([(part[0], w) for part, w in used])
        blocks = [(part[1], w) for part, w in used]
        factors = tuple(
            replace(
                factor,
                ZtZ=_total([(b.factors[f].ZtZ, w) for b, w in blocks]),
                ZtV=_total([(b.factors[f].ZtV, w) for b, w in blocks]),
            )
            for f, factor in enumerate(self.base.blocks.factors)
        )
        crossings = tuple(
            replace(c, blocks=_total([(b.crossings[i].blocks, w) for b, w in blocks]))
            for i, c in enumerate(self.base.blocks.crossings)
        )
        return cross, replace(self.base.blocks, factors=factors, crossings=crossings)

    def problem(self, omega: Array, logdet: float) -> Problem:
        """The problem with inverse residual covariance sum_m omega_m B_m."""
        cross, blocks = self.combined(omega)
        return replace(
            self.base,
            log_weight=self.base.log_weight - logdet,
            cross=cross,
            blocks=blocks,
            engine=choose(blocks),
        )


def _total(pieces: Sequence[tuple[Array, float]]) -> Array:
    first, weight = pieces[0]
    out: Array = first * weight
    for piece, w in pieces[1:]:
        out += w * piece
    return out
