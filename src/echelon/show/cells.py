"""Cells of result tables: how many decimals, stars, and labels of groups."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from echelon.infer.estimates import Estimates
from echelon.show.table import Cell, Entry

Row: TypeAlias = tuple[Cell | Entry, ...]

STAR_KEY = "* p < .05, ** p < .01, *** p < .001"

_MOST_DECIMALS = 6  # beyond it scientific notation is easier to read
_LARGE, _HUGE = 1e7, 1e13  # between them whole numbers are easier to read


def places(scale: float, least: int, significant: int = 2) -> int:
    """Decimals with which a number of this size shows so many significant digits.

    Parameters
    ----------
    scale : a standard error, or another number of the size to be shown
    least : decimals at least

    >>> places(13.67, 3), places(0.0042, 3), places(1e-9, 3)
    (3, 4, 3)
    """
    if not math.isfinite(scale) or scale == 0:
        return least
    needed = significant - 1 - math.floor(math.log10(abs(scale)))
    return max(least, needed) if needed <= _MOST_DECIMALS else least


def typical_places(values: NDArray[np.float64], least: int, significant: int = 3) -> int:
    """Decimals that suit the median size of many numbers.

    >>> typical_places(np.array([0.14, 0.13, np.nan]), 2)
    3
    """
    sizes = np.abs(values[np.isfinite(values) & (values != 0)])
    return places(float(np.median(sizes)), least, significant) if sizes.size else least


def amount(value: float, digits: int) -> Entry:
    """A number with fixed decimals, or without any where they would make it scientific.

    >>> amount(12345678.9, 1).kind, amount(1234.5, 1).kind
    ('integer', 'number')
    """
    if _LARGE <= abs(value) < _HUGE:
        return Entry(value, "integer")
    return Entry(value, "number", digits)


def mark(p: float) -> str:
    """Stars of a p-value, as `STAR_KEY` explains them; none for nan.

    >>> [mark(p) for p in (0.0004, 0.004, 0.04, 0.4, float("nan"))]
    ['***', '**', '*', '', '']
    """
    return "*" * sum(p < bound for bound in (0.05, 0.01, 0.001))


def label_cell(label: object) -> str:
    """A group's label as text; whole numbers without decimals.

    >>> label_cell(5036.0), label_cell("Lycée")
    ('5036', 'Lycée')
    """
    if isinstance(label, float | np.floating) and float(label).is_integer():
        return str(int(label))
    return str(label)


def fixed_cells(values: Estimates, i: int, digits: int, *, stars: bool) -> dict[str, Entry]:
    """The cells of one fixed effect by heading; the stars are those of p."""
    decimals = places(float(values.std_error[i]), digits)
    df, p = float(values.df[i]), float(values.p_value[i])
    coarse = df >= 10 or df.is_integer()
    return {
        "Estimate": amount(float(values.estimate[i]), decimals),
        "SE": amount(float(values.std_error[i]), decimals),
        "df": Entry(df, digits=None if coarse else 1),
        "t": Entry(float(values.statistic[i])),
        "z": Entry(float(values.statistic[i])),
        "p": Entry(p, stars=mark(p) if stars else ""),
        "Lower": amount(float(values.conf_low[i]), decimals),
        "Upper": amount(float(values.conf_high[i]), decimals),
    }
