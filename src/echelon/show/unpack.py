"""Tables of the multilevel workflow: groups unpacked, one-way analysis, reliability."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from echelon.errors import UnknownOption
from echelon.multilevel.groups import GroupValues
from echelon.multilevel.oneway import OneWay
from echelon.multilevel.reliability import Reliability
from echelon.show.cells import Row, amount, label_cell, places, typical_places
from echelon.show.components import components_table
from echelon.show.describe import description_table
from echelon.show.table import Entry, Heading, Section, Table

Array = NDArray[np.float64]

__all__ = [
    "components_table",
    "description_table",
    "groups_table",
    "oneway_table",
    "reliability_table",
]


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
        percent, reliability, empirical Bayes estimate with its SE and interval. In a model of
        several grouping factors: group, n, mean, estimate after the other factors, reliability,
        empirical Bayes estimate.

    Raises
    ------
    UnknownOption : `term` is no random coefficient of the model

    Examples
    --------
    >>> import echelon as ec
    >>> from echelon.multilevel.groups import group_values
    >>> timss = ec.datasets.load("timss", quiet=True)
    >>> fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    >>> groups_table(group_values(fit)).to_text().splitlines()[6].split()[:7]
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
    own: tuple[Heading, ...] = (
        Heading("Mean" if values.effects == ("(Intercept)",) else "OLS", group=sample),
        Heading("V", group=sample),
        Heading("SE", group=sample),
        Heading("Delta"),
        Heading("Weight %"),
    )
    if values.others:
        own = (Heading("Mean", group=sample), Heading("Adjusted", group=sample))
    heads = (
        Heading(values.factor, "text"),
        Heading("n", "integer"),
        *own,
        Heading("Reliability"),
        *(Heading(name, group=eb) for name in ("Estimate", "SE", "Lower", "Upper")),
    )
    notes = (_columns_note(values), _interval_note(values))
    return Table(heads, sections, f"Groups of {values.factor}", notes)


def _columns_note(values: GroupValues) -> str:
    if values.others:
        return (
            "Adjusted: the group's own estimate, if its effect is taken as fixed and those of all "
            "other groups as random; the empirical Bayes estimate is shrunk from it, and leaves "
            f"the effects of {' and '.join(values.others)} at zero. Reliability: 1 - conditional "
            "variance / variance."
        )
    return (
        "V: error variance of the observed estimate; Delta: variance between groups + V; weight: "
        "share of 1 / Delta; reliability: variance between groups / Delta."
    )


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
    own: Sequence[tuple[Array, int]] = (
        (values.ols, size),
        (values.V, typical_places(values.V[:, i], digits)),
        (values.SE, size),
        (values.Delta, typical_places(values.Delta[:, i], digits)),
        (values.weight, typical_places(values.weight[:, i], 2)),
    )
    if values.others:
        mean = np.repeat(values.mean[:, None], values.ols.shape[1], axis=1)
        own = ((mean, size), (values.ols, size))
    columns: Sequence[tuple[Array, int]] = (
        *own,
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


def oneway_table(values: OneWay, *, digits: int = 2) -> Table:
    """A one-way analysis: naive, balanced, moment and REML estimates side by side.

    Parameters
    ----------
    values : from `oneway_values`
    digits : decimals, more where a number would otherwise show fewer than two digits

    Examples
    --------
    >>> import echelon as ec
    >>> from echelon.multilevel.oneway import oneway_values
    >>> timss = ec.datasets.load("timss", quiet=True)
    >>> table = oneway_table(oneway_values("bsmmatxx", "idschool", timss))
    >>> for line in table.to_text().splitlines()[4:8]:
    ...     print(line)
    Overall mean               482.64    482.78                 482.76
    SE of the mean                        13.60                  13.67
    Variance between groups  3,697.67  3,515.16    3,910.30   3,557.72
    Variance within groups             5,440.81    5,440.81   5,439.90
    """
    v = values
    se = math.sqrt(v.var_groups / v.J)
    rows = (
        ("Overall mean", v.mean_rows, v.mean_groups, None, v.gamma00),
        ("SE of the mean", None, se, None, v.gamma00_se),
        ("Variance between groups", v.var_groups, v.tau00_balanced, v.tau00_anova, v.tau00),
        ("Variance within groups", None, v.within, v.within, v.sigma2),
        ("ICC", None, None, Entry(v.icc_anova, digits=3), Entry(v.icc, digits=3)),
        ("Mean square between", None, None, v.between, None),
        ("n0", None, None, v.n0, None),
        (f"F({v.df1}, {v.df2})", None, None, v.F, None),
        ("p", None, None, Entry(v.p, "p", 3), None),
    )
    made = tuple((name, *(_shown(x, digits) for x in cells)) for name, *cells in rows)
    heads = (
        Heading("", "text"),
        *(Heading(name, digits=digits) for name in ("Naive", "Balanced", "ANOVA", "REML")),
    )
    title = f"{v.response} in groups of {v.factor}"
    return Table(heads, (Section(made),), title, _oneway_notes(v))


def _shown(value: float | Entry | None, digits: int) -> Entry | None:
    if value is None or isinstance(value, Entry):
        return value
    return amount(value, places(value, digits))


def _oneway_notes(values: OneWay) -> tuple[str, ...]:
    v = values
    sizes = f"{v.n_min} rows each" if v.balanced else (
        f"{v.n_min} to {v.n_max} rows (mean {v.n_mean:.2f}, harmonic mean {v.n_harmonic:.2f})"
    )  # fmt: skip
    negative = "A negative moment estimate of a variance counts as zero."
    return (
        f"{v.n:,} rows in {v.J:,} groups of {sizes}.",
        "Naive: mean of the rows, variance of the group means, which holds their sampling error "
        "too. Balanced: mean and variance of the group means, less the variance within over the "
        "harmonic mean size. ANOVA: from mean squares, (MSB - MSW) / n0. REML: precision-weighted.",
        *((negative,) if min(v.tau00_anova, v.tau00_balanced) < 0 else ()),
        *((v.about,) if v.about else ()),
    )


def reliability_table(values: Reliability, *, digits: int = 3) -> Table:
    """Overall reliability of each random coefficient.

    Parameters
    ----------
    values : from `reliability_values(fit)`

    Examples
    --------
    >>> share = np.array([0.952, 0.31])
    >>> values = Reliability("school", ("(Intercept)", "ses"), share, 20, share)
    >>> reliability_table(values).to_text().splitlines()[4].split()
    ['(Intercept)', '0.952']
    """
    rows = tuple((term, float(x)) for term, x in zip(values.terms, values.reliability, strict=True))
    heads = (Heading("Random coefficient", "text"), Heading("Reliability", digits=digits))
    note = (
        f"Mean over the {values.groups_used:,} groups of {values.factor} whose own estimate exists."
    )
    if not values.groups_used:
        rows = tuple((t, float(x)) for t, x in zip(values.terms, values.determined, strict=True))
        note = (
            f"Mean of 1 - conditional variance / variance over the groups of {values.factor}: "
            "groups whose effects overlap those of other factors have no estimate of their own."
        )
    return Table(heads, (Section(rows),), "Reliability", (note,))
