"""A formula cut into words, each with its place, so that every error can point."""

from __future__ import annotations

import re
from typing import NamedTuple

from echelon.errors import FormulaError


class Token(NamedTuple):
    """One word of a formula.

    Attributes
    ----------
    kind : "num", "name", "tick" (a name in backticks), "str", "op" or "end"
    text : as typed, backticks and quotes included
    start, end : its place in the formula
    """

    kind: str
    text: str
    start: int
    end: int


_WORD = re.compile(
    r"""\s*(?:
      (?P<num>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?L?)
    | (?P<name>(?:[^\W\d]|\.(?!\d))[\w.]*)
    | (?P<tick>`[^`]+`)
    | (?P<str>"[^"]*"|'[^']*')
    | (?P<op>%in%|%%|%/%|\*\*|\|\||==|!=|<=|>=|[-+*/:^()\[\],=<>|~])
    )""",
    re.VERBOSE,
)
_SYNTACTIC = re.compile(r"(?:[^\W\d]|\.(?!\d))[\w.]*")
CONSTANTS = {
    "TRUE": True,
    "FALSE": False,
    "True": True,
    "False": False,
    "NULL": None,
    "None": None,
}
_REASONS = {
    "`": "This backtick is not closed.",
    '"': "This quote is not closed.",
    "'": "This quote is not closed.",
    "$": "'$' is not part of a formula: name the column alone and give the table as the data.",
    "&": "'&' is not part of a formula: make the column in the table first.",
    "%": "This %operator% is not known. Known: %in%, %%, %/%.",
}


def tokenise(formula: str) -> list[Token]:
    """Cut `formula` into tokens, the last of kind "end"; FormulaError at an unknown character."""
    tokens: list[Token] = []
    at, length = 0, len(formula)
    match = _WORD.match
    while at < length:
        found = match(formula, at)
        if found is None:
            rest = formula[at:].lstrip()
            if not rest:
                break
            start = length - len(rest)
            reason = _REASONS.get(rest[0], f"The character {rest[0]!r} is not part of a formula.")
            raise FormulaError(reason, formula, (start, start + 1))
        kind = found.lastgroup or "op"
        at = found.end()
        tokens.append(Token(kind, found.group(kind), found.start(kind), at))
    tokens.append(Token("end", "", length, length))
    return tokens


def quoted(name: str) -> str:
    """The name as a formula must spell it: in backticks unless it is a plain word.

    >>> quoted("my col"), quoted("total.fruits")
    ('`my col`', 'total.fruits')
    """
    plain = _SYNTACTIC.fullmatch(name) and name != "." and name not in CONSTANTS
    return name if plain else f"`{name}`"
