"""One group explained: the quantities behind the sentences as a table, and both for a notebook."""

from __future__ import annotations

import math
from html import escape

from echelon.multilevel.explain import ExplainedCoefficient, Explanation
from echelon.show.cells import amount, label_cell
from echelon.show.explain_words import digits_of, explanation_text, level_words, listed
from echelon.show.format import integer
from echelon.show.table import Cell, Entry, Heading, Section, Table


def explanation_table(found: Explanation, *, digits: int | None = None) -> Table:
    """The quantities behind the sentences, a column a coefficient.

    Parameters
    ----------
    digits : decimals; None for what suits the standard errors
    """
    heads = (Heading("", "text"), *(Heading(part.term) for part in found.coefficients))
    columns = [_cells(found, part, digits) for part in found.coefficients]
    sections = tuple(
        Section(
            tuple(
                (name, *(column[title][name] for column in columns)) for name in columns[0][title]
            ),
            title,
        )
        for title in columns[0]
    )
    title = f"Group {label_cell(found.label)} of {found.factor}"
    return Table(heads, sections, title, _table_notes(found))


_Cells = dict[str, dict[str, Cell | Entry]]


def _cells(found: Explanation, part: ExplainedCoefficient, digits: int | None) -> _Cells:
    """The cells of one coefficient by section and name."""
    size = digits_of(part) if digits is None else digits
    own = {"Rows": Entry(found.n[0], "integer"), "Estimate": amount(part.own, size)}
    if not found.others:
        own["Standard error"] = amount(part.own_se, size)
    own["Reliability"] = Entry(part.reliability, digits=3)
    cells: _Cells = {
        "The group by itself": {**own},
        "The model": {
            "Prediction": amount(part.predicted, size),
            "SD between groups": amount(math.sqrt(max(part.tau, 0.0)), size),
        },
        "Empirical Bayes": {
            "Estimate": amount(part.estimate, size),
            "Standard error": amount(part.std_error, size),
            f"{level_words(found)}, lower": amount(part.conf_low, size),
            f"{level_words(found)}, upper": amount(part.conf_high, size),
        },
    }
    if all(each.rank is not None for each in found.coefficients) and part.rank is not None:
        cells[f"Rank among {integer(found.J)}"] = {
            "Of the estimate": Entry(part.rank.rank, "text"),
            f"{level_words(found)}, lower": Entry(part.rank.low, "integer"),
            f"{level_words(found)}, upper": Entry(part.rank.high, "integer"),
        }
    return cells


def _table_notes(found: Explanation) -> tuple[str, ...]:
    notes = ["Standard errors count the uncertainty of the fixed effects, not of the variances."]
    if found.others:
        notes.append(
            f"By itself: adjusted for the effects of {listed(found.others)}, which the empirical "
            "Bayes estimate leaves out."
        )
    if any(part.rank is not None for part in found.coefficients):
        notes.append("Rank 1 is the highest, by what groups are beyond their predictions.")
    return tuple(notes)


def explanation_html(found: Explanation) -> str:
    """What a notebook shows: the sentences above the table."""
    said = "".join(f"<p>{escape(part)}</p>" for part in explanation_text(found).split("\n\n"))
    return (
        f'<div style="max-width: 46em">{said}</div>{explanation_table(found).to_html(styled=True)}'
    )
