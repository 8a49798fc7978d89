"""A column as the mathematics sees it: numbers, or integer codes with levels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Column:
    """One variable of a table, freed from the library it came from.

    Attributes
    ----------
    name : as in the caller's table
    values : (n,) float64 with `nan` for missing (numeric), or (n,) intp codes into `levels` with
        -1 for missing (categorical)
    levels : the categories in their order (strings, ints, bools), or None for a numeric column
    ordered : True for an ordered factor
    label : the variable label of an SPSS, Stata or SAS file, "" otherwise
    """

    name: str
    values: NDArray[np.float64] | NDArray[np.intp]
    levels: tuple[object, ...] | None = None
    ordered: bool = False
    label: str = ""

    @property
    def is_categorical(self) -> bool:
        """Whether the column holds categories rather than numbers."""
        return self.levels is not None

    def missing(self) -> NDArray[np.bool_]:
        """(n,) True where the value is missing."""
        return self.values < 0 if self.levels is not None else np.isnan(self.values)

    def take(self, keep: NDArray[np.bool_]) -> Column:
        """The rows where `keep` is True, categories without rows dropped."""
        values = self.values[keep]
        if self.levels is None:
            return replace(self, values=values)
        present = np.bincount(values[values >= 0], minlength=len(self.levels)) > 0
        if present.all():
            return replace(self, values=values)
        renumber = np.append(np.cumsum(present) - 1, -1)  # the appended -1 keeps missing missing
        levels = tuple(level for level, here in zip(self.levels, present, strict=True) if here)
        return replace(self, values=renumber[values], levels=levels)
