"""What an expression can be worth: numbers, a basis of several columns, or categories."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from echelon.errors import DataError, UnknownColumn

Numbers: TypeAlias = NDArray[np.float64]
State: TypeAlias = Mapping[str, object]  # what was learned from the data, by piece of formula
T = TypeVar("T")


class ColumnLike(Protocol):
    """What the formula room asks of a column; `echelon.data.Column` has it.

    `values` are (n,) float64, or (n,) codes into `levels` where there are levels; none is missing.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def values(self) -> NDArray[np.float64] | NDArray[np.intp]: ...  # noqa: D102
    @property
    def levels(self) -> tuple[object, ...] | None: ...  # noqa: D102
    @property
    def ordered(self) -> bool: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Contrast:
    """A way to code a factor: "treatment", "sum", "helmert" or "poly", and the base asked for.

    `base` is a level, or with `counted` the number of a level from 1 on, as in R.
    """

    kind: str
    base: object = None
    counted: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Factor:
    """Categories: (n,) codes into `levels`, and the contrast asked for in the formula, if any."""

    codes: NDArray[np.intp]
    levels: tuple[object, ...]
    ordered: bool = False
    contrast: Contrast | None = None

    @property
    def is_bool(self) -> bool:
        """Whether the levels are False and True, so that it may stand in arithmetic."""
        return all(isinstance(level, bool | np.bool_) for level in self.levels)


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """Several columns made of one, as by `poly`: each (n,), with what is appended to its name."""

    columns: tuple[Numbers, ...]
    suffixes: tuple[str, ...]


Value: TypeAlias = "Numbers | float | Basis | Factor"


@dataclass(slots=True)
class Scene:
    """The table an expression is evaluated on, and what is remembered from the fit.

    Attributes
    ----------
    columns : the table
    state : what transformations learned, keyed by their text; filled if `learning`
    learning : True on the data of the fit, False on new data
    """

    columns: Mapping[str, ColumnLike]
    state: dict[str, object]
    learning: bool

    def recall(self, key: str, learn: Callable[[], T]) -> T:
        """What `key` learned from the data of the fit; learns it now if this is that data."""
        if self.learning:
            if key not in self.state:
                self.state[key] = learn()
        elif key not in self.state:
            raise DataError(f"{key!r} was not part of the fit, so nothing was learned for it.")
        return cast(T, self.state[key])

    def column(self, name: str, where: str) -> ColumnLike:
        """The column of that name; UnknownColumn if there is none."""
        try:
            return self.columns[name]
        except KeyError:
            raise UnknownColumn(name, list(self.columns), where) from None

    def n(self) -> int:
        """The number of rows."""
        return next((len(column.values) for column in self.columns.values()), 0)


def recode(name: str, found: tuple[object, ...], known: tuple[object, ...]) -> NDArray[np.intp]:
    """The places of `found` levels among the `known` ones of the fit.

    Raises
    ------
    DataError : a level that the fit has not seen
    """
    exact = {level: i for i, level in enumerate(known)}
    spelled = {level_text(level): i for i, level in enumerate(known)}
    places = []
    for level in found:
        place = exact.get(level, spelled.get(level_text(level)))
        if place is None:
            shown = ", ".join(level_text(level) for level in known[:12])
            more = ", ..." if len(known) > 12 else ""
            raise DataError(
                f"{name!r} holds the category {level_text(level)!r}, which the fit has not seen. "
                f"Known: {shown}{more}."
            )
        places.append(place)
    return np.array(places, dtype=np.intp)


def level_text(level: object) -> str:
    """A level as shown in names: 2.0 as "2"."""
    if isinstance(level, float | np.floating) and float(level).is_integer():
        return str(int(level))
    return str(level)
