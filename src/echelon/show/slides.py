"""How a table is laid out on slides: type size, widths, and which rows stand on which slide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from echelon.show.fit import Room, rooms, widths, wrap
from echelon.show.grid import Grid, Line
from echelon.show.metrics import arial

SLIDE = (960.0, 540.0)  # 16:9; this and all other lengths in points
LEFT, TOP, BOTTOM = 48.0, 34.0, 26.0
TITLE, SMALLER, NOTE = 24.0, 14.0, 12.0  # type sizes
CONTINUED = " (continued)"
PADDING = 6.0  # left and right of the text of a cell
INDENT = 1.0  # ems
_SIZES = (20.0, 18.0, 16.0, 15.0, 14.0, 13.0, 12.0)
_SMALL = (11.0, 10.0, 9.0, 8.0)  # only for tables too wide for the slide
_LEADING = 1.2  # height of a line over its type size
_ROW = 5.0  # space above and below the text of a row, together
_GAP = 12.0  # between title, table and notes
_SLACK = 1.05  # programs differ a little in how they set the same font
_AIR = 30.0  # most points a column is widened by
_EPSILON = 1e-6  # a text exactly as wide as its column is not wrapped
_BLANK = Line()


@dataclass(frozen=True, slots=True)
class Leaf:
    """One row of a table on a slide.

    Attributes
    ----------
    kind : a row with the numbers below another is "below"
    lines : one per column, except in "spans" and "section", which have their own texts
    height : lines of text
    section, block : title and number of the section the row belongs to
    """

    kind: Literal["spans", "heads", "section", "row", "below"]
    lines: tuple[Line, ...]
    height: int = 1
    section: str = ""
    block: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """A table on slides: the rows of the head, and the rows of every slide.

    Attributes
    ----------
    widths : of the columns
    size : of the type
    title, notes : broken into lines
    """

    grid: Grid
    rooms: list[Room]
    widths: list[float]
    size: float
    title: list[str]
    notes: list[str]
    head: list[Leaf]
    pages: list[list[Leaf]]

    @property
    def top(self) -> float:
        """Upper edge of the table."""
        return TOP + text_height(self.title, TITLE)

    def height(self, leaf: Leaf) -> float:
        """Height of a row."""
        return _height(leaf, self.size)


def text_height(lines: Sequence[str], size: float) -> float:
    """Height of title or notes with the gap to the table; 0 for none."""
    return len(lines) * size * _LEADING + _GAP if lines else 0.0


def _bold(text: str) -> float:
    return 1.1 * arial(text)


def plan_slides(grid: Grid) -> Plan:
    """Choose the largest type that needs the fewest slides."""
    measure = SLIDE[0] - 2 * LEFT
    made = rooms(grid, arial, indent=INDENT, heading=_bold)
    inside = measure - 2 * PADDING * len(made)
    title = _title(grid.title, measure)
    notes = [t for n in grid.notes for t in wrap(n, measure / (NOTE * _SLACK), arial)]
    again = _title_continued(title, measure)
    used = TOP + text_height(again, TITLE) + text_height(notes, NOTE) + BOTTOM
    best: Plan | None = None
    for size in (*_SIZES, *_SMALL):
        if best is not None and size in _SMALL:
            break
        found = widths(made, inside / (size * _SLACK))
        if found is None and size > _SMALL[-1]:
            continue
        least = [r.minimum for r in made]
        found = found or [w * inside / (size * _SLACK * sum(least)) for w in least]
        head = list(_head(grid, found))
        body = [leaf for k in range(len(grid.blocks)) for leaf in _body(grid, k, found)]
        room = SLIDE[1] - used - sum(_height(leaf, size) for leaf in head)
        parts = pages(body, room, size)
        points = [w * size * _SLACK + 2 * PADDING for w in found]
        air = min(_AIR, (measure - sum(points)) / max(1, len(points)))
        points = [w + air for w in points]
        if best is None or len(parts) < len(best.pages):
            name = title if len(parts) == 1 else again
            best = Plan(grid, made, points, size, name, notes, head, parts)
    assert best is not None
    return best


def pages(body: Sequence[Leaf], room: float, size: float) -> list[list[Leaf]]:
    """Share rows among the fewest slides, about equally; what belongs together stays together."""
    bundles = list(_bundles(body))
    count = len(_deal(bundles, room, size))
    low, high = 0.0, room
    for _ in range(30):  # bisection on the height that still needs no more slides
        middle = (low + high) / 2
        low, high = (low, middle) if len(_deal(bundles, middle, size)) <= count else (middle, high)
    return _deal(bundles, high, size)


def _title(title: str, measure: float) -> list[str]:
    return [line for line in wrap(title, measure / TITLE, _bold) if line]


def _title_continued(title: list[str], measure: float) -> list[str]:
    """The lines of a title with CONTINUED, in smaller type, after the last."""
    last = _bold(title[-1]) * TITLE if title else 0.0
    fits = last + arial(CONTINUED) * SMALLER <= measure
    return title if title and fits else [*title, CONTINUED]


def _height(leaf: Leaf, size: float) -> float:
    return leaf.height * size * _LEADING + (_ROW / 2 if leaf.kind == "below" else _ROW)


def _head(grid: Grid, found: Sequence[float]) -> Iterator[Leaf]:
    if grid.spans:
        lines = [
            len(wrap(s.text, sum(found[s.start : s.stop]) + _EPSILON, _bold)) for s in grid.spans
        ]
        yield Leaf("spans", (), max(lines))
    if any(grid.heads):
        lines = [
            len(wrap(name, width + _EPSILON, _bold))
            for name, width in zip(grid.heads, found, strict=True)
        ]
        yield Leaf("heads", tuple(Line(name) for name in grid.heads), max(lines))


def _body(grid: Grid, k: int, found: Sequence[float]) -> Iterator[Leaf]:
    block = grid.blocks[k]
    if block.title:
        height = len(wrap(block.title, sum(found), _bold))
        yield Leaf("section", (Line(block.title),), height, block.title, k)
    indents = [INDENT if block.title and j == 0 else 0.0 for j in range(len(found))]
    for row in block.rows:
        for level in range(max(len(cell.lines) for cell in row)):
            lines = tuple(c.lines[level] if level < len(c.lines) else _BLANK for c in row)
            height = max(
                1 if line.aligned else len(wrap(line.text, width - indent + _EPSILON, arial))
                for line, width, indent in zip(lines, found, indents, strict=True)
            )
            yield Leaf("below" if level else "row", lines, height, block.title, k)


def _bundles(body: Sequence[Leaf]) -> Iterator[list[Leaf]]:
    """A section's title with its first row, a row with the numbers below it."""
    bundle: list[Leaf] = []
    for leaf in body:
        joins = leaf.kind == "below" or (bundle and bundle[-1].kind == "section")
        if bundle and not joins:
            yield bundle
            bundle = []
        bundle = [*bundle, leaf]
    if bundle:
        yield bundle


def _deal(bundles: Sequence[list[Leaf]], room: float, size: float) -> list[list[Leaf]]:
    parts: list[list[Leaf]] = [[]]
    for bundle in bundles:
        tall = sum(_height(leaf, size) for leaf in [*parts[-1], *bundle])
        if parts[-1] and tall > room:
            parts.append(_again(bundle[0]))
        parts[-1].extend(bundle)
    return parts


def _again(leaf: Leaf) -> list[Leaf]:
    """The title of a section that goes on from the slide before."""
    if leaf.kind == "section" or not leaf.section:
        return []
    title = replace(leaf, kind="section", lines=(Line(leaf.section + CONTINUED),), height=1)
    return [title]
