"""What an estimator says of many responses of one design."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Estimated:
    """Estimates of R responses; nan where an estimator has none.

    Attributes
    ----------
    estimate, std_error, df : (R, p) fixed effects
    variances : (R, q + 1) variances of the random effects, then of the rows
    """

    estimate: Array
    std_error: Array
    df: Array
    variances: Array


def estimated(
    R: int,
    shape: tuple[int, int],
    *,
    terms: NDArray[np.intp] | slice = slice(None),
    estimate: Array,
    std_error: Array,
    df: Array | float,
    variances: tuple[Array, Array] | None = None,
) -> Estimated:
    """Put some terms in their places.

    Parameters
    ----------
    shape : fixed effects, variances
    estimate, std_error : (R, m);  df : anything that goes with them
    variances : of the groups' intercepts and of the rows (R,)
    """

    def placed(values: Array | float) -> Array:
        room = np.full((R, shape[0]), np.nan)
        room[:, terms] = values
        return room

    inside = np.full((R, shape[1]), np.nan)
    if variances is not None:
        inside[:, 0], inside[:, -1] = variances
    return Estimated(placed(estimate), placed(std_error), placed(df), inside)
