"""Profile-likelihood intervals as a table."""

from __future__ import annotations

import numpy as np

from echelon.infer.profile import Profile
from echelon.show.cells import Row, places
from echelon.show.table import Entry, Heading, Section, Table


def profile_table(profile: Profile, *, level: float | None = None, digits: int = 3) -> Table:
    """Estimates with their profile-likelihood limits.

    Parameters
    ----------
    level : coverage; None for the one the profile was made for
    digits : decimals at least, more where the numbers are small

    Returns
    -------
    Table : the notes say which criterion was profiled, and which limits are bounds

    Examples
    --------
    >>> import echelon as ec
    >>> sleep = ec.datasets.load("sleepstudy", quiet=True)
    >>> fit = ec.lmer("Reaction ~ Days + (1 | Subject)", sleep)
    >>> profile_table(fit.profile("Days")).to_text().splitlines()[6].split()
    ['Days', '10.467', '8.887', '12.048']
    """
    found = profile.intervals(level)
    numbers = zip(found.estimate.tolist(), found.low.tolist(), found.high.tolist(), strict=True)
    rows = [_row(name, *three, digits) for name, three in zip(found.names, numbers, strict=True)]
    split = sum(each.fixed for each in profile.parameters)
    ordered = all(each.fixed for each in profile.parameters[:split])
    sections: tuple[Section, ...] = (Section(tuple(rows)),)
    if 0 < split < len(rows) and ordered:
        parts = (("Fixed effects", rows[:split]), ("Random effects", rows[split:]))
        sections = tuple(Section(tuple(part), title) for title, part in parts)
    span = f"{100 * found.level:.6g}% profile interval"
    heads = (
        Heading("", "text"),
        Heading("Estimate", digits=digits),
        *(Heading(name, digits=digits, group=span) for name in ("Lower", "Upper")),
    )
    title = f"Profile likelihood of {' '.join(profile.fit.spec.formula.split())}"
    return Table(heads, sections, title, found.notes)


def _row(name: str, estimate: float, low: float, high: float, digits: int) -> Row:
    """A row with the decimals of the width of its interval."""
    width = high - low if np.isfinite(high - low) else abs(estimate)
    known = places(width / 4, digits)
    shown = (Entry(x if np.isfinite(x) else None, digits=known) for x in (estimate, low, high))
    return (name, *shown)
