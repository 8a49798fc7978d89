"""The words that equations are made of, before they are written as text, LaTeX or MathML."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Symbol:
    """A letter of the theory with its subscripts: Symbol("beta", ("0", "j")).

    Attributes
    ----------
    letter : the name of a Greek letter, "sigma2", or a Latin letter
    """

    letter: str
    sub: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of the data, named as in the table, with its subscripts."""

    name: str
    sub: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Number:
    """An estimate."""

    value: float

    def digits(self) -> tuple[str, str]:
        """The mantissa of its size, without a sign, and the power of ten ("" for none).

        Three decimals, more where a number would show fewer than three digits.

        >>> Number(-1.64).digits(), Number(0.0123).digits(), Number(2e-7).digits()
        (('1.640', ''), ('0.0123', ''), ('2.00', '-7'))
        """
        size = abs(self.value)
        if size == 0 or not math.isfinite(size):
            return ("0" if size == 0 else str(size)), ""
        power = math.floor(math.log10(size))
        if -4 <= power < 7:
            return f"{size:.{max(3, 2 - power)}f}", ""
        mantissa, exponent = f"{size:.2e}".split("e")
        return mantissa, str(int(exponent))


@dataclass(frozen=True, slots=True)
class Term:
    """A product: a coefficient (None for 1) and what it multiplies."""

    coefficient: Symbol | Number | None
    factors: tuple[Symbol | Variable, ...] = ()

    @property
    def negative(self) -> bool:
        """Whether it is written with a minus sign."""
        return isinstance(self.coefficient, Number) and self.coefficient.value < 0


@dataclass(frozen=True, slots=True)
class Equation:
    """left = sum of terms."""

    left: Symbol | Variable
    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Law:
    """What is drawn from a normal distribution of mean zero.

    Attributes
    ----------
    drawn : one symbol, or a vector of them
    variance : the matrix of its variances and covariances, row by row; one entry for one symbol
    over : a precision weight that divides the variance, or None
    where : the rows it is the law of, in words; "" for all
    """

    drawn: tuple[Symbol, ...]
    variance: tuple[tuple[Symbol | Number, ...], ...]
    over: Variable | None = None
    where: str = ""


@dataclass(frozen=True, slots=True)
class Correlated:
    """The correlation of two residuals of a group: a power of the distance, or one for all.

    Attributes
    ----------
    pair : the residuals of two rows
    base : the correlation at distance one, or at any
    apart : what the distance is the difference of; () for one correlation
    within : the variables whose groups hold both rows
    """

    pair: tuple[Symbol, Symbol]
    base: Symbol | Number
    apart: tuple[Symbol | Variable, ...]
    within: str


Line = Equation | Law | Correlated


@dataclass(frozen=True, slots=True)
class Block:
    """Equations under one heading."""

    title: str
    lines: tuple[Line, ...]


def subscript(sub: tuple[str, ...]) -> str:
    """Subscripts side by side, with commas where one has several letters or digits.

    >>> subscript(("0", "j")), subscript(("10", "2"))
    ('0j', '10,2')
    """
    return ("," if any(len(s) > 1 for s in sub) else "").join(sub)
