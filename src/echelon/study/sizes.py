"""Sizes of the groups of a planned study: one number, a distribution, or a given list."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray
from scipy import special

from echelon.errors import DataError

Array = NDArray[np.float64]
Counts = NDArray[np.intp]
Law = Literal["equal", "lognormal", "uniform", "given"]

_UNIFORM = re.compile(r"uniform\(\s*(\d+)\s*,\s*(\d+)\s*\)")
_KEYS = ("mean", "cv", "min")
_FORMS = (
    'a whole number (n=20), a distribution (n={"mean": 20, "cv": 0.5} or n="uniform(5, 35)"), or '
    "the sizes themselves as a tuple or array (n=(5, 12, 30)); a list holds several of these"
)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large the groups are.

    Attributes
    ----------
    law : "equal", "lognormal" (shifted to begin at a smallest size), "uniform", "given"
    numbers : the size; mean, coefficient of variation and smallest size; smallest and largest
        size; the sizes
    """

    law: Law
    numbers: tuple[float, ...]

    @property
    def label(self) -> str:
        """What a table calls them."""
        if self.law == "equal":
            return f"{self.numbers[0]:g}"
        if self.law == "lognormal":
            return f"{self.numbers[0]:g} (cv {self.numbers[1]:g})"
        low, high = min(self.numbers), max(self.numbers)
        return f"{low:g} to {high:g}" + (", given" if self.law == "given" else "")

    def representative(self, J: int) -> Counts:
        """J sizes at the quantiles of the distribution: as spread as asked, without chance.

        Notes
        -----
        Quantiles (j - 1/2) / J; their mean, and for `cv` their coefficient of variation (divisor
        J), are those asked for up to rounding to whole rows (`study-sizes`).

        Examples
        --------
        >>> Sizes("lognormal", (20, 0.5, 1)).representative(8).tolist()
        [8, 11, 14, 16, 19, 23, 28, 41]
        """
        share = (np.arange(J) + 0.5) / J
        if self.law == "lognormal":
            mean, cv, least = self.numbers
            return _whole(least + _spread(share, mean - least, cv * mean), round(J * mean))
        if self.law == "uniform":
            low, high = self.numbers
            return _whole(low - 0.5 + (high - low + 1) * share, round(J * (low + high) / 2))
        return self._certain(J)

    def drawn(self, J: int, rng: np.random.Generator) -> Counts:
        """J sizes drawn at random."""
        if self.law == "lognormal":
            mean, cv, least = self.numbers
            if mean == least or cv == 0:
                return np.full(J, round(mean), dtype=np.intp)
            s2 = np.log1p((cv * mean / (mean - least)) ** 2)
            excess = np.exp(np.sqrt(s2) * rng.standard_normal(J) - s2 / 2)
            rows = np.maximum(np.rint(least + (mean - least) * excess), least)
            return np.asarray(rows, dtype=np.intp)
        if self.law == "uniform":
            low, high = map(int, self.numbers)
            return np.asarray(rng.integers(low, high + 1, J)).astype(np.intp)
        return self._certain(J)

    def _certain(self, J: int) -> Counts:
        return np.resize(np.array(self.numbers), J).astype(np.intp)


def sizes_of(value: object) -> Sizes:
    """Read what a user gave for one entry of `n`.

    Raises
    ------
    DataError : what it is not, with the forms there are

    Examples
    --------
    >>> sizes_of("uniform(5, 35)"), sizes_of({"mean": 20, "cv": 0.5}).label
    (Sizes(law='uniform', numbers=(5, 35)), '20 (cv 0.5)')
    """
    if isinstance(value, Sizes):
        return value
    if isinstance(value, str):
        return _of_text(value)
    if isinstance(value, Mapping):
        return _of_mapping(value)
    if np.ndim(cast(Array, value)) == 1:
        return Sizes("given", tuple(_size(x, value) for x in cast(Sequence[object], value)))
    return Sizes("equal", (_size(value, value),))


