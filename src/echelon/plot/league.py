"""League table: every group's rank with its interval, which shows how little a rank says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from echelon.effects.joint import Of
from echelon.model.fit import LmmFit
from echelon.multilevel.ranks import Best, Ranks, Rng, rank_values
from echelon.plot import labels, theme
from echelon.plot.words import coefficient, groups_of, label, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PALE = "#C9C9C9"  # intervals of groups that cannot be told from the middle
_BAND = "#F1EBDD"  # the top and the bottom tenth: lighter than any line, in grey too


def league(
    fit: LmmFit,
    factor: str | None = None,
    *,
    term: str | None = None,
    n: int = 10_000,
    rng: Rng = 0,
    top: float = 0.1,
    level: float = 0.95,
    of: Of = "effect",
    best: Best = "highest",
    max_labels: int = 40,
    ax: Axes | None = None,
) -> Axes:
    """Draw the league table: the ranks that the data allow each group, best estimate at the top.

    Parameters
    ----------
    factor : name of the grouping factor; may be left out when there is one
    term : random coefficient, e.g. "ses"; None for the first
    n, rng, top, level, of, best : as `ranks()` takes them
    max_labels : up to so many groups each has a labelled row
    ax : axes to draw in; None for a new figure of pyplot

    Returns
    -------
    the axes; the table that was meant is the diagonal from the upper left to the lower right, and
    the intervals show how far from it groups may be

    Raises
    ------
    UnknownColumn, UnknownOption, DataError : an option that is not known
    NotIdentified : the groups do not differ: nothing to rank
    MissingDependency : matplotlib is not installed

    Notes
    -----
    `rank-draws`, `rank-summaries`; goldstein1996.

    Examples
    --------
    >>> import echelon as ec
    >>> from echelon.plot.theme import new_figure
    >>> timss = ec.datasets.load("timss", quiet=True)
    >>> fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    >>> fit.plot.league(ax=new_figure().subplots()).get_xlabel()
    'Rank (1 = highest): median and 95% interval'
    """
    ranks = rank_values(fit, factor, term, n=n, rng=rng, top=top, level=level, of=of, best=best)
    return league_of(ranks, max_labels=max_labels, ax=ax)


def league_of(ranks: Ranks, *, max_labels: int = 40, ax: Axes | None = None) -> Axes:
    """Draw ranks that are known already; see `league`."""
    part = coefficient(ranks.fit, ranks.factor, ranks.term, where="league")
    J, rows = ranks.J, max_labels >= ranks.J
    place = np.argsort(-ranks.rank, kind="stable")  # the best on the highest row
    title = f"{groups_of(part.values)} ranked by {_quantity(ranks, part.quantity, part.centre)}: "
    title += "what the data say of each rank"
    x = f"Rank (1 = {ranks.best}): median and {percent(ranks.level)} interval"
    with theme.canvas(ax, rows=J if rows else 0) as ax:
        entries = _marks(ax, ranks, place, rows=rows)
        if rows:
            labels.row_labels(ax, [label(ranks.levels[j]) for j in place])
            theme.finish(ax, title, x=x, y=ranks.factor, grid="x", key=entries)
        else:
            ax.set_ylim(0.3, J + 0.7)
            theme.finish(ax, title, x=x, y="Place in the table", grid="x", key=entries)
            _places_axis(ax, J)
        labels.rank_axis(ax, J)
        ax.set_xlim(0.5, J + 0.5)
        _bands(ax, ranks)
    return ax


def _quantity(ranks: Ranks, quantity: str, centre: float | None) -> str:
    if ranks.of == "coefficient" or centre is not None:
        return quantity
    return f"{quantity} beyond its prediction"


def _marks(ax: Axes, ranks: Ranks, place: NDArray[np.intp], *, rows: bool) -> int:
    """Intervals and medians; returns the number of entries in the key."""
    J, position, lost = ranks.J, np.arange(1, ranks.J + 1), ranks.undecided[place]
    width = 4.0 if rows else float(np.clip(330 / J, 0.35, 2.4))
    picture, entries = theme.as_picture(J), 0
    for which, colour, says in (
        (~lost, theme.SKY, "above or below the middle"),
        (lost, _PALE, "cannot be told from the middle"),
    ):
        if which.any():
            ax.hlines(
                position[which],
                ranks.rank_low[place][which] - 0.4,
                ranks.rank_high[place][which] + 0.4,
                colors=colour,
                linewidths=width,
                label=f"{says} ({int(which.sum()):,})",
                rasterized=picture,
                zorder=2,
            )
            entries += 1
    for which, colour in ((~lost, theme.BLUE), (lost, theme.GREY)):
        spot: dict[str, Any] = {"color": colour, "linewidths": 0, "rasterized": picture}
        size = 46 if rows else float(np.clip(2200 / J, 1.5, 26))
        ax.scatter(ranks.median_rank[place][which], position[which], s=size, zorder=3, **spot)
    return entries


def _places_axis(ax: Axes, J: int) -> None:
    """Places in the table on the y axis, the first at the top."""
    from matplotlib.ticker import MaxNLocator

    ticks = MaxNLocator(8, integer=True, steps=[1, 2, 5, 10]).tick_values(1, J)
    apart = 0.6 * (ticks[1] - ticks[0])
    shown = [1, *(int(t) for t in ticks if 1 + apart < t < J - apart), J]
    ax.set_yticks([J + 1 - t for t in shown], [f"{t:,}" for t in shown])
    ax.tick_params(axis="y", labelsize=theme.text_size(ax))


def _bands(ax: Axes, ranks: Ranks) -> None:
    """The first and the last tenth shaded, the middle marked; each named where no group reaches."""
    J, k, text = ranks.J, ranks.top_count, theme.text_size(ax)
    low, high = ax.get_ylim()
    room = 0.012 * (high - low)
    for first, y, align, says in (
        (0.5, low + room, "bottom", "first"),
        (J - k + 0.5, high - room, "top", "last"),
    ):
        ax.axvspan(first, first + k, color=_BAND, linewidth=0, zorder=0)
        ax.text(
            first + k / 2,
            y,
            says if k == 1 else f"{says} {k:,}",
            ha="center",
            va=align,
            fontsize=0.9 * text,
            color=theme.INK,
        )
    middle = (J + 1) / 2
    ax.axvline(middle, color=theme.INK, linewidth=1.1, zorder=1, linestyle="--")
    ax.text(
        middle - 0.008 * J,
        low + room,
        "middle",
        ha="right",
        va="bottom",
        fontsize=0.9 * text,
        color=theme.INK,
    )
