"""Every group, unpacked, in a table that can be sorted and filtered."""

from __future__ import annotations

from dataclasses import replace

from echelon.model.fit import LmmFit
from echelon.multilevel import GroupValues
from echelon.report.markup import code, paragraph, safe, scrolling, section
from echelon.show import Section, Table, to_html
from echelon.show.format import integer
from echelon.show.unpack import groups_table

_FILTERED = 30  # groups above which a filter helps
_MOST = 20_000  # rows that a browser still sorts and prints


def groups_section(fit: LmmFit, *groups: GroupValues) -> str:
    """Return the section with the table of groups, one a grouping factor.

    Parameters
    ----------
    groups : the groups of every factor, unpacked
    """
    parts = [part for k, values in enumerate(groups) for part in _of_factor(values, k)]
    return section("groups", "Groups", parts, kind="wide")


def _of_factor(values: GroupValues, k: int) -> list[str]:
    """Heading, sentence, filter, table and notes of the factor number k."""
    table, mark = groups_table(values), f"-{k + 1}" if k else ""
    shown, total = first_rows(table, _MOST), sum(len(s.rows) for s in table.sections)
    html = to_html(
        replace(shown, notes=()), sortable=True, caption=False, table_id=f"all-groups{mark}"
    )
    weighs = "how much it weighs in the fixed part, " if not values.others else ""
    intro = (
        f"Each group of {code(values.factor)}: what its own rows say, {weighs}and the empirical "
        "Bayes estimate with its 95% interval."
    )
    sort = '<span class="sorting">Choose a column’s heading to sort by it.</span>'
    cut = ""
    if total > _MOST:
        cut = f"The first {integer(_MOST)} of {integer(total)}; {code('fit.groups()')} gives all."
    return [
        f"<h3>{safe(values.factor)}</h3>" if values.others else "",
        paragraph(f"{intro} {sort}"),
        paragraph(cut),
        _filter(values.factor, mark) if len(values.levels) > _FILTERED else "",
        scrolling(html, table.title, kind="scroll tall"),
        *(paragraph(safe(note), "soft") for note in table.notes),
    ]


def _filter(factor: str, mark: str) -> str:
    return (
        f'<p class="filter"><label for="filter{mark}">Show {code(factor)} containing</label> '
        f'<input id="filter{mark}" type="search" autocomplete="off" spellcheck="false" '
        f'aria-controls="all-groups{mark}"> <span id="filter{mark}-count" role="status"></span></p>'
    )


def first_rows(table: Table, most: int) -> Table:
    """Return the first rows of a table too long for a browser."""
    left, kept = most, []
    for s in table.sections:
        kept.append(Section(s.rows[:left], s.title))
        left -= len(kept[-1].rows)
    return replace(table, sections=tuple(s for s in kept if s.rows))
