"""Conditional covariances of two groups of a crossed model, whichever they are.

With W_2 that of the dense part, a group j of the eliminated factor has -W_j N_j W_2 with it and
W_j N_j W_2 N_k'W_k with another group k of its own factor (`crossed`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.linalg.products import times, transposed

if TYPE_CHECKING:
    from echelon.estimate.crossed import CrossedSweep

Array = NDArray[np.float64]
Places = NDArray[np.intp]


def between(sweep: CrossedSweep, f: int, g: int, j: Places, k: Places) -> Array:
    """(q_f, q_g, m) covariances over sigma^2 of groups j of factor f and groups k of factor g."""
    first, core = sweep.engine.first, sweep.engine.core
    if g == first and f != first:
        return transposed(between(sweep, g, f, k, j))
    W2 = sweep.rest.W()
    if f != first:
        rows, cols = (core.starts[i] + core.q[i] * at for i, at in ((f, j), (g, k)))
        return np.stack(
            [np.stack([W2[rows + a, cols + b] for b in range(core.q[g])]) for a in range(core.q[f])]
        )
    out = _seen(sweep, W2, g, j, k)
    W = sweep.at.W[:, :, j]
    if g != first:
        return -times(W, out)
    out = times(times(W, out), transposed(sweep.at.W[:, :, k]))
    same = j == k
    out[:, :, same] += sweep.at.W[:, :, j[same]]
    return out


def _seen(sweep: CrossedSweep, W2: Array, g: int, j: Places, k: Places) -> Array:
    """N_j W_2 at the effects of group k of a factor, or times N_k' for the eliminated factor."""
    N, core = sweep.engine.border.rows, sweep.engine.core
    q_f, own = len(N), g == sweep.engine.first
    out = np.empty((q_f, q_f if own else core.q[g], len(j)))
    order = np.argsort(j, kind="stable")
    chunk = max(64, tolerances.BORDER_BLOCK // core.n)
    for start in range(0, len(order), chunk):
        some = order[start : start + chunk]
        groups, at = np.unique(j[some], return_inverse=True)
        for a in range(q_f):
            seen = np.asarray(N[a][groups] @ W2)
            for b in range(out.shape[1]):
                if own:
                    out[a, b, some] = np.asarray(N[b][k[some]].multiply(seen[at]).sum(axis=1))
                else:
                    out[a, b, some] = seen[at, core.starts[g] + core.q[g] * k[some] + b]
    return out
