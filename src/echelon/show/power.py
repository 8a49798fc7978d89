"""Planned studies as tables, with the formula and the degrees of freedom in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from echelon.show.cells import places
from echelon.show.power_words import HEADS, NAMES, power_notes
from echelon.show.table import Cell, Entry, Heading, Section, Table
from echelon.study.powers import Powers

_TITLES = {
    "power": "Power",
    "effect": "Smallest effect found (MDES)",
    "J": "Groups needed",
    "n": "Rows needed in each group",
    "plan": "Best plan",
}


def power_table(found: Powers, *, digits: int = 3) -> Table:
    """Planned studies: one row a plan, or, where two things vary, one row by one column.

    Parameters
    ----------
    digits : decimals of power, effects and standard errors
    """
    title = f"{_TITLES[found.asked]}: {NAMES[found.setting.design]}"
    notes = power_notes(found)
    if len(found.varied) >= 2 and found.asked != "plan":
        heads, sections = _crossed(found, digits)
    else:
        heads, sections = _listed(found, digits)
    return Table(heads, sections, title, notes)


def _listed(found: Powers, digits: int) -> tuple[tuple[Heading, ...], tuple[Section, ...]]:
    """One row a plan: what varies, what was found, and the precision."""
    main = {"plan": ("J", "n"), "J": ("J",), "n": ("n",), "effect": ("effect",), "power": ()}
    first = [*found.varied] if found.varied else ["icc", "n", "J"]
    named = [name for name in (*first, *main[found.asked]) if name != "power"]
    shown = found.finds_effect or (not found.varied and not np.isnan(found.effect).all())
    named += ["effect"] if shown else []
    names = list(dict.fromkeys(named))
    names += [] if "power" in names or np.isnan(found.power).all() else ["power"]
    aim = found.target if found.target != "power" else ""
    heads = [Heading("Wanted") if name == aim else _heading(name, digits) for name in names]
    heads += [Heading(name, digits=digits) for name in ("SE", "Half-width", "df")]
    heads += [Heading("N", "integer")]
    heads += [Heading("Cost", "integer")] if found.cost.size else []
    rows = []
    for i in range(len(found.power)):
        row = [_cell(found, name, i, digits) for name in names]
        error = float(found.std_error[i])
        row += [Entry(error, digits=places(error, digits)), float(found.half_width[i])]
        row += [_whole(found.df[i]), _whole(found.rows[i])]
        row += [float(found.cost[i])] if found.cost.size else []
        rows.append(tuple(row))
    return tuple(heads), (Section(tuple(rows)),)


def _crossed(found: Powers, digits: int) -> tuple[tuple[Heading, ...], tuple[Section, ...]]:
    """Rows by the last that varies, columns by the one before, sections by the rest."""
    *others, across, down = found.varied
    columns = _distinct(found, across)
    heads = [_heading(down, digits)]
    main = "power" if found.asked == "power" else found.asked
    for label, _ in columns:
        kind = _heading(main, digits)
        heads.append(Heading(f"{HEADS[across]} = {label}", kind.kind, kind.digits))
    wide, long = len(columns), len(_distinct(found, down))
    shape = (-1, wide, long)
    blocks = np.arange(len(found.power)).reshape(shape)
    sections = []
    for block in blocks:
        rows = tuple(
            (
                _cell(found, down, int(block[0, k]), digits),
                *(_cell(found, main, int(block[j, k]), digits) for j in range(wide)),
            )
            for k in range(long)
        )
        title = ", ".join(
            f"{HEADS[name]} = {_label(found, name, int(block[0, 0]))}" for name in others
        )
        sections.append(Section(rows, title))
    return tuple(heads), tuple(sections)


def plan_headings(names: Sequence[str], digits: int) -> list[Heading]:
    """Headings of what describes a plan."""
    return [_heading(name, digits) for name in names]


def plan_cells(found: Powers, names: Sequence[str], i: int, digits: int) -> list[Cell | Entry]:
    """The cells of one plan under such headings."""
    return [_cell(found, name, i, digits) for name in names]


def _distinct(found: Powers, name: str) -> list[tuple[str, int]]:
    """Labels of the values of a name, with a plan that has each."""
    seen: dict[str, int] = {}
    for i in range(len(found.power)):
        seen.setdefault(_label(found, name, i), i)
    return list(seen.items())


def _label(found: Powers, name: str, i: int) -> str:
    if name == "n" and found.labels and "cv" not in found.varied:
        return found.labels[i]
    return f"{_value(found, name, i):g}"


def _value(found: Powers, name: str, i: int) -> float:
    if name in ("half_width", "std_error") and found.target == name and name in found.varied:
        return float(found.goal[i])
    if name == "power" and found.target == "power" and name in found.varied:
        return float(found.goal[i] if found.asked in ("J", "n") else found.power[i])
    if name == "effect_sd":
        return float(found.cells.effect_sd[i] * found.setting.sd)
    holder = found if name in ("effect", "power", "std_error", "half_width") else found.cells
    return float(getattr(holder, name)[i])


def _heading(name: str, digits: int) -> Heading:
    if name in ("J", "n"):
        return Heading(HEADS[name], "integer")
    return Heading(HEADS[name], digits=digits)


def _cell(found: Powers, name: str, i: int, digits: int) -> Cell | Entry:
    value = _value(found, name, i)
    if name == "n" and found.labels and "cv" not in found.varied:
        return _whole(value) if found.labels[i].isdigit() else Entry(found.labels[i], "text")
    if name in ("J", "n"):
        return _whole(value)
    if name in ("icc", "r2_1", "r2_2", "cv") or name in found.varied:
        return Entry(value, digits=max(2, len(f"{value:g}".partition(".")[2])))
    known = places(value, digits) if name in ("std_error", "effect") else digits
    return Entry(value, digits=known)


def _whole(value: float) -> Entry:
    if not np.isfinite(value):
        return Entry(float("nan"))
    return Entry(value, "integer") if value == np.floor(value) else Entry(value, "number", 1)
