"""A table as numbers, spans and notes; renderers turn it into text, HTML, LaTeX, Word, slides."""

from __future__ import annotations

from dataclasses import dataclass, field
from os import PathLike
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
    below : an Entry shown under the value in parentheses (a standard error), or None
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

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        return self.to_html(styled=True)

    def to_text(self, *, width: int | None = None, color: bool = False) -> str:
        """Return the table as text; see `echelon.show.to_text`."""
        from echelon.show.text import to_text

        return to_text(self, width=width, color=color)

    def to_html(
        self,
        *,
        sortable: bool = False,
        caption: bool = True,
        table_id: str | None = None,
        styled: bool = False,
    ) -> str:
        """Return the table as HTML; see `echelon.show.to_html`."""
        from echelon.show.html import to_html

        return to_html(self, sortable=sortable, caption=caption, table_id=table_id, styled=styled)

    def to_latex(self, *, label: str | None = None) -> str:
        """Return the table as LaTeX; see `echelon.show.to_latex`."""
        from echelon.show.latex import to_latex

        return to_latex(self, label=label)

    def to_docx(self, path: str | PathLike[str]) -> None:
        """Write the table as a Word file; see `echelon.show.write_docx`."""
        from echelon.show.docx import write_docx

        write_docx([self], path)

    def to_pptx(self, path: str | PathLike[str]) -> None:
        """Write the table as PowerPoint slides; see `echelon.show.write_pptx`."""
        from echelon.show.pptx import write_pptx

        write_pptx([self], path)

    def to_file(self, path: str | PathLike[str]) -> None:
        """Write .txt, .html, .tex, .docx or .pptx; see `echelon.show.save_tables`."""
        from echelon.show.save import save_tables

        save_tables([self], path)
