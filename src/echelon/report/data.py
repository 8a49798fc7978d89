"""What the model was fitted to: rows, groups, what is missing."""

from __future__ import annotations

import numpy as np

from echelon.model.fit import LmmFit
from echelon.multilevel import GroupValues
from echelon.report.markup import code, counted, facts, paragraph, said, section, share, table_box
from echelon.show import Heading, Section, Table
from echelon.show.format import integer


def data_section(fit: LmmFit, groups: GroupValues) -> str:
    """Return the section on the data and what was left out of them."""
    return section(
        "data", "Data", [paragraph(_source(fit)), facts(_facts(fit, groups)), *_missing(fit)]
    )


def _source(fit: LmmFit) -> str:
    missing = fit.source.missing
    if fit.source.kind == "summaries":
        return (
            f"The model was fitted to summaries, not to rows: n, mean and standard deviation of "
            f"{counted(fit.J, 'group', 'groups')}, which stand for {counted(fit.n, 'row', 'rows')}."
        )
    if missing.n_used == missing.n_total:
        return f"All {counted(fit.n, 'row', 'rows')} of the table were used; no value was missing."
    dropped = missing.n_total - missing.n_used
    lost = f"{counted(dropped, 'row was', 'rows were')} left out"
    return (
        f"{integer(missing.n_used)} of {counted(missing.n_total, 'row', 'rows')} were used. "
        f"{lost} ({share(dropped / missing.n_total)}) because a variable of the model is missing. "
        "Leaving rows out does no harm if being missing does not depend on the response, given "
        "the predictors."
    )


def _facts(fit: LmmFit, groups: GroupValues) -> list[tuple[str, str]]:
    n = groups.n
    middle = f"{np.median(n):,.1f}".removesuffix(".0")
    single = int((n == 1).sum())
    pairs = [
        ("Response", code(fit.response)),
        ("Groups", code(fit.factor)),
        ("Number of groups", integer(fit.J)),
        ("Rows", integer(fit.n)),
        (
            "Rows per group",
            f"all {integer(n[0])}"
            if n.min() == n.max()
            else f"{integer(n.min())} to {integer(n.max())}; median {middle}, mean {n.mean():,.1f}",
        ),
    ]
    if single:
        pairs.append(("Groups of a single row", integer(single)))
    return pairs + _response(fit, groups)


def _response(fit: LmmFit, groups: GroupValues) -> list[tuple[str, str]]:
    """Mean and SD of the response; with weights or an offset they describe something else."""
    moments = fit.moments
    design = None if fit.built is None else fit.built.design
    moved = design is not None and (design.offset is not None or design.precision is not None)
    if moved or moments.n < 2:
        return []
    sd = float(np.sqrt(moments.cross[-1, -1] / (moments.n - 1)))
    name = "Mean and SD of the response over all rows"
    pairs = [(name, f"{said(moments.centre[-1], sd, 4)} and {said(sd, sd, 4)}")]
    if fit.effects == ("(Intercept)",) and fit.names == ("(Intercept)",):
        means = groups.ols[:, 0]
        spread = float(means.std(ddof=1))
        text = f"{said(float(means.mean()), sd, 4)} and {said(spread, sd, 4)}"
        pairs.append(("Mean and SD of the group means", text))
    return pairs


def _missing(fit: LmmFit) -> list[str]:
    """The missing values by variable; one row may lack several."""
    missing = fit.source.missing
    if not missing.by_variable:
        return []
    rows = tuple((name, count, count / missing.n_total) for name, count in missing.by_variable)
    heads = (
        Heading("Variable", "text"),
        Heading("Missing", "integer"),
        Heading("Share", "percent", 1),
    )
    note = "A row may lack several variables: the counts can exceed the rows left out."
    table = Table(heads, (Section(rows),), "Missing values by variable", (note,))
    return ["<h3>Missing values by variable</h3>", table_box(table, "missing")]
