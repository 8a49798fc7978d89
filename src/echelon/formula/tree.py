"""Tokens to a tree, with R's precedence of operators; no meaning is given to it yet."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from echelon.errors import FormulaError
from echelon.formula.tokens import CONSTANTS, Token, quoted, tokenise


class Node(NamedTuple):
    """A piece of a formula.

    Attributes
    ----------
    kind : "name", "num", "str", "op" (two sides), "sign" (one side), "paren", "call", "option"
        (name=value inside a call)
    value : the name, number, text, operator, function or option name
    args : the pieces it is made of
    start, end : its place in the formula
    """

    kind: str
    value: str
    args: tuple[Node, ...]
    start: int
    end: int


@dataclass(slots=True)
class _Cursor:
    """Where the reading of one formula has got to, and how deep inside calls it is."""

    formula: str
    tokens: list[Token]
    at: int = 0
    calls: int = 0


# R's precedence (help page Syntax), the tightest with the largest number.
_POWER = {"|": 1, "||": 1, "==": 2, "!=": 2, "<": 2, ">": 2, "<=": 2, ">=": 2, "+": 3, "-": 3}
_POWER |= {"*": 4, "/": 4, "%in%": 5, "%%": 5, "%/%": 5, ":": 6, "^": 8, "**": 8}
_SIGN, _TIGHTEST = 7, 8
_OPENS = frozenset({"(", "~", "|", "||", ",", "=", "["})  # a sign may follow these
_TIGHT_OPERATORS = frozenset({"^", "**", ":", "/"})  # printed without spaces, as R does


def sides(formula: str) -> tuple[Node | None, Node, int]:
    """Read a formula: the tree left of `~` (None if nothing is there), right of it, and its place.

    Raises
    ------
    FormulaError : where the text is not a formula, with a caret under the place
    """
    cursor = _Cursor(formula, tokenise(formula))
    if len(cursor.tokens) == 1:
        raise FormulaError("The formula is empty: write for example 'score ~ ses + (1 | school)'.")
    tildes = [token for token in cursor.tokens if token.text == "~"]
    if len(tildes) != 1:
        raise _wrong_tildes(formula, tildes)
    left = None if cursor.tokens[0].text == "~" else _expression(cursor, 0)
    if cursor.tokens[cursor.at].text != "~":
        raise _unexpected(cursor)
    cursor.at += 1
    right = _expression(cursor, 0)
    if cursor.tokens[cursor.at].kind != "end":
        raise _unexpected(cursor)
    return left, right, tildes[0].start


@lru_cache(maxsize=4096)
def expression(text: str) -> Node:
    """Read one expression without `~`, e.g. "log(x)" (remembered: trees never change)."""
    cursor = _Cursor(text, tokenise(text))
    node = _expression(cursor, 0)
    if cursor.tokens[cursor.at].kind != "end":
        raise _unexpected(cursor)
    return node


def deparse(node: Node) -> str:
    """Write a tree as text with R's spacing, the spelling of operators kept.

    >>> deparse(expression("poly( x,2 )+I(z ** 2)"))
    'poly(x, 2) + I(z**2)'
    """
    kind, value, args = node.kind, node.value, node.args
    if kind == "name":
        bare = value == "." or (value in CONSTANTS and node.end - node.start == len(value))
        return value if bare else quoted(value)
    if kind == "num":
        return value
    if kind == "str":
        return f'"{value}"' if '"' not in value else f"'{value}'"
    parts = [deparse(arg) for arg in args]
    if kind == "op":
        return (value if value in _TIGHT_OPERATORS else f" {value} ").join(parts)
    if kind == "paren":
        return f"({parts[0]})"
    if kind == "call":
        return f"{value}({', '.join(parts)})"
    return f"{value}={parts[0]}" if kind == "option" else f"{value}{parts[0]}"


def _expression(cursor: _Cursor, weakest: int) -> Node:
    """Read operands joined by operators that bind at least as tightly as `weakest`."""
    node = _operand(cursor)
    while True:
        token = cursor.tokens[cursor.at]
        power = _POWER.get(token.text, -1) if token.kind == "op" else -1
        if power < 0 or power < weakest:
            return node
        cursor.at += 1
        # only the power operator groups from the right
        right = _expression(cursor, power if power == _TIGHTEST else power + 1)
        node = Node("op", token.text, (node, right), node.start, right.end)


def _operand(cursor: _Cursor) -> Node:
    """Read a name, a number, a text, a call, a list, a parenthesis or a sign and its operand."""
    token = cursor.tokens[cursor.at]
    kind, text, start, end = token
    cursor.at += 1
    if kind == "name":
        if cursor.tokens[cursor.at].text == "(":
            return _call(cursor, text, start, ")")
        return Node("name", text, (), start, end)
    if kind == "num":
        return Node("num", text.rstrip("L"), (), start, end)
    if kind in ("tick", "str"):
        return Node("name" if kind == "tick" else "str", text[1:-1], (), start, end)
    if text == "(":
        inside = _inside(cursor, token)
        return Node("paren", "(", (inside,), start, cursor.tokens[cursor.at - 1].end)
    if text == "[" and cursor.calls:
        cursor.at -= 1
        return _call(cursor, "c", start, "]")
    if text in ("+", "-") and _sign_allowed(cursor):
        operand = _expression(cursor, _SIGN)
        return Node("sign", text, (operand,), start, operand.end)
    raise _missing(cursor, token)


def _inside(cursor: _Cursor, opening: Token) -> Node:
    """Read what stands between parentheses, the first of which has been read."""
    if cursor.tokens[cursor.at].text == ")":
        span = (opening.start, cursor.tokens[cursor.at].end)
        raise FormulaError("These parentheses are empty.", cursor.formula, span)
    node = _expression(cursor, 0)
    _close(cursor, opening, ")")
    return node


def _call(cursor: _Cursor, name: str, start: int, closing: str) -> Node:
    """Read the arguments of a call; the cursor stands on the opening bracket."""
    opening = cursor.tokens[cursor.at]
    cursor.at += 1
    cursor.calls += 1
    args: list[Node] = []
    while cursor.tokens[cursor.at].text != closing or args:
        args.append(_argument(cursor))
        if cursor.tokens[cursor.at].text != ",":
            break
        cursor.at += 1
    _close(cursor, opening, closing)
    cursor.calls -= 1
    return Node("call", name, tuple(args), start, cursor.tokens[cursor.at - 1].end)


def _argument(cursor: _Cursor) -> Node:
    """Read one argument of a call: an expression, or option=expression."""
    token = cursor.tokens[cursor.at]
    if token.kind == "name" and cursor.tokens[cursor.at + 1].text == "=":
        cursor.at += 2
        value = _expression(cursor, 0)
        return Node("option", token.text, (value,), token.start, value.end)
    return _expression(cursor, 0)


def _close(cursor: _Cursor, opening: Token, closing: str) -> None:
    token = cursor.tokens[cursor.at]
    if token.text == closing and token.kind == "op":
        cursor.at += 1
    elif token.kind == "end" or token.text == "~":
        message = f"This {opening.text!r} is not closed."
        raise FormulaError(message, cursor.formula, (opening.start, opening.end))
    else:
        raise _unexpected(cursor)


def _sign_allowed(cursor: _Cursor) -> bool:
    """Whether a sign stands where one may: at a beginning, or anywhere in a call's arithmetic."""
    if cursor.at == 1 or cursor.calls:
        return True
    return cursor.tokens[cursor.at - 2].text in _OPENS


