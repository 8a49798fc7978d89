"""Tables and their renderers: text, HTML, LaTeX, Word and PowerPoint.

Word and PowerPoint libraries are loaded when a file is first written, not here.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

from echelon.show.files import atomic
from echelon.show.html import table_style, to_html
from echelon.show.latex import to_latex
from echelon.show.save import save_tables
from echelon.show.table import Cell, Entry, Heading, Kind, Section, Table
from echelon.show.text import to_text


def write_docx(
    tables: Sequence[Table], path: str | PathLike[str], *, title: str | None = None
) -> None:
    """Write native Word tables; see `echelon.show.docx.write_docx`."""
    from echelon.show.docx import write_docx as write

    write(tables, path, title=title)


def write_pptx(
    tables: Sequence[Table], path: str | PathLike[str], *, title: str | None = None
) -> None:
    """Write slides with native tables; see `echelon.show.pptx.write_pptx`."""
    from echelon.show.pptx import write_pptx as write

    write(tables, path, title=title)


__all__ = [
    "Cell",
    "Entry",
    "Heading",
    "Kind",
    "Section",
    "Table",
    "atomic",
    "save_tables",
    "table_style",
    "to_html",
    "to_latex",
    "to_text",
    "write_docx",
    "write_pptx",
]
