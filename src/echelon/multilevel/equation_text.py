"""Equations as plain text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from echelon.multilevel.equation_tokens import (
    Block,
    Correlated,
    Equation,
    Law,
    Line,
    Number,
    Symbol,
    Term,
    Variable,
    subscript,
)

_INSIDE = re.compile(r"\([^()]*\)|\[[^]]*\]")
_LETTERS = {
    "beta": "β",
    "gamma": "γ",
    "pi": "π",
    "tau": "τ",
    "theta": "θ",
    "sigma2": "σ²",
    "phi": "φ",
    "rho": "ρ",
}


def to_text(blocks: Sequence[Block]) -> str:
    """Equations as lines of text; a name with spaces is set in backticks, as in a formula."""
    lines = []
    for block in blocks:
        lines.append(_plain(block.title))
        lines += [f"  {_line(line)}" for line in block.lines]
    return "\n".join(lines)


def _line(line: Line) -> str:
    if isinstance(line, Equation):
        return _equation(line)
    return _law(line) if isinstance(line, Law) else _correlated(line)


def _equation(line: Equation) -> str:
    right = "".join(
        ((" - " if term.negative else " + ") if i else ("-" if term.negative else "")) + _term(term)
        for i, term in enumerate(line.terms)
    )
    return f"{_token(line.left)} = {right}"


def _law(law: Law) -> str:
    drawn = ", ".join(_token(symbol) for symbol in law.drawn)
    over = f"/{_token(law.over)}" if law.over else ""
    if len(law.drawn) == 1:
        where = f" for {_plain(law.where)}" if law.where else ""
        return f"{drawn} ~ N(0, {_signed(law.variance[0][0])}{over}){where}"
    rows = "; ".join(" ".join(_signed(entry) for entry in row) for row in law.variance)
    return f"({drawn}) ~ N(0, T), T = [{rows}]"


def _correlated(line: Correlated) -> str:
    pair, base = ", ".join(map(_token, line.pair)), _signed(line.base)
    if line.apart:
        base = f"({base})" if base.startswith("-") else base
        base = f"{base}^|{' - '.join(map(_token, line.apart))}|"
    return f"corr({pair}) = {base} within {_plain(line.within)}"


def _term(term: Term) -> str:
    lead = () if term.coefficient is None else (term.coefficient,)
    return " ".join(_token(token) for token in (*lead, *term.factors))


def _signed(entry: Symbol | Number) -> str:
    minus = isinstance(entry, Number) and entry.value < 0
    return f"-{_token(entry)}" if minus else _token(entry)


def _token(token: Symbol | Number | Variable) -> str:
    if isinstance(token, Number):
        mantissa, power = token.digits()
        return f"{mantissa}e{power}" if power else mantissa
    if isinstance(token, Variable):
        name = _plain(token.name)
        loose = " " in _INSIDE.sub("", name)  # brackets hold a call together
        return f"{f'`{name}`' if loose else name}_{subscript(token.sub)}"
    letter = _LETTERS.get(token.letter, token.letter)
    return f"{letter}_{subscript(token.sub)}" if token.sub else letter


def _plain(name: str) -> str:
    """A name on one line, without control characters."""
    return "".join(char if char.isprintable() else " " for char in name)
