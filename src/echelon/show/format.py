"""Numbers to strings, in one place: decimals, thousands, p-values, percent, signs.

Every function here writes plain ASCII; `typeset` turns that into the signs of a printed page or of
LaTeX. An empty cell (None) is written "", a number that does not exist (nan) is written as a dash.
"""

from __future__ import annotations

import math
import re
import unicodedata
from numbers import Integral, Real
from typing import Literal

from echelon.show.table import Cell, Kind

Script = Literal["ascii", "unicode", "latex"]

MISSING = "\N{EM DASH}"
_LARGE = 1e7  # from here on a decimal number is written in scientific notation
_MANTISSA = 3  # least significant digits of scientific notation
_EXPONENT = re.compile(r"e([+-])0*(\d+)$")
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(x: float, digits: int = 3) -> str:
    """Fixed decimals with thousands separators; scientific where that would mislead.

    Parameters
    ----------
    x : any real number
    digits : decimals, >= 0

    Returns
    -------
    Scientific notation for |x| >= 1e7 and for a number other than zero whose decimals would all be
    zero (never with `digits=0`, where rounding is meant); the em dash for nan.

    Examples
    --------
    >>> number(7620.94, 1), number(-0.25), number(0.00004), number(-0.0)
    ('7,620.9', '-0.250', '4.00e-05', '0.000')
    """
    if math.isnan(x):
        return MISSING
    if math.isinf(x):
        return "inf" if x > 0 else "-inf"
    vanishes = digits > 0 and x != 0 and float(f"{x:.{digits}f}") == 0
    if abs(x) >= _LARGE or vanishes:
        return f"{x:.{max(digits, _MANTISSA) - 1}e}"
    return f"{x:z,.{digits}f}"


def integer(x: float) -> str:
    """Return a count with thousands separators, whatever its size.

    >>> integer(11091), integer(float("nan"))
    ('11,091', '—')
    """
    return number(x, 0) if not math.isfinite(x) else f"{round(x):,}"


def p_value(p: float, digits: int = 3) -> str:
    """Return a p-value, never as zero: below the last digit it is written as a bound.

    >>> p_value(0.0321), p_value(0.00012), p_value(0.0, digits=4)
    ('0.032', '<0.001', '<0.0001')
    """
    digits = max(digits, 1)
    bound = 10.0**-digits
    return f"<{bound:.{digits}f}" if 0 <= p < bound else number(p, digits)


def percent(share: float, digits: int = 1) -> str:
    """Return a proportion as a percentage; a positive one is never written as zero.

    >>> percent(0.2754), percent(0.00001), percent(0.0)
    ('27.5%', '<0.1%', '0.0%')
    """
    if not math.isfinite(share):
        return number(share)
    bound = 10.0**-digits
    if 0 < 100 * share < bound / 2:
        return f"<{bound:.{digits}f}%"
    return f"{100 * share:z,.{digits}f}%"


def written(value: Cell, kind: Kind, digits: int) -> str:
    """Return any cell value as its kind asks; text stays text in a column of numbers.

    >>> written(None, "number", 3), written("(ref.)", "p", 3), written(11091, "integer", 0)
    ('', '(ref.)', '11,091')
    """
    if value is None:
        return ""
    if isinstance(value, str) or not is_number(value):
        return clean(str(value))
    if kind == "text":
        whole = isinstance(value, Integral) or float(value).is_integer()
        return str(int(value)) if whole else number(value) if value != value else str(value)
    if kind == "integer":
        return integer(value)
    if kind == "p":
        return p_value(value, digits)
    return percent(value, digits) if kind == "percent" else number(value, digits)


def is_number(value: object) -> bool:
    """Return True for Python and NumPy numbers, nan included; not for truth values."""
    return isinstance(value, Real) and type(value).__name__ not in ("bool", "bool_")


def typeset(text: str, script: Script) -> str:
    """Give a number made here the signs of its medium: minus, times ten to the power, infinity.

    >>> typeset("-4.00e-05", "unicode"), typeset("-1.5", "latex"), typeset("-1.5", "ascii")
    ('−4.00×10⁻⁵', '$-$1.5', '-1.5')
    """
    if script == "ascii":
        return text
    power = _EXPONENT.search(text)
    if power:
        text = text[: power.start()]
        exponent = power[2] if power[1] == "+" else "-" + power[2]
    if script == "unicode":
        text = text.replace("-", "\N{MINUS SIGN}").replace("inf", "∞")
        return text + ("×10" + exponent.translate(_RAISED) if power else "")
    if text.endswith("inf"):
        return r"$-\infty$" if text[0] == "-" else r"$\infty$"
    text = text.replace(MISSING, "---").replace("<", "$<$")
    if text.startswith("-") and text != "---":
        text = "$-$" + text[1:]
    return text + (rf"$\times 10^{{{exponent}}}$" if power else "")


def clean(text: str) -> str:
    r"""Return text without line breaks and control characters, which no file format accepts.

    >>> clean("one\ntwo\x00")
    'one two'
    """
    if text.isascii() and text.isprintable():  # nearly every cell
        return text
    spaced = "".join(" " if c in "\t\n\r\v\f\x85\u2028\u2029" else c for c in text)
    return "".join(c for c in spaced if unicodedata.category(c) not in ("Cc", "Cs", "Cn"))
