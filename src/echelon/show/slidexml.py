"""What python-pptx has no words for: plain tables, rules, and text set without surprises."""

from __future__ import annotations

from typing import Literal

from pptx.dml.color import RGBColor
from pptx.enum.text import MSO_ANCHOR, MSO_AUTO_SIZE, PP_ALIGN
from pptx.oxml.ns import qn
from pptx.oxml.xmlchemy import OxmlElement
from pptx.table import Table, _Cell
from pptx.text.text import TextFrame, _Paragraph
from pptx.util import Pt

from echelon.show.slides import PADDING

XFRM = qn("a:xfrm")
_FONT = "Arial"
_NO_STYLE = "{2D5ABB26-0587-4C30-8999-92F81FD0307C}"  # PowerPoint's "No Style, No Grid"
_SIDES = {"left": PP_ALIGN.LEFT, "right": PP_ALIGN.RIGHT, "center": PP_ALIGN.CENTER}


def plain(table: Table) -> None:
    """Take away PowerPoint's bands, fills and grid."""
    properties = table._tbl.tblPr
    properties.set("bandRow", "0")
    style = properties.find(qn("a:tableStyleId"))
    if style is None:
        style = OxmlElement("a:tableStyleId")
        properties.append(style)
    style.text = _NO_STYLE


def put(
    cell: _Cell,
    text: str,
    size: float,
    color: str,
    *,
    bold: bool = False,
    side: Literal["left", "right", "center"] = "left",
    foot: bool = False,
) -> None:
    """Write the text of a cell; `foot` puts it at the lower edge."""
    cell.margin_left = cell.margin_right = Pt(PADDING)
    cell.margin_top = cell.margin_bottom = Pt(2.2)
    cell.vertical_anchor = MSO_ANCHOR.BOTTOM if foot else MSO_ANCHOR.TOP
    paragraph = cell.text_frame.paragraphs[0]
    paragraph.alignment = _SIDES[side]
    write(paragraph, text, size, color, bold=bold)


def write(paragraph: _Paragraph, text: str, size: float, color: str, *, bold: bool = False) -> None:
    """Add a run, and give an empty paragraph its size too: it decides the height of the row."""
    paragraph.font.size = Pt(size)
    end = paragraph._p.get_or_add_endParaRPr()
    end.set("sz", str(round(100 * size)))
    if not text:
        return
    run = paragraph.add_run()
    run.text = text
    run.font.name, run.font.size, run.font.bold = _FONT, Pt(size), bold
    run.font.color.rgb = RGBColor.from_string(color)


def frame(text: TextFrame) -> None:
    """Set a text box without inner margins, starting at the top, wrapped at its width."""
    text.word_wrap, text.auto_size = True, MSO_AUTO_SIZE.NONE
    text.margin_left = text.margin_right = text.margin_top = text.margin_bottom = Pt(0)
    text.vertical_anchor = MSO_ANCHOR.TOP
    text.paragraphs[0].alignment = PP_ALIGN.LEFT


def edges(cell: _Cell, above: tuple[float, str] | None, below: tuple[float, str] | None) -> None:
    """Draw the rules of a cell, (points, colour) each; none at the sides, no fill."""
    properties = cell._tc.get_or_add_tcPr()
    for name, rule in (("lnL", None), ("lnR", None), ("lnT", above), ("lnB", below)):
        line = OxmlElement(f"a:{name}")
        line.set("w", str(int(Pt(rule[0] if rule else 0))))
        if rule is None:
            line.append(OxmlElement("a:noFill"))
        else:
            fill = OxmlElement("a:solidFill")
            color = OxmlElement("a:srgbClr")
            color.set("val", rule[1])
            fill.append(color)
            line.append(fill)
        properties.append(line)
    properties.append(OxmlElement("a:noFill"))
