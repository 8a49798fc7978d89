"""Bootstrap replicates as a table: estimate, bias, standard error, interval."""

from __future__ import annotations

import numpy as np

from echelon.infer.bootstrap import (
    Bootstrap,
    Interval,
    Scale,
    bootstrap_intervals,
    failures,
)
from echelon.infer.bootstrap.result import rescaled
from echelon.show.cells import Row, places
from echelon.show.table import Entry, Heading, Section, Table

_KINDS = {
    "parametric": "Parametric bootstrap: responses drawn from the fitted model",
    "case": "Case bootstrap: whole groups drawn with replacement",
    "residual": "Residual bootstrap: reflated residuals of every level drawn with replacement",
}
_INTERVALS = {"percentile": "percentile", "basic": "basic", "bca": "BCa"}


def bootstrap_table(
    result: Bootstrap,
    *,
    level: float = 0.95,
    interval: Interval = "percentile",
    scale: Scale = "sd",
    digits: int = 3,
) -> Table:
    """Estimate, bias, standard error and interval of every number, with what the replicates did.

    Parameters
    ----------
    level, interval, scale : as in `bootstrap_intervals`
    digits : decimals at least, more where the numbers are small

    Returns
    -------
    Table : the notes count the replicates and say what failed

    Examples
    --------
    >>> import echelon as ec
    >>> sleep = ec.datasets.load("sleepstudy", quiet=True)
    >>> fit = ec.lmer("Reaction ~ Days + (1 | Subject)", sleep)
    >>> for note in bootstrap_table(fit.bootstrap(n=199, rng=1)).notes:
    ...     print(note)
    Parametric bootstrap: responses drawn from the fitted model.
    199 replicates: 199 converged.
    """
    found = bootstrap_intervals(result, level=level, interval=interval, scale=scale)
    shown = rescaled(result, scale)
    rows = [
        _row(name, numbers, digits)
        for name, *numbers in zip(
            found.names,
            found.estimate.tolist(),
            shown.bias.tolist(),
            shown.std_error.tolist(),
            found.low.tolist(),
            found.high.tolist(),
            strict=True,
        )
    ]
    split = result.fixed
    parts = (("Fixed effects", rows[:split]), ("Random effects", rows[split:]))
    sections = tuple(Section(tuple(part), title) for title, part in parts if part)
    if not split:
        sections = (Section(tuple(rows)),)
    span = f"{100 * level:g}% {_INTERVALS[interval]} interval"
    heads = (
        Heading("", "text"),
        *(Heading(name, digits=digits) for name in ("Estimate", "Bias", "SE")),
        *(Heading(name, digits=digits, group=span) for name in ("Lower", "Upper")),
    )
    title = f"Bootstrap of {' '.join(result.fit.spec.formula.split())}"
    return Table(heads, sections, title, _notes(result, found.notes))


def _row(name: str, numbers: list[float], digits: int) -> Row:
    """A row with the decimals of its standard error."""
    known = places(numbers[2], digits)
    estimate, bias, *others = numbers
    # a bias too small for these decimals is zero, not a number in another notation
    cells = (estimate, round(bias, known), *others)
    return (name, *(Entry(x if np.isfinite(x) else None, digits=known) for x in cells))


def _notes(result: Bootstrap, notes: tuple[str, ...]) -> tuple[str, ...]:
    kind = _KINDS[result.kind]
    if result.kind == "case":
        kind = kind.replace("groups", f"groups of {_top(result)}")
    words = {"converged": "converged", "boundary": "on the boundary", "failed": "failed"}
    counted = ", ".join(f"{c:,} {words[name]}" for name, c in result.counts.items() if c)
    first = (f"{kind}.", f"{len(result):,} replicates: {counted}.")
    left_out = f"{failures(result)} They are left out."
    # a table has them once, whatever the intervals say
    return (
        *first,
        *((left_out,) if result.counts["failed"] else ()),
        *(note for note in notes if note != left_out),
    )


def _top(result: Bootstrap) -> str:
    groups = result.fit.moments.groups
    return min(groups, key=lambda group: len(group.levels)).factor
