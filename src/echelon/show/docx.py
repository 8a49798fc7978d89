"""Native, editable Word tables in the style of the APA manual."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike

from echelon.errors import MissingDependency
from echelon.show.files import atomic
from echelon.show.fit import Room, fill, rooms, widths
from echelon.show.grid import Grid, GridCell, Line, make_grid
from echelon.show.metrics import times
from echelon.show.table import Table

try:
    import docx
    from docx.enum.section import WD_ORIENT, WD_SECTION
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.oxml.ns import qn
    from docx.shared import Pt, RGBColor
    from docx.table import _Cell, _Row
    from docx.text.paragraph import Paragraph

    from echelon.show import wordxml
except ImportError as error:
    raise MissingDependency("python-docx", "office", "Writing Word tables") from error

_FONT = "Times New Roman"
_LETTER = (612.0, 792.0)  # page in points, with margins of one inch
_MARGIN = 72.0
_PADDING = 5.0  # left and right of the text of a cell, points
_SLACK = 1.04  # programs differ a little in how they set the same font
_AIR = 26.0  # most points a column is widened by when the page has room
_INDENT = 1.0  # ems
_TRIALS = ((False, 11.0), (False, 10.0), (False, 9.0), (True, 10.5), (True, 9.0), (True, 8.0))
_WHOLE = 30  # a table of at most so many rows is kept on one page


@dataclass(frozen=True, slots=True)
class _Plan:
    """Page and sizes chosen for one table: widths of columns and font size in points."""

    grid: Grid
    rooms: list[Room]
    widths: list[float]
    size: float
    landscape: bool


def write_docx(
    tables: Sequence[Table], path: str | PathLike[str], *, title: str | None = None
) -> None:
    """Write tables into one Word file, each a native table.

    Parameters
    ----------
    tables : in order; several tables are numbered "Table 1", "Table 2", ...
    path : the file, written whole or not at all
    title : a heading at the top of the document; None for none

    Raises
    ------
    FileFormatError
        The file cannot be written; an older file is left as it was.
    MissingDependency
        python-docx is not installed.

    Notes
    -----
    Rules above and below the head and at the end, none upright; the head is repeated on every page
    and no row is split. A table too wide for an upright page stands on a page laid sideways.
    """
    document = docx.Document()
    _prepare(document, title or next((t.title for t in tables if t.title), ""))
    plans = [_plan(make_grid(table, "unicode")) for table in tables]
    sideways = bool(plans) and plans[0].landscape
    _turn(document.sections[0], sideways)
    if title:
        document.add_heading(make_grid(Table((), (), title=title), "unicode").title, level=1)
    for k, plan in enumerate(plans, start=1):
        if plan.landscape != sideways:
            sideways = plan.landscape
            _turn(document.add_section(WD_SECTION.NEW_PAGE), sideways)
        _title(document, plan, f"Table {k}" if len(plans) > 1 else "")
        if plan.grid.heads:
            _draw(document, plan)
        _notes(document, plan)
    with atomic(path) as temporary:
        document.save(str(temporary))


def _prepare(document: docx.document.Document, title: str) -> None:
    properties = document.core_properties
    properties.title, properties.author, properties.comments = title[:255], "", ""
    for name in ("Normal", "Caption", "Heading 1"):
        style = document.styles[name]
        style.font.name, style.font.color.rgb = _FONT, RGBColor(0, 0, 0)
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
            fonts.attrib.pop(qn(f"w:{theme}"), None)
        fonts.set(qn("w:hAnsi"), _FONT)
        style.paragraph_format.space_before = Pt(0)
        style.paragraph_format.space_after = Pt(0)
        style.paragraph_format.line_spacing = 1.0
    document.styles["Normal"].font.size = Pt(11)
    document.styles["Caption"].font.size = Pt(11)
    document.styles["Caption"].font.bold = False
    document.styles["Heading 1"].font.size = Pt(15)
    document.styles["Heading 1"].paragraph_format.space_after = Pt(6)


def _turn(section: docx.section.Section, landscape: bool) -> None:
    section.orientation = WD_ORIENT.LANDSCAPE if landscape else WD_ORIENT.PORTRAIT
    width, height = _LETTER[::-1] if landscape else _LETTER
    section.page_width, section.page_height = Pt(width), Pt(height)
    section.left_margin = section.right_margin = Pt(_MARGIN)
    section.top_margin = section.bottom_margin = Pt(_MARGIN)


def _plan(grid: Grid) -> _Plan:
    """Choose the largest type on an upright page, and only then turn the page."""
    made = rooms(grid, times, indent=_INDENT)
    for landscape, size in _TRIALS:
        available = _available(landscape) - 2 * _PADDING * len(made)
        found = widths(made, available / (size * _SLACK))
        if found is not None:
            break
    else:
        least = [r.minimum for r in made]
        found = [w * available / (size * _SLACK * sum(least)) for w in least]
    points = [w * size * _SLACK + 2 * _PADDING for w in found]
    spare = (_available(landscape) - sum(points)) / max(1, len(points))
    return _Plan(grid, made, [w + min(spare, _AIR) for w in points], size, landscape)


def _available(landscape: bool) -> float:
    return _LETTER[1 if landscape else 0] - 2 * _MARGIN


def _title(document: docx.document.Document, plan: _Plan, label: str) -> None:
    texts = [(label, True), (plan.grid.title, False)]
    shown = [(text, bold) for text, bold in texts if text]
    for i, (text, bold) in enumerate(shown):
        paragraph = document.add_paragraph(style="Caption")
        run = paragraph.add_run(text)
        run.bold, run.italic = bold, not bold
        paragraph.paragraph_format.keep_with_next = True
        paragraph.paragraph_format.space_before = Pt(14 if i == 0 else 4)
        paragraph.paragraph_format.space_after = Pt(6 if i == len(shown) - 1 else 0)


def _notes(document: docx.document.Document, plan: _Plan) -> None:
    for i, note in enumerate(plan.grid.notes):
        paragraph = document.add_paragraph()
        paragraph.add_run(note).font.size = Pt(min(9.0, plan.size))
        paragraph.paragraph_format.space_before = Pt(4 if i == 0 else 1)
        paragraph.paragraph_format.keep_together = True


def _draw(document: docx.document.Document, plan: _Plan) -> None:
    grid = plan.grid
    head = bool(grid.spans) + bool(any(grid.heads))
    body = sum(bool(block.title) + len(block.rows) for block in grid.blocks)
    if not head + body:
        return
    word = document.add_table(rows=head + body, cols=len(grid.heads))
    word.autofit = False
    wordxml.padding(word, _PADDING, plan.widths)
    rows = list(word.rows)
    if grid.spans:
        _spans(rows[0], plan)
    if any(grid.heads):
        for j, cell in enumerate(rows[head - 1].cells):
            _put(cell, [Line(grid.heads[j])], plan, j)
    at = head
    for k, block in enumerate(grid.blocks):
        if k and block.rows and not block.title:
            wordxml.border(rows[at], "top", wordxml.LIGHT)
        if block.title:
            whole = rows[at].cells[0].merge(rows[at].cells[-1])
            _write(whole.paragraphs[0], block.title, plan, italic=True)
            at += 1
        for row in block.rows:
            _row(rows[at], row, plan, k)
            at += 1
    together = range(len(rows)) if len(rows) <= _WHOLE else [*range(head + 1), *range(at - 3, at)]
    wordxml.paginate(rows, head, [i for i in together if i < at - 1])
    wordxml.rules(rows, head)


def _spans(row: _Row, plan: _Plan) -> None:
    cells = list(row.cells)
    for span in plan.grid.spans:
        if span.text:
            paragraph = cells[span.start].merge(cells[span.stop - 1]).paragraphs[0]
            _write(paragraph, span.text, plan)
            paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
            wordxml.underline(paragraph)


def _row(row: _Row, cells: Sequence[GridCell], plan: _Plan, section: int) -> None:
    indent = _INDENT if plan.grid.blocks[section].title else 0.0
    for j, (cell, content) in enumerate(zip(row.cells, cells, strict=True)):
        _put(cell, content.lines, plan, j, section)
        if j == 0 and indent and not plan.grid.numeric[0]:
            for paragraph in cell.paragraphs:
                paragraph.paragraph_format.left_indent = Pt(indent * plan.size)
        if plan.grid.numeric[j] and all(line.aligned for line in content.lines):
            wordxml.keep_on_line(cell)


def _put(cell: _Cell, lines: Sequence[Line], plan: _Plan, j: int, section: int = 0) -> None:
    for k, line in enumerate(lines):
        paragraph = cell.paragraphs[0] if k == 0 else cell.add_paragraph()
        _write(paragraph, line.text, plan)
        if plan.grid.numeric[j]:
            space = fill(line, plan.rooms[j], times, section) * plan.size
            paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
            paragraph.paragraph_format.right_indent = Pt(round(space, 1))
    for paragraph in cell.paragraphs:
        wordxml.size_of_mark(paragraph, plan.size)


def _write(paragraph: Paragraph, text: str, plan: _Plan, *, italic: bool = False) -> None:
    run = paragraph.add_run(text)
    run.font.size = Pt(plan.size)
    run.italic = italic or None
