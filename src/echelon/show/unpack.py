"""Tables of what lies behind a model: variance components, groups, one-way quantities."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from echelon.errors import UnknownOption
from echelon.infer.components import Component, component_values
from echelon.model.fit import LmmFit
from echelon.multilevel.groups import GroupValues
from echelon.show.cells import Row, amount, label_cell, places, typical_places
from echelon.show.table import Heading, Section, Table

Array = NDArray[np.float64]

def components_table(fit: LmmFit, *, digits: int = 3, title: str = "Random effects") -> Table:
    """Variance components: variance, SD with its standard error, and correlations.

    Parameters
    ----------
    digits : decimals, more where a number would otherwise show fewer than two digits

    Returns
    -------
    Table : one row a random effect and one for the residual; a correlation stands in the row of
        the later effect under the name of the earlier one, as in lme4

    Examples
    --------
    >>> import echelon as ec
    >>> timss = ec.datasets.load("timss", quiet=True)
    >>> print(components_table(ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)))
    Random effects
    ──────────────────────────────────────────────────
    Group     Effect        Variance      SD  SE of SD
    ──────────────────────────────────────────────────
    idschool  (Intercept)  3,557.715  59.647    10.112
    Residual               5,439.903  73.756     2.060
    ──────────────────────────────────────────────────
    """
    rows = component_values(fit).rows
    pairs = {(r.with_term, r.term): r.sd for r in rows if r.with_term}
    across = [e for e in fit.effects if any(e == earlier for _, earlier in pairs)]
    heads = (
        Heading("Group", "text"),
        Heading("Effect", "text"),
        *(Heading(name, digits=digits) for name in ("Variance", "SD", "SE of SD")),
        *(Heading(name, digits=3, group="Correlation with") for name in across),
    )
    made = []
    for row in (r for r in rows if not r.with_term):
        sizes = (row.variance, row.sd, row.sd_se)
        made.append(
            (
                row.group if row.term in ("", *fit.effects[:1]) else "",
                row.term,
                *(amount(x, places(x, digits)) for x in sizes),
                *(pairs.get((row.term, other)) for other in across),
            )
        )
    return Table(heads, (Section(tuple(made)),), title)


def component_label(row: Component) -> str:
    """A variance component in words: "idschool: (Intercept)", "Residual".

    >>> component_label(Component("school", "ses", "", 4.0, 1.0, 2.0, 0.25))
    'school: ses'
    """
    if row.with_term:
        return f"{row.group}: correlation of {row.term}, {row.with_term}"
    return f"{row.group}: {row.term}" if row.term else row.group


def groups_table(values: GroupValues, *, term: str | None = None, digits: int = 2) -> Table:
    """The groups of a fit, unpacked: what each says, what it weighs, how far it is shrunk.

    Parameters
    ----------
    values : from `group_values(fit)`
    term : one random coefficient; None for all, one below the other
    digits : decimals, more where the numbers are small

    Returns
    -------
    Table : group, n, mean (least squares estimate with predictors), V, SE, Delta, weight in
        percent, reliability, empirical Bayes estimate with its SE and interval

    Raises
    ------
    UnknownOption : `term` is no random coefficient of the model

    Examples
    --------
    >>> import echelon as ec
    >>> from echelon.multilevel.groups import group_values
    >>> timss = ec.datasets.load("timss", quiet=True)
    >>> fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    >>> groups_table(group_values(fit)).to_text().splitlines()[5].split()[:7]
    ['5036', '41', '484.25', '132.68', '11.52', '3,690.40', '5.07']
    """
    if term is not None and term not in values.effects:
        raise UnknownOption("term", term, values.effects)
    chosen = [i for i, name in enumerate(values.effects) if term in (None, name)]
    several = len(values.effects) > 1
    sections = tuple(
        Section(_group_rows(values, i, digits), values.effects[i] if several else "")
        for i in chosen
    )
    sample, eb = "Observed", "Empirical Bayes"
    heads = (
        Heading(values.factor, "text"),
        Heading("n", "integer"),
        Heading("Mean" if values.effects == ("(Intercept)",) else "OLS", group=sample),
        Heading("V", group=sample),
        Heading("SE", group=sample),
        Heading("Delta"),
        Heading("Weight %"),
        Heading("Reliability"),
        *(Heading(name, group=eb) for name in ("Estimate", "SE", "Lower", "Upper")),
    )
    notes = (
        "V: error variance of the observed estimate; Delta: variance between groups + V; weight: "
        "share of 1 / Delta; reliability: variance between groups / Delta.",
        _interval_note(values),
    )
    return Table(heads, sections, f"Groups of {values.factor}", notes)


def _counts_fixed(values: GroupValues) -> bool:
    """Whether the intervals are made from the SE that counts the fixed effects' uncertainty."""
    reach = values.conf_high - values.eb
    return _spread(reach, values.posterior_se) <= _spread(reach, values.conditional_sd)


def _spread(reach: Array, se: Array) -> float:
    usable = np.isfinite(reach) & (se > 0)
    ratio = reach[usable] / se[usable]
    return float(np.ptp(ratio)) if ratio.size else 0.0


def _interval_note(values: GroupValues) -> str:
    total = _counts_fixed(values)
    se = values.posterior_se if total else values.conditional_sd
    usable = se > 0
    if not usable.any():
        return ""
    z = float(np.median((values.conf_high - values.eb)[usable] / se[usable]))
    level = f"{100 * math.erf(z / math.sqrt(2)):.4g}%"
    counts = "counts" if total else "does not count"
    return (
        f"Empirical Bayes estimates with {level} intervals; their SE {counts} the uncertainty of "
        "the fixed effects."
    )


def _group_rows(values: GroupValues, i: int, digits: int) -> tuple[Row, ...]:
    se = values.posterior_se if _counts_fixed(values) else values.conditional_sd
    size = typical_places(se[:, i], digits)
    columns: Sequence[tuple[Array, int]] = (
        (values.ols, size),
        (values.V, typical_places(values.V[:, i], digits)),
        (values.SE, size),
        (values.Delta, typical_places(values.Delta[:, i], digits)),
        (values.weight, typical_places(values.weight[:, i], 2)),
        (values.reliability, 3),
        (values.eb, size),
        (se, size),
        (values.conf_low, size),
        (values.conf_high, size),
    )
    cells = [[amount(float(x), d) for x in array[:, i]] for array, d in columns]
    return tuple(
        (label_cell(label), int(n), *row)
        for label, n, row in zip(values.levels, values.n, zip(*cells, strict=True), strict=True)
    )
