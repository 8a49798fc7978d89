"""Steps of the demonstration: a title, a few sentences, tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from echelon.cli.terminal import bold, prose, say, shown, width

if TYPE_CHECKING:
    from echelon.show import Table


@dataclass(frozen=True, slots=True)
class Lines:
    """Text whose line breaks stay: equations."""

    text: str


Block: TypeAlias = "str | Lines | Table"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a case study.

    Attributes
    ----------
    title : what is done
    blocks : paragraphs (str, wrapped), lines, tables, in order
    """

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """A case study: an introduction and its steps."""

    title: str
    intro: str
    steps: tuple[Step, ...]


def show_cases(cases: Sequence[Case]) -> None:
    """Print cases, their steps numbered from 1 throughout."""
    number = 0
    for case in cases:
        say(bold(case.title))
        say(bold("=" * min(len(case.title), width())))
        say(prose(case.intro))
        for step in case.steps:
            number += 1
            _show(step, number)
        say()


def titled(table: Table, title: str) -> Table:
    """The same table under another title."""
    return replace(table, title=title)


def _show(step: Step, number: int) -> None:
    heading = f"Step {number}. {step.title}"
    say()
    say(bold(heading))
    say("-" * min(len(heading), width()))
    for i, block in enumerate(step.blocks):
        if i:
            say()
        if isinstance(block, str):
            say(prose(block))
        elif isinstance(block, Lines):
            say(block.text)
        else:
            say(shown(block))


def picked(table: Table, columns: Sequence[int], title: str, *notes: str) -> Table:
    """Some columns of a table, under their own title and notes."""
    sections = tuple(
        replace(section, rows=tuple(tuple(row[j] for j in columns) for row in section.rows))
        for section in table.sections
    )
    return replace(
        table,
        headings=tuple(table.headings[j] for j in columns),
        sections=sections,
        title=title,
        notes=notes,
    )


def listed(rows: Sequence[tuple[str, float]], heading: str = "Value", digits: int = 2) -> Table:
    """Named numbers, one a line."""
    from echelon.show import Heading, Section, Table

    return Table((Heading("", "text"), Heading(heading, digits=digits)), (Section(tuple(rows)),))
