"""Caterpillar plot: empirical Bayes estimates with their intervals, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from echelon.errors import UnknownOption
from echelon.model.fit import LmmFit
from echelon.multilevel.groups import Interval
from echelon.plot import labels, theme
from echelon.plot.words import Coefficient, capital, coefficient, groups_of, label, number, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Order = Literal["estimate", "data"]


def caterpillar(
    fit: LmmFit,
    factor: str | None = None,
    *,
    term: str | None = None,
    level: float = 0.95,
    interval: Interval = "total",
    order: Order = "estimate",
    max_labels: int = 40,
    ax: Axes | None = None,
) -> Axes:
    """Draw every group's empirical Bayes estimate with its interval, in order.

    Parameters
    ----------
    factor : name of the grouping factor; may be left out when there is one
    term : random coefficient, e.g. "ses"; None for the first
    level : coverage of the intervals
    interval : "total" counts the uncertainty of the fixed effects, "conditional" does not
    order : "estimate" from lowest to highest, or "data" as the groups come
    max_labels : with more groups than this the axis shows ranks instead of labelled rows
    ax : axes to draw in; None for a new figure of pyplot

    Returns
    -------
    the axes; groups are rows (lowest at the bottom) up to `max_labels`, otherwise columns

    Raises
    ------
    UnknownColumn, UnknownOption, DataError : an option that is not known
    MissingDependency : matplotlib is not installed

    Notes
    -----
    The reference is the prediction from the fixed part: a line when all groups share it (the grand
    mean), a black mark for each group otherwise. Intervals that do not hold it are drawn darker;
    each is judged alone, not as a test among many. Equation `eb-total`; raudenbush2002, ch. 3.

    Examples
    --------
    >>> import echelon as ec
    >>> from echelon.plot.theme import new_figure
    >>> timss = ec.datasets.load("timss", quiet=True)
    >>> fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    >>> ax = fit.plot.caterpillar(ax=new_figure().subplots())
    >>> len(ax.get_yticklabels())
    20
    """
    if order not in get_args(Order):
        raise UnknownOption("order", order, get_args(Order))
    part = coefficient(fit, factor, term, level=level, interval=interval, where="caterpillar")
    factor, J = part.values.factor, len(part.values.levels)
    place = np.argsort(part.estimate, kind="stable") if order == "estimate" else np.arange(J)
    rows = max_labels >= J
    if rows and order == "data":
        place = place[::-1]  # the first group at the top
    known = "" if interval == "total" else ", parameters taken as known"
    what = f"Empirical Bayes estimate ({percent(level)} interval{known})"
    title = f"{capital(part.quantity)} in {groups_of(part.values)}: empirical Bayes"
    title += f" estimates with {percent(level)} intervals"
    with theme.canvas(ax, rows=J if rows else 0) as ax:
        entries = _marks(ax, part, place, rows=rows)
        if rows:
            levels = [label(part.values.levels[j]) for j in place]
            labels.row_labels(ax, levels, head=part.centre is not None)
            theme.finish(ax, title, x=what, y=factor, grid="x", key=entries)
        else:
            labels.rank_axis(ax, J)
            lowest = "Rank of the group (1 = lowest estimate)"
            x = lowest if order == "estimate" else "Group, in the order of the data"
            theme.finish(ax, title, x=x, y=what, key=entries)
        _reference(ax, part, rows=rows)
    return ax


def _marks(ax: Axes, part: Coefficient, place: NDArray[np.intp], *, rows: bool) -> int:
    """Intervals, estimates and own predictions; returns the number of entries in the key."""
    values, at, J = part.values, part.at, len(place)
    low, high = values.conf_low[place, at], values.conf_high[place, at]
    estimate, predicted = part.estimate[place], part.predicted[place]
    position = np.arange(1, J + 1)
    beyond = (low > predicted) | (high < predicted)
    lines, width = (ax.hlines, 2.6) if rows else (ax.vlines, float(np.clip(450 / J, 0.7, 2.6)))
    picture = theme.as_picture(J)
    name = part.centre_name if part.centre is not None else "prediction"
    entries = 0
    for which, colour, says in (
        (~beyond, theme.SKY if rows else theme.PALE, f"interval holds the {name}"),
        (beyond, theme.BLUE if rows else theme.SKY, "does not"),
    ):
        if which.any():
            lines(
                position[which],
                low[which],
                high[which],
                colors=colour,
                linewidths=width,
                label=says,
                rasterized=picture,
            )
            entries += 1
    x, y = (estimate, position) if rows else (position, estimate)
    size = 46 if rows else float(np.clip(3000 / J, 5, 30))
    ax.scatter(
        x, y, s=size, color=theme.BLUE, zorder=3, label="estimate", linewidths=0, rasterized=picture
    )
    if part.centre is None:
        x, y = (predicted, position) if rows else (position, predicted)
        mark: dict[str, Any] = {
            "marker": "|" if rows else "_",
            "s": 90 if rows else float(np.clip(6000 / J, 10, 40)),
        }
        mark |= {"linewidths": 1.6 if rows else 1.1, "rasterized": picture, "label": "prediction"}
        ax.scatter(x, y, color=theme.INK, zorder=4, **mark)
    return entries + 1 + (part.centre is None)


def _reference(ax: Axes, part: Coefficient, *, rows: bool) -> None:
    """The line of the shared prediction, labelled at its end."""
    if part.centre is None:
        return
    text = f"{part.centre_name} {number(part.centre)}"
    if rows:
        ax.axvline(part.centre, color=theme.INK, linewidth=1.2, zorder=1)
        labels.head_label(ax, part.centre, text)
    else:
        ax.axhline(part.centre, color=theme.INK, linewidth=1.2, zorder=4)
        labels.margin_labels(ax, [(part.centre, text.replace("mean ", "mean\n"), theme.INK)])
