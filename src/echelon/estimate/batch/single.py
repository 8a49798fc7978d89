"""Another response in a prepared problem: nothing that depends on the design is made again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from echelon.estimate.batch.responses import WorkingResponses
from echelon.estimate.blocks import Blocks
from echelon.estimate.choose import choose
from echelon.estimate.crossed import Crossed
from echelon.estimate.engine import Engine
from echelon.estimate.kernel import OneFactor
from echelon.estimate.nested import Nested
from echelon.estimate.problem import Problem

Array = NDArray[np.float64]


def with_response(problem: Problem, given: WorkingResponses, r: int) -> Problem:
    """The problem with response number r. Cost O(J q k).

    `fixed.shift`, where the response is centred, is the caller's matter: only he knows the centre.
    """
    cross = problem.cross.copy()
    cross[:-1, -1] = cross[-1, :-1] = given.XtY[:, r]
    cross[-1, -1] = given.yty[r]
    factors = []
    for factor, part in zip(problem.blocks.factors, given.ZtY, strict=True):
        ZtV = factor.ZtV.copy()
        ZtV[:, -1] = part[..., r]
        factors.append(replace(factor, ZtV=ZtV))
    blocks = replace(problem.blocks, factors=tuple(factors))
    return replace(problem, cross=cross, blocks=blocks, engine=with_blocks(problem.engine, blocks))


def with_blocks(engine: Engine, blocks: Blocks) -> Engine:
    """The engine for blocks that differ in the responses only, of which there may be many."""
    if isinstance(engine, OneFactor):
        return OneFactor(blocks)
    if isinstance(engine, Crossed):
        C0 = np.ascontiguousarray(blocks.factors[engine.first].ZtV.transpose(0, 2, 1))
        others = engine.core.flat([f.ZtV for f in blocks.factors])
        return replace(engine, blocks=blocks, ZtV=(C0, others))
    if isinstance(engine, Nested):
        pieces = tuple(
            tuple(
                replace(level, C=np.ascontiguousarray(blocks.factors[f].ZtV[:, :, level.place]))
                for f, level in zip(engine.order, piece, strict=True)
            )
            for piece in engine.pieces
        )
        return replace(engine, blocks=blocks, pieces=pieces)
    return choose(blocks)
