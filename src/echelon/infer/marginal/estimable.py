"""Which linear functions a rank-deficient fit can estimate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.model.fit import LmmFit, OlsFit
from echelon.moments import Moments

Array = NDArray[np.float64]


def unseen_part(fit: LmmFit | OlsFit, kept: Array, dropped: Array) -> Array:
    """How far rows leave the space of the data: zero where they can be estimated.

    In the data every dropped column is a combination of kept ones, X_d = X_k A. A row x is
    estimable when it keeps to that, x_d = x_k A (`estimable`; searle1971, sec. 5.4).

    Parameters
    ----------
    kept : (m, p) fixed columns of the model;  dropped : (m, d) columns left out

    Returns
    -------
    (m, d) x_d - x_k A, each column in units of its root mean square in the data. It is linear: the
    rows of K @ unseen_part tell which combinations K of the rows are estimable.
    """
    moments = fit.moments if isinstance(fit, OlsFit) else fit.plain_moments
    names = list(moments.columns)
    own = [names.index(name) for name in fit.names if name in names[1:-1]]
    left = [names.index(name) for name in fit.dropped]
    if not moments.intercept:
        moments = moments.recentred(np.zeros_like(moments.centre))
    constant = len(fit.names) - len(own)
    centre, cross, unit = moments.centre, moments.cross, _unit(moments)
    A = np.linalg.lstsq(
        cross[np.ix_(own, own)] / np.outer(unit[own], unit[own]),
        cross[np.ix_(own, left)] / np.outer(unit[own], unit[left]),
        rcond=None,
    )[0]
    x_k = (kept[:, constant:] - centre[own]) / unit[own]
    gap: Array = (dropped - centre[left]) / unit[left] - x_k @ A
    return gap


def estimable(unseen: Array) -> NDArray[np.bool_]:
    """(m,) whether linear functions with this unseen part (m, d) can be estimated."""
    return np.asarray((np.abs(unseen) < tolerances.ESTIMABLE).all(axis=1))


def _unit(moments: Moments) -> Array:
    """(k,) root mean square of each column about zero; 1 for a column of zeros."""
    square = np.diag(moments.cross) / moments.weight + moments.centre**2
    return np.where(square > 0, np.sqrt(square), 1.0)
