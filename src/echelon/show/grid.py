"""A table after formatting and before drawing: strings, and what must line up with what."""

from __future__ import annotations

from dataclasses import dataclass, replace

from echelon.show.format import MISSING, Script, clean, is_number, typeset, written
from echelon.show.table import Cell, Entry, Heading, Kind, Table


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a cell, cut where it lines up with its column.

    Attributes
    ----------
    head : up to the decimal point
    tail : the decimal point and what follows; "" without decimals
    mark : percent sign, closing parenthesis and stars, hanging to the right of the number
    aligned : False for words, dashes and powers of ten, which end where the column's digits end
    typeset : made from a number, so that LaTeX must not escape it again
    """

    head: str = ""
    tail: str = ""
    mark: str = ""
    aligned: bool = False
    typeset: bool = False

    @property
    def text(self) -> str:
        """The whole line."""
        return self.head + self.tail + self.mark


@dataclass(frozen=True, slots=True)
class GridCell:
    """A cell: its line, the line below it if any, and the raw value for sorting."""

    line: Line
    below: Line | None = None
    raw: Cell = None

    @property
    def lines(self) -> tuple[Line, ...]:
        """One line, or two."""
        return (self.line,) if self.below is None else (self.line, self.below)


@dataclass(frozen=True, slots=True)
class Block:
    """A section: its title and its rows; rows under a title are indented."""

    title: str
    rows: tuple[tuple[GridCell, ...], ...]


@dataclass(frozen=True, slots=True)
class Span:
    """A header over the columns start, ..., stop - 1."""

    start: int
    stop: int
    text: str


@dataclass(frozen=True, slots=True)
class Grid:
    """All strings of a table.

    Attributes
    ----------
    heads, numeric : one per column; numeric columns stand on the right
    spans : from left to right, also the empty ones; () when no column has a group
    blocks : the sections
    """

    heads: tuple[str, ...]
    numeric: tuple[bool, ...]
    spans: tuple[Span, ...]
    blocks: tuple[Block, ...]
    title: str
    notes: tuple[str, ...]


def make_grid(table: Table, script: Script) -> Grid:
    """Write every cell of a table as strings.

    Parameters
    ----------
    table : the table
    script : the signs used for numbers: "ascii", "unicode" or "latex" (words are not escaped)
    """
    heads = table.headings
    blocks = tuple(
        Block(
            clean(s.title),
            tuple(
                tuple(_cell(c, h, script) for c, h in zip(row, heads, strict=True))
                for row in s.rows
            ),
        )
        for s in table.sections
    )
    return Grid(
        tuple(clean(h.name) for h in heads),
        tuple(h.kind != "text" for h in heads),
        _spans(heads),
        blocks,
        clean(table.title),
        tuple(clean(note) for note in table.notes if note),
    )


def _spans(headings: tuple[Heading, ...]) -> tuple[Span, ...]:
    spans: list[Span] = []
    for i, heading in enumerate(headings):
        if spans and spans[-1].text == clean(heading.group):
            spans[-1] = Span(spans[-1].start, i + 1, spans[-1].text)
        else:
            spans.append(Span(i, i + 1, clean(heading.group)))
    return tuple(spans) if any(s.text for s in spans) else ()


def _cell(cell: Cell | Entry, heading: Heading, script: Script) -> GridCell:
    entry = cell if isinstance(cell, Entry) else Entry(cell)
    kind = entry.kind or heading.kind
    digits = heading.digits if entry.digits is None else entry.digits
    line = _line(entry.value, kind, digits, script)
    line = replace(line, mark=line.mark + clean(entry.stars))
    below = None if entry.below is None else _below(entry.below, kind, digits, script)
    return GridCell(line, below, entry.value)


def _below(entry: Entry, kind: Kind, digits: int, script: Script) -> Line | None:
    digits = digits if entry.digits is None else entry.digits
    line = _line(entry.value, entry.kind or kind, digits, script)
    if not line.text:
        return None
    if line.text[0] in "([":
        return line
    return replace(line, head="(" + line.head, mark=line.mark + ")" + clean(entry.stars))


def _line(value: Cell, kind: Kind, digits: int, script: Script) -> Line:
    text = written(value, kind, digits)
    if not is_number(value) or kind == "text":
        return Line(text)
    mark = "%" if text.endswith("%") else ""
    shown = typeset(text.removesuffix("%"), script)
    if "e" in text or "inf" in text or text == MISSING:
        return Line(shown, typeset=True)
    head, point, tail = shown.partition(".")
    return Line(head, point + tail, mark, aligned=True, typeset=True)
