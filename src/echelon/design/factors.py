"""Grouping factors: integer codes of a variable or of an interaction of variables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from echelon.data import Column
from echelon.linalg.pairing import pair

Places = NDArray[np.intp]


def interaction(columns: Sequence[Column]) -> tuple[NDArray[np.int32], tuple[object, ...]]:
    """Codes (n,) and levels of the groups formed by one or several variables together.

    The levels of one variable stay what they are; those of several are joined by ":" as in R,
    in the order of the first variable, then the second. Combinations without rows are no levels.
    """
    first, *others = columns
    if not others:
        return first.values.astype(np.int32), first.levels or ()
    codes = first.values.astype(np.intp, copy=False)
    size = len(first.levels or ())
    of_level = [np.arange(size)]  # for each variable its level at each level of the interaction
    for column in others:
        found = pair(
            codes, column.values.astype(np.intp, copy=False), size, len(column.levels or ())
        )
        codes, size = found.place, len(found.first)
        of_level = [*(level[found.first] for level in of_level), found.second]
    return codes.astype(np.int32), _joined(columns, of_level)


def _joined(columns: Sequence[Column], of_level: Sequence[Places]) -> tuple[str, ...]:
    """Labels of the levels; the variables' own are made into text once."""
    texts = []
    for column, level in zip(columns, of_level, strict=True):
        labels = list(map(str, column.levels or ()))
        texts.append([labels[i] for i in level.tolist()])
    return tuple(map(":".join, zip(*texts, strict=True)))
