"""Complete cases: which rows have every variable of the model, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.data.column import Column
from echelon.errors import DataError


@dataclass(frozen=True, slots=True)
class Missing:
    """What was left out because a value is missing.

    Attributes
    ----------
    n_total : rows of the table
    n_used : rows with every variable present
    by_variable : (name, missing values) for the variables that have any, in the order given
    """

    n_total: int
    n_used: int
    by_variable: tuple[tuple[str, int], ...] = ()

    def __str__(self) -> str:
        if self.n_used == self.n_total:
            return f"{self.n_total:,} rows, none missing"
        listed = ", ".join(f"{name} {count:,}" for name, count in self.by_variable)
        dropped = self.n_total - self.n_used
        return (
            f"{self.n_used:,} of {self.n_total:,} rows used; {dropped:,} left out "
            f"(missing: {listed})"
        )


def complete_cases(columns: Sequence[Column]) -> tuple[NDArray[np.bool_] | None, Missing]:
    """The rows with every one of these columns present.

    Parameters
    ----------
    columns : the variables of a model, of equal length n; one given twice counts once

    Returns
    -------
    keep : (n,) True for the rows to use, or None if that is all of them
    missing : what was left out, and why

    Raises
    ------
    DataError : no column, an infinite value, or no row left.

    Examples
    --------
    >>> x = Column("x", np.array([1.0, np.nan, 3.0]))
    >>> keep, missing = complete_cases([x])
    >>> print(missing)
    2 of 3 rows used; 1 left out (missing: x 1)
    """
    if not columns:
        raise DataError("No columns were given, so there is nothing to be complete.")
    n = columns[0].values.size
    absent: NDArray[np.bool_] | None = None
    counts: dict[str, int] = {}
    for column in columns:
        check_finite(column)
        missing = column.missing()
        count = int(np.count_nonzero(missing))
        if count:
            counts[column.name] = count
            absent = missing if absent is None else absent | missing
    if n == 0:
        raise DataError("The table has no rows.")
    if absent is None:
        return None, Missing(n, n)
    keep = ~absent
    used = int(np.count_nonzero(keep))
    if used == 0:
        raise DataError(_about_nothing_left(n, counts))
    return keep, Missing(n, used, tuple(counts.items()))


def check_finite(column: Column) -> None:
    """Raise DataError if a numeric column has infinite values; missing ones are no matter.

    Raises
    ------
    DataError : names the column, how many values are infinite, and the first row.
    """
    if column.is_categorical:
        return
    infinite = np.isinf(column.values)
    count = int(np.count_nonzero(infinite))
    if count:
        first = int(infinite.argmax())
        values = "value" if count == 1 else "values"
        raise DataError(
            f"Column {column.name!r} has {count:,} infinite {values} (first in row {first}, "
            "counting from 0), perhaps from a logarithm of zero or a division. Make them "
            "missing or drop these rows."
        )


def _about_nothing_left(n: int, counts: dict[str, int]) -> str:
    """Say which variables leave no complete row."""
    empty = [repr(name) for name, count in counts.items() if count == n]
    if empty:
        verb = "has" if len(empty) == 1 else "have"
        return f"No row is left: {', '.join(empty)} {verb} no value in any of the {n:,} rows."
    listed = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    return f"No row is left: none of the {n:,} rows has all variables (missing: {listed})."
