"""Products of the groups' cross-products with vectors over their effects."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from echelon.estimate.blocks import Blocks

Array = NDArray[np.float64]


def spread_over(blocks: Blocks, vectors: Sequence[Array]) -> list[Array]:
    """Z'R^-1 Z v for v of every factor (q, r, J); for each factor (q, r, J).

    Parameters
    ----------
    vectors : for each factor, r vectors over its groups' effects
    """
    out = [
        np.einsum("abj,brj->arj", f.ZtZ, v) for f, v in zip(blocks.factors, vectors, strict=True)
    ]
    for c in blocks.crossings:
        for a, b, way in ((c.first, c.second, c), (c.second, c.first, c.transposed())):
            moved = np.einsum("abm,brm->mar", way.blocks, vectors[b][:, :, way.col])
            total = np.zeros((out[a].shape[2], *moved.shape[1:]))
            np.add.at(total, way.row, moved)
            out[a] = out[a] + total.transpose(1, 2, 0)
    return out
