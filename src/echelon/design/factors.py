"""Grouping factors: integer codes of a variable or of an interaction of variables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from echelon.data import Column


def interaction(columns: Sequence[Column]) -> tuple[NDArray[np.int32], tuple[object, ...]]:
    """Codes (n,) and levels of the groups formed by one or several variables together.

    The levels of one variable stay what they are; those of several are joined by ":" as in R,
    in the order of the first variable, then the second. Combinations without rows are no levels.
    """
    first, *others = columns
    if not others:
        return first.values.astype(np.int32), first.levels or ()
    codes = first.values.astype(np.int64)
    for column in others:
        codes = codes * len(column.levels or ()) + column.values.astype(np.int64)
    present, renumbered = np.unique(codes, return_inverse=True)
    return renumbered.astype(np.int32), tuple(_joined(key, columns) for key in present.tolist())


def _joined(key: int, columns: Sequence[Column]) -> str:
    parts: list[str] = []
    for column in reversed(columns):
        levels = column.levels or ()
        key, place = divmod(key, len(levels))
        parts.append(str(levels[place]))
    return ":".join(reversed(parts))
