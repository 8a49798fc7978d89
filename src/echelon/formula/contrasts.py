"""Coding matrices of factors: R's contrasts, labelled with the level they speak of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from echelon.errors import DataError, FormulaError, UnknownOption, nearest_hint
from echelon.formula.functions import options_of
from echelon.formula.tokens import CONSTANTS
from echelon.formula.tree import Node, deparse
from echelon.formula.values import Contrast, Numbers, level_text

KINDS = ("treatment", "sum", "helmert", "poly")
_MOST_POLY = 95  # R's limit: beyond it the powers of the scores cannot be told apart in float64


@dataclass(frozen=True, slots=True, eq=False)
class Coding:
    """How a factor becomes columns.

    Attributes
    ----------
    levels : (L,) categories in their order
    ordered : whether the factor is ordered
    contrast : the contrast used
    matrix : (L, L - 1) its coding, one row a level
    labels : (L - 1,) what is appended to the factor's name
    """

    levels: tuple[object, ...]
    ordered: bool
    contrast: Contrast
    matrix: Numbers
    labels: tuple[str, ...]

    @property
    def full_labels(self) -> tuple[str, ...]:
        """(L,) what is appended to the name where every level has an indicator column."""
        return tuple(f"[{level_text(level)}]" for level in self.levels)


def contrast_named(name: str, option: str) -> Contrast:
    """The contrast of that name: treatment, sum, helmert, poly, or as R and patsy spell them."""
    kind = name.removeprefix("contr.").lower()
    if kind not in KINDS:
        raise UnknownOption(option, name, KINDS)
    return Contrast(kind)


def contrast_written(node: Node) -> Contrast:
    """The contrast written in a formula, e.g. `Sum` or `contr.treatment(base=2)` in `C(x, ...)`."""
    text = deparse(node)
    if node.kind in ("name", "str"):
        return contrast_named(node.value, "contrasts")
    if node.kind != "call":
        raise _unknown_argument(node, text)
    made = contrast_named(node.value, "contrasts")
    if not node.args:
        return made
    arg = node.args[0]
    option = arg.value if arg.kind == "option" else ""
    if made.kind != "treatment" or len(node.args) > 1 or option not in _BASES:
        raise _unknown_argument(node, text)
    base = literal(arg.args[0] if option else arg)
    counted = isinstance(base, int) and node.value.startswith("contr.")
    if counted and not option:
        message = f"{text}: R reads {base} as the count of levels. Write contr.treatment(base=...)."
        raise FormulaError(message, text, (0, len(text)))
    return Contrast("treatment", base, counted)


_BASES = frozenset({"", "base", "ref", "reference"})


def _unknown_argument(node: Node, text: str) -> FormulaError:
    message = f"{text} is no contrast. Choose from {', '.join(KINDS)}, or treatment(base='level')."
    return FormulaError(message, text, (0, len(text)))


def literal(node: Node) -> object:
    """The number, text, truth value or list of these that is written as an option."""
    if node.kind == "num":
        return int(node.value) if node.value.isdigit() else float(node.value)
    if node.kind == "str":
        return node.value
    if node.kind == "name" and node.value in CONSTANTS:
        return CONSTANTS[node.value]
    if node.kind == "sign":
        value = literal(node.args[0])
        if isinstance(value, int | float):
            return -value if node.value == "-" else value
    if node.kind == "call" and node.value == "c":
        return tuple(literal(arg) for arg in node.args)
    text = deparse(node)
    message = f"The option {text} is not a number, a quoted text, TRUE, FALSE or a list of these."
    raise FormulaError(message, text, (0, len(text)))


def option(call: Node, name: str, default: object) -> object:
    """The value of an option of a call, or its default."""
    given = options_of(call).get(name)
    return default if given is None else literal(given)


def coding(
    name: str, levels: tuple[object, ...], ordered: bool, contrast: Contrast | None
) -> Coding:
    """Lay the coding matrix of one factor.

    Parameters
    ----------
    name : the factor, for messages
    levels, ordered : its categories
    contrast : what was asked for; None gives treatment, or poly for an ordered factor, as in R
    """
    if contrast is None:
        contrast = Contrast("poly" if ordered else "treatment")
    L = len(levels)
    texts = [level_text(level) for level in levels]
    if contrast.kind == "treatment":
        base = _base(name, levels, contrast)
        others = [i for i in range(L) if i != base]
        matrix, labels = np.eye(L)[:, others], [f"[T.{texts[i]}]" for i in others]
    elif contrast.kind == "sum":
        matrix = np.vstack([np.eye(L - 1), np.full((1, L - 1), -1.0)])
        labels = [f"[S.{text}]" for text in texts[:-1]]
    elif contrast.kind == "helmert":
        matrix = np.triu(np.full((L, L - 1), -1.0))
        matrix[np.arange(1, L), np.arange(L - 1)] = np.arange(1, L)
        labels = [f"[H.{text}]" for text in texts[1:]]
    else:
        matrix = _poly(name, L)
        labels = [[".L", ".Q", ".C"][j] if j < 3 else f"^{j + 1}" for j in range(L - 1)]
    return Coding(levels, ordered, contrast, matrix, tuple(labels))


def _base(name: str, levels: tuple[object, ...], contrast: Contrast) -> int:
    """The place of the base level."""
    if contrast.base is None:
        return 0
    texts = [level_text(level) for level in levels]
    wanted = level_text(contrast.base)
    named = texts.index(wanted) if wanted in texts else None
    if not contrast.counted or not isinstance(contrast.base, int):
        if named is None:
            hint = nearest_hint(wanted, texts, "Categories")
            raise DataError(f"{name} has no category {wanted!r} to serve as base.{hint}")
        return named
    place = contrast.base - 1
    if not 0 <= place < len(levels) or (named is not None and named != place):
        raise DataError(
            f"base={wanted} for {name} is unclear: it has {len(levels)} categories "
            f"({', '.join(texts[:12])}). Write Treatment('...') with the category itself."
        )
    return place


def _poly(name: str, L: int) -> Numbers:
    """(L, L - 1) orthonormal polynomials on equally spaced scores: R's contr.poly."""
    if L > _MOST_POLY:
        raise DataError(
            f"{name} is ordered with {L} categories, too many for polynomial contrasts "
            f"(at most {_MOST_POLY}). Write C({name}, treatment)."
        )
    scores = np.arange(1.0, L + 1)
    Q, R = np.linalg.qr(np.vander(scores - scores.mean(), L, increasing=True))
    # the sign of R's diagonal makes each polynomial rise at the right end, as in R
    signed: Numbers = Q[:, 1:] * np.sign(np.diag(R))[1:]
    return signed
