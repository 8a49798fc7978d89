"""Which engine evaluates a model: decided once, by the structure of its grouping factors."""

from __future__ import annotations

from echelon.estimate.blocks import Blocks
from echelon.estimate.crossed import Crossed
from echelon.estimate.engine import Engine
from echelon.estimate.kernel import OneFactor
from echelon.estimate.nested import Nested


def choose(blocks: Blocks) -> Engine:
    """The engine for the structure of these factors."""
    if len(blocks.factors) == 1:
        return OneFactor(blocks)
    return Nested.of(blocks) or Crossed.of(blocks)
