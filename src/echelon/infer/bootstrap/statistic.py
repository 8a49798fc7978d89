"""A user's statistic of a fit: its names, its values, and what goes wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from echelon.errors import DataError
from echelon.model.fit import LmmFit

Array = NDArray[np.float64]
Statistic = Callable[[LmmFit], object]
"""Takes a fit, gives a number, a sequence of numbers, or numbers by name."""


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """What a statistic gave for one fit."""

    names: tuple[str, ...]
    values: Array


def numbers(value: object) -> Numbers:
    """Numbers with names from what a statistic returned.

    Raises
    ------
    DataError : it is no number, no sequence of numbers and no mapping of names to numbers
    """
    to_dict = getattr(value, "to_dict", None)
    if not isinstance(value, Mapping) and callable(to_dict) and np.ndim(cast(Array, value)) == 1:
        value = to_dict()  # a pandas Series
    try:
        if isinstance(value, Mapping):
            array = np.array(list(value.values()), dtype=np.float64)
            names = tuple(str(name) for name in value)
        else:
            array = np.asarray([] if value is None else value, dtype=np.float64)
            names = tuple(f"statistic[{i}]" for i in range(array.size))
            names = ("statistic",) if array.ndim == 0 else names
    except (TypeError, ValueError):
        array, names = np.empty((0, 0)), ()
    if array.ndim > 1 or array.size == 0:
        raise DataError(
            f"The statistic returned {_shown(value)}; it must return a number, a sequence of "
            "numbers, or a dict of names and numbers."
        )
    return Numbers(names, np.atleast_1d(array))


def first(statistic: Statistic, fit: LmmFit) -> Numbers:
    """The statistic of the fit itself, which must exist."""
    found = numbers(statistic(fit))
    if not np.isfinite(found.values).all():
        name = found.names[int(np.argmin(np.isfinite(found.values)))]
        raise DataError(f"The statistic of the fit itself is not finite: {name!r}.")
    return found


def again(statistic: Statistic, fit: LmmFit | str, like: Numbers, r: int) -> Array | str:
    """The statistic of replicate r, or why there is none.

    Raises
    ------
    DataError : other names, or another number of values, than before
    """
    if isinstance(fit, str):
        return fit
    if fit.verdict.status == "failed":
        return "the fit did not converge"
    try:
        value = statistic(fit)
    except Exception as error:  # a user's function may fail in any way; the failure is counted
        return f"{type(error).__name__}: {error}"
    found = numbers(value)
    if found.names != like.names:
        raise DataError(
            f"The statistic returned {_listed(found.names)} for replicate {r}, and "
            f"{_listed(like.names)} for the fit itself. It must return the same names, in the same "
            "order, for every fit."
        )
    if not np.isfinite(found.values).all():
        return "the statistic is not finite"
    return found.values


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
    return f"{len(names)} values ({shown})"


def _shown(value: object) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text}" if len(text) <= 60 else f"a {type(value).__name__}"
