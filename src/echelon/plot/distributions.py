"""Distributions of the response by group, in the order of the group means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from echelon.model.fit import LmmFit
from echelon.multilevel.factors import place_of
from echelon.plot import labels, theme
from echelon.plot.words import groups_of, label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]
SHARES = (0.10, 0.25, 0.50, 0.75, 0.90)


def distributions(
    fit: LmmFit,
    factor: str | None = None,
    *,
    max_labels: int = 40,
    ax: Axes | None = None,
) -> Axes:
    """Draw the distribution of the response in every group, ordered by the group means.

    Parameters
    ----------
    factor : name of the grouping factor; may be left out when there is one
    max_labels : up to so many groups each is a labelled box; more are bands over the rank
    ax : axes to draw in; None for a new figure of pyplot

    Returns
    -------
    the axes; boxes hold the middle half of a group's rows, whiskers (and the outer band) the
    middle 80 percent

    Raises
    ------
    NeedsRows : the model was fitted from summaries
    UnknownColumn : `factor` is no grouping factor of the model
    DataError : several grouping factors and none named
    MissingDependency : matplotlib is not installed

    Notes
    -----
    Quantiles interpolate linearly between ordered rows (type 7 of R).

    Examples
    --------
    >>> import echelon as ec
    >>> from echelon.plot.theme import new_figure
    >>> timss = ec.datasets.load("timss", quiet=True)
    >>> fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    >>> ax = fit.plot.distributions(ax=new_figure().subplots())
    >>> ax.get_yticklabels()[-1].get_text()
    '5110'
    """
    at = place_of(fit, factor, "distributions()")
    group = fit.moments.groups[at]
    design = fit.rows("The distribution of the response").design
    codes, J = design.factors[at].codes, len(group.levels)
    mean = np.bincount(codes, weights=design.y, minlength=J) / np.bincount(codes, minlength=J)
    place = np.argsort(mean, kind="stable")
    quantiles, mean = group_quantiles(design.y, codes, J)[:, place], mean[place]
    rows = max_labels >= J
    title = f"Distribution of {fit.response} in {groups_of(group)}, in order of their means"
    with theme.canvas(ax, rows=J if rows else 0) as ax:
        if rows:
            entries = _boxes(ax, quantiles, mean)
            labels.row_labels(ax, [label(group.levels[j]) for j in place])
            theme.finish(ax, title, x=fit.response, y=group.factor, grid="x", key=entries)
        else:
            entries = _bands(ax, quantiles, mean)
            labels.rank_axis(ax, J)
            rank = "Rank of the group (1 = lowest mean)"
            theme.finish(ax, title, x=rank, y=fit.response, key=entries)
    return ax


def group_quantiles(y: Array, codes: NDArray[np.int32], J: int) -> Array:
    """(5, J) quantiles of each group at 10, 25, 50, 75 and 90 percent. Cost O(n log n)."""
    count = np.bincount(codes, minlength=J)
    ordered = y[np.lexsort((y, codes))]
    start = np.cumsum(count) - count
    step = np.asarray(SHARES)[:, None] * (count - 1)
    below = np.floor(step).astype(np.intp)
    above = np.minimum(below + 1, count - 1)
    low, high = ordered[start + below], ordered[start + above]
    result: Array = low + (step - below) * (high - low)
    return result


def _boxes(ax: Axes, q: Array, mean: Array) -> int:
    from matplotlib.collections import PolyCollection

    position = np.arange(1, len(mean) + 1)
    ax.hlines(position, q[0], q[4], colors=theme.GREY, linewidths=1.4, label="10 to 90%")
    low, high = position - 0.31, position + 0.31
    corners = np.array([[q[1], low], [q[3], low], [q[3], high], [q[1], high]])
    boxes = PolyCollection(
        list(corners.transpose(2, 0, 1)), facecolors=theme.PALE, edgecolors=theme.BLUE, zorder=2
    )
    boxes.set_label("25 to 75%")
    ax.add_collection(boxes)
    ax.scatter(
        q[2],
        position,
        marker="|",
        s=110,
        linewidths=2.2,
        color=theme.BLUE,
        zorder=3,
        label="median",
    )
    ax.scatter(mean, position, marker="D", s=26, color=theme.VERMILLION, zorder=4, label="mean")
    return 4


def _bands(ax: Axes, q: Array, mean: Array) -> int:
    rank = np.arange(1, len(mean) + 1)
    ax.fill_between(rank, q[0], q[4], color="#DCEEF9", linewidth=0, label="10 to 90%")
    ax.fill_between(rank, q[1], q[3], color="#A3D2EF", linewidth=0, label="25 to 75%")
    ax.plot(rank, q[2], color=theme.BLUE, linewidth=0.9, label="median")
    ax.plot(rank, mean, color=theme.VERMILLION, linewidth=2.0, label="mean")
    return 4
