"""Plans by formula and by simulation, side by side."""

from __future__ import annotations

from echelon.show.power import plan_cells, plan_headings
from echelon.show.power_words import NAMES, power_notes
from echelon.show.table import Entry, Heading, Section, Table
from echelon.study.estimators import LABELS
from echelon.study.power_simulated import Compared

_MEASURES = {"power": "Power", "type_1_error": "Type I error", "coverage": "Coverage"}


def compared_table(compared: Compared, *, digits: int = 3) -> Table:
    """One row a plan: its power by formula, and what the simulation found with its error."""
    found = compared.found
    names = [name for name in (*found.varied, "J", "n", "icc", "effect") if name != "power"]
    names = [
        name for name in dict.fromkeys(names) if hasattr(found.cells, name) or name == "effect"
    ]
    heads = [
        *plan_headings(names, digits),
        Heading("Power", digits=digits, group="Formula"),
        *(
            Heading(label, digits=digits, group="Simulation")
            for name, word in _MEASURES.items()
            for label in ((word, "MC SE") if name == "power" else (word,))
        ),
    ]
    rows = tuple(
        (
            *plan_cells(found, names, i, digits),
            Entry(float(found.power[i])),
            *(
                Entry(float(compared.measured[each][i]))
                for name in _MEASURES
                for each in ((name, f"{name}_mcse") if name == "power" else (name,))
            ),
        )
        for i in range(len(found.power))
    )
    notes = (
        f"Simulation: {compared.reps:,} replicates a plan, {LABELS[compared.estimator]}, seed "
        f"{compared.seed}. MC SE: Monte Carlo standard error.",
        *power_notes(found)[1:],
        *compared.remarks,
    )
    title = f"Formula and simulation: {NAMES[found.setting.design]}"
    return Table(tuple(heads), (Section(rows),), title, notes)
