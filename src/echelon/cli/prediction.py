"""Predictions of the rows of a file: beside the rows, as a table, as JSON."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from echelon.cli.asked import After
from echelon.cli.source import read_table
from echelon.cli.terminal import working
from echelon.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from echelon.api.results import LMM, OLS
    from echelon.data import Frame
    from echelon.show import Table
    from echelon.show.table import Cell, Entry

    Array = NDArray[np.float64]

_HEAD = 10  # rows shown
_LEVEL = 0.95
_PYTHON = (
    ("new= has", "--predict has"),
    ('new_groups="population"', "--new-groups population"),
    ('random="none"', "--random none"),
)
_HEADINGS = {
    "estimate": "Prediction",
    "std_error": "SE",
    "df": "df",
    "conf_low": "Lower",
    "conf_high": "Upper",
    "pred_low": "Lower",
    "pred_high": "Upper",
}


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """Rows of a file and their predictions.

    Attributes
    ----------
    response : what is predicted;  file : as typed
    rows : the rows, as they were read
    columns : estimate and, with an interval, std_error, df and both ends, one value a row
    shown : columns of the rows that the model uses
    interval, random : as asked for; "" for no interval, and for all random effects there are
    multilevel : whether there are any
    """

    response: str
    file: str
    rows: object
    columns: dict[str, Array]
    shown: tuple[str, ...]
    interval: str
    random: str
    multilevel: bool

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.columns["estimate"])

    @property
    def missing(self) -> int:
        """Rows that cannot be predicted."""
        return sum(map(math.isnan, self.columns["estimate"]))

    def beside(self) -> object:
        """The rows with the predictions in further columns."""
        return beside(self.rows, self.columns, self.file)

    def table(self) -> Table:
        """The first rows as a `Table`: what the model uses of them, and the predictions."""
        from echelon.show import Heading, Section, Table
        from echelon.show.cells import typical_places

        scale = self.columns.get("std_error", self.columns["estimate"])
        digits = typical_places(scale[:_HEAD], 2)
        group = f"{100 * _LEVEL:g}% {self.interval} interval" if self.interval else ""
        numbers = {k: v for k, v in self.columns.items() if k != "df" or any(map(math.isfinite, v))}
        heads = [Heading(name, "text") for name in self.shown]
        heads += [
            Heading(
                _HEADINGS[name],
                digits=1 if name == "df" else digits,
                group=group if _HEADINGS[name] in ("Lower", "Upper") else "",
            )
            for name in numbers
        ]
        texts = [_texts(self.rows, name) for name in self.shown]
        rows: list[tuple[Cell | Entry, ...]] = [
            (*(column[i] for column in texts), *(_cell(column[i]) for column in numbers.values()))
            for i in range(min(self.n, _HEAD))
        ]
        title = f"Predictions of {self.response} for {self.n:,} rows of {self.file}"
        return Table(tuple(heads), (Section(tuple(rows)),), title, self._notes())

    def _notes(self) -> tuple[str, ...]:
        made = []
        if self.n > _HEAD:
            made.append(f"The first {_HEAD} of {self.n:,} rows.")
        if self.multilevel:
            counted = self.random or "all"
            made.append(f"Random effects counted: {counted}.")
        if self.interval == "confidence":
            made.append("Interval: of the expected value.")
        elif self.interval:
            made.append("Interval: of a new observation.")
        if self.missing:
            rows = "1 row lacks" if self.missing == 1 else f"{self.missing:,} rows lack"
            made.append(f"{rows} a value: no prediction.")
        return tuple(made)


def predicted(fitted: LMM | OLS, asked: After) -> Predictions:
    """The predictions asked for."""
    from echelon.data import Frame

    file = str(asked.predict)
    rows = read_table(file)
    with working("Predicting"):
        found = _found(fitted, rows, asked)
    frame = Frame.of(found)
    made = Predictions(
        response=fitted.response,
        file=file,
        rows=rows,
        columns={name: frame.column(name).values.astype(float) for name in frame.columns},
        shown=_used(fitted, Frame.of(rows)),
        interval="" if asked.interval is None else asked.interval.value,
        random=asked.random or "",
        multilevel=hasattr(fitted, "factors"),
    )
    if asked.keep:
        refuse_names(rows, made.columns, file)
    return made


def _found(fitted: LMM | OLS, rows: object, asked: After) -> object:
    """The API's table of predictions; its errors name the options of the shell."""
    try:
        return fitted.predict(
            rows,
            random=_random(asked.random),
            new_groups="error" if asked.new_groups is None else asked.new_groups.value,
            interval=None if asked.interval is None else asked.interval.value,
            level=_LEVEL,
        )
    except DataError as error:
        text = str(error)
        for theirs, ours in _PYTHON:
            text = text.replace(theirs, ours)
        raise DataError(text) from None


def beside(table: object, columns: Mapping[str, Array], where: str) -> object:
    """A table with new columns of numbers beside its own.

    Raises
    ------
    DataError : it has a column of such a name
    """
    from echelon.data import Frame

    refuse_names(table, columns, where)
    return Frame.of(table).with_columns(columns)


def refuse_names(table: object, names: Iterable[str], where: str) -> None:
    """Refuse to write over columns.

    Raises
    ------
    DataError : the table has a column of one of these names
    """
    from echelon.data import Frame

    both = [name for name in names if name in Frame.of(table).columns]
    if both:
        raise DataError(
            f"{where} has a column {both[0]!r} already, and it would be written over. Rename it "
            "there, or leave it out."
        )


def _random(text: str | None) -> Any:
    """All, none, or names and terms separated by commas outside of parentheses."""
    if text is None or text.lower() in ("all", "none"):
        return None if text is None else text.lower()
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    named = [part.strip() for part in parts if part.strip()]
    return named[0] if len(named) == 1 else named


def _used(fitted: LMM | OLS, rows: Frame) -> tuple[str, ...]:
    """The columns of the rows that the model uses, groups first."""
    groups = [name for factor in getattr(fitted, "factors", ()) for name in factor.split(":")]
    built = fitted.built
    predictors = [] if built is None else list(built.columns)
    return tuple(n for n in dict.fromkeys([*groups, *predictors]) if n in rows.columns)


def _texts(rows: object, name: str) -> list[str]:
    """The first values of a column as a reader writes them."""
    values = cast(Any, rows)[name].tolist()[:_HEAD]
    return [_written(value) for value in values]


def _written(value: object) -> str:
    if value is None or value != value:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _cell(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
