"""Refits as a table: how each estimate varies over the responses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echelon.model.refits import Refits
from echelon.show.cells import places
from echelon.show.table import Entry, Heading, Section, Table

Array = NDArray[np.float64]


def refits_table(refits: Refits, *, digits: int = 3) -> Table:
    """Mean, standard deviation and range of each estimate over the responses.

    Parameters
    ----------
    refits : from `refit_many`
    digits : decimals at least, more where the numbers are small

    Returns
    -------
    Table : one row an estimate; failed responses are left out and counted in the notes

    Examples
    --------
    >>> import numpy as np
    >>> import echelon as ec
    >>> sleep = ec.datasets.load("sleepstudy", quiet=True)
    >>> fit = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep)
    >>> found = fit.refit(np.column_stack([sleep["Reaction"], 2 * sleep["Reaction"]]))
    >>> print(found.table().notes[0])
    2 responses: 2 converged.
    """
    fixed = tuple(zip(refits.terms, refits.beta.T, strict=True))
    random = tuple(zip(refits.component_names, refits.components.T, strict=True))
    sections = (
        Section(tuple(_row(name, values, digits) for name, values in fixed), "Fixed effects"),
        Section(tuple(_row(name, values, digits) for name, values in random), "Random effects"),
    )
    heads = (
        Heading("", "text"),
        *(Heading(name, digits=digits) for name in ("Mean", "SD", "Smallest", "Largest")),
    )
    counted = ", ".join(f"{count:,} {kind}" for kind, count in refits.counts.items() if count)
    notes = (f"{len(refits):,} responses: {counted}.",)
    title = f"Refits of {' '.join(refits.fit.spec.formula.split())}"
    return Table(heads, sections, title, notes)


def _row(name: str, values: Array, digits: int) -> tuple[str | Entry, ...]:
    known = values[np.isfinite(values)]
    if not len(known):
        return (name, *(Entry(None) for _ in range(4)))
    sd = float(known.std(ddof=1)) if len(known) > 1 else np.nan
    cells = (float(known.mean()), sd, float(known.min()), float(known.max()))
    return (name, *(Entry(x, digits=places(x, digits)) for x in cells))
