"""The effect of one predictor along another, with its Johnson-Neyman regions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from echelon.infer.choose import uncertainty
from echelon.infer.marginal.grid import At
from echelon.infer.marginal.johnson_neyman import JohnsonNeyman, Region, johnson_neyman_values
from echelon.infer.robust.clusters import Cluster
from echelon.model.fit import LmmFit, OlsFit
from echelon.plot import theme
from echelon.plot.words import number, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]
_POINTS = 241
_BESIDE = 0.04  # of the data's range, shown on either side of it
_NEAR = 0.6  # of the data's range beside it in which a boundary is still shown


def johnson_neyman(
    fit: LmmFit | OlsFit,
    focal: str,
    moderator: str,
    *,
    at: At | None = None,
    df: str | None = None,
    robust: str | None = None,
    cluster: Cluster = None,
    level: float = 0.95,
    ax: Axes | None = None,
) -> Axes:
    """Draw the effect of a predictor along a moderator, shaded where it differs from zero.

    Parameters
    ----------
    focal, moderator, at, df, robust, cluster, level : as `fit.johnson_neyman`
    ax : axes to draw in; None for a new figure of pyplot

    Returns
    -------
    the axes: the line with its interval; dark band and full line where it differs from zero, pale
    band and dashed line where it does not; boundaries with their values; a stroke at the lower edge
    for each group (or row), or a band of strokes where there are many

    Raises
    ------
    UnknownColumn, DataError : as `fit.johnson_neyman`
    MissingDependency : matplotlib is not installed

    Examples
    --------
    >>> import echelon as ec
    >>> from echelon.plot.theme import new_figure
    >>> hsb = ec.datasets.load("hsb", quiet=True)
    >>> fit = ec.lmer("mathach ~ ses * meanses + (ses | school)", hsb)
    >>> ax = fit.plot.johnson_neyman("ses", "meanses", ax=new_figure().subplots())
    >>> ax.get_xlabel()
    'meanses'
    """
    known = uncertainty(fit, df, robust=robust, cluster=cluster)
    found = johnson_neyman_values(fit, focal, moderator, at=at, known=known, level=level)
    return regions_plot(found, ax=ax)


def regions_plot(found: JohnsonNeyman, *, ax: Axes | None = None) -> Axes:
    """Draw regions that were found by `fit.johnson_neyman`; `ax` as there."""
    low, high = _window(found)
    with theme.canvas(ax) as ax:
        ax.axhline(0, color=theme.INK, linewidth=1.2, zorder=2)
        for region in found.regions:
            _stretch(ax, found, region, low, high)
        ax.set_xlim(low, high)
        _strokes(ax, found)
        for place in found.boundaries[(found.boundaries > low) & (found.boundaries < high)]:
            _boundary(ax, float(place))
        effect, where = _words(found)
        theme.finish(
            ax,
            f"{effect} along {found.moderator}{where}, with {percent(found.level)} interval",
            x=found.moderator,
            y=effect.rstrip(","),
            key=_key(found, low, high),
        )
    return ax


def _words(found: JohnsonNeyman) -> tuple[str, str]:
    """What is drawn, and at which values of other predictors."""
    where = f" at {', '.join(found.given)}" if found.given else ""
    if found.effect.startswith("slope of "):
        return f"Slope of {found.response} on {found.focal}", where
    return f"Difference in {found.response}, {found.effect.replace(' - ', ' − ')},", where


def _window(found: JohnsonNeyman) -> tuple[float, float]:
    """What is shown of the moderator: the data, and boundaries not far beside them."""
    low, high = float(found.observed.min()), float(found.observed.max())
    wide = high - low
    near = [b for b in found.boundaries.tolist() if low - _NEAR * wide < b < high + _NEAR * wide]
    left, right = min([low, *near]), max([high, *near])
    return left - _BESIDE * wide, right + _BESIDE * wide


def _stretch(ax: Axes, found: JohnsonNeyman, region: Region, low: float, high: float) -> None:
    """The line and its band in one region, with names in the key the first time."""
    left, right = max(region.low, low), min(region.high, high)
    if left >= right:
        return
    x = np.linspace(left, right, _POINTS)
    values = found.at(x)
    differs = region.sign != 0
    seen = ax.get_legend_handles_labels()[1]
    name = "differs from zero" if differs else "does not differ from zero"
    ax.fill_between(
        x,
        values.conf_low,
        values.conf_high,
        color=theme.SKY if differs else theme.FAINT,
        linewidth=0,
        alpha=0.75,
        zorder=1,
    )
    ax.plot(
        x,
        values.estimate,
        color=theme.BLUE if differs else theme.GREY,
        linestyle="-" if differs else (0, (4, 2)),
        linewidth=2.6,
        zorder=4,
        label=None if name in seen else name,
    )


def _boundary(ax: Axes, place: float) -> None:
    """An upright line with its value at the upper edge, on the side with more room."""
    low, high = ax.get_xlim()
    right = place < (low + high) / 2
    ax.axvline(place, color=theme.INK, linewidth=1.2, linestyle=":", zorder=3)
    ax.annotate(
        number(place),
        (place, 1.0),
        xycoords=ax.get_xaxis_transform(),
        xytext=(5 if right else -5, -3),
        textcoords="offset points",
        ha="left" if right else "right",
        va="top",
        fontsize=theme.text_size(ax),
        color=theme.INK,
        zorder=6,
    )


def _strokes(ax: Axes, found: JohnsonNeyman) -> None:
    """Where the data are: a stroke a group or distinct value along the lower edge."""
    values, count = np.unique(found.by_group, return_counts=True)
    faint = float(np.clip(150 / len(values), 0.08, 0.7))
    strength = np.clip(faint * count / np.median(count), 0.08, 1.0)
    colours = [(0.13, 0.13, 0.13, float(a)) for a in strength]
    ax.vlines(
        values,
        0.0,
        0.035,
        transform=ax.get_xaxis_transform(),
        colors=colours,
        linewidth=1.1,
        rasterized=theme.as_picture(len(values)),
        zorder=5,
    )


def _key(found: JohnsonNeyman, low: float, high: float) -> int:
    """Entries of the key: one or two kinds of line."""
    shown = [r for r in found.regions if max(r.low, low) < min(r.high, high)]
    return len({r.sign != 0 for r in shown})
