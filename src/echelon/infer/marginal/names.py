"""Which variables a user asks means for, and what the rows are called."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from echelon.data import Column
from echelon.errors import DataError, FormulaError, UnknownColumn
from echelon.formula import columns_in
from echelon.formula.values import level_text

_JOINS = re.compile(r"\s*[*:+]\s*")
_OPERATOR = re.compile(r"[-+/*]")


def read_specs(
    specs: str | Sequence[str], by: str | Sequence[str] | None, known: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The variables asked for and those that separate, from names or from emmeans' "a | b".

    Raises
    ------
    UnknownColumn : a name that is no predictor of the fixed part
    DataError : a variable asked for twice; comparisons asked for in `specs`
    """
    if isinstance(specs, str) and specs not in known:
        if specs.strip().partition("~")[0]:
            left = specs.partition("~")[0].strip()
            if "~" in specs:
                raise DataError(
                    f"emmeans({specs!r}): ask for the means first and compare them then, as in "
                    f'emmeans("a").contrasts("{left}").'
                )
        specs, _, bar = specs.partition("~")[2 if "~" in specs else 0].partition("|")
        by = bar if bar.strip() and by is None else by
    wanted = [_known(name, known) for name in _listed(specs, known) if name != "1"]
    apart = [_known(name, known) for name in _listed(by, known)]
    twice = [name for name in {*wanted, *apart} if [*wanted, *apart].count(name) > 1]
    if twice:
        raise DataError(f"{twice[0]!r} is asked for twice in emmeans(specs, by=).")
    return tuple(wanted), tuple(apart)


def _listed(given: object, known: Sequence[str]) -> list[object]:
    if given is None:
        return []
    if isinstance(given, str):
        whole = given.strip()
        if whole in known or "(" in whole:
            return [whole]
        return [part for part in _JOINS.split(whole) if part]
    return list(given) if isinstance(given, Iterable) else [given]


def _known(name: object, known: Sequence[str]) -> str:
    """The variable of that name, or the only one inside an expression as "factor(x)"."""
    if not isinstance(name, str):
        raise DataError(f"emmeans() takes names of predictors; {name!r} is none.")
    if name in known:
        return name
    try:
        inside = columns_in(name)
    except FormulaError:
        inside = ()
    if len(inside) == 1 and inside[0] in known:
        return inside[0]
    raise UnknownColumn(name, known, "marginal means of the fixed part")


def labels(columns: Mapping[str, Column], names: Sequence[str], m: int) -> tuple[str, ...]:
    """What each of the m rows is called by the levels of some variables: "A", "A 175", "Days 5"."""
    parts = [_texts(columns[name]) for name in names]
    return tuple(" ".join(words) for words in zip(*parts, strict=True)) if parts else ("mean",) * m


def _texts(column: Column) -> list[str]:
    if column.levels is None:
        return [f"{column.name} {number_text(value)}" for value in column.values.tolist()]
    texts = [level_text(level) for level in column.levels]
    return [texts[code] for code in column.values.tolist()]


def number_text(value: float) -> str:
    """A number in a label: six significant digits, whole ones without decimals."""
    return level_text(value) if float(value).is_integer() else f"{value:.6g}"


def difference(left: str, right: str) -> str:
    """The name of a difference; names that hold operators in parentheses, as emmeans does."""
    marked = [f"({text})" if _OPERATOR.search(text) else text for text in (left, right)]
    return " - ".join(marked)
