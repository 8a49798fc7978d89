"""Tables to files, the format chosen by the end of the file name."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

from echelon.errors import UnknownOption
from echelon.show.files import atomic, path_of
from echelon.show.html import to_page
from echelon.show.latex import to_latex
from echelon.show.table import Table
from echelon.show.text import to_text

SUFFIXES = (".txt", ".html", ".tex", ".docx", ".pptx")


def save_tables(
    tables: Sequence[Table], path: str | PathLike[str], *, title: str | None = None
) -> None:
    """Write several tables to one file.

    Parameters
    ----------
    tables : in the order in which they shall appear
    path : ends in .txt, .html, .tex, .docx or .pptx
    title : a heading above all tables (a title slide in PowerPoint); None for none

    Raises
    ------
    UnknownOption
        The end of the file name is none of these.
    FileFormatError
        The file cannot be written; an older file is left as it was.
    MissingDependency
        Word or PowerPoint files without the libraries of `echelon[office]`.
    """
    suffix = path_of(path).suffix.lower()
    if suffix == ".docx":
        from echelon.show.docx import write_docx

        write_docx(tables, path, title=title)
    elif suffix == ".pptx":
        from echelon.show.pptx import write_pptx

        write_pptx(tables, path, title=title)
    else:
        text = _plain(tables, suffix, title)
        with atomic(path) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")


def _plain(tables: Sequence[Table], suffix: str, title: str | None) -> str:
    heading = [title] if title else []
    if suffix == ".html":
        return to_page(tables, title=title)
    if suffix == ".txt":
        return "\n\n\n".join([*heading, *(to_text(t) for t in tables)]) + "\n"
    if suffix == ".tex":
        comment = [f"% {' '.join(title.split())}"] if title else []
        return "\n\n".join([*comment, *(to_latex(t) for t in tables)]) + "\n"
    raise UnknownOption("suffix", suffix, SUFFIXES)
