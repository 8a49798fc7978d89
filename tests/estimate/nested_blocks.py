"""Random forests of nested groups, as the engines see them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from echelon.estimate.blocks import Blocks, CrossBlocks, FactorBlocks
from echelon.linalg.symmetric import pairs

Codes = list[np.ndarray]


def tree_codes(rng: np.random.Generator, groups: tuple[int, ...], rows: int) -> Codes:
    """Group of every row at each level, finest first: unbalanced, some groups with one child."""

    def children(parents: int, count: int) -> np.ndarray:
        share = rng.dirichlet(np.full(parents, 0.6))
        extra = rng.choice(parents, size=count - parents, p=share)
        return rng.permutation(np.concatenate([np.arange(parents), extra]))

    codes = [children(groups[0], rows)]
    for fine, coarse in pairwise(groups):
        codes.append(children(coarse, fine)[codes[-1]])
    return codes


def blocks_of(
    codes: Codes, Z: list[np.ndarray], V: np.ndarray, w: np.ndarray, order: tuple[int, ...]
) -> Blocks:
    """The blocks of the factors `order` (places in `codes`), in that order."""
    V = V * np.sqrt(w)[:, None]
    Z = [z * np.sqrt(w)[:, None] for z in Z]
    J = [int(c.max()) + 1 for c in codes]

    def sums(place: np.ndarray, count: int, A: np.ndarray, B: np.ndarray) -> np.ndarray:
        return np.array([[np.bincount(place, a * b, count) for b in B.T] for a in A.T])

    def crossing(f: int, g: int) -> CrossBlocks:
        l, m = order[f], order[g]
        key, place = np.unique(codes[l] * J[m] + codes[m], return_inverse=True)
        return CrossBlocks(f, g, key // J[m], key % J[m], sums(place, len(key), Z[l], Z[m]))

    F = range(len(order))
    return Blocks(
        tuple(
            FactorBlocks(sums(codes[l], J[l], Z[l], Z[l]), sums(codes[l], J[l], Z[l], V))
            for l in order
        ),
        tuple(crossing(f, g) for f in F for g in F if f < g),
        pairs(tuple(Z[l].shape[1] for l in order)),
    )


def nested_blocks(
    seed: int,
    groups: tuple[int, ...],
    effects: tuple[int, ...],
    order: tuple[int, ...] = (),
    *,
    same: bool = False,
    k: int = 4,
) -> Blocks:
    """Weighted random forests.

    Parameters
    ----------
    groups, effects : at each level, finest first
    order : the levels in the order of the formula; finest first unless given
    same : whether all levels have the same columns, as in (x | a / b)
    """
    rng = np.random.default_rng(seed)
    codes = tree_codes(rng, groups, 3 * groups[0])
    n = len(codes[0])
    columns = [np.column_stack([np.ones(n), rng.normal(size=(n, max(effects)))]) for _ in effects]
    Z = [columns[0 if same else l][:, :q] for l, q in enumerate(effects)]
    V, w = rng.normal(size=(n, k)), rng.uniform(0.5, 2.0, n)
    return blocks_of(codes, Z, V, w, order or tuple(range(len(groups))))


def factor_at(blocks: Blocks, seed: int, zero: str = "none", scale: float = 1.0) -> np.ndarray:
    """A covariance factor inside, with a column of zeros in each block, or all zero."""
    rng, shape = np.random.default_rng(seed), blocks.pairs
    t = len(shape.row)
    theta = np.where(shape.on_diagonal, rng.uniform(0.4, 1.6, t), rng.uniform(-0.8, 0.8, t))
    lam = scale * shape.factor(theta)
    if zero == "column":
        lam[:, [part.stop - 1 for part in blocks.parts]] = 0.0
    return np.zeros_like(lam) if zero == "all" else lam
