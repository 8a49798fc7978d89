"""The statistic without each independent group in turn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echelon.errors import EchelonError, NeedsRows, NotIdentified, NotYetSupported
from echelon.infer.bootstrap.draws import row_of
from echelon.infer.bootstrap.parameters import parameters
from echelon.infer.bootstrap.statistic import Statistic, again, first
from echelon.linalg.threads import serial
from echelon.model.fit import LmmFit
from echelon.model.resample import Resampling, resampling

Array = NDArray[np.float64]

FEWEST = 3  # the skewness of two values is zero


@serial
def jackknife(fit: LmmFit, statistic: Statistic | None = None) -> Array:
    """Parameters, or a statistic, of the fit without each group of the top factor (J, m).

    Parameters
    ----------
    statistic : None for all parameters; those fits are made from moments, by subtraction

    Returns
    -------
    (J, m), nan where a fit failed

    Raises
    ------
    NotYetSupported : crossed factors, whose groups are not independent
    NeedsRows : the fit was made from summaries
    NotIdentified : fewer than three groups

    Notes
    -----
    `jackknife-moments`; efron1987. J fits; with a statistic O(n) each besides.
    """
    left = _prepared(fit, rows=statistic is not None)
    if statistic is None:
        known = parameters(fit)
        return np.concatenate(
            [row_of(fit, known, _without(left, j))[0] for j in range(left.J)], axis=0
        )
    like = first(statistic, fit)
    out = np.full((left.J, len(like.names)), np.nan)
    for j in range(left.J):
        found = again(statistic, _without(left, j), like, j)
        if not isinstance(found, str):
            out[j] = found
    return out


def _without(left: Resampling, j: int) -> LmmFit | str:
    try:
        return left.without(j)
    except EchelonError as error:
        return str(error)


def _prepared(fit: LmmFit, *, rows: bool) -> Resampling:
    """What leaves groups out, or why there is no such thing, in the words of the option."""
    other = 'Use interval="percentile" or "basic".'
    try:
        left = resampling(fit, 'interval="bca"', rows=rows)
    except NotYetSupported:
        raise NotYetSupported(
            'interval="bca" leaves out every independent group in turn, and the grouping factors '
            f"of this model are crossed ({', '.join(fit.factors)}): it has none. {other}"
        ) from None
    except NeedsRows:
        raise NeedsRows(
            'interval="bca" leaves out every group in turn, which needs the single rows; this '
            f"model was fitted from summaries (n, mean, sd). {other}"
        ) from None
    if left.J < FEWEST:
        raise NotIdentified(
            f'interval="bca" needs at least {FEWEST} groups; {left.factor!r} has {left.J}. {other}'
        )
    return left
