"""Marginal means with their intervals, one line a level of `by`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from echelon.errors import DataError
from echelon.infer.marginal.grid import At
from echelon.infer.marginal.means import Means, families, marginal_means
from echelon.infer.marginal.names import labels as level_names
from echelon.infer.marginal.remarks import listed
from echelon.infer.robust.clusters import Cluster
from echelon.model.fit import LmmFit, OlsFit
from echelon.plot import theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]
_DASHES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (1, 1)))  # told apart in grey
_APART = 0.07  # of a step across, between lines, so that intervals do not hide each other


def emmeans(
    fit: LmmFit | OlsFit,
    specs: str | Sequence[str],
    *,
    by: str | Sequence[str] | None = None,
    at: At | None = None,
    weights: str = "equal",
    df: str | None = None,
    robust: str | None = None,
    cluster: Cluster = None,
    level: float = 0.95,
    labels: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw estimated marginal means with their intervals.

    Parameters
    ----------
    specs, by, at, weights, df, robust, cluster, level : as `fit.emmeans`; the first of `specs` goes
        on the axis across, the others and `by` make one line each
    labels : names for the levels on the axis across, in order, e.g. ("public", "private") for 0, 1
    ax : axes to draw in; None for a new figure of pyplot

    Returns
    -------
    the axes

    Raises
    ------
    UnknownColumn, UnknownOption, DataError : as `fit.emmeans`; more than 6 lines; `labels` of the
        wrong number
    MissingDependency : matplotlib is not installed

    Examples
    --------
    >>> import echelon as ec
    >>> from echelon.plot.theme import new_figure
    >>> eclsk = ec.datasets.load("eclsk", quiet=True)
    >>> fit = ec.lmer("g1rscore ~ sector + schmeansesc + (1 | schid)", eclsk)
    >>> ax = fit.plot.emmeans("sector", labels=("public", "private"), ax=new_figure().subplots())
    >>> [tick.get_text() for tick in ax.get_xticklabels()]
    ['public', 'private']
    """
    means = marginal_means(
        fit,
        specs,
        by=by,
        at=at,
        weights=weights,
        df=df,
        robust=robust,
        cluster=cluster,
        level=level,
    )
    return means_plot(means, labels=labels, ax=ax)


def means_plot(
    means: Means, *, labels: Sequence[str] | None = None, ax: Axes | None = None
) -> Axes:
    """Draw marginal means that were made by `fit.emmeans`; the options are those of `emmeans`."""
    if not means.specs:
        raise DataError("An overall mean is no figure. Name a predictor: emmeans('sector').")
    across, lines = means.specs[0], (*means.specs[1:], *means.by)
    sets = families(means.columns, lines, len(means.values.names))
    if len(sets) > len(theme.MARKERS):
        raise DataError(
            f"{listed(lines)} would make {len(sets)} lines; {len(theme.MARKERS)} is most. Put "
            "another predictor first, or fix some with at=."
        )
    x, names = _axis(means, across, labels)
    keys = level_names(means.columns, lines, len(means.values.names))
    step = float(np.min(np.diff(np.unique(x)))) if len(np.unique(x)) > 1 else 1.0
    with theme.canvas(ax) as ax:
        for k, rows in enumerate(sets):
            aside = _APART * step * (k - (len(sets) - 1) / 2)
            joined = (
                bool(lines) or not names
            )  # a line between the levels of one factor says nothing
            _line(ax, means, rows, x[rows] + aside, k, keys[rows[0]] if lines else "", joined)
        if names:
            ax.set_xticks(np.unique(x), names, **_slant(names))
            ax.set_xlim(x.min() - 0.5, x.max() + 0.5)
        title = f"Marginal means of {means.response} by {listed(means.specs)}"
        if means.by:
            title += f", for each level of {listed(means.by)}"
        theme.finish(
            ax,
            title,
            x=across,
            y=f"Mean of {means.response}, {100 * means.values.level:g}% interval",
            key=len(sets) if lines else 0,
        )
    return ax


def _axis(means: Means, across: str, labels: Sequence[str] | None) -> tuple[Array, Sequence[str]]:
    """(m,) places across, and the names of the places; no names for a numeric axis."""
    levels, column = means.levels[across], means.columns[across]
    count = len(levels.values)
    if labels is not None and len(labels) != count:
        raise DataError(f"labels= has {len(labels)} names, and {across!r} has {count} values.")
    values = column.values.astype(np.float64)
    if levels.levels is None and count > 2 and labels is None:
        return values, ()
    places = np.searchsorted(levels.values, column.values, sorter=np.argsort(levels.values))
    order = np.argsort(levels.values)
    own = level_names({across: levels}, (across,), count) if labels is None else labels
    return places.astype(np.float64), [own[i] for i in order]


def _slant(names: Sequence[str]) -> dict[str, Any]:
    """Long names stand aslant, so that none covers the next."""
    crowded = len(names) * max(map(len, names)) > 60
    return {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if crowded else {}


def _line(
    ax: Axes, means: Means, rows: NDArray[np.intp], x: Array, k: int, name: str, joined: bool
) -> None:
    values, order = means.values, np.argsort(x)
    rows, x = rows[order], x[order]
    middle = values.estimate[rows]
    reach = np.vstack([middle - values.conf_low[rows], values.conf_high[rows] - middle])
    ax.errorbar(
        x,
        middle,
        yerr=reach,
        color=theme.CATEGORIES[k],
        linestyle=_DASHES[k] if joined else "none",
        linewidth=1.6,
        elinewidth=2.0,
        capsize=3.5,
        marker=theme.MARKERS[k],
        markersize=7.5,
        label=name or None,
    )
