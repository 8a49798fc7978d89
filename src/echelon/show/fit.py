"""How wide the columns of a table are, and how far its numbers stand from the right edge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from echelon.show.grid import Grid, Line
from echelon.show.metrics import Measure

# In widths of the letter "n": a longer word may be broken, a label is not squeezed further.
_LONGEST_WORD = 24
_SHORTEST_LABEL = 14
_SHORTEST_HEADING = 12  # a heading over numbers is set in two lines only when longer than this


@dataclass(frozen=True, slots=True)
class Room:
    """Widths of one column, in the unit of the measure it was made with.

    Attributes
    ----------
    natural : nothing is wrapped
    minimum : words are wrapped, numbers are not
    tails : the longest decimals in each section; numbers line up within a section, and all
        sections end at the same edge
    marks : what stars and parentheses need to the right of the decimals
    """

    natural: float
    minimum: float
    tails: tuple[float, ...] = ()
    marks: float = 0.0


def rooms(
    grid: Grid, measure: Measure, *, indent: float = 0.0, heading: Measure | None = None
) -> list[Room]:
    """Return the room every column needs.

    Parameters
    ----------
    grid : the formatted table
    measure : width of a string
    indent : by how much the first column of a titled section is moved to the right
    heading : width of a string in the type of the head; None: as the body
    """
    bold = heading or measure
    made = [
        _numeric(grid, j, measure, bold) if numeric else _words(grid, j, measure, bold, indent)
        for j, numeric in enumerate(grid.numeric)
    ]
    for span in grid.spans:
        inside = made[span.start : span.stop]
        share = len(inside)
        wide = max(0.0, bold(span.text) - sum(r.natural for r in inside)) / share
        least = max(0.0, _longest(span.text, bold) - sum(r.minimum for r in inside)) / share
        made[span.start : span.stop] = [
            Room(r.natural + wide, min(r.minimum + least, r.natural + wide), r.tails, r.marks)
            for r in inside
        ]
    return made


def fill(line: Line, room: Room, measure: Measure, section: int = 0) -> float:
    """Return the space between the end of a line and the right edge of its column."""
    missing = room.tails[section] - measure(line.tail) if line.aligned else 0.0
    return max(0.0, missing + room.marks - measure(line.mark))


def widths(made: Sequence[Room], available: float) -> list[float] | None:
    """Return column widths whose sum is at most `available`, or None when there are none.

    The widest columns give way first, down to their minimum.
    """
    natural = [r.natural for r in made]
    if sum(natural) <= available:
        return natural
    if sum(r.minimum for r in made) > available:
        return None
    low, high = 0.0, max(natural)
    for _ in range(50):  # bisection on the width at which columns are capped
        cap = (low + high) / 2
        total = sum(max(r.minimum, min(r.natural, cap)) for r in made)
        low, high = (cap, high) if total <= available else (low, cap)
    return [max(r.minimum, min(r.natural, low)) for r in made]


def wrap(text: str, width: float, measure: Measure) -> list[str]:
    """Break text into lines no wider than `width`, inside a word only when it is wider itself.

    >>> wrap("the quick brown fox", 10, len)
    ['the quick', 'brown fox']
    """
    lines = [""]
    for word in text.split():
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if measure(joined) <= width:
            lines[-1] = joined
            continue
        if lines[-1]:
            lines.append("")
        for char in word:
            if lines[-1] and measure(lines[-1] + char) > width:
                lines.append("")
            lines[-1] += char
    return lines


def _longest(text: str, measure: Measure) -> float:
    cap = _LONGEST_WORD * measure("n")
    return min(cap, max((measure(word) for word in text.split()), default=0.0))


def _words(grid: Grid, j: int, measure: Measure, heading: Measure, indent: float) -> Room:
    natural, minimum = heading(grid.heads[j]), _longest(grid.heads[j], heading)
    for block in grid.blocks:
        step = indent if block.title and j == 0 else 0.0
        for line in (line for row in block.rows for line in row[j].lines):
            natural = max(natural, step + measure(line.text))
            minimum = max(minimum, step + _longest(line.text, measure))
    return Room(natural, max(minimum, min(natural, _SHORTEST_LABEL * measure("n"))))


def _numeric(grid: Grid, j: int, measure: Measure, heading: Measure) -> Room:
    lines = [[line for row in block.rows for line in row[j].lines] for block in grid.blocks]
    tails = tuple(
        max((measure(line.tail) for line in inside if line.aligned), default=0.0)
        for inside in lines
    )
    marks = 0.0
    for tail, inside in zip(tails, lines, strict=True):
        for line in inside:
            short = tail - measure(line.tail) if line.aligned else 0.0
            marks = max(marks, measure(line.mark) - short)
    bare = Room(0.0, 0.0, tails, marks)
    content = minimum = 0.0
    for k, inside in enumerate(lines):
        for line in inside:
            space = fill(line, bare, measure, k)
            unbroken = measure(line.text) if line.aligned else _longest(line.text, measure)
            content = max(content, measure(line.text) + space)
            minimum = max(minimum, unbroken + space)
    name = grid.heads[j]
    one_line = max(_SHORTEST_HEADING * measure("n"), content - marks)
    natural = heading(name) if heading(name) <= one_line else _halved(name, heading)
    return Room(
        max(content, natural + marks), max(minimum, _longest(name, heading) + marks), tails, marks
    )


def _halved(text: str, measure: Measure) -> float:
    """Width of a text broken into two lines at the best place."""
    words = text.split()
    cuts = range(1, len(words))
    halves = (max(measure(" ".join(words[:c])), measure(" ".join(words[c:]))) for c in cuts)
    return min(halves, default=measure(text))
