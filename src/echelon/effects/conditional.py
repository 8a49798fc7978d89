"""Conditional standard deviations of named groups: what a very large model is asked one by one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from echelon.data import Values, to_native
from echelon.effects.empirical_bayes import all_effects
from echelon.errors import DataError, nearest_hint
from echelon.estimate.iterative.engine import Iterative
from echelon.model.fit import LmmFit

Array = NDArray[np.float64]


def conditional_sd(fit: LmmFit, factor: str, levels: Sequence[object]) -> object:
    """Conditional standard deviations of some groups' random effects, exactly.

    After `lmer(..., method="iterative")` the table of `ranef` has none for factors of many groups;
    this solves for those that are named, a few hundred at most. After the exact method it is the
    same numbers as `ranef`.

    Parameters
    ----------
    factor : grouping factor
    levels : labels of its groups

    Returns
    -------
    table in the caller's dataframe library: group, level, term, std_error

    Raises
    ------
    UnknownOption : no such factor
    DataError : no such group

    Notes
    -----
    The square roots of the diagonal of sigma^2 (D - D K D) (`iterative-conditional`; bates2015).
    """
    place, group = fit.place(factor), fit.group(factor)
    number = {level: j for j, level in enumerate(group.levels)}
    missing = [level for level in levels if level not in number]
    if missing:
        near = nearest_hint(str(missing[0]), [str(level) for level in number], "Groups")
        raise DataError(f"{factor!r} has no group {missing[0]!r}.{near}")
    chosen = [number[level] for level in levels]
    variance = np.diagonal(_variances(fit, place, chosen), axis1=1, axis2=2)
    table: dict[str, Values] = {
        "group": [group.factor] * variance.size,
        "level": [level for level in levels for _ in group.effects],
        "term": list(group.effects) * len(chosen),
        "std_error": np.sqrt(np.maximum(variance, 0.0)).ravel(),
    }
    return to_native(table, fit.source.backend)


def _variances(fit: LmmFit, place: int, chosen: list[int]) -> Array:
    """(len(chosen), q, q) conditional variances in the user's units."""
    engine, part = fit.problem.engine, fit.problem.blocks.parts[place]
    if not isinstance(engine, Iterative):
        return all_effects(fit)[place].var[chosen]
    T = fit.problem.whiten[part, part]
    W = engine.sweep(fit.lam_working).spread(place, chosen).transpose(2, 0, 1)
    variance: Array = fit.optimum.sigma2 * (T @ W @ T.T)
    return variance
