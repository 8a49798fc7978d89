"""Shrinkage plot: from what a group shows by itself to its empirical Bayes estimate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from echelon.errors import DataError
from echelon.model.fit import LmmFit
from echelon.plot import labels, theme
from echelon.plot.words import Coefficient, capital, coefficient, groups_of, label, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]


def shrinkage(
    fit: LmmFit,
    factor: str | None = None,
    *,
    term: str | None = None,
    max_labels: int = 40,
    ax: Axes | None = None,
) -> Axes:
    """Draw how far every group is pulled from its own estimate towards its prediction.

    Parameters
    ----------
    factor : name of the grouping factor; may be left out when there is one
    term : random coefficient, e.g. "ses"; None for the first
    max_labels : up to so many groups each has a labelled row; with more, observed and estimated
        values stand in columns joined by lines
    ax : axes to draw in; None for a new figure of pyplot

    Returns
    -------
    the axes; the area of the observed marks grows with n_j

    Raises
    ------
    UnknownColumn, UnknownOption : an option that is not known
    DataError : no group has an estimate of its own; several grouping factors and none named
    MissingDependency : matplotlib is not installed

    Notes
    -----
    The estimate is lambda_j times the observed mean plus 1 - lambda_j times the prediction
    (`rel-mean`; raudenbush2002, ch. 3). Groups whose own rows cannot give the coefficient have no
    observed value and are left out. Where predictions differ between groups, each is marked.
    With several grouping factors a group's own estimate is adjusted for the others (`own-several`).

    Examples
    --------
    >>> import echelon as ec
    >>> from echelon.plot.theme import new_figure
    >>> timss = ec.datasets.load("timss", quiet=True)
    >>> fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    >>> ax = fit.plot.shrinkage(ax=new_figure().subplots())
    >>> ax.get_yticklabels()[0].get_text()
    '5112 (n = 37)'
    """
    part = coefficient(fit, factor, term, where="shrinkage")
    keep = np.flatnonzero(np.isfinite(part.observed))
    if not keep.size:
        raise DataError(
            f"No group of {part.values.factor} has an estimate of its own to be shrunk: their rows "
            "are too few, or a variance is zero or a correlation one in a model of several factors."
        )
    rows = len(keep) <= max_labels
    title = f"{capital(part.quantity)} in {groups_of(part.values)}: shrinkage from the "
    title += f"{part.raw} to the empirical Bayes estimate"
    with theme.canvas(ax, rows=len(keep) if rows else 0) as ax:
        if rows:
            _rows(ax, part, keep[np.argsort(part.observed[keep], kind="stable")])
            entries = 2 + (part.centre is None)
            x = capital(part.quantity)
            theme.finish(
                ax, title, x=x, y=f"{part.values.factor} (group size)", grid="x", key=entries
            )
        else:
            _columns(ax, part, keep)
            theme.finish(ax, title, x="", y=capital(part.quantity))
            ax.tick_params(axis="x", length=0)
        _reference(ax, part, rows=rows)
    return ax


def _area(n: NDArray[np.intp], largest: float) -> Array:
    area: Array = largest * n / n.max()
    return area


def _rows(ax: Axes, part: Coefficient, place: NDArray[np.intp]) -> None:
    n, position = part.values.n[place], np.arange(1, len(place) + 1)
    observed, estimate = part.observed[place], part.estimate[place]
    ax.hlines(position, observed, estimate, colors=theme.GREY, linewidths=1.8, zorder=2)
    ax.scatter(
        observed,
        position,
        s=_area(n, 150),
        facecolors="white",
        edgecolors=theme.VERMILLION,
        linewidths=1.8,
        zorder=3,
        label=f"{part.raw} (area: n)",
    )
    ax.scatter(
        estimate, position, s=44, color=theme.BLUE, zorder=4, label="empirical Bayes estimate"
    )
    if part.centre is None:
        mark: dict[str, Any] = {"marker": "|", "s": 120, "linewidths": 2.0, "color": theme.INK}
        ax.scatter(part.predicted[place], position, zorder=2, label="prediction", **mark)
    levels = part.values.levels
    names = [f"{label(levels[j])} (n = {part.values.n[j]:,})" for j in place]
    labels.row_labels(ax, names, head=part.centre is not None)


def _columns(ax: Axes, part: Coefficient, keep: NDArray[np.intp]) -> None:
    """Observed, estimated and, where they differ, predicted values, joined group by group."""
    from matplotlib.collections import LineCollection

    heights = [part.observed[keep], part.estimate[keep]]
    names = [part.raw, "empirical Bayes\nestimate"]
    if part.centre is None:
        heights.append(part.predicted[keep])
        names.append("prediction from\nthe fixed part")
    n, J = part.values.n[keep], len(keep)
    faint = float(np.clip(60 / J, 0.06, 0.5))
    across = np.arange(len(heights), dtype=float)
    paths = np.stack([np.broadcast_to(across, (J, len(heights))), np.stack(heights, 1)], axis=2)
    picture = theme.as_picture(J)
    lines = LineCollection(
        list(paths), colors=theme.GREY, linewidths=0.9, alpha=faint, rasterized=picture
    )
    ax.add_collection(lines)
    colours = (theme.VERMILLION, theme.BLUE, theme.INK)
    for x, y, colour in zip(across, heights, colours, strict=False):
        area = _area(n, 70) if x == 0 else 26
        spot: dict[str, Any] = {
            "color": colour,
            "alpha": min(1.0, 3 * faint),
            "linewidths": 0,
            "zorder": 3,
        }
        ax.scatter(np.full(J, x), y, s=area, rasterized=picture, **spot)
    few, many = int(n.min()), int(n.max())
    names[0] += f"\n(area: n, {few} to {many})" if few < many else f"\n(n = {few})"
    ax.set_xticks(across, names)
    for text, colour in zip(ax.get_xticklabels(), colours, strict=False):
        text.set_color(colour)
    ax.set_xlim(-0.35, across[-1] + 0.35)


def _reference(ax: Axes, part: Coefficient, *, rows: bool) -> None:
    if part.centre is None:
        return
    if rows:
        ax.axvline(part.centre, color=theme.INK, linewidth=1.2, zorder=1)
        labels.head_label(ax, part.centre, f"{part.centre_name} {number(part.centre)}")
    else:
        ax.axhline(part.centre, color=theme.INK, linewidth=1.2, zorder=4)
        text = f"{part.centre_name}\n{number(part.centre)}"
        labels.margin_labels(ax, [(part.centre, text, theme.INK)])
