"""Responses of one design drawn as cross-products: no rows, no cost in n."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.moments.responses import ResponseMoments
from echelon.moments.span import Span, drawn
from echelon.study.grid import Cell
from echelon.study.model import Columns
from echelon.study.predictors import Plan

Array = NDArray[np.float64]


def draw(
    cell: Cell, plan: Plan, at: Columns, space: Span, seed: list[int], R: int
) -> ResponseMoments:
    """Cross-products of R responses y = Z u + e: random effects and residuals, all effects zero.

    Parameters
    ----------
    space : coordinates of the moments with every column that varies within groups as random
    seed : words of the design's seed

    Notes
    -----
    Drawn in pieces of one size, each with a seed of its own: the first replicates are the same
    however many are asked for (`study-draws`).
    """
    pieces = []
    size = tolerances.DRAWN_TOGETHER
    for piece in range(-(-R // size)):
        rng = np.random.default_rng([*seed, piece])
        u = _effects(cell, plan, at, size, rng)
        zero = np.zeros(len(at.terms))
        pieces.append(drawn(space, zero, (u,), float(np.sqrt(cell.sigma2)), 0.0, rng))
    return ResponseMoments(
        np.zeros(R),
        np.concatenate([part.VtY for part in pieces], axis=1)[:, :R],
        np.concatenate([part.yty for part in pieces])[:R],
        (np.concatenate([part.ZtY[0] for part in pieces], axis=2)[:, :, :R],),
    )


def covariance(cell: Cell, at: Columns) -> Array:
    """(q, q) covariance of the random effects: intercept, then the effects that vary."""
    sd = np.array([np.sqrt(cell.tau2), *(value for _, value in cell.slopes)])
    correlation = np.eye(len(sd))
    correlation[0, 1:] = correlation[1:, 0] = cell.effect_correlation
    return np.asarray(correlation * np.outer(sd, sd))


def pull(cell: Cell, plan: Plan) -> Array:
    """(J,) what the size of a group says of its intercept, in SDs: their means over groups."""
    n = plan.n.astype(np.float64)
    sd = float(n.std())
    return cell.size_correlation * (n - n.mean()) / sd if sd > 0 else np.zeros(len(n))


def _effects(cell: Cell, plan: Plan, at: Columns, R: int, rng: np.random.Generator) -> Array:
    """(J, K + 1, R), zero for predictors whose effect does not vary."""
    T = covariance(cell, at)
    values, vectors = np.linalg.eigh(T)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    u = np.zeros((len(plan.n), len(at.effects), R))
    u[:, list(at.random)] = np.einsum(
        "ab,jbr->jar", root, rng.standard_normal((len(plan.n), len(T), R))
    )
    if cell.size_correlation:
        known = pull(cell, plan)
        left = np.sqrt(1 - cell.size_correlation**2) if known.any() else 1.0
        u[:, 0] = left * u[:, 0] + np.sqrt(cell.tau2) * known[:, None]
    return u
