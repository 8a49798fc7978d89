"""A design study as a table: estimators by cell, one parameter at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from echelon.errors import UnknownOption
from echelon.show.cells import Row as Cells
from echelon.show.cells import places
from echelon.show.table import Entry, Heading, Section, Table
from echelon.study.result import MEASURES, Study, label, shown_factor, where_of
from echelon.study.run import Row

MOST_CELLS = 12  # sections of a table; the frame has all

HEADS = {
    "bias": "Bias",
    "relative_bias": "Bias, %",
    "rmse": "RMSE",
    "sd": "SD",
    "efficiency": "Efficiency",
    "std_error": "SE",
    "se_ratio": "SE / SD",
    "coverage": "Coverage",
    "length": "Length",
    "type_1_error": "Type I error",
    "power": "Power",
    "detectable": "Detectable",
    "at_zero": "At zero",
}
_OF_VARIANCES = ("bias", "relative_bias", "rmse", "at_zero")
_OF_EFFECTS = ("bias", "rmse", "efficiency", "se_ratio", "coverage", "power", "detectable")
_OF_NOTHING = ("bias", "rmse", "efficiency", "se_ratio", "coverage", "type_1_error", "detectable")
_PERCENT = ("relative_bias", "coverage", "type_1_error", "power", "at_zero")


def study_table(
    study: Study,
    *,
    term: str | None = None,
    estimators: Sequence[str] | str | None = None,
    measures: Sequence[str] | None = None,
    where: Mapping[str, object] | None = None,
    digits: int = 3,
) -> Table:
    """One parameter in every cell, a row an estimator.

    Parameters
    ----------
    term : a parameter (`Study.terms`); None for the last effect, or the grand mean
    estimators : some of them
    measures : columns (`MEASURES`); None for those that matter
    where : some of the cells, by factor, as in {"J": 10}
    digits : decimals at least

    Raises
    ------
    UnknownOption, DataError : what the study does not have
    """
    rows, kept = study.pick(term, estimators), where_of(study, where)
    rows = tuple(row for row in rows if row.cell in kept)
    shown = _measures(rows, measures)
    sections = []
    for cell in sorted({row.cell for row in rows})[:MOST_CELLS]:
        inside = [row for row in rows if row.cell == cell]
        made = tuple(_row(row, shown, digits) for row in inside)
        sections.append(Section(made, _title(study, cell)))
    heads = [Heading("", "text"), *(_heading(name, digits) for name in shown)]
    name = rows[0].term if rows else ""
    what = "the grand mean" if name == "(Intercept)" and len(study.terms) < 4 else name
    title = f"Design study of {what}: {study.reps:,} replicates in each of {_count(study)}"
    notes = _notes(study, rows, shown, len(sections))
    return Table(tuple(heads), tuple(sections), title, notes)


def _heading(name: str, digits: int) -> Heading:
    if name in _PERCENT:
        return Heading(HEADS[name], "percent", 1)
    return Heading(HEADS[name], "number", digits)


def _measures(rows: Sequence[Row], asked: Sequence[str] | None) -> tuple[str, ...]:
    names = (asked,) if isinstance(asked, str) else asked
    if names is not None:
        for name in names:
            if name not in MEASURES:
                raise UnknownOption("measures", name, MEASURES)
        return tuple(names)
    if rows and rows[0].kind == "variance":
        return _OF_VARIANCES
    return _OF_EFFECTS if any(row.truth for row in rows) else _OF_NOTHING


def _row(row: Row, shown: tuple[str, ...], digits: int) -> Cells:
    values = []
    for name in shown:
        value = row.values.get(name, np.nan)
        error = row.values.get(f"{name}_mcse", np.nan)
        finite = bool(np.isfinite(value))
        if name in _PERCENT:
            values.append(Entry(value if finite else None))
        else:
            known = places(error, digits, 1)
            values.append(Entry(round(value, known) if finite else None, digits=known))
    return (label(row.estimator), *values)


def _title(study: Study, cell: int) -> str:
    """The cell in words: sizes by name, and what is not zero."""
    factors = study.factors()
    kept = [name for name in factors if name not in ("n_mean", "n_cv")]
    parts = [shown_factor(name, factors[name][cell]) for name in kept]
    _, _, low, high = study.shapes[cell]
    if low != high and study.cells[cell].sizes.law == "lognormal":
        parts[1] += f", {low} to {high}"
    return "; ".join(parts)


def _count(study: Study) -> str:
    return "1 cell" if len(study.cells) == 1 else f"{len(study.cells)} cells"


def _notes(
    study: Study, rows: Sequence[Row], shown: tuple[str, ...], sections: int
) -> tuple[str, ...]:
    words = _words(study)
    largest = {name: _largest(rows, name) for name in shown}
    errors = ", ".join(
        f"{HEADS[name]} {_error(name, value)}" for name, value in largest.items() if value > 1e-12
    )
    notes = [words[name] for name in shown if name in words]
    notes += [f"Monte Carlo standard errors, at most: {errors}."] if errors else []
    notes += [f"{each.words}." for each in study.predictors]
    failed = sum(int(row.values["failed"]) for row in rows)
    if failed:
        notes.append(f"{failed:,} fits without an optimum are left out.")
    others = [name for name in study.terms if rows and name != rows[0].term]
    if others:
        notes.append(f"Other parameters, by .table(term=...): {', '.join(others)}.")
    cells = len({row.cell for row in rows})
    if cells > sections:
        notes.append(f"{sections} of {cells} cells; .frame() has all, where= picks some.")
    if study.designs > 1:
        notes.append(f"{study.designs} designs drawn at random in each cell.")
    return (*notes, f"Seed {study.seed}.")


def _words(study: Study) -> dict[str, str]:
    """What the columns mean."""
    return {
        "efficiency": "Efficiency: mean squared error of precision weights with known variances "
        "over the estimator's.",
        "se_ratio": "SE / SD: standard errors (root mean square) over the SD of the estimates; "
        "below 1 they are too small.",
        "coverage": f"Coverage: of {100 * (1 - study.alpha):g}% intervals.",
        "type_1_error": f"Type I error: rejections of the true value at {study.alpha:g}.",
        "power": f"Power: rejections of zero at {study.alpha:g}, two-sided.",
        "detectable": f"Detectable: the smallest effect found with power {study.power:g}.",
        "at_zero": "At zero: share of estimates at or below zero; formulas are not cut off there.",
    }


def _largest(rows: Sequence[Row], name: str) -> float:
    found = [row.values.get(f"{name}_mcse", np.nan) for row in rows]
    known = [x for x in found if np.isfinite(x)]
    return max(known, default=0.0)


def _error(name: str, value: float) -> str:
    return f"{100 * value:.1f}%" if name in _PERCENT else f"{value:.2g}"
