"""Column names that SPSS and Stata accept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """What a program accepts as the name of a variable.

    Attributes
    ----------
    odd : pattern of what no name may hold
    first : pattern that a name begins with
    longest : bytes at most
    reserved : words that are no names, in lower case
    """

    odd: str
    first: str
    longest: int
    reserved: frozenset[str]


SPSS = Rule(
    odd=r"[^\w.$#@]+",
    first=r"[^\W\d_]|@",
    longest=64,
    reserved=frozenset(
        {"all", "and", "by", "eq", "ge", "gt", "le", "lt", "ne", "not", "or", "to", "with"}
    ),
)
STATA = Rule(
    odd=r"[^A-Za-z0-9_]+",
    first=r"[A-Za-z_]",
    longest=32,
    reserved=frozenset(
        {
            "_all",
            "_b",
            "byte",
            "_coef",
            "_cons",
            "double",
            "float",
            "if",
            "in",
            "int",
            "long",
            "_n",
            "_pi",
            "_pred",
            "_rc",
            "_skip",
            "str",
            "strl",
            "using",
            "with",
        }
    ),
)


def valid_names(names: Sequence[str], rule: Rule) -> list[str]:
    """Names that a program accepts, distinct whatever their case; valid ones stay.

    Examples
    --------
    >>> valid_names(["score", "class:school", "(Intercept)", "2nd", "by", "Score"], SPSS)
    ['score', 'class_school', 'Intercept', 'v2nd', 'by_', 'Score_2']
    """
    taken = {name.lower() for name in names if _tidied(name, rule) == name}
    made: list[str] = []
    used: set[str] = set()
    for name in names:
        new = whole = _tidied(name, rule)
        again = 2
        while new.lower() in used or (new != name and new.lower() in taken):
            tail = f"_{again}"
            new, again = _cut(whole, rule.longest - len(tail)) + tail, again + 1
        used.add(new.lower())
        made.append(new)
    return made


def _tidied(name: str, rule: Rule) -> str:
    new = re.sub(rule.odd, "_", name)
    if new != name:
        new = new.strip("_")
    new = new.rstrip(".") or "v"
    if not re.match(rule.first, new):
        new = f"v{new}"
    if new.lower() in rule.reserved:
        new = f"{new}_"
    return _cut(new, rule.longest)


def _cut(name: str, longest: int) -> str:
    """At most so many bytes, whole characters."""
    return name.encode()[:longest].decode(errors="ignore")
