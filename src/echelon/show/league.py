"""Ranks, comparison intervals and two groups compared, as tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from echelon.model.fit import LmmFit
from echelon.multilevel.compare_groups import GroupComparison
from echelon.multilevel.comparison_intervals import ComparisonIntervals
from echelon.multilevel.ranks import Ranks
from echelon.show.cells import Row, amount, label_cell, places, typical_places
from echelon.show.format import integer
from echelon.show.table import Entry, Heading, Section, Table

_ENDS = 10  # groups from each end of a table that is cut


def ranks_table(ranks: Ranks, *, most: int | None = None, digits: int = 2) -> Table:
    """The league table: each group's rank with its interval, best estimate first.

    Parameters
    ----------
    most : with more groups than this only the first and the last ten; None for all
    digits : decimals of the estimates, more where they are small

    Examples
    --------
    >>> import echelon as ec
    >>> timss = ec.datasets.load("timss", quiet=True)
    >>> fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    >>> fit.ranks().table().to_text().splitlines()[6].split()[:2]
    ['5110', '41']
    """
    size, share = typical_places(ranks.std_error, digits), integer(ranks.top_count)
    rank, chance = f"Rank, {_level(ranks.level)}", "Probability"
    heads = (
        Heading(ranks.factor, "text"),
        Heading("n", "integer"),
        Heading("Estimate", digits=size),
        Heading("SE", digits=size),
        Heading("Rank", "text"),
        Heading("Median", "text", group=rank),
        Heading("Lower", "integer", group=rank),
        Heading("Upper", "integer", group=rank),
        *(
            Heading(name, "p", digits=2, group=chance)
            for name in (f"Top {share}", f"Last {share}", _beyond(ranks))
        ),
    )
    order = np.argsort(ranks.rank, kind="stable")
    sections = tuple(
        Section(tuple(_rank_row(ranks, int(j), size) for j in part), title)
        for part, title in _ends(order, most)
    )
    title = f"Ranks of {integer(ranks.J)} groups of {ranks.factor} by {_what(ranks.fit, ranks)}"
    return Table(heads, sections, title, _rank_notes(ranks))


def _rank_row(ranks: Ranks, j: int, size: int) -> Row:
    return (
        label_cell(ranks.levels[j]),
        int(ranks.count[j]),
        amount(float(ranks.estimate[j]), size),
        amount(float(ranks.std_error[j]), size),
        f"{ranks.rank[j]:g}",
        f"{ranks.median_rank[j]:g}",
        int(ranks.rank_low[j]),
        int(ranks.rank_high[j]),
        float(ranks.p_top[j]),
        float(ranks.p_bottom[j]),
        float(ranks.p_above[j]),
    )


def _ends(order: NDArray[np.intp], most: int | None) -> Sequence[tuple[NDArray[np.intp], str]]:
    """The rows in one section, or the first and the last of many."""
    if most is None or len(order) <= max(most, 2 * _ENDS):
        return ((order, ""),)
    left = integer(len(order) - 2 * _ENDS)
    return (
        (order[:_ENDS], f"The first {_ENDS}"),
        (order[-_ENDS:], f"{left} further, the last {_ENDS}"),
    )


def _rank_notes(ranks: Ranks) -> tuple[str, ...]:
    lost = int(ranks.undecided.sum())
    notes = [
        f"Rank 1 is the {ranks.best}. {integer(lost)} of {integer(ranks.J)} groups cannot be told "
        "from the middle of the table: their interval of the rank holds it.",
        f"{_beyond(ranks)}: the average of all groups.",
        _of_words(ranks.fit, ranks.factor, ranks.of),
        f"{integer(ranks.n)} draws from the joint law of the groups, the uncertainty of the fixed "
        "effects counted, that of the variances not. Monte Carlo standard errors: at most "
        f"{float(np.max(_errors(ranks))):.3f} in a probability, "
        f"{float(ranks.mean_rank_mcse.max()):.2g} in a mean rank.",
    ]
    if ranks.coarse > 1:
        notes.append(f"Ranks were counted in steps of up to {ranks.coarse}.")
    return tuple(notes)


def _beyond(ranks: Ranks) -> str:
    return "Above" if ranks.best == "highest" else "Below"


def _errors(ranks: Ranks) -> NDArray[np.float64]:
    each = (ranks.p_top, ranks.p_bottom, ranks.p_above)
    return np.concatenate([ranks.mcse(p) for p in each])


def _what(fit: LmmFit, found: Ranks | ComparisonIntervals | GroupComparison) -> str:
    """What groups are ranked or compared by."""
    term = "" if found.term == "(Intercept)" else f" of {found.term}"
    if found.of == "effect":
        return f"their effect on {fit.response}{term and ' by way' + term}"
    return f"the intercept of {fit.response}" if not term else f"their coefficient{term}"


def _of_words(fit: LmmFit, factor: str, of: str) -> str:
    others = [name for name in fit.factors if name != factor]
    rest = f" The effects of {' and '.join(others)} are left out." if others else ""
    if of == "effect":
        return (
            "Effect: what a group is beyond its prediction from the fixed effects, its SE given "
            f"these.{rest}"
        )
    return f"Coefficient: the prediction from the fixed effects plus the group's effect.{rest}"


def comparison_table(
    found: ComparisonIntervals, *, most: int | None = None, digits: int = 2
) -> Table:
    """Estimates with intervals that may be compared by eye, highest first.

    Parameters
    ----------
    most : with more groups than this only the first and the last ten; None for all
    digits : decimals of the estimates, more where they are small
    """
    size = typical_places(found.comparative_se, digits)
    heads = (
        Heading(found.factor, "text"),
        Heading("n", "integer"),
        *(Heading(name, digits=size) for name in ("Estimate", "Comparative SE")),
        *(Heading(name, digits=size, group="Comparison interval") for name in ("Lower", "Upper")),
    )
    order = np.argsort(-found.estimate, kind="stable")
    arrays = (found.estimate, found.comparative_se, found.low, found.high)
    sections = tuple(
        Section(
            tuple(
                (
                    label_cell(found.levels[j]),
                    int(found.count[j]),
                    *(amount(float(x[j]), size) for x in arrays),
                )
                for j in part
            ),
            title,
        )
        for part, title in _ends(order, most)
    )
    title = f"Comparison intervals of {integer(found.J)} groups of {found.factor}: "
    title += _what(found.fit, found)
    return Table(heads, sections, title, _comparison_notes(found))


def _comparison_notes(found: ComparisonIntervals) -> tuple[str, ...]:
    alpha, pairs = f"{100 * (1 - found.level):.4g}%", integer(found.pairs)
    low, high = (f"{100 * x:.2g}%" for x in found.pair_levels)
    used = "" if found.pairs_used == found.pairs else f" (over {integer(found.pairs_used)} of them)"
    ways = {
        "none": f"Two groups whose intervals do not overlap differ at a level of {alpha} on "
        f"average over the {pairs} pairs{used}; for a single pair the level is {low} to {high}. "
        "For one pair chosen in advance, not for all at once.",
        "simultaneous": f"Any groups whose intervals do not overlap differ: the chance that any of "
        f"the {pairs} pairs is found to differ by mistake is {alpha} (simulated, Monte Carlo "
        f"standard error of the width {found.width_mcse:.2g}).",
    }
    by = {"bonferroni": "Bonferroni", "sidak": "Sidak"}.get(found.adjust, "")
    said = ways.get(
        found.adjust,
        f"Any groups whose intervals do not overlap differ: the chance that any of the {pairs} "
        f"pairs is found to differ by mistake is at most {alpha} ({by}).",
    )
    what = "Empirical Bayes estimates" if found.estimator == "eb" else "Least-squares estimates"
    return (
        f"{said} {integer(found.differing())} pairs do.",
        f"{what} -/+ {found.width:.3f} comparative SE. These are no confidence intervals of single "
        "groups.",
        _of_words(found.fit, found.factor, found.of).replace(", its SE given these", ""),
    )


def group_comparison_table(found: GroupComparison, *, digits: int = 2) -> Table:
    """Two groups and their difference.

    Parameters
    ----------
    digits : decimals, more where the numbers are small
    """
    size, names = places(found.std_error, digits), [label_cell(x) for x in found.labels]
    heads = (
        Heading(found.factor, "text"),
        Heading("n", "integer"),
        *(Heading(name, digits=size) for name in ("Estimate", "SE")),
        *(Heading(name, digits=size, group=_level(found.level)) for name in ("Lower", "Upper")),
        Heading(f"P({names[0]} above)", digits=3),
    )
    each = zip(names, found.counts, found.estimates, found.std_errors, strict=True)
    rows: list[Row] = [
        (a, n, amount(x, size), amount(s, size), None, None, None) for a, n, x, s in each
    ]
    numbers = (found.difference, found.std_error, found.conf_low, found.conf_high)
    last = (*(amount(x, size) for x in numbers), Entry(found.p_above, digits=3))
    rows.append((f"{names[0]} - {names[1]}", None, *last))
    shared = "their covariance through the fixed effects"
    if len(found.fit.factors) > 1:
        shared += " and the other factors"
    return Table(
        heads,
        (Section(tuple(rows)),),
        f"Two groups of {found.factor} compared: {_what(found.fit, found)}",
        (
            f"Empirical Bayes estimates; the standard error of the difference counts {shared}. "
            "P: probability given the data, the variances taken as known.",
            _of_words(found.fit, found.factor, found.of),
        ),
    )


def _level(level: float) -> str:
    return f"{100 * level:.6g}% interval"
