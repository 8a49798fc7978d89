"""Random terms: what stands left and right of a bar, with nested groups written out."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from echelon.errors import FormulaError
from echelon.formula.algebra import Scope, terms_of
from echelon.formula.functions import COVARIANCES
from echelon.formula.spec import Covariance, RandomTerm, Terms
from echelon.formula.tokens import CONSTANTS, quoted
from echelon.formula.tree import Node, deparse

_MARKERS = frozenset({"factor", "as.factor", "C"})  # groups are categories already


def expand_bar(outer: Node, formula: str) -> list[RandomTerm]:
    """Write out one bar: `(x | a/b)` is `(x | b:a)` and `(x | a)`, in lme4's order.

    Parameters
    ----------
    outer : the parentheses (or `us(...)`, `diag(...)`, `cs(...)`, `ar1(...)`) around the bar
    formula : for error messages
    """
    bar = outer.args[0]
    if bar.kind != "op" or bar.value not in ("|", "||"):
        message = f"{outer.value}(...) wraps one bar: {outer.value}(x | group)."
        raise FormulaError(message, formula, (outer.start, outer.end))
    left, right = bar.args
    effects = terms_of(left, Scope(formula, bars_allowed=False))
    if not effects.terms and not effects.intercept:
        message = "This random term has no effects: nothing would vary between groups."
        raise FormulaError(message, formula, (left.start, left.end))
    covariance = _covariance(outer, formula)
    if covariance in ("ar1", "hetar1"):
        _check_times(outer, effects, formula)
    shown, span = f"{deparse(left)} {bar.value}", (outer.start, outer.end)
    return [
        RandomTerm(effects, group, covariance, f"{shown} {':'.join(map(quoted, group))}", span)
        for group in reversed(_groups(right, formula))
    ]


def _covariance(outer: Node, formula: str) -> Covariance:
    """The structure that the parentheses or the call around a bar ask for."""
    bar, *options = outer.args
    if outer.kind == "paren" or outer.value == "us":
        if options:
            message = f"{outer.value}(...) takes one bar and no options."
            raise FormulaError(message, formula, (options[0].start, options[0].end))
        return "diagonal" if bar.value == "||" else "unstructured"
    if bar.value == "||":
        message = f"{outer.value}(...) says what is correlated: it takes one bar, '|'."
        raise FormulaError(message, formula, (bar.start, bar.end))
    offered = cast(tuple[Covariance, ...], COVARIANCES[outer.value])
    if not options:
        return offered[-1] if outer.value == "ar1" else offered[0]
    return offered[_hom(outer, formula)] if len(offered) == 2 else _no_option(outer, formula)


def _no_option(outer: Node, formula: str) -> Covariance:
    option = outer.args[1]
    message = f"{outer.value}(...) has no options: its name says which variances are equal."
    raise FormulaError(message, formula, (option.start, option.end))


def _hom(outer: Node, formula: str) -> bool:
    """The option `hom`: whether the variances are one."""
    option = outer.args[1]
    extra = outer.args[2] if len(outer.args) > 2 else None
    if option.kind != "option" or option.value != "hom" or extra is not None:
        wrong = extra or option
        message = f"The option of {outer.value}(...) is hom = TRUE (one variance) or hom = FALSE."
        raise FormulaError(message, formula, (wrong.start, wrong.end))
    given = option.args[0]
    if given.kind != "name" or not isinstance(CONSTANTS.get(given.value), bool):
        message = f"hom is TRUE or FALSE, not {deparse(given)}."
        raise FormulaError(message, formula, (given.start, given.end))
    return bool(CONSTANTS[given.value])


def _check_times(outer: Node, effects: Terms, formula: str) -> None:
    """Refuse `ar1` over anything but the levels of one variable: they alone have an order."""
    left = outer.args[0].args[0]
    if effects.intercept or len(effects.terms) != 1 or len(effects.terms[0]) != 1:
        time = effects.terms[0][0] if effects.terms else "time"
        message = (
            f"{outer.value}(...) runs over the levels of one categorical variable, one effect a "
            f"level and no constant: {outer.value}(0 + {time} | group)."
        )
        raise FormulaError(message, formula, (left.start, left.end))


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
    if term.covariance != "diagonal":
        return (term,)
    group = ":".join(map(quoted, term.group))
    parts = [(Terms((), True), "1")] if term.effects.intercept else []
    parts += [(Terms((t,), False), f"0 + {':'.join(t)}") for t in term.effects.terms]
    return tuple(
        replace(term, effects=effects, covariance="unstructured", text=f"{text} | {group}")
        for effects, text in parts
    )