def _missing(cursor: _Cursor, token: Token) -> FormulaError:
    """The error for an operator, bracket or end where a variable should stand."""
    formula, span = cursor.formula, (token.start, token.end)
    before = cursor.tokens[cursor.at - 2] if cursor.at > 1 else None
    joins = token.kind == "op" and token.text in _POWER
    if before is None or (joins and before.text in _OPENS):
        return FormulaError(f"{token.text!r} has nothing on its left.", formula, span)
    if joins:
        message = f"Two operators follow each other: {before.text!r} and {token.text!r}."
        return FormulaError(message, formula, (before.start, token.end))
    if before.text == "~":
        message = "Nothing stands on the right of '~'. Write '~ 1' for a model without predictors."
    else:
        message = f"Nothing stands after {before.text!r}."
    return FormulaError(message, formula, (before.start, before.end))


def _unexpected(cursor: _Cursor) -> FormulaError:
    """The error for a piece that cannot follow what was read."""
    token, before = cursor.tokens[cursor.at], cursor.tokens[cursor.at - 1]
    span = (token.start, token.end)
    if token.text in (")", "]"):
        return FormulaError(f"This {token.text!r} closes nothing.", cursor.formula, span)
    if token.kind != "op" or token.text == "(":
        message = f"An operator is missing between {before.text!r} and {token.text!r}."
        return FormulaError(message, cursor.formula, span)
    return FormulaError(f"{token.text!r} is not expected here.", cursor.formula, span)


def _wrong_tildes(formula: str, tildes: list[Token]) -> FormulaError:
    if tildes:
        span = (tildes[1].start, tildes[1].end)
        return FormulaError("A formula has one '~', and this is the second.", formula, span)
    message = "The '~' between the response and the predictors is missing: response ~ predictors."
    return FormulaError(message, formula, (0, len(formula)))
