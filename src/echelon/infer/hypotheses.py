"""Linear hypotheses as users write them: "sector = 0, ses = schmeansesc" to L beta = null."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from echelon.errors import FormulaError
from echelon.infer.names import Lexicon

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Hypotheses:
    """Linear functions of the fixed effects with the values they are tested against.

    Attributes
    ----------
    labels : (m,) what each says
    L : (m, p);  null : (m,)
    """

    labels: tuple[str, ...]
    L: Array
    null: Array


@dataclass(frozen=True, slots=True)
class _Word:
    """A piece of a hypothesis: "number", "name" (value: its place) or "op"."""

    kind: str
    text: str
    value: float
    start: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class _Linear:
    """weights' beta + constant, and whether names occur in it."""

    weights: Array
    constant: float
    named: bool

    def scaled(self, by: float) -> _Linear:
        return _Linear(by * self.weights, by * self.constant, self.named)

    def plus(self, other: _Linear) -> _Linear:
        named = self.named or other.named
        return _Linear(self.weights + other.weights, self.constant + other.constant, named)


_NUMBER = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_OPERATOR = re.compile(r"==|!=|<=|>=|[-+*/=(),;<>^~|]")
_ONE_SIDED = (
    "Only equations are tested: write {0!r} with '='. A one-sided p-value is half of the two-sided "
    "one when the estimate lies on the side claimed."
)


def hypotheses(text: str, names: Lexicon) -> Hypotheses:
    """Read hypotheses separated by commas, semicolons or line breaks.

    Parameters
    ----------
    text : equations that are linear in the fixed effects: "a = 0", "2*a - 3 = b", "a = b = c";
        an expression alone is tested against zero
    names : the fixed effects

    Raises
    ------
    FormulaError : what is not understood, with a caret under it

    Examples
    --------
    >>> from echelon.infer.names import Lexicon
    >>> found = hypotheses("ses = 0; 2*ses - 3 = size", Lexicon(("(Intercept)", "ses", "size")))
    >>> found.labels, found.L.tolist(), found.null.tolist()
    (('ses = 0', '2*ses - 3 = size'), [[0.0, 1.0, 0.0], [0.0, 2.0, -1.0]], [0.0, 3.0])
    """
    words = _words(text, names)
    labels, rows, null = [], [], []
    for piece in _split(words, (",", ";"), text):
        for label, left, right in _equations(piece, text, len(names.names)):
            made = left.plus(right.scaled(-1))
            if not made.weights.any():
                raise _says_nothing(made, label, piece, text)
            labels.append(label)
            rows.append(made.weights)
            null.append(-made.constant + 0.0)
    return Hypotheses(tuple(labels), np.array(rows), np.array(null))


def _words(text: str, names: Lexicon) -> list[_Word]:
    """Cut a text into words; the names of fixed effects are found before anything else."""
    words: list[_Word] = []
    at = 0
    while at < len(text):
        char = text[at]
        if char in "\n\r" and words and words[-1].text not in ",;":
            words.append(_Word("op", ";", 0.0, at, at + 1))
        if char.isspace():
            at += 1
            continue
        word = _word(text, at, names)
        words.append(word)
        at = word.end
    if not words:
        raise FormulaError("The hypothesis is empty: write for example 'ses = 0'.")
    return words


def _word(text: str, at: int, names: Lexicon) -> _Word:
    number = _NUMBER.match(text, at)
    if number is not None:
        word = _Word("number", number.group(), float(number.group()), at, number.end())
        if not isfinite(word.value):
            raise _refused("This number is too large.", word, text)
        return word
    found = names.at(text, at)
    if found is not None:
        place, end = found
        return _Word("name", text[at:end], place, at, end)
    operator = _OPERATOR.match(text, at)
    if operator is not None:
        return _Word("op", operator.group(), 0.0, at, operator.end())
    raise names.unknown(text, at)


def _split(words: Sequence[_Word], at: tuple[str, ...], text: str) -> list[list[_Word]]:
    """Cut at separators outside of parentheses."""
    pieces: list[list[_Word]] = [[]]
    depth = 0
    for word in words:
        depth += (word.text == "(") - (word.text == ")") if word.kind == "op" else 0
        if word.kind == "op" and word.text in at and depth == 0:
            if not pieces[-1]:
                raise _refused("Nothing stands before this.", word, text)
            pieces.append([])
        else:
            pieces[-1].append(word)
    if not pieces[-1]:
        if at == (",", ";"):  # a separator at the end separates nothing
            return pieces[:-1]
        raise _refused("Nothing stands after this.", words[-1], text)
    return pieces


