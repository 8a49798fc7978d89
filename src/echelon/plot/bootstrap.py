"""Bootstrap replicates as histograms, one panel a parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from echelon.infer.bootstrap import Bootstrap, Interval, bootstrap_intervals
from echelon.plot import theme
from echelon.plot.panels import columns_of, label_rows, panels
from echelon.plot.words import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANEL = 0.8  # size of type in a panel, of that of a figure
_BINS = 30


def bootstrap_plot(
    found: Bootstrap,
    *,
    level: float = 0.95,
    interval: Interval = "percentile",
    ax: Axes | None = None,
) -> Axes:
    """Draw how the replicates of each number are spread.

    Parameters
    ----------
    level, interval : of the interval that is drawn; as in `.intervals()`
    ax : axes whose place the panels take; None for a new figure of pyplot

    Returns
    -------
    the axes that hold the title; the panels are its figure's other axes, named by the numbers

    Raises
    ------
    UnknownOption, DataError, NotYetSupported : as in `.intervals()`
    MissingDependency : matplotlib is not installed

    Notes
    -----
    Bars count replicates, failed ones left out; the full line is the estimate, the dashed lines are
    the limits. Replicates piled up at an end are fits on the boundary. `percentile-interval`.

    Examples
    --------
    >>> import echelon as ec
    >>> from echelon.plot.theme import new_figure
    >>> sleep = ec.datasets.load("sleepstudy", quiet=True)
    >>> fit = ec.lmer("Reaction ~ Days + (1 | Subject)", sleep)
    >>> ax = fit.bootstrap(n=99, rng=1).plot(ax=new_figure().subplots())
    >>> [panel.get_xlabel() for panel in ax.figure.axes[1:]]
    ['(Intercept)', 'Days', 'sd_(Intercept)|Subject', 'sigma']
    """
    limits = bootstrap_intervals(found, level=level, interval=interval)
    count = len(found.terms)
    title = f"{len(found):,} bootstrap replicates: estimate (full line) and "
    title += f"{percent(level)} {interval} limits (dashed)"
    with theme.canvas(ax, rows=label_rows(count)) as ax:
        theme.finish(ax, title, x="", y="")
        size = _PANEL * theme.text_size(ax)
        ax.set_axis_off()
        drawn = panels(ax, count)
        for i, panel in enumerate(drawn):
            ends = (float(limits.low[i]), float(limits.high[i]))
            _histogram(panel, found.replicates[:, i], float(found.estimate[i]), ends)
            _finish(panel, found.terms[i], size, left=i % columns_of(count) == 0)
        top = max(panel.get_ylim()[1] for panel in drawn)  # the labels on the left are for all
        for panel in drawn:
            panel.set_ylim(0, top)
    return ax


def _histogram(
    panel: Axes, replicates: NDArray[np.float64], estimate: float, ends: tuple[float, float]
) -> None:
    known = replicates[np.isfinite(replicates)]
    panel.hist(known, bins=_BINS, color=theme.PALE, edgecolor=theme.BLUE, linewidth=0.6)
    if np.isfinite(estimate):
        panel.axvline(estimate, color=theme.INK, linewidth=2.0)
    for end in ends:
        if np.isfinite(end):
            panel.axvline(end, color=theme.INK, linewidth=1.4, linestyle=(0, (5, 3)))


def _finish(panel: Axes, name: str, size: float, *, left: bool) -> None:
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
    panel.locator_params(axis="x", nbins=5)
    panel.locator_params(axis="y", nbins=4)
    panel.tick_params(labelsize=size, colors=theme.INK, color=theme.GREY)
    if not left:
        panel.tick_params(labelleft=False, left=False)
    panel.set_xlabel(name, fontsize=size)
    if left:
        panel.set_ylabel("replicates", fontsize=size)
