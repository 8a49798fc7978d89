"""The estimates of a model as tables: fixed effects, random effects, their covariances."""

from __future__ import annotations

import numpy as np

from echelon.infer import component_values
from echelon.infer.components import Component
from echelon.model.fit import LmmFit
from echelon.multilevel import reliability_values, variance_test_values
from echelon.report.inference import Inference, inference_of
from echelon.show import Entry, Heading, Section, Table
from echelon.show.cells import Row, amount, places
from echelon.show.format import integer
from echelon.show.words import inference

_CORRELATION = "Covariances of the random effects"


def fixed_table(fit: LmmFit, shown: Inference | None = None) -> Table:
    """Return the fixed effects with standard errors, tests and intervals."""
    shown = inference_of(fit) if shown is None else shown
    values, z = shown.fixed, bool(np.isinf(shown.fixed.df).all())
    rows = tuple(_fixed_row(shown, i, z=z) for i in range(len(values.names)))
    errors = ("Model SE", "Robust SE") if shown.correction else ("SE",)
    spread = f"{100 * values.level:.0f}% interval"
    if shown.intervals is not None and not shown.correction:
        spread = shown.interval_name
    heads = (
        Heading("Coefficient", "text"),
        Heading("Estimate"),
        *(Heading(name) for name in errors),
        *(() if z else (Heading("df", digits=1),)),
        Heading("z" if z else "t", digits=2),
        Heading("p", "p"),
        *(Heading(name, group=spread) for name in ("Lower", "Upper")),
    )
    how = shown.tests or inference(fit)
    left = f" Left out as combinations of others: {', '.join(fit.dropped)}." if fit.dropped else ""
    note = f"Estimates by {'REML' if fit.reml else 'ML'}; {how}; two-sided tests.{left}"
    notes = tuple(text.replace("'", "’") for text in (note, *shown.notes))
    return Table(heads, (Section(rows),), "Fixed effects", notes)


def _fixed_row(shown: Inference, i: int, *, z: bool) -> tuple[Entry | float | str, ...]:
    values, se = shown.fixed, float(shown.fixed.std_error[i])
    errors = (float(shown.model_se[i]), se) if shown.correction else (se,)
    return (
        values.names[i],
        *(_sized(x, se) for x in (float(values.estimate[i]), *errors)),
        *(() if z else (float(values.df[i]),)),
        float(values.statistic[i]),
        float(values.p_value[i]),
        *(_sized(float(x[i]), se) for x in (values.conf_low, values.conf_high)),
    )


def _sized(x: float, scale: float) -> Entry:
    """A number with the decimals that suit a scale; a dash where there is none."""
    return Entry("—") if np.isnan(x) else amount(x, places(scale, 3))


def random_table(fit: LmmFit, shown: Inference | None = None) -> Table:
    """Return the variances with standard errors and reliabilities; with one factor also tests.

    Intervals by profile or bootstrap are of the standard deviations.
    """
    limits = _limits(shown, "SD")
    several = len(fit.factors) > 1
    cells = _several_cells(fit) if several else _tested_cells(fit)
    width = len(next(iter(cells.values())))
    rows = []
    for row in component_values(fit).rows:
        if row.with_term:
            continue
        sizes = (row.variance, row.variance_se, row.sd)
        numbers = [_sized(x, x) for x in (*sizes, *_ends(shown, row))]
        own = cells.get((row.group, row.term), (None,) * width)
        rows.append((row.group, row.term, *numbers, *own))
    test = "Chi-square test"
    heads = (
        Heading("Group", "text"),
        Heading("Effect", "text"),
        *(Heading(name) for name in ("Variance", "SE", "SD")),
        *limits,
        Heading("Reliability"),
        *((Heading("EB reliability"),) if several else ()),
        *(
            ()
            if several
            else (
                Heading("χ²", digits=1, group=test),
                Heading("df", "integer", group=test),
                Heading("p", "p", group=test),
            )
        ),
    )
    notes = _several_notes() if several else _tested_notes(fit)
    if any(row.variance == 0 for row in component_values(fit).rows if not row.with_term):
        notes.append("A variance of exactly zero has no standard error.")
    if shown is not None and shown.intervals is not None:
        notes += shown.intervals.notes
    return Table(heads, (Section(tuple(rows)),), "Random effects", tuple(notes))


_Cells = dict[tuple[str, str], tuple[Entry | float | int | None, ...]]


def _tested_cells(fit: LmmFit) -> _Cells:
    """Reliability and chi-square test of each random effect of the only factor."""
    tests, lam = variance_test_values(fit), reliability_values(fit)
    return {
        (fit.factor, term): (
            float(lam.reliability[i]),
            float(tests.chi_square[i]),
            max(int(tests.df[i]), 0),
            float(tests.p_value[i]),
        )
        for i, term in enumerate(fit.effects)
    }


def _tested_notes(fit: LmmFit) -> list[str]:
    used = variance_test_values(fit).groups_used
    notes = ["SE of the variance; reliability: mean over the groups; χ²: test of no variance."]
    if 0 < used < fit.J:
        notes.append(
            f"Reliability and χ² rest on the {integer(used)} of {integer(fit.J)} "
            "groups whose own rows suffice to estimate their coefficients."
        )
    return notes


def _several_cells(fit: LmmFit) -> _Cells:
    """The two reliabilities of each random effect of several factors."""
    made: _Cells = {}
    for factor in fit.factors:
        found = reliability_values(fit, factor)
        pairs = zip(found.reliability.tolist(), found.determined.tolist(), strict=True)
        for term, (own, eb) in zip(found.terms, pairs, strict=True):
            made[factor, term] = (Entry("—") if np.isnan(own) else own, eb)
    return made


def _several_notes() -> list[str]:
    return [
        "SE of the variance. Reliability: of the groups’ own estimates, mean over the groups, for "
        "nested factors only. EB reliability: 1 - conditional variance / variance, mean over the "
        "groups. The χ² test of a variance is defined for one grouping factor only."
    ]


def _limits(shown: Inference | None, of: str) -> tuple[Heading, ...]:
    """The headings of intervals by profile or bootstrap; none for others."""
    if shown is None or shown.intervals is None:
        return ()
    return tuple(Heading(name, group=f"{shown.interval_name}, {of}") for name in ("Lower", "Upper"))


def _ends(shown: Inference | None, row: Component) -> tuple[float, ...]:
    if shown is None or shown.intervals is None:
        return ()
    return shown.of_component(row)


def covariance_table(fit: LmmFit, shown: Inference) -> Table | None:
    """Return the covariances of the random effects; None where there are none."""
    found = [row for row in component_values(fit).rows if row.with_term]
    if not found:
        return None
    heads = (
        *(Heading(name, "text") for name in ("Group", "Effect", "with")),
        *(Heading(name) for name in ("Covariance", "SE", "Correlation")),
        *_limits(shown, "correlation"),
    )
    rows: tuple[Row, ...] = tuple(
        (
            *(row.group, row.term, row.with_term if row.with_term != row.term else None),
            *(row.variance, row.variance_se, row.sd),
            *(_sized(x, 1.0) for x in _ends(shown, row)),
        )
        for row in found
    )
    return Table(heads, (Section(rows),), _CORRELATION)
