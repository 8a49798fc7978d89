"""A table as numbers, spans and notes; renderers turn it into text, HTML, LaTeX, Word, PowerPoint."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["text", "number", "integer", "p", "percent"]
Cell = str | float | int | None


@dataclass(frozen=True, slots=True)
class Heading:
    """One column of a table.

    Attributes
    ----------
    name : what stands above the column; "" for none
    kind : how its numbers are written: "number" with `digits` decimals, "integer", "p" (p-values,
        `<0.001` below the last digit), "percent", or "text" (left-aligned, as is)
    digits : decimals; thousands are separated by commas
    group : a spanning header over neighbouring columns of the same group; "" for none
    """

    name: str
    kind: Kind = "number"
    digits: int = 3
    group: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A cell that does not follow its column: other decimals or kind, stars, a second number below.

    Attributes
    ----------
    value : the number or text; None is an empty cell
    kind, digits : None to follow the column
    stars : "", "*", "**", "***"
    below : text or Entry shown under the value in parentheses (a standard error), or None
    """

    value: Cell
    kind: Kind | None = None
    digits: int | None = None
    stars: str = ""
    below: Entry | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """A block of rows under an optional sub-heading ("Fixed effects", "Random effects")."""

    rows: tuple[tuple[Cell | Entry, ...], ...]
    title: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Numbers with headings, sections and notes.

    Attributes
    ----------
    headings : one per column
    sections : blocks of rows; every row has as many cells as there are headings
    title, notes : above and below the table
    """

    headings: tuple[Heading, ...]
    sections: tuple[Section, ...]
    title: str = ""
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        width = len(self.headings)
        for section in self.sections:
            for row in section.rows:
                if len(row) != width:
                    raise ValueError(f"a row has {len(row)} cells, expected {width}: {row}")
