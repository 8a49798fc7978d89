"""What python-docx has no words for: rules, padding and page breaks of a Word table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Pt
from docx.table import Table, _Cell, _Row
from docx.text.paragraph import Paragraph

HEAVY, LIGHT = 8, 4  # rules in eighths of a point
_AFTER_BORDERS = ("shd", "noWrap", "tcMar", "textDirection", "tcFitText", "vAlign", "hideMark")


def padding(table: Table, points: float, widths: Sequence[float]) -> None:
    """Fix the widths of the columns (points) and the space left and right of the text."""
    margins = OxmlElement("w:tblCellMar")
    for side, width in (("top", 1.5), ("left", points), ("bottom", 1.5), ("right", points)):
        margins.append(_element(side, w=round(20 * width), type="dxa"))
    properties = table._tbl.tblPr
    look = properties.find(qn("w:tblLook"))
    layout = properties.find(qn("w:tblLayout"))
    # Word hangs the padding of the first column out into the margin of the page.
    hanging = _element("tblInd", w=round(20 * points), type="dxa")
    properties.append(hanging) if layout is None else layout.addprevious(hanging)
    properties.append(margins) if look is None else look.addprevious(margins)
    for column, width in zip(table.columns, widths, strict=True):
        column.width = Pt(width)
    for row in table._tbl.tr_lst:
        for cell, width in zip(row.tc_lst, widths, strict=True):
            cell.width = Pt(width)


def rules(rows: Sequence[_Row], head: int) -> None:
    """Draw the rules of a formal table: above, below its `head` rows, and at the end."""
    border(rows[0], "top", HEAVY)
    if 0 < head < len(rows):
        border(rows[head - 1], "bottom", LIGHT)
        border(rows[head], "top", LIGHT)
    border(rows[-1], "bottom", HEAVY)
    for row in rows[:head]:
        for cell in row._tr.tc_lst:
            cell.get_or_add_tcPr().append(_element("vAlign", val="bottom"))


def underline(paragraph: Paragraph) -> None:
    """Draw a light rule below a paragraph; unlike a cell's border it leaves gaps at both sides."""
    edges = OxmlElement("w:pBdr")
    edges.append(_element("bottom", val="single", sz=LIGHT, space=1, color="auto"))
    properties = paragraph._p.get_or_add_pPr()
    later = properties.find(qn("w:jc"))
    properties.append(edges) if later is None else later.addprevious(edges)


def size_of_mark(paragraph: Paragraph, points: float) -> None:
    """Size the end mark of a paragraph, which sets the height of an empty one."""
    properties = OxmlElement("w:rPr")
    properties.append(_element("sz", val=round(2 * points)))
    paragraph._p.get_or_add_pPr().append(properties)


def keep_on_line(cell: _Cell) -> None:
    """Forbid line breaks in a cell."""
    cell._tc.get_or_add_tcPr().append(_element("noWrap"))


def paginate(rows: Sequence[_Row], head: int, together: Iterable[int]) -> None:
    """Repeat the head on every page, split no row, keep the rows `together` with the next one."""
    for i, row in enumerate(rows):
        properties = row._tr.get_or_add_trPr()
        properties.append(_element("cantSplit"))
        if i < head:
            properties.append(_element("tblHeader"))
    for i in together:
        for cell in rows[i]._tr.tc_lst:
            for paragraph in cell.p_lst:
                paragraph.get_or_add_pPr().get_or_add_keepNext()


def border(row: _Row, side: str, eighths: int) -> None:
    """Draw one side of every cell of a row."""
    for cell in row._tr.tc_lst:
        properties = cell.get_or_add_tcPr()
        borders = properties.find(qn("w:tcBorders"))
        if borders is None:
            borders = OxmlElement("w:tcBorders")
            later = (properties.find(qn(f"w:{name}")) for name in _AFTER_BORDERS)
            before = next((element for element in later if element is not None), None)
            properties.append(borders) if before is None else before.addprevious(borders)
        if borders.find(qn(f"w:{side}")) is None:
            borders.append(_element(side, val="single", sz=eighths, space=0, color="auto"))


def _element(name: str, **attributes: str | int) -> OxmlElement:
    element = OxmlElement(f"w:{name}")
    for key, value in attributes.items():
        element.set(qn(f"w:{key}"), str(value))
    return element
