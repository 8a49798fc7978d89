"""Nested factors: pupils in classes in schools in districts, any number of levels, no fill.

The groups are the nodes of trees. Eliminating them from the finest level up touches only a group
and those that hold it, so that an evaluation costs O(J) and no matrix is larger than the effects on
one path through a tree (`nested`; liu1992).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.estimate.blocks import Blocks
from echelon.estimate.engine import FactorEffects, Second
from echelon.estimate.forms import combined, entries, square_root
from echelon.estimate.nested_fronts import Front, Solved, fronts, solve, spread
from echelon.estimate.nested_pairs import Chain
from echelon.estimate.nested_second import form, log_determinant, quadratic_forms
from echelon.estimate.nested_tree import Piece, chain, forest

Array = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Nested:
    """The engine of factors each nested in the next.

    Attributes
    ----------
    blocks : the model's blocks
    order : the factors from the finest to the coarsest
    pieces : the trees, in pieces that fit the cache
    """

    blocks: Blocks
    order: tuple[int, ...]
    pieces: tuple[Piece, ...]
    name: str = "nested"

    @classmethod
    def of(cls, blocks: Blocks) -> Nested | None:
        """Prepare the engine; None where the factors are not nested."""
        order = chain(blocks)
        return None if order is None else cls(blocks, order, forest(blocks, order))

    @property
    def sizes(self) -> tuple[tuple[str, int], ...]:
        """Pieces that the trees are cut into."""
        return (("pieces", len(self.pieces)),)

    def sweep(self, lam: Array) -> NestedSweep:
        """Eliminate every level of every piece."""
        parts = self.blocks.parts
        lams = [lam[parts[f], parts[f]] for f in self.order]
        at = tuple(fronts(piece, lams) for piece in self.pieces)
        solved = tuple(solve(piece, each) for piece, each in zip(self.pieces, at, strict=True))
        explained = np.sum([each.explained for each in solved], axis=0)
        logdet = sum(front.logdet for each in at for front in each)
        return NestedSweep(self, at, solved, logdet, (explained + explained.T) / 2)


@dataclass(frozen=True, slots=True, eq=False)
class NestedSweep:
    """Nested factors at one covariance factor.

    Attributes
    ----------
    at : the fronts of each level of each piece
    solved : Z'V0^-1[X y] of each piece
    """

    engine: Nested
    at: tuple[tuple[Front, ...], ...]
    solved: tuple[Solved, ...]
    logdet: float
    explained: Array

    def second(self, solve: Array, reml: bool) -> Second:
        """Exact first and second derivatives, in the order of the formula."""
        engine = self.engine
        numbers, bases = zip(*(entries(engine.blocks, f) for f in engine.order), strict=True)
        t, k = len(engine.blocks.pairs.row), len(solve)
        slope, trace = np.zeros(t), np.zeros((t, t))
        last, others = np.zeros((t, t)), np.zeros((t, t))
        FF = [np.zeros((E.shape[1] * k, E.shape[1] * k)) for E in bases]
        rows = solve if reml else solve[-1:]
        for piece, at, solved in zip(engine.pieces, self.at, self.solved, strict=True):
            found = log_determinant(piece, at, bases)
            forms = quadratic_forms(piece, at, bases, [np.matmul(rows, F) for F in solved.F])
            slope += found.slope
            trace -= found.curve
            last += forms.last
            others += forms.others
            for total, F in zip(FF, solved.F, strict=True):
                flat = F.reshape(len(total), -1)
                total += flat @ flat.T
        gram = np.concatenate([_gram(total, E, solve) for total, E in zip(FF, bases, strict=True)])
        back = np.argsort(np.concatenate(numbers))
        both = np.ix_(back, back)
        return Second(
            slope=slope[back],
            trace=trace[both],
            gram=gram[back],
            quadratic=last[both],
            mixed=others[both] if reml else None,
        )

    def mixed(self, solve: Array, weights: Array) -> Array:
        """U'K U for a few combinations U of the E_i T, a square root of the weights."""
        engine = self.engine
        total = np.zeros((len(solve) - 1,) * 2)
        for piece, at, solved in zip(engine.pieces, self.at, self.solved, strict=True):
            T = [np.matmul(solve[:-1], F) for F in solved.F]
            for root in square_root(weights):
                E = [combined(engine.blocks, f, root) for f in engine.order]
                total += form(piece, at, [np.tensordot(e, t, 1) for e, t in zip(E, T, strict=True)])
        return (total + total.T) / 2

    def between(self, f: int, g: int, j: Places, k: Places) -> Array:
        """Conditional covariances of pairs of groups."""
        order, whole = self.engine.order, Chain.of(self.engine.pieces, self.at)
        l, h = order.index(f), order.index(g)
        return whole.between(l, whole.node[l][j], h, whole.node[h][k])

    def effects(self) -> tuple[FactorEffects, ...]:
        """F and the conditional covariance of every group."""
        engine = self.engine
        W = [spread(piece, at) for piece, at in zip(engine.pieces, self.at, strict=True)]
        found = {}
        for l, f in enumerate(engine.order):
            place = np.concatenate([piece[l].place for piece in engine.pieces])
            found[f] = FactorEffects(
                _gathered(place, [each.F[l] for each in self.solved]),
                _gathered(place, [each[l] for each in W]),
            )
        return tuple(found[f] for f in range(len(found)))


def _gram(FF: Array, E: Array, solve: Array) -> Array:
    """(t, k, k) solve F'E_i F solve' of the sums of F_a F_b' (q k, q k)."""
    q, k = E.shape[1], len(solve)
    inner = np.einsum("iab,axby->ixy", E, FF.reshape(q, k, q, k))
    rotated: Array = solve @ inner @ solve.T
    return rotated


def _gathered(place: NDArray[np.intp], pieces: Sequence[Array]) -> Array:
    """Values by group, in the factor's own order."""
    values = np.concatenate(pieces, axis=-1)
    out = np.empty_like(values)
    out[..., place] = values
    return out