def _equations(words: Sequence[_Word], text: str, p: int) -> list[tuple[str, _Linear, _Linear]]:
    """The equations of one hypothesis: "a = b = c" is two."""
    for word in words:
        if word.kind == "op" and word.text in ("<", ">", "<=", ">=", "!="):
            before, after = text[words[0].start : word.start], text[word.end : words[-1].end]
            raise _refused(_ONE_SIDED.format(f"{before}={after}"), word, text)
    sides = _split(words, ("=", "=="), text)
    made = [_Reader(text, side, p).read() for side in sides]
    shown = [" ".join(text[side[0].start : side[-1].end].split()) for side in sides]
    if len(sides) == 1:
        return [(f"{shown[0]} = 0", made[0], _Linear(np.zeros(p), 0.0, False))]
    return [
        (f"{a} = {b}", left, right)
        for (a, b), (left, right) in zip(pairwise(shown), pairwise(made), strict=True)
    ]


@dataclass(slots=True)
class _Reader:
    """Reads one side of an equation: sums of products with at most one name in each."""

    text: str
    words: Sequence[_Word]
    p: int
    at: int = 0

    def read(self) -> _Linear:
        made = self._sum()
        if self.at < len(self.words):
            raise self._unexpected(self.words[self.at])
        return made

    def _sum(self) -> _Linear:
        made = self._product()
        while (op := self._operator("+", "-")) is not None:
            made = made.plus(self._product().scaled(1.0 if op.text == "+" else -1.0))
        return made

    def _product(self) -> _Linear:
        made = self._factor()
        while (op := self._operator("*", "/")) is not None:
            other = self._factor()
            if op.text == "/" and (other.named or other.constant == 0):
                what = "a coefficient" if other.named else "zero"
                raise _refused(f"Division by {what} is not linear.", op, self.text)
            if made.named and other.named:
                raise _refused(
                    "A product of two coefficients is not linear, and only linear hypotheses are "
                    "tested. An interaction's name has a colon: x:z.",
                    op,
                    self.text,
                )
            if op.text == "/":
                made = made.scaled(1 / other.constant)
            else:
                made = made.scaled(other.constant) if made.named else other.scaled(made.constant)
        return made

    def _factor(self) -> _Linear:
        if self.at >= len(self.words):
            raise _refused("Nothing stands after this.", self.words[-1], self.text)
        word = self.words[self.at]
        self.at += 1
        if word.kind == "number":
            return _Linear(np.zeros(self.p), word.value, False)
        if word.kind == "name":
            weights = np.zeros(self.p)
            weights[int(word.value)] = 1.0
            return _Linear(weights, 0.0, True)
        if word.text in ("+", "-"):
            return self._factor().scaled(1.0 if word.text == "+" else -1.0)
        if word.text == "(":
            made = self._sum()
            if self._operator(")") is None:
                raise _refused("This '(' is not closed.", word, self.text)
            return made
        raise self._unexpected(word)

    def _operator(self, *wanted: str) -> _Word | None:
        if self.at < len(self.words):
            word = self.words[self.at]
            if word.kind == "op" and word.text in wanted:
                self.at += 1
                return word
        return None

    def _unexpected(self, word: _Word) -> FormulaError:
        if word.kind != "op" or word.text == "(":
            message = "An operator is missing before this, as in 2*ses."
        elif word.text in ("^", "~", "|"):
            message = f"{word.text!r} has no meaning in a hypothesis, which is linear: 2*a - b = 0."
        else:
            message = f"{word.text!r} is not expected here."
        return _refused(message, word, self.text)


def _refused(message: str, word: _Word, text: str) -> FormulaError:
    return FormulaError(message, _one_line(text), (word.start, word.end))


def _one_line(text: str) -> str:
    """The text with line breaks as blanks, so that a caret points where it should."""
    return re.sub(r"[\n\r\t]", " ", text)


def _says_nothing(made: _Linear, label: str, words: Sequence[_Word], text: str) -> FormulaError:
    """The error for an equation without coefficients, or in which they cancel."""
    why = "no coefficient is left in it" if made.named else "there is no coefficient in it"
    message = f"{label!r} tests nothing: {why}."
    return FormulaError(message, _one_line(text), (words[0].start, words[-1].end))
