"""Marginal means and their comparisons as tables."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from echelon.data import Column
from echelon.infer.estimates import Estimates
from echelon.infer.marginal.comparisons import Comparisons
from echelon.infer.marginal.means import Means, families
from echelon.infer.marginal.names import number_text
from echelon.show.cells import STAR_KEY, Row, amount, label_cell, mark, places
from echelon.show.table import Cell, Entry, Heading, Section, Table

_METHODS = {
    "satterthwaite": "Satterthwaite's degrees of freedom.",
    "kenward-roger": "Kenward and Roger's standard errors and degrees of freedom.",
    "between-within": "Between-within degrees of freedom, counted as in HLM.",
    "none": "Normal approximation (z).",
    "residual": "Residual degrees of freedom.",
}


def means_table(means: Means, *, digits: int = 3) -> Table:
    """Marginal means with standard errors and intervals, one section a level of `by`.

    Parameters
    ----------
    digits : decimals at least, more where the numbers are small

    Examples
    --------
    >>> import echelon as ec
    >>> eclsk = ec.datasets.load("eclsk", quiet=True)
    >>> fit = ec.lmer("g1rscore ~ sector + schmeansesc + (1 | schid)", eclsk)
    >>> fit.emmeans("sector").table().to_text().splitlines()[6].split()[:4]
    ['0', '95.147', '0.270', '739']
    """
    values = means.values
    z = bool(np.isinf(values.df).all())
    heads = (
        *(Heading(name, "text") for name in means.specs or ("",)),
        Heading("Mean", digits=digits),
        Heading("SE", digits=digits),
        *(() if z else (Heading("df", digits=0),)),
        *_limits(values, digits),
    )
    rows: list[Row] = []
    for i in range(len(values.names)):
        names = [_level(means.columns[name], i) for name in means.specs] or ["Overall"]
        cells = _cells(values, i, digits)
        rows.append((*names, *(cells[head.name] for head in heads[len(names) :])))
    what = " and ".join(means.specs) if means.specs else "all"
    title = f"Marginal means of {means.response} by {what}"
    if not means.specs:
        title = f"Marginal mean of {means.response}"
    sections = _sections(rows, means.columns, means.by)
    return Table(heads, sections, title, (*means.notes, _method(values)))


def comparisons_table(found: Comparisons, *, digits: int = 3, stars: bool = True) -> Table:
    """Comparisons of marginal means with tests and intervals, one section a level of `by`.

    Parameters
    ----------
    digits : decimals at least, more where the numbers are small
    stars : mark adjusted p-values

    Examples
    --------
    >>> import echelon as ec
    >>> eclsk = ec.datasets.load("eclsk", quiet=True)
    >>> fit = ec.lmer("g1rscore ~ sector + schmeansesc + (1 | schid)", eclsk)
    >>> found = fit.emmeans("sector").contrasts("reference")
    >>> found.table(stars=False).to_text().splitlines()[6].split()[:6]
    ['sector', '1', '-', 'sector', '0', '1.886']
    """
    values = found.values
    z = bool(np.isinf(values.df).all())
    heads = (
        Heading("Contrast", "text"),
        Heading("Estimate", digits=digits),
        Heading("SE", digits=digits),
        *(() if z else (Heading("df", digits=0),)),
        Heading("z" if z else "t", digits=digits),
        Heading("p", "p", digits),
        *_limits(values, digits),
    )
    rows = []
    for i, name in enumerate(values.names):
        cells = _cells(values, i, digits)
        p = float(values.p_value[i])
        cells["p"] = Entry(p, stars=mark(p) if stars else "")
        rows.append((name, *(cells[head.name] for head in heads[1:])))
    key = (f"{STAR_KEY}.",) if stars and (values.p_value < 0.05).any() else ()
    return Table(
        heads,
        _sections(rows, found.columns, found.by),
        f"Comparisons of marginal means of {found.response}",
        (*found.notes, _method(values), *key),
    )


def _limits(values: Estimates, digits: int) -> tuple[Heading, Heading]:
    group = f"{100 * values.level:g}% interval"
    return Heading("Lower", digits=digits, group=group), Heading(
        "Upper", digits=digits, group=group
    )


def _cells(values: Estimates, i: int, digits: int) -> dict[str, Cell | Entry]:
    """The cells of one row by heading."""
    decimals = places(float(values.std_error[i]), digits)
    df = float(values.df[i])
    coarse = not np.isfinite(df) or df >= 10 or df.is_integer()
    statistic = float(values.statistic[i])
    return {
        "Mean": amount(float(values.estimate[i]), decimals),
        "Estimate": amount(float(values.estimate[i]), decimals),
        "SE": amount(float(values.std_error[i]), decimals),
        "df": Entry(df, digits=None if coarse else 1),
        "t": statistic,
        "z": statistic,
        "Lower": amount(float(values.conf_low[i]), decimals),
        "Upper": amount(float(values.conf_high[i]), decimals),
    }


def _sections(
    rows: list[Row], columns: Mapping[str, Column], by: tuple[str, ...]
) -> tuple[Section, ...]:
    sets: tuple[NDArray[np.intp], ...] = families(columns, by, len(rows))
    return tuple(
        Section(
            tuple(rows[i] for i in own),
            ", ".join(f"{name} = {_level(columns[name], int(own[0]))}" for name in by),
        )
        for own in sets
    )


def _level(column: Column, i: int) -> str:
    value = column.values[i]
    if column.levels is None:
        return number_text(float(value))
    return label_cell(column.levels[int(value)])


def _method(values: Estimates) -> str:
    return _METHODS.get(values.method, f"Standard errors and degrees of freedom: {values.method}.")
