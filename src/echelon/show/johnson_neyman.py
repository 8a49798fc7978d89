"""Johnson-Neyman regions as a table."""

from __future__ import annotations

import numpy as np

from echelon.infer.marginal.johnson_neyman import JohnsonNeyman, Region
from echelon.show.cells import amount, places
from echelon.show.slopes import freedom_note
from echelon.show.table import Cell, Entry, Heading, Section, Table

_SIGNS = {1: "above zero", -1: "below zero", 0: "not different from zero"}


def regions_table(found: JohnsonNeyman, *, digits: int = 3) -> Table:
    """Where the effect differs from zero, and the effect at the boundaries and the data's ends.

    Parameters
    ----------
    digits : decimals at least, more where the numbers are small

    Examples
    --------
    >>> import echelon as ec
    >>> hsb = ec.datasets.load("hsb", quiet=True)
    >>> fit = ec.lmer("mathach ~ ses * meanses + (ses | school)", hsb)
    >>> fit.johnson_neyman("ses", "meanses").table().title
    'Where the slope of ses differs from zero along meanses'
    """
    total = sum(region.rows for region in found.regions)
    many = found.factor != ""
    heads = (
        Heading("From", digits=digits, group=found.moderator),
        Heading("to", digits=digits, group=found.moderator),
        Heading("Slope" if found.effect.startswith("slope") else found.effect, "text"),
        Heading("Rows", "integer"),
        Heading("of all", "percent", 1),
        *((Heading(f"Groups of {found.factor}", "integer"),) if many else ()),
    )
    rows = tuple(
        (
            _end(region.low, digits),
            _end(region.high, digits),
            _SIGNS[region.sign],
            region.rows,
            region.rows / total,
            *((region.groups,) if many else ()),
        )
        for region in found.regions
    )
    effect = found.effect if found.effect.startswith("slope") else f"difference {found.effect}"
    where = f" at {', '.join(found.given)}" if found.given else ""
    title = f"Where the {effect} differs from zero along {found.moderator}{where}"
    notes = (_sentence(found), *found.notes, _tests(found))
    return Table(heads, (Section(rows),), title, notes)


def _end(value: float, digits: int) -> Cell | Entry:
    if np.isinf(value):
        return "−∞" if value < 0 else "∞"
    return amount(value, places(value, digits, 3))


def _sentence(found: JohnsonNeyman) -> str:
    """The finding in words."""
    there = [region for region in found.regions if region.sign != 0]
    if not there:
        return f"The effect differs from zero at no value of {found.moderator}."
    if len(found.regions) == 1:
        return f"The effect is {_SIGNS[there[0].sign]} at every {found.moderator} looked at."
    said = [f"{_SIGNS[region.sign]} {_stretch(region, found.moderator)}" for region in there]
    return f"The effect is {', and '.join(said)}."


def _stretch(region: Region, moderator: str) -> str:
    low, high = (f"{value:.4g}".replace("-", "−") for value in (region.low, region.high))
    if np.isinf(region.low):
        return f"where {moderator} < {high}"
    if np.isinf(region.high):
        return f"where {moderator} > {low}"
    return f"for {moderator} from {low} to {high}"


def _tests(found: JohnsonNeyman) -> str:
    at = f"{1 - found.level:.4g}"
    return f"Two-sided tests at {at} at each value by itself. {freedom_note(found.method)}"
