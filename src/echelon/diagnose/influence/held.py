"""Fixed effects without whole groups of rows, variance parameters held: any model, any groups."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.diagnose.influence.pieces import Pieces, pieces
from echelon.diagnose.influence.units import Units
from echelon.errors import NotYetSupported
from echelon.model.fit import LmmFit

Array = NDArray[np.float64]


def held_by_rows(fit: LmmFit, units: Units) -> tuple[Array, Array]:
    """Fixed effects (R, p) and their covariances (R, p, p) without each unit.

    Returns
    -------
    nan for units without which a coefficient is not estimable

    Raises
    ------
    NotYetSupported : too many pairs of rows within units

    Notes
    -----
    With rows I left out, beta - beta_(I) = (X'V^-1X)^-1 X'V^-1_I P_II^-1 (P y)_I
    (`deletion-held`; christensen1992, haslett1999). Cost O(sum n_I^2) pairs and O(n_I^3) a unit;
    units of the same size are solved together.
    """
    size = np.bincount(units.codes, minlength=units.R)
    if float(np.square(size.astype(np.float64)).sum()) > tolerances.DELETED_PAIRS:
        raise NotYetSupported(
            f"With variances held, leaving out groups as large as those of {units.name!r} "
            f"({size.max():,} rows) takes too many pairs of rows. Refit them: refit=True."
        )
    given, best = pieces(fit), fit.optimum
    order = np.argsort(units.codes, kind="stable")
    start = np.cumsum(size) - size
    beta = np.full((units.R, len(best.beta)), np.nan)
    vcov = np.full((units.R, *best.vcov.shape), np.nan)
    for m in np.unique(size[size > 0]):
        same = np.flatnonzero(size == m)
        together = max(int(tolerances.INFLUENCE_PAIRS // m**2), 1)
        for first in range(0, len(same), together):
            some = same[first : first + together]
            members = order[start[some][:, None] + np.arange(m)]
            beta[some], vcov[some] = _without(given, members)
    return beta, vcov


def _without(given: Pieces, members: NDArray[np.intp]) -> tuple[Array, Array]:
    """Without each of some sets of rows of one size (N, m)."""
    best = given.fit.optimum
    m = members.shape[1]
    P = given.P_pairs(np.repeat(members, m, axis=1).ravel(), np.tile(members, m).ravel())
    P = P.reshape(-1, m, m)
    P = (P + P.transpose(0, 2, 1)) / 2
    scale = np.sqrt(given.precision[members])
    lowest = np.linalg.eigvalsh(P / (scale[:, :, None] * scale[:, None, :]))[:, 0]
    alone = lowest <= tolerances.DELETED_RANK
    P[alone] = np.eye(m)
    Ag = given.G[members] @ (best.vcov / best.sigma2)
    right = np.concatenate([given.Py[members][:, :, None], Ag], axis=2)
    solved = Ag.transpose(0, 2, 1) @ np.linalg.solve(P, right)
    beta, vcov = best.beta - solved[:, :, 0], best.vcov + best.sigma2 * solved[:, :, 1:]
    beta[alone], vcov[alone] = np.nan, np.nan
    return beta, vcov
