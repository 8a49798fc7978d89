"""A formula as text to a `ModelSpec`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache

from echelon.errors import FormulaError, UnknownColumn
from echelon.formula.algebra import Scope, terms_of
from echelon.formula.bars import expand_bar
from echelon.formula.functions import NUMBERS, check_calls, names_in
from echelon.formula.spec import ModelSpec, RandomTerm
from echelon.formula.tokens import CONSTANTS, quoted
from echelon.formula.tree import Node, deparse, expression, sides


def parse(
    formula: str, columns: Sequence[str] | None = None, *, one_sided: bool = False
) -> ModelSpec:
    """Read a model formula in the grammar of lme4.

    Parameters
    ----------
    formula : e.g. "score ~ ses * sector + (ses | school)"
    columns : the names of the table's columns; None leaves names unchecked (and refuses `.`)
    one_sided : whether the response may be left out, as in "~ x"

    Returns
    -------
    ModelSpec : equal formulas over equal columns give the same object (remembered)

    Raises
    ------
    FormulaError : what is not understood, with a caret under it
    UnknownColumn : a name that is not in `columns`, with the nearest that is
    NotYetSupported : a covariance structure that is not offered, as toep(...)

    Notes
    -----
    `.` stands for every column but the response, offsets and groups. Removing a term that is not
    there, `x^2` outside of `I(...)` and repeated random terms are refused: R ignores them silently.

    >>> spec = parse("y ~ x*z + (x | school/class)")
    >>> spec.fixed.terms
    (('x',), ('z',), ('x', 'z'))
    >>> [term.text for term in spec.random]
    ['x | class:school', 'x | school']
    """
    return _parse(formula, None if columns is None else tuple(columns), one_sided)


def columns_in(text: str) -> tuple[str, ...]:
    """The columns an expression uses, in order of first use; functions are checked.

    >>> columns_in("log(x / `class size`)")
    ('x', 'class size')
    """
    node = expression(text)
    check_calls(node, text, "response")
    return _distinct([node], None)


@lru_cache(maxsize=1024)
def _parse(formula: str, columns: tuple[str, ...] | None, one_sided: bool) -> ModelSpec:
    left, right, tilde = sides(formula)
    response = _response(left, formula, tilde, one_sided)
    check_calls(right, formula)
    pieces = [right] if left is None else [left, right]
    if columns is not None:
        _check_columns(pieces, formula, columns)
    scope = Scope(formula, dot=_dot_columns(pieces, columns))
    fixed = terms_of(right, scope)
    if (response,) in fixed.terms:
        raise _response_again(right, response, formula)
    random = _one_order(term for bar in scope.bars for term in expand_bar(bar, formula))
    _refuse_repeats(random, formula)
    variables = _distinct(pieces, columns)
    if scope.dot:
        variables = tuple(dict.fromkeys(variables + _of_dot(scope, columns or ())))
    return ModelSpec(formula, response, fixed, tuple(scope.offsets), random, variables)


def _response(left: Node | None, formula: str, tilde: int, one_sided: bool) -> str:
    if left is None:
        if one_sided:
            return ""
        message = "The response is missing: name it on the left of '~'."
        raise FormulaError(message, formula, (tilde, tilde + 1))
    check_calls(left, formula, "response")
    if next(names_in(left), None) is None or (left.kind == "name" and left.value == "."):
        message = "The response is a column or is computed from columns."
        raise FormulaError(message, formula, (left.start, left.end))
    return deparse(left)


def _response_again(right: Node, response: str, formula: str) -> FormulaError:
    again = next((name for name in names_in(right) if deparse(name) == response), right)
    message = f"The response {response!r} is also a predictor."
    return FormulaError(message, formula, (again.start, again.end))


def _check_columns(pieces: list[Node], formula: str, columns: tuple[str, ...]) -> None:
    known = frozenset(columns)
    for piece in pieces:
        for node in names_in(piece):
            if node.value in known or node.value == "." or node.value in NUMBERS:
                continue
            if node.value in CONSTANTS:
                message = f"{node.value} is not a term. The constant is 1, or 0 for none."
                raise FormulaError(message, formula, (node.start, node.end))
            caret = f"    {formula}\n    {' ' * node.start}{'^' * (node.end - node.start)}"
            raise UnknownColumn(node.value, columns, _place(piece, node), caret)


def _place(piece: Node, name: Node) -> str:
    """Where a name stands, in words: the random term around it, or the formula."""
    bar = next((b for b in _bars(piece) if b.start <= name.start < b.end), None)
    return "the formula" if bar is None else f"random term ({deparse(bar)})"


def _bars(node: Node) -> list[Node]:
    if node.kind == "op" and node.value in ("|", "||"):
        return [node]
    return [bar for arg in node.args for bar in _bars(arg)]


def _dot_columns(pieces: list[Node], columns: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The columns `.` stands for: all but the response, the offsets and the groups."""
    if columns is None or not any(n.value == "." for p in pieces for n in names_in(p)):
        return None
    taken = {name.value for piece in pieces[:-1] for name in names_in(piece)}
    for bar in _bars(pieces[-1]):
        taken |= {name.value for name in names_in(bar.args[1])}
    for offset in _offsets(pieces[-1]):
        taken |= {name.value for name in names_in(offset)}
    return tuple(quoted(name) for name in columns if name not in taken)


def _offsets(node: Node) -> list[Node]:
    if node.kind == "call" and node.value == "offset":
        return [node]
    return [found for arg in node.args for found in _offsets(arg)]


def _of_dot(scope: Scope, columns: tuple[str, ...]) -> tuple[str, ...]:
    used = set(scope.dot or ())
    return tuple(name for name in columns if quoted(name) in used)


def _distinct(pieces: list[Node], columns: tuple[str, ...] | None) -> tuple[str, ...]:
    """The columns used; `pi` is one only if the table has it."""
    names = dict.fromkeys(name.value for piece in pieces for name in names_in(piece))
    known = columns or ()
    return tuple(n for n in names if n != "." and (n not in NUMBERS or n in known))


def _one_order(random: Iterable[RandomTerm]) -> tuple[RandomTerm, ...]:
    """Terms of `b:a` as terms of `a:b` where both are there: the groups are the same."""
    first: dict[frozenset[str], tuple[str, ...]] = {}
    return tuple(
        replace(term, group=first.setdefault(frozenset(term.group), term.group)) for term in random
    )


def _refuse_repeats(random: tuple[RandomTerm, ...], formula: str) -> None:
    """Refuse a random term that is there twice: its variance could not be told apart."""
    seen = set()
    for term in random:
        key = (term.effects, frozenset(term.group))
        if key in seen:
            message = f"The random term ({term.text}) is there twice; their variances are one."
            raise FormulaError(message, formula, term.span)
        seen.add(key)
