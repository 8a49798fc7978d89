"""Slopes and predictions as tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from echelon.data import Column
from echelon.infer.estimates import Estimates
from echelon.infer.marginal.names import number_text
from echelon.infer.marginal.predictions import Predictions
from echelon.infer.marginal.slopes import Slopes
from echelon.show.cells import STAR_KEY, Row, amount, label_cell, mark, places
from echelon.show.table import Cell, Entry, Heading, Section, Table

_MOST_ROWS = 60  # of a table of predictions; all are in the frame
_FREEDOM = {
    "satterthwaite": "Satterthwaite's degrees of freedom.",
    "kenward-roger": "Kenward and Roger's standard errors and degrees of freedom.",
    "between-within": "Between-within degrees of freedom, counted as in HLM.",
    "none": "Normal approximation (z).",
    "residual": "Residual degrees of freedom.",
}


def slopes_table(slopes: Slopes, *, digits: int = 3, stars: bool = True) -> Table:
    """Slopes with tests and intervals, one row a combination of the moderators.

    Parameters
    ----------
    digits : decimals at least, more where the numbers are small
    stars : mark p-values

    Examples
    --------
    >>> import echelon as ec
    >>> hsb = ec.datasets.load("hsb", quiet=True)
    >>> fit = ec.lmer("mathach ~ ses * sector + (ses | school)", hsb)
    >>> fit.slopes("ses", by="sector").table().to_text().splitlines()[6].split()[:3]
    ['Public', '2.958', '0.143']
    """
    values, heads, cells = slopes.values, *_inference(slopes.values, "Slope", digits, stars)
    names = slopes.specs or ("",)
    rows = tuple(
        (*[_level(slopes.columns[n], i) if n else slopes.variable for n in names], *cells[i])
        for i in range(len(values.estimate))
    )
    title = f"Slope of {slopes.response} on {slopes.variable}"
    if slopes.specs:
        title += f" by {' and '.join(slopes.specs)}"
    key = (f"{STAR_KEY}.",) if stars and (values.p_value < 0.05).any() else ()
    notes = (*slopes.notes, freedom_note(values.method), *key)
    heads = (*(Heading(n, "text") for n in names), *heads)
    return Table(heads, (Section(rows),), title, notes)


def predictions_table(found: Predictions, *, digits: int = 3) -> Table:
    """Predictions with standard errors and intervals; the first rows where there are many.

    Parameters
    ----------
    digits : decimals at least, more where the numbers are small

    Examples
    --------
    >>> import echelon as ec
    >>> sleep = ec.datasets.load("sleepstudy", quiet=True)
    >>> fit = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep)
    >>> fit.predictions({"Days": [0, 9]}).table().to_text().splitlines()[6].split()[:3]
    ['0', '251.405', '6.825']
    """
    values, m = found.values, min(len(found.values.estimate), _MOST_ROWS)
    heads, cells = _inference(values, "Prediction", digits, None)
    names = tuple(n for n, c in found.columns.items() if (c.values != c.values[0]).any()) or ("",)
    rows = tuple(
        (*[_level(found.columns[n], i) if n else "All" for n in names], *cells[i]) for i in range(m)
    )
    title = f"{'Average predictions' if found.average else 'Predictions'} of {found.response}"
    total = len(values.estimate)
    cut = (f"The first {m} of {total:,} rows; .frame() has all.",) if m < total else ()
    notes = (*cut, *found.notes, freedom_note(values.method))
    return Table((*(Heading(n, "text") for n in names), *heads), (Section(rows),), title, notes)


def freedom_note(method: str) -> str:
    """How standard errors and degrees of freedom were found, in a sentence."""
    return _FREEDOM.get(method, f"Cluster-robust ({method}) standard errors.")


def _inference(
    values: Estimates, what: str, digits: int, stars: bool | None
) -> tuple[tuple[Heading, ...], Sequence[Row]]:
    """Headings and cells of estimates; without tests where `stars` is None."""
    z, tested = bool(np.isinf(values.df).all()), stars is not None
    group = f"{100 * values.level:g}% interval"
    heads = (
        Heading(what, digits=digits),
        Heading("SE", digits=digits),
        *(() if z else (Heading("df", digits=0),)),
        *((Heading("z" if z else "t", digits=digits), Heading("p", "p", digits)) if tested else ()),
        *(Heading(name, digits=digits, group=group) for name in ("Lower", "Upper")),
    )
    rows = []
    for i in range(len(values.estimate) if tested else min(len(values.estimate), _MOST_ROWS)):
        decimals = places(float(values.std_error[i]), digits)
        p, df = float(values.p_value[i]), float(values.df[i])
        coarse = not np.isfinite(df) or df >= 10 or df.is_integer()
        test: tuple[Cell | Entry, ...] = (
            float(values.statistic[i]),
            Entry(p, stars=mark(p) if stars else ""),
        )
        rows.append(
            (
                amount(float(values.estimate[i]), decimals),
                amount(float(values.std_error[i]), decimals),
                *(() if z else (Entry(df, digits=None if coarse else 1),)),
                *(test if tested else ()),
                amount(float(values.conf_low[i]), decimals),
                amount(float(values.conf_high[i]), decimals),
            )
        )
    return heads, rows


def _level(column: Column, i: int) -> str:
    """One value of a predictor; numbers to four digits of the largest in the column."""
    value = column.values[i]
    if column.levels is not None:
        return label_cell(column.levels[int(value)])
    largest = float(np.abs(column.values).max())
    kept = round(float(value), 3 - int(np.floor(np.log10(largest)))) if largest > 0 else 0.0
    return number_text(kept)
