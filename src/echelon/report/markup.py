"""Pieces of HTML: every name and number of a fit is escaped here and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from dataclasses import replace
from html import escape
from importlib import resources

from echelon.show import Table, to_html
from echelon.show.cells import places
from echelon.show.format import clean, integer, number, percent, typeset

_WHEN = re.compile(r"<!-- ([\w-]+) -->\n")
_UNSPEAKABLE = 10  # decimals that no sentence should carry


def safe(text: object) -> str:
    """Return text for any place in HTML, attributes included.

    >>> safe("<b> & 'x'")
    '&lt;b&gt; &amp; &#x27;x&#x27;'
    """
    return escape(clean(str(text)))


def code(name: object) -> str:
    """Return a name of the user's as code."""
    return f"<code>{safe(name)}</code>"


def paragraph(html: str, kind: str = "") -> str:
    """Return a paragraph of a class; "" where there is nothing to say."""
    name = f' class="{kind}"' if kind else ""
    return f"<p{name}>{html}</p>" if html else ""


def section(name: str, heading: str, parts: Iterable[str], *, kind: str = "") -> str:
    """Return a section with its heading, which names it for assistive technology."""
    of = f' class="{kind}"' if kind else ""
    body = "\n".join(part for part in parts if part)
    return (
        f'<section{of} id="{name}" aria-labelledby="{name}-heading">\n'
        f'<h2 id="{name}-heading">{safe(heading)}</h2>\n{body}\n</section>'
    )


def scrolling(html: str, label: str, *, kind: str = "scroll") -> str:
    """Return a box that scrolls by itself, by keyboard too."""
    return f'<div class="{kind}" role="region" aria-label="{safe(label)}" tabindex="0">{html}</div>'


def table_box(table: Table, name: str) -> str:
    """Return a table in a box of its own, so that a narrow page does not scroll sideways.

    The notes stand below the box, where they wrap as text does.
    """
    html = to_html(replace(table, notes=()), caption=False, table_id=name)
    notes = [paragraph(safe(note), "soft") for note in table.notes]
    return "\n".join([scrolling(html, table.title), *notes])


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Return a list of names and values; the values are HTML."""
    rows = "\n".join(f"<dt>{safe(name)}</dt><dd>{value}</dd>" for name, value in pairs)
    return f'<dl class="facts">\n{rows}\n</dl>'


def bullets(items: Iterable[str]) -> str:
    """Return a list of sentences; the items are HTML."""
    return '<ul class="prose">\n' + "\n".join(f"<li>{item}</li>" for item in items) + "\n</ul>"


def template(name: str) -> str:
    """Return a file of this package, with line ends as HTML parsers count them."""
    text = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    return text.replace("\r\n", "\n")


def entries(name: str, keys: Set[str]) -> str:
    """Return those entries of a file whose key (`<!-- key -->`) is asked for.

    >>> "kuznetsova2017" in entries("references.html", {"always"})
    False
    """
    _, *pieces = _WHEN.split(template(name))
    return "".join(p for key, p in zip(pieces[::2], pieces[1::2], strict=True) if key in keys)


def said(x: float, scale: float, significant: int = 2) -> str:
    """Return a number as a sentence gives it: to the digits that its uncertainty leaves.

    Parameters
    ----------
    scale : the standard error, of which `significant` digits are kept; the number itself if unknown

    >>> said(482.757, 13.67), said(-0.25127, 0.0042), said(59.647, 59.647, 3)
    ('483', '−0.2513', '59.6')
    """
    return typeset(number(x, min(places(scale, 0, significant), _UNSPEAKABLE)), "unicode")


def counted(n: float, one: str, many: str) -> str:
    """Return a count with its noun.

    >>> counted(1, "row", "rows"), counted(1200, "row", "rows")
    ('1 row', '1,200 rows')
    """
    return f"{integer(n)} {one if n == 1 else many}"


def share(x: float) -> str:
    """Return a proportion in percent, as a sentence gives it."""
    return typeset(percent(x), "unicode")
