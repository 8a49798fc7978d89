"""Descriptive statistics as a table: a block a variable, a column a category."""

from __future__ import annotations

import math

from echelon.multilevel.describe import ALL, Description
from echelon.show.cells import Row
from echelon.show.format import number
from echelon.show.table import Heading, Section, Table

_SIGNIFICANT = 3
_OVERALL = "Overall"


def description_table(values: Description) -> Table:
    """Mean (SD) and median [min, max] of every variable, by category and overall.

    Parameters
    ----------
    values : from `describe_values`

    Returns
    -------
    Table : numbers of three significant digits, as texts; missing values are counted where there
        are any

    Examples
    --------
    >>> import echelon as ec
    >>> from echelon.multilevel.describe import describe_values
    >>> eclsk = ec.datasets.load("eclsk", quiet=True)
    >>> found = describe_values(eclsk, ["g1rscore"], by="sector", level="schid")
    >>> for line in description_table(found).to_text().splitlines()[5:9]:
    ...     print(line)
    ────────────────────────────────────────────────────────────────────────
    g1rscore
      Mean (SD)               94.6 (8.33)       101 (7.48)       95.2 (8.46)
      Median [min, max]  95.0 [68.5, 117]  102 [77.2, 115]  95.5 [68.5, 117]
    """
    labels = list(dict.fromkeys(values.values))
    counts = dict(zip(values.categories, values.counts, strict=True))
    total = values.groups if values.level else values.rows
    heads = [Heading("", "text")]
    for label in labels:
        overall = label == ALL
        size = total if overall else counts[label]
        name = _OVERALL if overall else label
        heads.append(Heading(f"{name} (N={size:,})", "number", group="" if overall else values.by))
    variables = dict.fromkeys(values.variables)
    sections = tuple(Section(_rows(values, name), name) for name in variables)
    unit = f"means of {values.level}" if values.level else "rows"
    return Table(tuple(heads), sections, f"Description of {unit}", _notes(values))


def _rows(values: Description, variable: str) -> tuple[Row, ...]:
    chosen = [i for i, name in enumerate(values.variables) if name == variable]
    mean = [f"{_mean(values.mean[i], values.sd[i])} ({significant(values.sd[i])})" for i in chosen]
    median = [
        f"{significant(values.median[i])} "
        f"[{significant(values.min[i])}, {significant(values.max[i])}]"
        for i in chosen
    ]
    rows: list[Row] = [("Mean (SD)", *mean), ("Median [min, max]", *median)]
    if any(values.missing[i] for i in chosen):
        rows.append(("Missing", *(f"{values.missing[i]:,}" for i in chosen)))
    return tuple(rows)


def _mean(mean: float, sd: float) -> str:
    """A mean that is rounding noise beside its SD, as of a centred variable, is written 0."""
    return significant(0.0 if abs(mean) < 1e-12 * sd else mean)


def significant(x: float, digits: int = _SIGNIFICANT) -> str:
    """A number with so many significant digits; digits before the point are never rounded away.

    >>> [significant(x) for x in (94.586, 101.0987, 95.0, -0.0982, 12345.6, 99.96, 0.0)]
    ['94.6', '101', '95.0', '-0.0982', '12,346', '100', '0']
    """
    if not math.isfinite(x) or x == 0:
        return number(x, 0)
    exponent = int(f"{x:.{digits - 1}e}".partition("e")[2])
    return number(x, max(0, digits - 1 - exponent))


def _notes(values: Description) -> tuple[str, ...]:
    said = ["SD with denominator N - 1; three significant digits."]
    if values.level:
        sizes = f"{values.n_min:,.0f} to {values.n_max:,.0f} rows"
        each = f"Each of {values.groups:,} groups of {values.level} ({sizes})"
        said.insert(0, f"{each} counts once, by its mean.")
    if values.about:
        said.append(values.about)
    return tuple(said)
