"""Codebooks of the bundled data: what the columns mean and where they come from."""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal, TypeAlias

from echelon.errors import UnknownOption

VariableType: TypeAlias = Literal["int", "float", "string", "factor"]
_WIDTH = 88
FILES = "files"


@dataclass(frozen=True, slots=True)
class Variable:
    """One column of a bundled table.

    Attributes
    ----------
    name, meaning : the column and what it holds
    type : "int", "float", "string" or "factor"
    units : of the values, "" if they have none
    levels : of a factor, in order
    """

    name: str
    type: VariableType
    meaning: str
    units: str = ""
    levels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Codebook:
    """What a bundled table is, where it comes from and what its columns mean.

    Attributes
    ----------
    name, title, file : the data set, what it is in a line, the bundled file
    rows : number of rows
    source, licence : where it comes from, and the terms as far as they are known
    synthetic : True if the rows are simulated
    columns : the variables, in the order of the table
    """

    name: str
    title: str
    file: str
    rows: int
    source: str
    licence: str
    synthetic: bool
    columns: tuple[Variable, ...]

    def __str__(self) -> str:
        head = [
            _wrapped(f"{self.name}: {self.title}"),
            f"{self.rows:,} rows, {len(self.columns)} columns",
        ]
        if self.synthetic:
            head.append("SYNTHETIC: simulated rows, not the records of a survey.")
        width = max(len(variable.name) for variable in self.columns)
        body = [_described(variable, width) for variable in self.columns]
        foot = [_wrapped("Source: " + self.source), _wrapped("Licence: " + self.licence)]
        return "\n".join([*head, "", *body, "", *foot])


@cache
def names() -> tuple[str, ...]:
    """The names of the bundled data sets.

    >>> "timss" in names()
    True
    """
    files = resources.files(__package__).joinpath(FILES).iterdir()
    return tuple(sorted(file.name[:-5] for file in files if file.name.endswith(".json")))


@cache
def codebook(name: str) -> Codebook:
    """The codebook of a bundled data set.

    Raises
    ------
    UnknownOption : there is no data set of this name.

    Examples
    --------
    >>> codebook("dyestuff").columns[1].units
    'grams'
    """
    if name not in names():
        raise UnknownOption("name", name, names())
    file = resources.files(__package__).joinpath(FILES, f"{name}.json")
    content = json.loads(file.read_text(encoding="utf-8"))
    columns = tuple(
        Variable(**{**column, "levels": tuple(column.get("levels", ()))})
        for column in content.pop("columns")
    )
    return Codebook(**content, columns=columns)


def _described(variable: Variable, width: int) -> str:
    """The lines of one variable."""
    units = f" ({variable.units})" if variable.units else ""
    levels = ", ".join(variable.levels[:6]) + (", ..." if len(variable.levels) > 6 else "")
    levels = f": {levels}" if levels else ""
    text = f"{variable.name:<{width}}  {variable.type:<6}  {variable.meaning}{units}{levels}"
    return _wrapped(text, width + 10)


def _wrapped(text: str, indent: int = 2) -> str:
    """The text in lines of readable length."""
    return textwrap.fill(text, _WIDTH, subsequent_indent=" " * indent)
