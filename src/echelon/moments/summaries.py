"""Moments from published summaries: n, mean and standard deviation of each group."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from echelon.design.design import Design
from echelon.moments.moments import Moments
from echelon.moments.rows import from_rows


def from_summaries(design: Design, n: NDArray[np.float64], sd: NDArray[np.float64]) -> Moments:
    """Moments of the rows behind one summary a group, exactly those the rows would give.

    Parameters
    ----------
    design : one row a group; its response holds the group means, its columns are level-2
        predictors (constant within groups)
    n : (J,) rows behind each mean
    sd : (J,) standard deviations within the groups (denominator n - 1); J times the same number
        for one pooled within-group standard deviation (denominator sum(n) - J)

    Notes
    -----
    With v_j = [1 x_j ybar_j], V'V = sum_j n_j v_j v_j' plus the within sum of squares
    sum_j (n_j - 1) sd_j^2 in the place of y'y (`moments-summaries`; raudenbush2002, ch. 3).
    """
    between = from_rows(replace(design, precision=n))
    within = float(((n - 1) * np.square(sd)).sum())
    cross = between.cross.copy()
    cross[-1, -1] += within
    rows = np.rint(n).astype(np.intp)
    groups = []
    for group, factor in zip(between.groups, design.factors, strict=True):
        count = np.bincount(factor.codes, weights=rows, minlength=len(factor.levels))
        groups.append(replace(group, count=count.astype(np.intp)))
    return replace(between, n=int(rows.sum()), log_weight=0.0, cross=cross, groups=tuple(groups))
