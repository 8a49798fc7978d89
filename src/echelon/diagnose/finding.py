"""One thing that was checked: the verdict, the evidence, the remedy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from echelon import tolerances

Verdict = Literal["problem", "look", "fine", "not checked"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
Where = Literal["model", "level 1", "level 2", "fixed part"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One row of `fit.check()`.

    Attributes
    ----------
    check : what was checked
    where : "model", "level 1", "level 2" or "fixed part"
    verdict : "fine"; "look": worth a look, results stand unless it turns out otherwise; "problem":
        some of the results do not mean what they say; "not checked"
    evidence : what was found, numbers in words
    remedy : what to do; "" where nothing is to be done
    code : what to type next; "" where there is nothing
    """

    check: str
    where: Where
    verdict: Verdict
    evidence: str
    remedy: str = ""
    code: str = ""


def judged(p: float, size: float, look: float, problem: float) -> Verdict:
    """The verdict on evidence of strength p and an effect of some size.

    Parameters
    ----------
    p : chance of such evidence in a clean model, corrected for multiplicity
    size : of the effect;  look, problem : sizes that matter

    >>> judged(1e-5, 0.3, 0.1, 0.5), judged(0.02, 0.9, 0.1, 0.5), judged(1e-9, 0.01, 0.1, 0.5)
    ('look', 'fine', 'fine')
    """
    if not (math.isfinite(p) and size == size):
        return "not checked"
    if p < tolerances.CHECK_PROBLEM and size >= problem:
        return "problem"
    return "look" if p < tolerances.CHECK_LOOK and size >= look else "fine"


def remark(p: float) -> str:
    """What to add to evidence that is no chance, where the verdict is "fine" all the same."""
    return " No chance, but too small to matter." if p < tolerances.CHECK_LOOK else ""


def above(size: float, look: float, problem: float = math.inf) -> Verdict:
    """The verdict on a quantity that is known, not estimated."""
    return "problem" if size >= problem else "look" if size >= look else "fine"


def number(x: float, digits: int = 3) -> str:
    """A number in a sentence: so many significant digits, no exponent.

    >>> number(0.012345), number(1234.5), number(2.0), number(-0.5)
    ('0.0123', '1,234', '2', '-0.5')
    """
    if not math.isfinite(x) or x == 0:
        return f"{x:g}"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(x))))
    text = f"{x:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def p_words(p: float) -> str:
    """A p-value in a sentence.

    >>> p_words(0.0004), p_words(0.0312), p_words(0.5)
    ('p < 0.001', 'p = 0.031', 'p = 0.50')
    """
    if p < 0.001:
        return "p < 0.001"
    return f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def share(x: float) -> str:
    """A share in percent, in a sentence.

    >>> share(0.0794), share(0.25), share(0.001)
    ('8%', '25%', '0.1%')
    """
    return f"{100 * x:.0f}%" if x >= 0.01 or x == 0 else f"{100 * x:.1g}%"


def listed(names: Sequence[object], most: int = 5) -> str:
    """Some names, and how many more.

    >>> listed(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    shown = [str(name) for name in names[:most]]
    more = len(names) - len(shown)
    if more:
        return f"{', '.join(shown)} and {more} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """The gravest of some verdicts; "not checked" only where nothing else is."""
    return min(verdicts, key=VERDICTS.index, default="not checked")
