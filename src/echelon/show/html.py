"""Tables as HTML, with or without their own style."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from numbers import Real

from echelon.show.fit import Room, rooms
from echelon.show.format import is_number
from echelon.show.grid import Grid, GridCell, Line, make_grid
from echelon.show.metrics import arial
from echelon.show.style import STYLE
from echelon.show.table import Table

_DIGIT = arial("0")
_SHORT = 16.0  # ems: labels that are never wrapped


def table_style() -> str:
    """Return the CSS of class `ec-table`, for a page that writes it once for many tables."""
    return STYLE


def to_html(
    table: Table,
    *,
    sortable: bool = False,
    caption: bool = True,
    table_id: str | None = None,
    styled: bool = False,
) -> str:
    """Return a table as one HTML element of class `ec-table`.

    Parameters
    ----------
    table : the table
    sortable : write the raw value of every cell into `data-sort` and add the class `ec-sortable`
    caption : show the title
    table_id : the `id` of the element
    styled : put the style sheet before the table, as a notebook needs it

    Notes
    -----
    Numbers line up on the decimal point: what a number lacks is filled by an empty element, so
    that copied cells hold nothing but the number.

    Examples
    --------
    >>> from echelon.show import Heading, Section, Table
    >>> "&lt;b&gt;" in to_html(Table((Heading("<b>", "text"),), (Section((("x",),)),)))
    True
    """
    grid = make_grid(table, "unicode")
    made = rooms(grid, arial)
    name = f' id="{escape(table_id)}"' if table_id else ""
    lines = [f'<table class="ec-table{" ec-sortable" if sortable else ""}"{name}>']
    if caption and grid.title:
        lines.append(f"<caption>{escape(grid.title)}</caption>")
    lines += _head(grid, made)
    for k in range(len(grid.blocks)):
        lines += _body(grid, made, k, sortable)
    lines += _foot(grid)
    style = [f"<style>\n{table_style()}\n</style>"] if styled else []
    return "\n".join([*style, *lines, "</table>"])


def to_page(tables: Sequence[Table], *, title: str | None = None) -> str:
    """Return a complete HTML page with several tables and nothing loaded from elsewhere."""
    name = escape(title or next((t.title for t in tables if t.title), "Tables"))
    heading = [f"<h1>{name}</h1>"] if title else []
    style = (
        ":root { color-scheme: light dark; }\nbody { font: 16px/1.5 system-ui, sans-serif; "
        "margin: 2em auto; max-width: 75em; padding: 0 1em; }\n"
        "h1 { font-size: 1.4em; }\n.ec-wide { overflow-x: auto; margin-bottom: 2em; }"
    )
    return "\n".join([
        "<!DOCTYPE html>",
        '<html lang="en">',
        f'<head>\n<meta charset="utf-8">\n<title>{name}</title>',
        f"<style>\n{style}\n{table_style()}\n</style>\n</head>\n<body>",
        *heading,
        *(f'<div class="ec-wide">\n{to_html(t)}\n</div>' for t in tables),
        "</body>\n</html>\n",
    ])  # fmt: skip


def _head(grid: Grid, made: Sequence[Room]) -> Iterator[str]:
    if not grid.spans and not any(grid.heads):
        return
    yield "<thead>"
    if grid.spans:
        cells = (
            f'<th class="ec-span" scope="colgroup" colspan="{s.stop - s.start}">'
            f"<span>{escape(s.text)}</span></th>"
            if s.text
            else f'<td colspan="{s.stop - s.start}"></td>'
            for s in grid.spans
        )
        yield f"<tr>{''.join(cells)}</tr>"
    if any(grid.heads):
        heads = (
            f'<th{_class(grid, made, j)} scope="col">{escape(name)}</th>'
            for j, name in enumerate(grid.heads)
        )
        yield f"<tr>{''.join(heads)}</tr>"
    yield "</thead>"


def _body(grid: Grid, made: Sequence[Room], k: int, sortable: bool) -> Iterator[str]:
    block = grid.blocks[k]
    yield '<tbody class="ec-ruled">' if k and block.rows and not block.title else "<tbody>"
    if block.title:
        yield (
            f'<tr class="ec-section"><th scope="rowgroup" colspan="{len(grid.heads)}">'
            f"{escape(block.title)}</th></tr>"
        )
    for row in block.rows:
        cells = []
        for j, cell in enumerate(row):
            label = j == 0 and not grid.numeric[0]
            tag, scope = ("th", ' scope="row"') if label else ("td", "")
            names = _class(grid, made, j, "ec-indent" if block.title and j == 0 else "")
            raw = f' data-sort="{escape(_raw(cell))}"' if sortable else ""
            lines = "<br>".join(_line(x, made[j], grid.numeric[j], k) for x in cell.lines)
            cells.append(f"<{tag}{names}{scope}{raw}>{lines}</{tag}>")
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</tbody>"


def _foot(grid: Grid) -> Iterator[str]:
    if grid.notes:
        yield "<tfoot>"
        for note in grid.notes:
            yield f'<tr><td colspan="{len(grid.heads)}">{escape(note)}</td></tr>'
        yield "</tfoot>"


def _class(grid: Grid, made: Sequence[Room], j: int, more: str = "") -> str:
    names = ["ec-num"] if grid.numeric[j] else []
    if grid.numeric[j] and made[j].marks > 0:
        names.append("ec-marked")
    if not grid.numeric[j] and made[j].natural <= _SHORT:
        names.append("ec-short")
    names += [more] if more else []
    return f' class="{" ".join(names)}"' if names else ""


def _line(line: Line, room: Room, numeric: bool, section: int) -> str:
    text = escape(line.head + line.tail)
    if numeric and line.aligned:
        missing = room.tails[section] - arial(line.tail)
        if missing > _DIGIT / 2:
            text += f'<i style="display:inline-block;width:{missing / _DIGIT:.2f}ch"></i>'
    if not line.mark:
        return text
    kind = "sup" if line.mark.strip("*") == "" else "span"
    return f'{text}<{kind} class="ec-mark">{escape(line.mark)}</{kind}>'


def _raw(cell: GridCell) -> str:
    """Raw value for sorting: full precision; nothing for None and nan, which sort last."""
    value = cell.raw
    if value is None or (is_number(value) and value != value):
        return ""
    return repr(float(value)) if isinstance(value, Real) and is_number(value) else str(value)
