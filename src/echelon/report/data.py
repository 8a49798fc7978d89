"""What the model was fitted to: rows, groups, what is missing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from echelon.model.fit import LmmFit
from echelon.multilevel import GroupValues
from echelon.multilevel.factors import is_nested
from echelon.report.markup import code, counted, facts, paragraph, said, section, share, table_box
from echelon.show import Heading, Section, Table
from echelon.show.format import integer


def data_section(fit: LmmFit, *groups: GroupValues) -> str:
    """Return the section on the data and what was left out of them.

    Parameters
    ----------
    groups : the groups of every factor, unpacked
    """
    return section(
        "data", "Data", [paragraph(_source(fit)), facts(_facts(fit, groups)), *_missing(fit)]
    )


def _source(fit: LmmFit) -> str:
    missing = fit.source.missing
    if fit.source.kind == "summaries":
        return (
            f"The model was fitted to summaries, not to rows: n, mean and standard deviation of "
            f"{counted(max(len(g.levels) for g in fit.moments.groups), 'group', 'groups')}, which "
            f"stand for {counted(fit.n, 'row', 'rows')}."
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


def _facts(fit: LmmFit, groups: Sequence[GroupValues]) -> list[tuple[str, str]]:
    pairs = [("Response", code(fit.response)), ("Rows", integer(fit.n))]
    if len(groups) == 1:
        (one,) = groups
        pairs[1:] = [
            ("Groups", code(one.factor)),
            ("Number of groups", integer(len(one.levels))),
            ("Rows", integer(fit.n)),
            ("Rows per group", _sizes(one)),
        ]
    for values in groups if len(groups) > 1 else ():
        name, J = code(values.factor), integer(len(values.levels))
        held = [other for g, other in enumerate(fit.factors) if _holds(fit, values.factor, g)]
        inside = f", each within one group of {' and of '.join(map(code, held))}" if held else ""
        pairs.append(("Groups", f"{J} of {name}{inside}; rows per group: {_sizes(values)}"))
    for values in groups:
        single = int((values.n == 1).sum())
        of = f" ({values.factor})" if len(groups) > 1 else ""
        if single:
            pairs.append((f"Groups of a single row{of}", integer(single)))
    return pairs + _response(fit, groups)


def _holds(fit: LmmFit, factor: str, other: int) -> bool:
    return is_nested(fit, fit.factors.index(factor), other)


def _sizes(values: GroupValues) -> str:
    n = values.n
    if n.min() == n.max():
        return f"all {integer(n[0])}"
    middle = f"{np.median(n):,.1f}".removesuffix(".0")
    return f"{integer(n.min())} to {integer(n.max())}; median {middle}, mean {n.mean():,.1f}"


def _response(fit: LmmFit, groups: Sequence[GroupValues]) -> list[tuple[str, str]]:
    """Mean and SD of the response; with weights or an offset they describe something else."""
    moments = fit.moments
    design = None if fit.built is None else fit.built.design
    moved = design is not None and (design.offset is not None or design.precision is not None)
    if moved or moments.n < 2:
        return []
    sd = float(np.sqrt(moments.cross[-1, -1] / (moments.n - 1)))
    name = "Mean and SD of the response over all rows"
    pairs = [(name, f"{said(moments.centre[-1], sd, 4)} and {said(sd, sd, 4)}")]
    for values in groups if fit.names == ("(Intercept)",) else ():
        if values.effects == ("(Intercept)",):
            of = f" of {values.factor}" if len(groups) > 1 else ""
            spread = float(values.mean.std(ddof=1))
            text = f"{said(float(values.mean.mean()), sd, 4)} and {said(spread, sd, 4)}"
            pairs.append((f"Mean and SD of the group means{of}", text))
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
