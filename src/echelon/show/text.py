"""Tables for a terminal: aligned on the decimal point, no wider than asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from echelon.show.fit import Room, fill, rooms, widths, wrap
from echelon.show.grid import Block, Grid, GridCell, Line, make_grid
from echelon.show.metrics import monospace
from echelon.show.table import Section, Table

_GAP = "  "
_INDENT = 2
_RULE = "─"
_LEAST = 8  # a column of words is never narrower, even where it breaks them
_NOTES = (60, 80)  # notes are wrapped at the width of the table, within these bounds
_BOLD, _FAINT, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"

_Paint = Callable[[str, str], str]


def to_text(table: Table, *, width: int | None = None, color: bool = False) -> str:
    """Return a table as text for a monospace font.

    Parameters
    ----------
    table : the table
    width : characters available; long labels and headings are wrapped to fit, and columns that
        still do not fit continue below, each part with the first column. None: as wide as needed.
    color : mark titles and notes with ANSI codes (bold, faint)

    Returns
    -------
    Lines joined by newlines, without one at the end.

    Examples
    --------
    >>> from echelon.show import Heading, Section, Table
    >>> print(to_text(Table((Heading("Term", "text"), Heading("Est.")),
    ...                     (Section((("(Intercept)", 12.5), ("ses", -1)),),))))
    ───────────────────
    Term           Est.
    ───────────────────
    (Intercept)  12.500
    ses          -1.000
    ───────────────────
    """
    paint: _Paint = (
        (lambda text, code: f"{code}{text}{_PLAIN}") if color else (lambda text, _: text)
    )
    parts = _parts(table, width)
    page = _Page(parts[0][0], parts[0][1], paint)
    limit = width or max(_NOTES[0], min(_NOTES[1], page.width))
    lines = [paint(line, _BOLD) for line in wrap(page.grid.title, limit, monospace) if line]
    for k, (grid, columns) in enumerate(parts):
        lines += ([""] if k else []) + _Page(grid, columns, paint).lines()
    for note in page.grid.notes:
        lines += [paint(line, _FAINT) for line in wrap(note, limit, monospace)]
    return "\n".join(lines)


def _ansi(text: str, code: str) -> str:
    return f"{code}{text}{_PLAIN}"


def _bare(text: str, _: str) -> str:
    return text


def _parts(table: Table, width: int | None) -> list[tuple[Grid, list[_Column]]]:
    """Cut a table that is too wide into parts that repeat its first column."""
    parts: list[tuple[Grid, list[_Column]]] = []
    first, end = 1, len(table.headings)
    while first < end or not parts:
        stop = end
        while True:
            keep = [0, *range(first, stop)] if end else []
            grid = make_grid(_choose(table, keep), "ascii")
            columns = _columns(grid, width, last=stop <= first + 1)
            if columns is not None:
                break
            stop = _before(table, first, stop)
        parts.append((grid, columns))
        first = max(stop, first + 1)
    return parts


def _before(table: Table, first: int, stop: int) -> int:
    """Where to cut earlier than `stop`: not inside a group if it can be avoided."""
    cut = stop - 1
    names = [h.group for h in table.headings]
    whole = cut
    while whole > first and names[whole] and names[whole - 1] == names[whole]:
        whole -= 1
    return whole if whole > first else cut


def _choose(table: Table, columns: Sequence[int]) -> Table:
    sections = [
        Section(tuple(tuple(row[j] for j in columns) for row in s.rows), s.title)
        for s in table.sections
    ]
    return replace(
        table, headings=tuple(table.headings[j] for j in columns), sections=tuple(sections)
    )


@dataclass(frozen=True, slots=True)
class _Column:
    width: int
    room: Room
    numeric: bool


def _columns(grid: Grid, width: int | None, *, last: bool) -> list[_Column] | None:
    """Columns of whole characters; None when too wide, unless there is nothing left to cut."""
    made = rooms(grid, monospace, indent=_INDENT)
    available = float("inf") if width is None else width - len(_GAP) * (len(made) - 1)
    found = widths(made, available)
    if found is None:
        if not last:
            return None
        excess = sum(r.minimum for r in made) - available
        found = [
            r.minimum if numeric else max(min(r.minimum, _LEAST), r.minimum - excess)
            for r, numeric in zip(made, grid.numeric, strict=True)
        ]
    whole = [int(-(-w // 1)) if width is None else int(w + 1e-6) for w in found]
    return [_Column(w, r, n) for w, r, n in zip(whole, made, grid.numeric, strict=True)]


@dataclass(frozen=True, slots=True)
class _Page:
    """One part of a table, ready to be drawn."""

    grid: Grid
    columns: list[_Column]
    paint: _Paint

    @property
    def width(self) -> int:
        return sum(c.width for c in self.columns) + len(_GAP) * max(0, len(self.columns) - 1)

    def lines(self) -> list[str]:
        rule = _RULE * self.width
        lines = [rule, *self._spans(), *self._heads()]
        lines += [rule] if len(lines) > 1 else []
        for k, block in enumerate(self.grid.blocks):
            lines += [rule] if k and block.rows and not block.title else []
            lines += self._block(block, k)
        return [*lines, rule]

    def _spans(self) -> list[str]:
        if not self.grid.spans:
            return []
        names, rules = [], []
        for span in self.grid.spans:
            inside = self.columns[span.start : span.stop]
            size = sum(c.width for c in inside) + len(_GAP) * (len(inside) - 1)
            names.append([_centre(t, size) for t in wrap(span.text, size, monospace)])
            rules.append([(_RULE if span.text else " ") * size])
        return [*_beside(names, foot=True), *_beside(rules)]

    def _heads(self) -> list[str]:
        if not any(self.grid.heads):
            return []
        cells = []
        for name, column in zip(self.grid.heads, self.columns, strict=True):
            room = int(column.room.marks) if column.numeric else 0
            pieces = wrap(name, column.width - room, monospace)
            right = room if column.numeric else None
            cells.append([_place(t, column.width, right) for t in pieces])
        return _beside(cells, foot=True)

    def _block(self, block: Block, k: int) -> list[str]:
        lines = [self.paint(t, _BOLD) for t in wrap(block.title, self.width, monospace) if t]
        for row in block.rows:
            cells = [
                self._cell(cell, column, k, _INDENT if block.title and j == 0 else 0)
                for j, (cell, column) in enumerate(zip(row, self.columns, strict=True))
            ]
            lines += _beside(cells)
        return lines

    def _cell(self, cell: GridCell, column: _Column, k: int, indent: int) -> list[str]:
        if not column.numeric:
            step = 0 if column.width < 2 * indent else indent
            pieces = [wrap(line.text, column.width - step, monospace) for line in cell.lines]
            return [_place(" " * step + t, column.width, None) for p in pieces for t in p]
        return [piece for line in cell.lines for piece in _number(line, column, k)]


def _number(line: Line, column: _Column, k: int) -> Iterable[str]:
    space = int(fill(line, column.room, monospace, k))
    if line.aligned:
        return [_place(line.text, column.width, space)]
    return [
        _place(t, column.width, space) for t in wrap(line.text, column.width - space, monospace)
    ]


def _place(text: str, width: int, right: int | None) -> str:
    """Put text at the left (None) or `right` characters from the right edge."""
    free = width - monospace(text)
    if right is None:
        return text + " " * free
    return " " * (free - right) + text + " " * right


def _centre(text: str, width: int) -> str:
    left = (width - monospace(text)) // 2
    return _place(" " * left + text, width, None)


def _beside(cells: Sequence[Sequence[str]], *, foot: bool = False) -> list[str]:
    """Join cells of several lines; short ones stand at the top, or at the foot."""
    height = max((len(c) for c in cells), default=0)
    blank = [" " * max((monospace(t) for t in c), default=0) for c in cells]
    rows = [
        [*[b] * (height - len(c)), *c] if foot else [*c, *[b] * (height - len(c))]
        for c, b in zip(cells, blank, strict=True)
    ]
    return [_GAP.join(line).rstrip() for line in zip(*rows, strict=True)]
