"""Random terms: what stands left and right of a bar, with nested groups written out."""

from __future__ import annotations

from dataclasses import replace

from echelon.errors import FormulaError
from echelon.formula.algebra import Scope, terms_of
from echelon.formula.spec import Covariance, RandomTerm, Terms
from echelon.formula.tokens import quoted
from echelon.formula.tree import Node, deparse

_MARKERS = frozenset({"factor", "as.factor", "C"})  # groups are categories already


def expand_bar(outer: Node, formula: str) -> list[RandomTerm]:
    """Write out one bar: `(x | a/b)` is `(x | b:a)` and `(x | a)`, in lme4's order.

    Parameters
    ----------
    outer : the parentheses (or `us(...)`) around the bar
    formula : for error messages
    """
    bar = outer.args[0]
    if bar.kind != "op" or bar.value not in ("|", "||") or len(outer.args) != 1:
        message = "us(...) wraps one bar: us(x | group)."
        raise FormulaError(message, formula, (outer.start, outer.end))
    left, right = bar.args
    effects = terms_of(left, Scope(formula, bars_allowed=False))
    if not effects.terms and not effects.intercept:
        message = "This random term has no effects: nothing would vary between groups."
        raise FormulaError(message, formula, (left.start, left.end))
    covariance: Covariance = "diagonal" if bar.value == "||" else "unstructured"
    shown, span = f"{deparse(left)} {bar.value}", (outer.start, outer.end)
    return [
        RandomTerm(effects, group, covariance, f"{shown} {':'.join(map(quoted, group))}", span)
        for group in reversed(_groups(right, formula))
    ]


def _groups(node: Node, formula: str) -> list[tuple[str, ...]]:
    """The groupings of the right side of a bar, outermost first: a/b gives (a,) and (b, a)."""
    if node.kind == "op" and node.value == "/":
        outer = _groups(node.args[0], formula)
        inner = _columns(node.args[1], formula)
        return [*outer, (*inner, *outer[-1])]
    if node.kind == "paren" and node.args[0].kind == "op" and node.args[0].value == "/":
        return _groups(node.args[0], formula)
    return [_columns(node, formula)]


def _columns(node: Node, formula: str) -> tuple[str, ...]:
    """The columns of one grouping: a name, or names joined by `:`."""
    if node.kind == "name" and node.value != ".":
        return (node.value,)
    if node.kind == "op" and node.value == ":":
        first, second = (_columns(arg, formula) for arg in node.args)
        return tuple(dict.fromkeys(first + second))
    if node.kind == "paren":
        return _columns(node.args[0], formula)
    if node.kind == "call" and node.value in _MARKERS and len(node.args) == 1:
        return _columns(node.args[0], formula)
    raise FormulaError(_advice(node), formula, (node.start, node.end))


def _advice(node: Node) -> str:
    text = deparse(node)
    if node.kind == "op" and node.value in ("+", "*") and all(a.kind == "name" for a in node.args):
        a, b = (deparse(arg) for arg in node.args)
        return (
            f"'{text}' is no grouping. Write (1 | {a}) + (1 | {b}) for crossed groups, "
            f"(1 | {a}/{b}) for nested ones, or (1 | {a}:{b}) for their combinations."
        )
    if node.kind == "op" and node.value in ("|", "||"):
        return "A random term has one bar."
    return f"The groups are columns, joined by ':' or '/': make '{text}' in the table first."


def independent(term: RandomTerm) -> tuple[RandomTerm, ...]:
    """Write a term with `||` as lme4 does: one uncorrelated term for each effect.

    `(1 + x + f || g)` is `(1 | g) + (0 + x | g) + (0 + f | g)`; the effects of a factor `f`, one
    for each level, stay correlated among themselves, as in lme4. A term with `|` comes back alone.

    >>> from echelon.formula import parse
    >>> [term.text for term in independent(parse("y ~ x + (x || g)").random[0])]
    ['1 | g', '0 + x | g']
    """
    if term.covariance == "unstructured":
        return (term,)
    group = ":".join(map(quoted, term.group))
    parts = [(Terms((), True), "1")] if term.effects.intercept else []
    parts += [(Terms((t,), False), f"0 + {':'.join(t)}") for t in term.effects.terms]
    return tuple(
        replace(term, effects=effects, covariance="unstructured", text=f"{text} | {group}")
        for effects, text in parts
    )
