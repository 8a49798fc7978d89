"""Residual structures as text, `by(sex) + ar1(time | id)`, to a `ResidualSpec`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast

from echelon.errors import FormulaError, UnknownColumn, nearest_hint
from echelon.formula.tree import Node, deparse, expression

Correlation = Literal["ar1", "car1", "cs"]
_CORRELATIONS = ("ar1", "car1", "cs")
_EXAMPLES = {"ar1": "ar1(time | id)", "car1": "car1(time | id)", "cs": "cs(1 | id)"}


@dataclass(frozen=True, slots=True)
class ResidualSpec:
    """What a residual structure says, before any data are seen.

    Attributes
    ----------
    text : as typed
    strata : columns whose combinations have a residual variance each; () for one variance
    correlation : how residuals of one group are correlated; None for independent ones
    time : the column of times; "" for the order of the rows (and for "cs", which has no order)
    group : the columns whose combinations are the groups
    span : place of the correlation in the text
    """

    text: str
    strata: tuple[str, ...] = ()
    correlation: Correlation | None = None
    time: str = ""
    group: tuple[str, ...] = ()
    span: tuple[int, int] = (0, 0)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column used."""
        times = (self.time,) if self.time else ()
        return tuple(dict.fromkeys((*self.strata, *times, *self.group)))

    @property
    def short(self) -> str:
        """The correlation as typed, e.g. "ar1(time | id)"."""
        return self.text[slice(*self.span)]


def parse_residual(text: str, columns: Sequence[str]) -> ResidualSpec:
    """Read a residual structure: `by(...)`, one of `ar1`, `car1`, `cs`, or both joined by `+`.

    Parameters
    ----------
    text : e.g. "by(sector)", "ar1(time | id)", "by(sex) + cs(1 | id)"
    columns : the names of the table's columns

    Raises
    ------
    FormulaError : what is not understood, with a caret under it
    UnknownColumn : a name that is not in `columns`, with the nearest that is

    >>> spec = parse_residual("by(sex) + ar1(time | id)", ["sex", "time", "id"])
    >>> spec.strata, spec.correlation, spec.time, spec.group
    (('sex',), 'ar1', 'time', ('id',))
    """
    if not text.strip():
        raise FormulaError("The residual structure is empty: write for example by(sector).")
    spec = ResidualSpec(text)
    for piece in _pieces(expression(text)):
        spec = _with(spec, piece, tuple(columns))
    return spec


def _pieces(node: Node) -> list[Node]:
    if node.kind == "op" and node.value == "+":
        return [piece for arg in node.args for piece in _pieces(arg)]
    return [node]


def _with(spec: ResidualSpec, node: Node, columns: tuple[str, ...]) -> ResidualSpec:
    """The structure with one more piece."""
    text, span = spec.text, (node.start, node.end)
    if node.kind != "call" or node.value not in ("by", *_CORRELATIONS):
        known = ("by", *_CORRELATIONS)
        hint = nearest_hint(node.value, known, "Offered") if node.kind == "call" else ""
        message = (
            "A residual structure is by(column), ar1(time | id), car1(time | id), cs(1 | id), or "
            f"by(...) + one of the others.{hint}"
        )
        raise FormulaError(message, text, span)
    if node.value == "by":
        if spec.strata:
            message = "by(...) is there twice; combinations of columns are by(a, b)."
            raise FormulaError(message, text, span)
        strata = tuple(name for arg in node.args for name in _names(arg, text, columns))
        if not strata:
            raise FormulaError("by() names no column: by(sector).", text, span)
        return replace(spec, strata=strata)
    if spec.correlation is not None:
        message = "One correlation of the residuals at a time: ar1, car1 or cs."
        raise FormulaError(message, text, span)
    kind = cast(Correlation, node.value)
    time, group = _within(kind, node, text, columns)
    return replace(spec, correlation=kind, time=time, group=group, span=span)


def _within(
    kind: Correlation, node: Node, text: str, columns: tuple[str, ...]
) -> tuple[str, tuple[str, ...]]:
    """Time and groups of `ar1(time | id)`."""
    bar = node.args[0] if len(node.args) == 1 else None
    if bar is None or bar.kind != "op" or bar.value != "|":
        message = (
            f"{kind}(...) needs the groups within which residuals are correlated, right of a bar: "
            f"{_EXAMPLES[kind]}."
        )
        raise FormulaError(message, text, (node.start, node.end))
    left, right = bar.args
    group = tuple(_names(right, text, columns))
    if left.kind == "num" and left.value == "1":
        if kind == "car1":
            message = "car1(...) needs a column of times: car1(time | id)."
            raise FormulaError(message, text, (left.start, left.end))
        return "", group
    if kind == "cs":
        message = "cs(...) has no order: write cs(1 | id)."
        raise FormulaError(message, text, (left.start, left.end))
    if left.kind != "name":
        message = (
            f"Left of the bar stands one column of times, or 1 for the order of the rows: make "
            f"'{deparse(left)}' in the table first."
        )
        raise FormulaError(message, text, (left.start, left.end))
    return _names(left, text, columns)[0], group


def _names(node: Node, text: str, columns: tuple[str, ...]) -> list[str]:
    """The columns of a name, or of names joined by `:`."""
    if node.kind == "op" and node.value == ":":
        return [name for arg in node.args for name in _names(arg, text, columns)]
    if node.kind == "paren":
        return _names(node.args[0], text, columns)
    if node.kind != "name":
        message = f"Here stand columns, joined by ':': make '{deparse(node)}' in the table first."
        raise FormulaError(message, text, (node.start, node.end))
    if node.value not in columns:
        caret = f"    {text}\n    {' ' * node.start}{'^' * (node.end - node.start)}"
        raise UnknownColumn(node.value, columns, "the residual structure", caret)
    return [node.value]
