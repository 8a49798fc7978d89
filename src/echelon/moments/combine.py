"""Linear combinations of moments: what a residual structure makes of its sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from echelon.moments.moments import Moments

Array = NDArray[np.float64]


def combine(sets: Sequence[Moments], omega: Array, *, like: Moments, log_weight: float) -> Moments:
    """Moments with inverse residual covariance sum_m omega_m B_m, from the moments with each B_m.

    Parameters
    ----------
    sets : moments of the same columns, centres, groups and pairs of groups
    omega : (m,) coefficients of any sign
    like : whose number of rows and counts are taken
    log_weight : logarithm of the determinant of the inverse residual covariance

    Raises
    ------
    ValueError : centres differ; `recentred` moves them first

    Notes
    -----
    Every block is linear in the inverse residual covariance (`residual-moments`; pinheiro2000,
    ch. 5). Cost O(m J q k).
    """
    for one in sets:
        _check_alike(one, like)
    used = [(one, float(w)) for one, w in zip(sets, omega, strict=True) if w != 0]

    def total(pick: Sequence[Array], zero: Array) -> Array:
        out = np.zeros_like(zero)
        for part, (_, w) in zip(pick, used, strict=True):
            out += w * part
        return out

    groups = tuple(
        replace(
            group,
            weight=total([one.groups[f].weight for one, _ in used], group.weight),
            ZtZ=total([one.groups[f].ZtZ for one, _ in used], group.ZtZ),
            ZtV=total([one.groups[f].ZtV for one, _ in used], group.ZtV),
        )
        for f, group in enumerate(like.groups)
    )
    crossings = tuple(
        replace(cross, blocks=total([one.crossings[c].blocks for one, _ in used], cross.blocks))
        for c, cross in enumerate(like.crossings)
    )
    return replace(
        like,
        log_weight=log_weight,
        cross=total([one.cross for one, _ in used], like.cross),
        groups=groups,
        crossings=crossings,
    )


def _check_alike(one: Moments, like: Moments) -> None:
    same = (
        one.columns == like.columns
        and np.array_equal(one.centre, like.centre)
        and len(one.groups) == len(like.groups)
        and all(
            (g.levels is h.levels or g.levels == h.levels)
            and g.effects == h.effects
            and np.array_equal(g.centre, h.centre)
            for g, h in zip(one.groups, like.groups, strict=True)
        )
    )
    if not same:
        raise ValueError("moments of different columns, centres or groups do not combine")
