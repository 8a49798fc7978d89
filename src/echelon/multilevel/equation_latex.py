"""Equations as LaTeX, readable by LaTeX with amsmath, MathJax and KaTeX alike."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

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

_LETTERS = {
    "beta": r"\beta",
    "gamma": r"\gamma",
    "pi": r"\pi",
    "tau": r"\tau",
    "theta": r"\theta",
    "sigma2": r"\sigma^{2}",
    "phi": r"\phi",
    "rho": r"\rho",
}
_GREEK = {"π": r"\pi ", "β": r"\beta "}  # in subscripts
# Set outside of \text{}: MathJax knows no escapes within it.
_SPECIAL = {
    "\\": r"\backslash ",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\wedge ",
    "~": r"\sim ",
}


def to_latex(blocks: Sequence[Block]) -> str:
    """Equations as a LaTeX array with a column of headings and a column of equations."""
    rows = [
        f"{_words(block.title) if i == 0 else ''} & {_line(line)}"
        for block in blocks
        for i, line in enumerate(block.lines)
    ]
    body = " \\\\\n".join(rows)
    return f"\\begin{{array}}{{ll}}\n{body}\n\\end{{array}}"


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
    over = f" / {_token(law.over)}" if law.over else ""
    if len(law.drawn) == 1:
        where = rf"\quad \text{{for }}{_words(law.where)}" if law.where else ""
        return rf"{_token(law.drawn[0])} \sim N(0,\ {_signed(law.variance[0][0])}{over}){where}"
    drawn = r" \\ ".join(_token(symbol) for symbol in law.drawn)
    rows = r" \\ ".join(" & ".join(_signed(entry) for entry in row) for row in law.variance)
    return (
        rf"\begin{{pmatrix}} {drawn} \end{{pmatrix}} \sim N\left(0,\ "
        rf"\begin{{pmatrix}} {rows} \end{{pmatrix}}\right)"
    )


def _correlated(line: Correlated) -> str:
    pair, base = r",\ ".join(map(_token, line.pair)), _signed(line.base)
    if line.apart:
        base = f"({base})" if base.startswith("-") else base
        base = rf"{base}^{{\lvert {' - '.join(map(_token, line.apart))} \rvert}}"
    within = rf"\quad \text{{within }}{_words(line.within)}"
    return rf"\operatorname{{corr}}({pair}) = {base}{within}"


def _term(term: Term) -> str:
    lead = () if term.coefficient is None else (term.coefficient,)
    return r"\,".join(_token(token) for token in (*lead, *term.factors))


def _signed(entry: Symbol | Number) -> str:
    minus = isinstance(entry, Number) and entry.value < 0
    return f"-{_token(entry)}" if minus else _token(entry)


def _token(token: Symbol | Number | Variable) -> str:
    if isinstance(token, Number):
        mantissa, power = token.digits()
        return rf"{mantissa} \times 10^{{{power}}}" if power else mantissa
    if isinstance(token, Variable):
        return f"{_words(token.name)}_{{{subscript(token.sub)}}}"
    letter = _LETTERS.get(token.letter, token.letter)
    if not token.sub:
        return letter
    below = subscript(token.sub)
    return f"{letter}_{{{''.join(_GREEK.get(char, char) for char in below)}}}"


def _words(name: str) -> str:
    r"""A name as upright text, in braces when it takes several pieces.

    >>> _words("ses"), _words("mean_ses")
    ('\\text{ses}', '{\\text{mean}\\_\\text{ses}}')
    """
    clean = "".join(char if char.isprintable() else " " for char in name)
    pieces = []
    for special, run in groupby(clean, _SPECIAL.__contains__):
        text = "".join(run)
        pieces.append("".join(_SPECIAL[c] for c in text) if special else rf"\text{{{text}}}")
    plain = len(pieces) == 1 and pieces[0].startswith(r"\text")
    return pieces[0] if plain else f"{{{''.join(pieces)}}}"
