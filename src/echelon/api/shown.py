"""How results show themselves: what every result with a `.table()` has besides."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from echelon.show.table import Table


_SCREEN = 100
"""Characters of a line that a shell shows; wider tables continue below, as in `to_text(width=)`."""


class HasTable(Protocol):
    """A result that can be a `Table`."""

    def table(self) -> Table:
        """The result as a `Table`."""


def to_text(result: HasTable, *, width: int | None = None, color: bool = False) -> str:
    """The table as text; `width` in characters."""
    return result.table().to_text(width=width, color=color)


def to_html(result: HasTable) -> str:
    """The table as HTML."""
    return result.table().to_html()


def to_latex(result: HasTable, *, label: str | None = None) -> str:
    """The table as LaTeX."""
    return result.table().to_latex(label=label)


def to_docx(result: HasTable, path: str | PathLike[str]) -> None:
    """Write the table as a Word file."""
    result.table().to_docx(path)


def to_pptx(result: HasTable, path: str | PathLike[str]) -> None:
    """Write the table as PowerPoint slides."""
    result.table().to_pptx(path)


def to_file(result: HasTable, path: str | PathLike[str]) -> None:
    """Write the table as .txt, .html, .tex, .docx or .pptx."""
    result.table().to_file(path)


def text(result: HasTable) -> str:
    """What a shell shows."""
    made = result.table()
    shown = made.to_text()
    fits = max(map(len, shown.splitlines()), default=0) <= _SCREEN
    return shown if fits else made.to_text(width=_SCREEN)


def html(result: HasTable) -> str:
    """What a notebook shows."""
    return result.table().to_html(styled=True)


class Shown:
    """Ways out of a result: a table of contents of the functions above, bound once for all."""

    __slots__ = ()

    to_text = to_text
    to_html = to_html
    to_latex = to_latex
    to_docx = to_docx
    to_pptx = to_pptx
    to_file = to_file
    __repr__ = text
    _repr_html_ = html
