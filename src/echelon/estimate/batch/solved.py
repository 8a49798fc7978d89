"""Empirical Bayes of many responses at one covariance factor: solutions without a search."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from echelon.estimate.batch.responses import WorkingResponses
from echelon.estimate.batch.single import with_blocks
from echelon.estimate.problem import Problem

Array = NDArray[np.float64]


def solved(
    problem: Problem, lam: Array, given: WorkingResponses
) -> tuple[Array, tuple[Array, ...]]:
    """Fixed effects (p, R) and Z'V0^-1(y - X beta) (q, J, R) of each factor, in working units.

    Parameters
    ----------
    lam : (q, q) covariance factor, the same for all responses

    Notes
    -----
    The responses are further columns beside X: one sweep of the engine solves for all of them.
    """
    p, factors = problem.p, []
    for factor, ZtY in zip(problem.blocks.factors, given.ZtY, strict=True):
        ZtV = np.concatenate([factor.ZtV[:, :p], ZtY.transpose(0, 2, 1)], axis=1)
        factors.append(replace(factor, ZtV=np.ascontiguousarray(ZtV)))
    blocks = replace(problem.blocks, factors=tuple(factors))
    sweep = with_blocks(problem.engine, blocks).sweep(lam)
    left = np.hstack([problem.cross[:p, :p], given.XtY]) - sweep.explained[:p]
    beta = np.linalg.solve(left[:, :p], left[:, p:]).astype(np.float64)
    found = []
    for each in sweep.effects():
        F = each.F.transpose(0, 2, 1)
        found.append(F[..., p:] - F[..., :p] @ beta)
    return beta, tuple(found)
