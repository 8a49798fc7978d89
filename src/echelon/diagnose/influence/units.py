"""What is left out at a time: the groups of a factor, or of labels given one a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from echelon.data import Column, Frame
from echelon.design.build import Built
from echelon.errors import DataError, NeedsRows, NotIdentified, nearest_hint
from echelon.model.fit import LmmFit, OlsFit

Codes = NDArray[np.intp]
UNNAMED = "group"
FEWEST = 3  # two groups are left then, the fewest that have a variance between them


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """Groups of rows, each left out in turn.

    Attributes
    ----------
    name : of the grouping factor or column; "group" for values without a name
    labels : R labels
    codes : (n,) unit of each row of the design
    factor : number of the grouping factor of the model that has these groups; None for others
    """

    name: str
    labels: tuple[object, ...]
    codes: Codes
    factor: int | None = None

    @property
    def R(self) -> int:
        """Units."""
        return len(self.labels)

    def place(self, label: object) -> int:
        """Number of a unit by its label, in any notation of it.

        Raises
        ------
        DataError : no such unit
        """
        if label in self.labels:
            return self.labels.index(label)
        shown = [str(known) for known in self.labels]
        if str(label) in shown:
            return shown.index(str(label))
        hint = nearest_hint(str(label), shown, "There are")
        raise DataError(f"{self.name!r} has no group {label!r}.{hint}")


def units_of(fit: LmmFit | OlsFit, by: object = None) -> Units:
    """The groups asked for.

    Parameters
    ----------
    by : name of a grouping factor or of a variable of the fixed part; or one label a row (array,
        list, column), over the rows used or over all rows of the table; None for the factor with
        the fewest groups

    Raises
    ------
    DataError : no such name; missing labels or another number of them
    NotIdentified : fewer than three groups
    NeedsRows : the fit was made from moments, without a table
    """
    if fit.built is None:
        raise NeedsRows("Leaving groups out needs the table; this fit was made from moments.")
    found = (
        _named(fit, fit.built, by) if by is None or isinstance(by, str) else _given(fit.built, by)
    )
    if found.R < FEWEST:
        raise NotIdentified(
            f"{found.name!r} has {found.R} groups. At least {FEWEST} are needed to leave one out "
            "and have groups to compare."
        )
    return found


def _named(fit: LmmFit | OlsFit, built: Built, name: str | None) -> Units:
    factors = fit.factors if isinstance(fit, LmmFit) else ()
    if name is None and not factors:
        raise DataError('A linear model has no groups: give labels, as in by=data["school"].')
    if name is None:
        sizes = [len(factor.levels) for factor in built.design.factors]
        return _of_factor(built, int(np.argmin(sizes)))
    same = [i for i, f in enumerate(factors) if sorted(f.split(":")) == sorted(name.split(":"))]
    if same:
        return _of_factor(built, same[0])
    if name in built.columns:
        return _of_column(name, built.columns[name])
    hint = nearest_hint(name, [*factors, *built.columns], "Known are")
    raise DataError(
        f"by={name!r} is no grouping factor and no variable of the fixed part.{hint} A fit keeps "
        f"no table: for another column give its values, by=data[{name!r}]."
    )


def _of_factor(built: Built, place: int) -> Units:
    factor = built.design.factors[place]
    return Units(factor.factor, factor.levels, factor.codes.astype(np.intp), place)


def _of_column(name: str, column: Column) -> Units:
    labels, codes = np.unique(column.values, return_inverse=True)
    shown = labels.tolist()
    if column.is_categorical:
        shown = [(column.levels or ())[int(code)] for code in labels]
    return Units(name, tuple(shown), codes.astype(np.intp))


def _given(built: Built, by: object) -> Units:
    """Labels given one a row."""
    called = getattr(by, "name", None)
    name = called if isinstance(called, str) and called else UNNAMED
    labels: Any = list(by) if isinstance(by, range | tuple) else by
    if hasattr(labels, "to_pylist"):  # a pyarrow column
        labels = labels.to_pylist()
    n, total = built.design.n, built.missing.n_total
    try:
        shape = np.shape(labels)
    except ValueError:  # rows of unequal length
        shape = ()
    if len(shape) != 1 or shape[0] not in (n, total):
        rows = f"{n:,} rows used" + (f" (or the {total:,} of its table)" if total != n else "")
        raise DataError(
            f"by= has shape {shape}; give the name of a grouping factor, or one label for each of "
            f"the {rows}, as in by=data[...]."
        )
    column = Frame.of({name: labels}).groups(name, "by=")
    if shape[0] == total and built.used is not None:
        column = column.take(built.used)
    missing = int(column.missing().sum())
    if missing:
        raise DataError(
            f"by= has {missing:,} missing labels in the rows of the fit. Leave those rows out "
            "before fitting, or give them labels."
        )
    return _of_column(name, column)