def fitting(sizes: Sizes, J: int) -> None:
    """Refuse sizes that do not go with so many groups.

    Raises
    ------
    DataError : a given list of another length that J is no multiple of; more spread than J groups
        can have
    """
    if sizes.law == "given" and J % len(sizes.numbers):
        raise DataError(
            f"n= gives the sizes of {len(sizes.numbers)} groups, and J={J} is neither that nor a "
            "multiple of it. Leave J out, or give one size for each group."
        )
    if sizes.law == "lognormal" and sizes.numbers[1] > 0:
        mean, cv, least = sizes.numbers
        if cv * mean >= 0.95 * np.sqrt(J - 1) * (mean - least):
            raise DataError(
                f"{J} groups of at least {least:g} and on average {mean:g} rows cannot have a "
                f"coefficient of variation of {cv:g}. Use a smaller cv, or more groups."
            )


def _of_text(value: str) -> Sizes:
    found = _UNIFORM.fullmatch(value.strip())
    if found is None:
        raise DataError(f"n={value!r} is not understood. Give {_FORMS}.")
    low, high = int(found[1]), int(found[2])
    if not 1 <= low <= high:
        raise DataError(f"n={value!r}: sizes run from at least 1 upwards, as in uniform(5, 35).")
    return Sizes("uniform", (low, high))


def _of_mapping(value: Mapping[object, object]) -> Sizes:
    strange = [key for key in value if key not in _KEYS]
    if strange or "mean" not in value:
        raise DataError(
            f"n={dict(value)!r}: a distribution is given by mean=, cv= (SD over mean) and, if "
            'wanted, min=, as in n={"mean": 20, "cv": 0.5}.'
        )
    try:
        mean, cv, least = (
            float(cast(float, value.get(key, other)))
            for key, other in (("mean", 0), ("cv", 0), ("min", 1))
        )
    except (TypeError, ValueError):
        raise DataError(f"n={dict(value)!r}: mean, cv and min are numbers.") from None
    if not (np.isfinite(mean) and mean >= least >= 1 and least == int(least)):
        raise DataError(
            f"n={dict(value)!r}: the smallest size is a whole number of at least 1, and the mean "
            "is not below it."
        )
    if not 0 <= cv < np.inf or (cv > 0 and mean == least):
        raise DataError(
            f"n={dict(value)!r}: cv is the SD of the sizes over their mean, 0 for equal sizes; it "
            "needs a mean above the smallest size."
        )
    return Sizes("lognormal", (mean, cv, least))


def _size(x: object, where: object) -> float:
    number = isinstance(x, int | float | np.integer | np.floating) and not isinstance(x, bool)
    if not number or not np.isfinite(cast(float, x)) or float(cast(float, x)) < 1:
        raise DataError(f"n={where!r}: a group has at least one row. Give {_FORMS}.")
    if float(cast(float, x)) != int(cast(float, x)):
        raise DataError(
            f"n={where!r}: a group has a whole number of rows. For a mean size that is not whole "
            f'give a distribution, as in n={{"mean": {float(cast(float, x)):g}, "cv": 0}}.'
        )
    return int(cast(float, x))


def _spread(share: Array, mean: float, sd: float) -> Array:
    """Lognormal quantiles with exactly this mean and standard deviation (divisor J)."""
    if sd == 0 or mean == 0:
        return np.full(len(share), mean)
    z = np.asarray(special.ndtri(share))
    low, high = 0.0, 1.0
    while _variation(high * z) < sd / mean:
        high *= 2
    for _ in range(60):  # the coefficient of variation rises with the scale of the logarithm
        middle = (low + high) / 2
        low, high = (middle, high) if _variation(middle * z) < sd / mean else (low, middle)
    q = np.exp(high * (z - z.max()))
    return np.asarray(mean * q / q.mean())


def _variation(logs: Array) -> float:
    q = np.exp(logs - logs.max())
    return float(q.std() / q.mean())


def _whole(sizes: Array, total: int) -> Counts:
    """Whole sizes with this total, rounded where that moves them least."""
    down = np.floor(sizes + 1e-9)
    short = int(total - down.sum())
    up = np.argsort(down - sizes, kind="stable")[: max(short, 0)]
    down[up] += 1
    return down.astype(np.intp)
