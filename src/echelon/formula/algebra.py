"""The algebra of terms: `+ - : * / %in% ^` as sets of variables, in R's order.

A term is an integer whose bits are the variables it multiplies, so that `a:b` and `b:a` are one
term; bits are given in the order in which variables first appear (chambers1992, ch. 2).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from echelon.errors import FormulaError
from echelon.formula.functions import is_covariance
from echelon.formula.spec import Terms
from echelon.formula.tree import Node, deparse


@dataclass(slots=True)
class Scope:
    """What is gathered while one right-hand side is read.

    Attributes
    ----------
    formula : for error messages
    dot : the columns that `.` stands for, or None where it may not be used
    bars_allowed : True for the fixed part, False left of a bar
    atoms : the variables in order of first appearance, with their bit numbers
    adding : False to the right of a minus
    """

    formula: str
    dot: tuple[str, ...] | None = None
    bars_allowed: bool = True
    atoms: dict[str, int] = field(default_factory=dict)
    adding: bool = True
    intercept: bool = True
    bars: list[Node] = field(default_factory=list)
    offsets: list[str] = field(default_factory=list)

    def refuse(self, message: str, node: Node) -> FormulaError:
        """The error with a caret under `node`."""
        return FormulaError(message, self.formula, (node.start, node.end))

    def atom(self, text: str) -> int:
        """The term of one variable."""
        return 1 << self.atoms.setdefault(text, len(self.atoms))


def terms_of(node: Node, scope: Scope) -> Terms:
    """Expand a right-hand side to its terms; bars and offsets are left in `scope`.

    Returns
    -------
    Terms sorted by degree, then by appearance; variables inside a term by first appearance.
    """
    found = sorted(_sum(node, scope), key=int.bit_count)  # sorted() is stable: appearance is kept
    names = list(scope.atoms)
    return Terms(tuple(_names(term, names) for term in found), scope.intercept)


def _names(term: int, names: list[str]) -> tuple[str, ...]:
    return tuple(name for bit, name in enumerate(names) if term >> bit & 1)


def _sum(node: Node, scope: Scope) -> list[int]:
    """The terms of a piece that stands in a sum: there 1, 0, offsets and bars may be."""
    kind, value = node.kind, node.value
    if kind == "op" and value == "+":
        return _union(_sum(node.args[0], scope), _sum(node.args[1], scope))
    if kind == "op" and value == "-":
        return _remove(_sum(node.args[0], scope), node.args[1], scope)
    if kind == "sign":
        return _sum(node.args[0], scope) if value == "+" else _remove([], node.args[0], scope)
    if kind == "num" and float(value) in (0.0, 1.0):
        scope.intercept = (float(value) == 1.0) == scope.adding
        return []
    if kind == "call" and value == "offset":
        return _offset(node, scope)
    if kind == "paren":
        inside = node.args[0]
        is_bar = inside.kind == "op" and inside.value in ("|", "||")
        return _bar(node, scope) if is_bar else _sum(inside, scope)
    if is_covariance(node):
        return _bar(node, scope)
    return _product(node, scope)


def _product(node: Node, scope: Scope) -> list[int]:
    """The terms of a piece that may stand in a product: variables and what is made of them."""
    kind, value = node.kind, node.value
    if kind == "name" and value == ".":
        return _dot(node, scope)
    if kind == "name" or (kind == "call" and value != "offset" and not is_covariance(node)):
        return [scope.atom(deparse(node))]
    if kind == "op" and value in _OPERATORS:
        left, right = (_product(arg, scope) for arg in node.args)
        return _OPERATORS[value](left, right)
    if kind == "op" and value in ("^", "**"):
        return _power(node, scope)
    if kind == "op" and value == "+":
        return _union(_product(node.args[0], scope), _product(node.args[1], scope))
    if kind == "op" and value == "-":
        return _remove(_product(node.args[0], scope), node.args[1], scope)
    if kind == "paren" and not (node.args[0].kind == "op" and node.args[0].value in ("|", "||")):
        return _product(node.args[0], scope)
    raise _refused(node, scope)


def _union(left: list[int], right: list[int]) -> list[int]:
    return list(dict.fromkeys(left + right))


def _interact(left: list[int], right: list[int]) -> list[int]:
    return list(dict.fromkeys(a | b for a in left for b in right))


def _cross(left: list[int], right: list[int]) -> list[int]:
    return _union(_union(left, right), _interact(left, right))


def _joint(terms: list[int]) -> int:
    joint = 0
    for term in terms:
        joint |= term
    return joint


def _nest(left: list[int], right: list[int]) -> list[int]:
    return _union(left, _interact([_joint(left)], right))


def _within(left: list[int], right: list[int]) -> list[int]:
    return _interact(left, [_joint(right)])


_OPERATORS = {":": _interact, "*": _cross, "/": _nest, "%in%": _within}


def _power(node: Node, scope: Scope) -> list[int]:
    base, exponent = node.args
    if exponent.kind != "num" or not exponent.value.isdigit() or int(exponent.value) < 1:
        message = "The power of a sum of terms is a whole number, as (a + b)^2."
        raise scope.refuse(message, exponent)
    terms = result = _product(base, scope)
    if len(terms) == 1 and base.kind in ("name", "call"):
        message = f"'{deparse(node)}' would be '{deparse(base)}' alone: write I({deparse(node)})."
        raise scope.refuse(message, node)
    for _ in range(min(int(exponent.value), len(terms)) - 1):
        result = _union(result, _interact(result, terms))
    return result


def _remove(terms: list[int], node: Node, scope: Scope) -> list[int]:
    """Take the terms of `node` away; a 1 in it removes the constant, a 0 adds it (as in R)."""
    scope.adding, kept_bars, kept_offsets = not scope.adding, len(scope.bars), len(scope.offsets)
    gone = _sum(node, scope)
    scope.adding = not scope.adding
    if len(scope.bars) > kept_bars or len(scope.offsets) > kept_offsets:
        what = "random term" if len(scope.bars) > kept_bars else "offset"
        raise scope.refuse(f"A {what} cannot be subtracted: leave it out instead.", node)
    absent = [term for term in gone if term not in terms]
    if absent:
        text = ":".join(_names(absent[0], list(scope.atoms)))
        message = f"There is no term '{text}' before this minus, so it cannot be taken away."
        raise scope.refuse(message, node)
    return [term for term in terms if term not in gone]


def _dot(node: Node, scope: Scope) -> list[int]:
    if scope.dot is None:
        message = "'.' needs a table, and stands only right of '~', outside of bars."
        raise scope.refuse(message, node)
    return [scope.atom(text) for text in scope.dot]


def _offset(node: Node, scope: Scope) -> list[int]:
    if not scope.bars_allowed:
        raise scope.refuse("An offset belongs outside of the bars: ... + offset(x).", node)
    scope.offsets.append(deparse(node.args[0]))
    return []


def _bar(node: Node, scope: Scope) -> list[int]:
    if not scope.bars_allowed:
        raise scope.refuse("A random term cannot stand inside another.", node)
    scope.bars.append(node)
    return []


def _refused(node: Node, scope: Scope) -> FormulaError:
    """The error for a piece that cannot be a term, or not in this place."""
    kind, value, text = node.kind, node.value, deparse(node)
    if kind == "num" and float(value) in (0.0, 1.0):
        message = "The constant is added with '+ 1' or removed with '- 1', outside of products."
    elif kind == "num":
        message = f"The number {value} is not a term. For arithmetic write I(...), as I(2 * x)."
    elif kind == "str":
        message = f"{text} is a text, not a term. A column's name is written without quotes."
    elif kind == "op" and value in ("|", "||"):
        message = f"A random term is written in parentheses: ({_suggested(node)})."
    elif kind == "paren":
        message = "A random term is joined to the others by '+' alone: ... + (1 | group)."
    elif kind == "op":
        message = f"'{value}' works on numbers, not on terms: write I({text})."
    else:
        message = f"{text!r} cannot stand inside a product."
    return scope.refuse(message, node)


def _suggested(bar: Node) -> str:
    """What was probably meant by a bar without parentheses: its group and the last term before."""
    left = bar.args[0]
    while left.kind == "op" and left.value in ("+", "-"):
        left = left.args[1]
    return f"{deparse(left)} {bar.value} {deparse(bar.args[1])}"
