"""Equations as presentation MathML (MathML Core, which browsers render themselves)."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

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
)

_LETTERS = {
    "beta": "β",
    "gamma": "γ",
    "pi": "π",
    "tau": "τ",
    "theta": "θ",
    "sigma2": "σ",
    "phi": "φ",
    "rho": "ρ",
}
_LEFT = ' style="text-align:left;padding:0.25em 0.5em;white-space:nowrap"'
# Without a mathematical font browsers cannot stretch parentheses; they can bend a border.
_PARENTHESES = ' style="border:solid;border-width:0 1px;border-radius:0.7em/50%"'
_WIDE = '<mspace width="1em"/>'
_THIN = '<mspace width="0.17em"/>'
_MINUS = "<mo>−</mo>"


def to_mathml(blocks: Sequence[Block]) -> str:
    """Equations as one `math` element: a table of headings and equations."""
    rows = [
        f"<mtr><mtd{_LEFT}>{_words(block.title) if i == 0 else ''}</mtd><mtd{_LEFT}><mrow>"
        + _line(line)
        + "</mrow></mtd></mtr>"
        for block in blocks
        for i, line in enumerate(block.lines)
    ]
    return (
        '<math xmlns="http://www.w3.org/1998/Math/MathML" display="block"><mtable>'
        + "".join(rows)
        + "</mtable></math>"
    )


def _line(line: Line) -> str:
    if isinstance(line, Equation):
        return _equation(line)
    return _law(line) if isinstance(line, Law) else _correlated(line)


def _equation(line: Equation) -> str:
    right = ""
    for i, term in enumerate(line.terms):
        if i:
            right += _MINUS if term.negative else "<mo>+</mo>"
        elif term.negative:
            right += '<mo form="prefix">−</mo>'
        right += _term(term)
    return f"{_token(line.left)}<mo>=</mo>{right}"


def _law(law: Law) -> str:
    if len(law.drawn) == 1:
        drawn, spread = _token(law.drawn[0]), _signed(law.variance[0][0])
        if law.over:
            spread += f"<mo>/</mo>{_token(law.over)}"
    else:
        drawn = _matrix(tuple((symbol,) for symbol in law.drawn))
        spread = _matrix(law.variance)
    inside = f"<mrow><mo>(</mo><mn>0</mn><mo>,</mo>{spread}<mo>)</mo></mrow>"
    where = f"{_WIDE}{_words(f'for {law.where}')}" if law.where else ""
    return f"{drawn}<mo>∼</mo><mi>N</mi>{inside}{where}"


def _correlated(line: Correlated) -> str:
    pair, base = "<mo>,</mo>".join(map(_token, line.pair)), _signed(line.base)
    if line.apart:
        if isinstance(line.base, Number) and line.base.value < 0:
            base = f"<mrow><mo>(</mo>{base}<mo>)</mo></mrow>"
        gap = _MINUS.join(map(_token, line.apart))
        base = f"<msup>{base}<mrow><mo>|</mo>{gap}<mo>|</mo></mrow></msup>"
    words = _words(f"within {line.within}")
    return f"<mi>corr</mi><mo>(</mo>{pair}<mo>)</mo><mo>=</mo>{base}{_WIDE}{words}"


def _matrix(rows: Sequence[Sequence[Symbol | Number]]) -> str:
    body = "".join(
        "<mtr>" + "".join(f"<mtd>{_signed(entry)}</mtd>" for entry in row) + "</mtr>"
        for row in rows
    )
    return f"<mtable{_PARENTHESES}>{body}</mtable>"


def _term(term: Term) -> str:
    lead = () if term.coefficient is None else (term.coefficient,)
    return _THIN.join(_token(token) for token in (*lead, *term.factors))


def _signed(entry: Symbol | Number) -> str:
    minus = isinstance(entry, Number) and entry.value < 0
    return f'<mrow><mo form="prefix">−</mo>{_token(entry)}</mrow>' if minus else _token(entry)


def _token(token: Symbol | Number | Variable) -> str:
    if isinstance(token, Number):
        mantissa, power = token.digits()
        if not power:
            return f"<mn>{mantissa}</mn>"
        raised = f"{_MINUS}<mn>{power[1:]}</mn>" if power[0] == "-" else f"<mn>{power}</mn>"
        return f"<mn>{mantissa}</mn><mo>×</mo><msup><mn>10</mn><mrow>{raised}</mrow></msup>"
    if isinstance(token, Variable):
        return f"<msub>{_words(token.name)}{_subscript(token.sub)}</msub>"
    letter = f"<mi>{_LETTERS.get(token.letter, token.letter)}</mi>"
    if token.letter == "sigma2":
        if token.sub:
            return f"<msubsup>{letter}{_subscript(token.sub)}<mn>2</mn></msubsup>"
        return f"<msup>{letter}<mn>2</mn></msup>"
    if not token.sub:
        return letter
    return f"<msub>{letter}{_subscript(token.sub)}</msub>"


def _subscript(sub: tuple[str, ...]) -> str:
    comma = "<mo>,</mo>" if any(len(s) > 1 for s in sub) else ""
    marks = [f"<mn>{s}</mn>" if s.isdigit() else f"<mi>{s}</mi>" for s in sub]
    return f"<mrow>{comma.join(marks)}</mrow>"


def _words(name: str) -> str:
    """A name as upright text; characters that XML forbids become spaces."""
    return f"<mtext>{escape(''.join(c if c.isprintable() else ' ' for c in name))}</mtext>"
