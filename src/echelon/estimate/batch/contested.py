"""Responses whose deviance may have a second minimum: they are left to the search for a single one.

The places looked at are those of `estimate/rivals.py`, for all responses at once.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.estimate.batch.charts import charts
from echelon.estimate.batch.deviance import Evaluations
from echelon.linalg.symmetric import Pairs

Array = NDArray[np.float64]
Places = NDArray[np.intp]
Flags = NDArray[np.bool_]
Evaluate = Callable[[Places, Array], Evaluations]


def contested(
    evaluate: Evaluate, at: Evaluations, which: Places, *, shape: Pairs, df: Array
) -> Flags:
    """Whether the deviance falls towards another minimum beyond a valley.

    Parameters
    ----------
    evaluate : the deviance of some responses at their covariance factors
    at : local optima of those responses, in the order of `which`
    df : (R,) degrees of freedom of their residual variances
    """
    found = np.zeros(len(which), dtype=bool)
    local = charts(at, shape, df)
    steep = np.einsum("iir->ir", local.hessian)[shape.on_diagonal]
    top = local.singular.max(axis=0, initial=0.0)
    for i in range(shape.q):
        null = local.singular[i] <= tolerances.NULL * top
        weak = ~null & (local.singular[i] ** 2 * steep[i] / 2 < tolerances.RIVAL_WALD)
        tries = [(weak, 0.0, 1), *((null, size, -1) for size in tolerances.RIVAL_SCAN)]
        for asked, size, sign in tries:
            some = np.flatnonzero(asked & ~found)
            if not len(some):
                continue
            moved = local.singular[:, some]
            moved[i] = size
            there = evaluate(which[some], local.Q[..., some] * moved)
            slope = sign * _slope(there, local.Q[:, i][:, some], shape, df[some])
            found[some] |= slope >= 0 if sign > 0 else slope > 0
    return found


def _slope(there: Evaluations, direction: Array, shape: Pairs, df: Array) -> Array:
    """(R,) derivative of the deviance in the variance along a direction (q, R)."""
    g = there.slope - df / there.rho2 * there.score
    slope: Array = (g * direction[shape.row] * direction[shape.col]).sum(axis=0)
    return slope
