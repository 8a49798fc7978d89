"""Widths of text: in character cells of a terminal, or in ems of the two fonts used in files."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import cache

Measure = Callable[[str], float]

# Widths of the characters 32 to 126 in 1/1000 em: Adobe font metrics of Times-Roman and Helvetica,
# to which Times New Roman, Arial and the Liberation fonts are drawn.
_TIMES = [*map(int, """
    250 333 408 500 500 833 778 333 333 333 500 564 250 333 250 278 500 500 500 500 500 500 500 500
    500 500 278 278 564 564 564 444 921 722 667 667 722 611 556 722 722 333 389 722 611 889 722 722
    556 722 667 556 611 722 722 944 722 722 611 333 278 333 469 500 333 444 500 444 500 444 333 500
    500 278 278 500 278 778 500 500 500 500 333 389 278 500 500 722 500 500 444 480 200 480 541
    """.split())]  # fmt: skip  # noqa: SIM905
_ARIAL = [*map(int, """
    278 278 355 556 556 889 667 222 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556
    556 556 278 278 584 584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778
    667 778 722 667 611 722 667 944 667 667 611 278 278 278 469 556 222 556 556 500 556 556 278 556
    556 222 222 500 222 833 556 556 556 556 333 500 278 556 500 722 500 500 500 334 260 334 584
    """.split())]  # fmt: skip  # noqa: SIM905
_RAISED = "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"
_WIDE = ("W", "F")


def monospace(text: str) -> int:
    """Return the number of terminal cells: two for wide characters, none for combining marks.

    >>> monospace("Zürich"), monospace("東京")
    (6, 4)
    """
    if text.isascii():
        return len(text)
    return sum(_cells(c) for c in text)


def times(text: str) -> float:
    """Return the width in ems of Times New Roman."""
    return sum(_em(c, _TIMES) for c in text)


def arial(text: str) -> float:
    """Return the width in ems of Arial.

    >>> round(arial("0.123"), 3)
    2.502
    """
    return sum(_em(c, _ARIAL) for c in text)


@cache
def _cells(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in _WIDE else 1


def _em(char: str, widths: list[int]) -> float:
    """Width of one character; accented letters as their base, unknown ones as a broad letter."""
    if " " <= char <= "~":
        return widths[ord(char) - 32] / 1000
    if char in _RAISED:
        return 0.35
    if not _cells(char):
        return 0.0
    if unicodedata.east_asian_width(char) in _WIDE or char == "\N{EM DASH}":
        return 1.0
    base = unicodedata.normalize("NFD", char)[0]
    return widths[ord(base) - 32] / 1000 if " " <= base <= "~" else 0.6
