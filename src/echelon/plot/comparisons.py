"""Comparison intervals: groups whose intervals do not overlap differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from echelon.multilevel.comparison_intervals import ComparisonIntervals
from echelon.plot import labels, theme
from echelon.plot.words import coefficient, groups_of, label, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def comparison_plot(
    found: ComparisonIntervals, *, max_labels: int = 40, ax: Axes | None = None
) -> Axes:
    """Draw the estimates of groups with intervals that may be compared by eye, in order.

    Parameters
    ----------
    max_labels : up to so many groups each has a labelled row; with more, the axis shows ranks
    ax : axes to draw in; None for a new figure of pyplot

    Returns
    -------
    the axes; groups that cannot give the estimate by themselves are left out

    Notes
    -----
    Two intervals that do not overlap differ at the level in the title (`comparison-level`;
    goldstein1995). They say nothing of one group and a fixed value.
    """
    part = coefficient(found.fit, found.factor, found.term, where="comparison_intervals")
    known = np.flatnonzero(np.isfinite(found.low))
    place = known[np.argsort(found.estimate[known], kind="stable")]
    J, rows = len(place), len(place) <= max_labels
    position, low, high = np.arange(1, J + 1), found.low[place], found.high[place]
    spread, mark = 2.6 if rows else float(np.clip(450 / J, 0.7, 2.6)), found.estimate[place]
    beyond = ""
    if found.of == "effect":
        beyond = (
            " beyond its prediction" if part.centre is None else f" less the {part.centre_name}"
        )
    level = percent(1 - found.level)
    means = f"{level} level on average" if found.adjust == "none" else f"{level} level, all pairs"
    title = f"{groups_of(part.values)}: where intervals do not overlap, groups differ ({means})"
    what = f"{part.quantity[:1].upper()}{part.quantity[1:]}{beyond}"
    picture = theme.as_picture(J)
    with theme.canvas(ax, rows=J if rows else 0) as ax:
        lines, x, y = (ax.hlines, mark, position) if rows else (ax.vlines, position, mark)
        lines(position, low, high, colors=theme.SKY, linewidths=spread, rasterized=picture)
        size = 46 if rows else float(np.clip(3000 / J, 5, 30))
        ax.scatter(x, y, s=size, color=theme.BLUE, zorder=3, linewidths=0, rasterized=picture)
        if rows:
            labels.row_labels(ax, [label(found.levels[j]) for j in place])
            theme.finish(ax, title, x=what, y=found.factor, grid="x")
        else:
            labels.rank_axis(ax, J)
            theme.finish(ax, title, x="Rank of the group (1 = lowest estimate)", y=what)
    return ax
