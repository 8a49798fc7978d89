"""Native PowerPoint tables, one slide per table; long tables go on over further slides."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

from echelon.errors import MissingDependency
from echelon.show.files import atomic
from echelon.show.fit import fill, wrap
from echelon.show.grid import make_grid
from echelon.show.metrics import arial
from echelon.show.slides import (
    CONTINUED,
    INDENT,
    LEFT,
    NOTE,
    PADDING,
    SLIDE,
    SMALLER,
    TITLE,
    TOP,
    Leaf,
    Plan,
    plan_slides,
    text_height,
)
from echelon.show.table import Table

try:
    import pptx
    from pptx.util import Pt

    from echelon.show import slidexml
except ImportError as error:
    raise MissingDependency("python-pptx", "office", "Writing PowerPoint tables") from error

_INK, _SOFT, _RULE, _HAIR = "1B2530", "56626E", "1B2530", "D5DAE0"
_OPENING = 36.0  # type of the title slide
_TITLE_ONLY = 5  # the layout of python-pptx's own template that has a title and nothing else


def write_pptx(
    tables: Sequence[Table], path: str | PathLike[str], *, title: str | None = None
) -> None:
    """Write tables as slides (16:9), each a native table.

    Parameters
    ----------
    tables : one slide each; a long one continues on further slides that repeat its head
    path : the file, written whole or not at all
    title : the text of a title slide at the beginning; None for none

    Raises
    ------
    FileFormatError
        The file cannot be written; an older file is left as it was.
    MissingDependency
        python-pptx is not installed.

    Notes
    -----
    Type is 12 to 20 points, smaller only where the columns would not fit otherwise. A second number
    below the first has its own row, so every number stays a cell that can be edited.
    """
    deck = pptx.Presentation()
    _widen(deck)
    properties = deck.core_properties
    properties.author, properties.title = "", (title or "")[:255]
    if title:
        text = make_grid(Table((), (), title=title), "unicode").title
        lines = wrap(text, (SLIDE[0] - 2 * LEFT) / (1.1 * _OPENING), arial)
        _slide(deck, text, 0.38 * SLIDE[1], _OPENING, len(lines))
    for table in tables:
        plan = plan_slides(make_grid(table, "unicode"))
        for k, page in enumerate(plan.pages):
            slide = _slide(
                deck, plan.grid.title, TOP, TITLE, len(plan.title), after=CONTINUED if k else ""
            )
            bottom = _draw(slide, plan, page)
            _notes(slide, plan, bottom)
    with atomic(path) as temporary:
        deck.save(str(temporary))


def _widen(deck: pptx.presentation.Presentation) -> None:
    """Make the 4:3 template 16:9, placeholders included, so that added slides look right too."""
    factor = Pt(SLIDE[0]) / deck.slide_width
    for page in (deck.slide_master, *deck.slide_layouts):
        for shape in page.placeholders:
            if shape._element.spPr.find(slidexml.XFRM) is not None:
                shape.left, shape.width = round(shape.left * factor), round(shape.width * factor)
    deck.slide_width, deck.slide_height = Pt(SLIDE[0]), Pt(SLIDE[1])


def _slide(
    deck: pptx.presentation.Presentation,
    title: str,
    top: float,
    size: float,
    lines: int,
    *,
    after: str = "",
) -> pptx.slide.Slide:
    slide = deck.slides.add_slide(deck.slide_layouts[_TITLE_ONLY])
    shape = slide.shapes.title
    if not title + after:
        shape._element.getparent().remove(shape._element)
        return slide
    shape.left, shape.top = Pt(LEFT), Pt(top)
    shape.width = Pt(SLIDE[0] - 2 * LEFT)
    shape.height = Pt(text_height([title] * max(1, lines), size) - 8)
    slidexml.frame(shape.text_frame)
    slidexml.write(shape.text_frame.paragraphs[0], title, size, _INK, bold=True)
    slidexml.write(
        shape.text_frame.paragraphs[0], after if title else after.strip(), SMALLER, _SOFT
    )
    return slide


def _draw(slide: pptx.slide.Slide, plan: Plan, page: Sequence[Leaf]) -> float:
    """Draw the head and the rows of one slide; return the lower edge."""
    rows = [*plan.head, *page]
    top = plan.top if plan.title else TOP
    if not rows or not plan.widths:
        return top
    heights = [plan.height(leaf) for leaf in rows]
    left, width = Pt(LEFT), Pt(sum(plan.widths))
    frame = slide.shapes.add_table(
        len(rows), len(plan.widths), left, Pt(top), width, Pt(sum(heights))
    )
    frame.name = plan.grid.title[:60] or "Table"
    slidexml.plain(frame.table)
    for column, points in zip(frame.table.columns, plan.widths, strict=True):
        column.width = Pt(points)
    for i, (leaf, points) in enumerate(zip(rows, heights, strict=True)):
        frame.table.rows[i].height = Pt(points)
        cells = list(frame.table.rows[i].cells)
        for cell in cells:  # an empty cell too decides the height of its row
            slidexml.put(cell, "", plan.size, _INK)
        if leaf.kind == "spans":
            _spans(cells, plan)
        elif leaf.kind == "section":
            cells[0].merge(cells[-1])
            slidexml.put(cells[0], leaf.lines[0].text, plan.size, _INK, bold=True)
        else:
            _row(cells, leaf, plan)
    _rules(frame.table, rows, plan)
    return top + sum(heights)


def _spans(cells: Sequence[pptx.table._Cell], plan: Plan) -> None:
    for span in plan.grid.spans:
        if span.text:
            if span.stop - span.start > 1:
                cells[span.start].merge(cells[span.stop - 1])
            slidexml.put(
                cells[span.start], span.text, plan.size, _INK, bold=True, side="center", foot=True
            )


def _row(cells: Sequence[pptx.table._Cell], leaf: Leaf, plan: Plan) -> None:
    head = leaf.kind == "heads"
    for j, (cell, line) in enumerate(zip(cells, leaf.lines, strict=True)):
        color = _SOFT if leaf.kind == "below" else _INK
        numeric = plan.grid.numeric[j]
        slidexml.put(
            cell, line.text, plan.size, color,
            bold=head, side="right" if numeric else "left", foot=head,
        )  # fmt: skip
        if numeric:
            space = fill(line, plan.rooms[j], arial, leaf.block) * plan.size
            cell.margin_right = Pt(PADDING + space)
            cell.margin_left = Pt(0)
        elif j == 0 and leaf.section:
            cell.margin_left = Pt(PADDING + INDENT * plan.size)
        if leaf.kind == "below":
            cell.margin_top = Pt(0)


def _rules(table: pptx.table.Table, rows: Sequence[Leaf], plan: Plan) -> None:
    """Heavy rules above and below, one below the head, hairlines between rows."""
    head, last = len(plan.head), len(rows) - 1
    for i, leaf in enumerate(rows):
        follows = rows[i + 1].kind if i < last else ""
        above = (1.5, _RULE) if i == 0 else None
        below: tuple[float, str] | None = (0.5, _HAIR)
        if leaf.kind == "spans" or follows == "below":
            below = None
        elif i == head - 1:
            below = (1.0, _RULE)
        elif i < last and rows[i + 1].block != leaf.block:
            below = (0.75, _RULE)
        if i == last:
            below = (1.5, _RULE)
        spanned = [j for s in plan.grid.spans if s.text for j in range(s.start, s.stop)]
        for j in range(len(plan.widths)):
            lower = (0.75, _RULE) if leaf.kind == "spans" and j in spanned else below
            slidexml.edges(table.cell(i, j), above, lower)


def _notes(slide: pptx.slide.Slide, plan: Plan, bottom: float) -> None:
    if not plan.notes:
        return
    height = text_height(plan.notes, NOTE)
    box = slide.shapes.add_textbox(Pt(LEFT), Pt(bottom + 8), Pt(SLIDE[0] - 2 * LEFT), Pt(height))
    box.name = "Notes"
    slidexml.frame(box.text_frame)
    for i, note in enumerate(plan.grid.notes):
        frame = box.text_frame
        slidexml.write(frame.paragraphs[0] if i == 0 else frame.add_paragraph(), note, NOTE, _SOFT)
