"""Zeta plot: the signed root of the deviance along each parameter, one panel a parameter."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from echelon.infer.profile import Curve, Profile, Scale, profile_values
from echelon.linalg.distributions import t_quantile
from echelon.model.fit import LmmFit
from echelon.plot import theme
from echelon.plot.panels import columns_of, label_rows, panels
from echelon.plot.words import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEVELS = (0.5, 0.8, 0.9, 0.95, 0.99)
"""Levels drawn as upright lines, lme4's."""


def profile(
    fit: LmmFit,
    parameters: str | Sequence[str] | None = None,
    *,
    level: float = 0.95,
    scale: Scale = "sd",
    restricted: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw the signed root of the deviance above its minimum against each parameter.

    Parameters
    ----------
    parameters, level, scale, restricted : as in `fit.profile`
    ax : axes whose place the panels take; None for a new figure of pyplot

    Returns
    -------
    the axes that hold the title; the panels are its figure's other axes, named by the parameters

    Raises
    ------
    UnknownOption, DataError, NotYetSupported : as in `fit.profile`
    MissingDependency : matplotlib is not installed

    Notes
    -----
    A straight line means that Wald's interval would do; a bend says how far it is off. The shaded
    band holds the interval, dotted lines the same for other levels; a bar at the end of a curve is
    the parameter's bound. `profile-zeta`; bates2015.

    Examples
    --------
    >>> import echelon as ec
    >>> from echelon.plot.theme import new_figure
    >>> sleep = ec.datasets.load("sleepstudy", quiet=True)
    >>> fit = ec.lmer("Reaction ~ Days + (1 | Subject)", sleep)
    >>> ax = fit.plot.profile(ax=new_figure().subplots())
    >>> [panel.get_xlabel() for panel in ax.figure.axes[1:]]
    ['(Intercept)', 'Days', 'sd_(Intercept)|Subject', 'sigma']
    """
    found = profile_values(fit, parameters, level=level, scale=scale, restricted=restricted)
    return profile_plot(found, ax=ax)


def profile_plot(found: Profile, *, ax: Axes | None = None) -> Axes:
    """Draw a profile that was made already; see `profile`."""
    curves = found.curves(max(LEVELS[-1], found.level))
    columns = columns_of(len(curves))
    title = "Profile likelihood: signed root ζ of the deviance along each parameter, "
    title += f"{percent(found.level)} intervals shaded"
    with theme.canvas(ax, rows=label_rows(len(curves))) as ax:
        theme.finish(ax, title, x="", y="")
        size = _PANEL * theme.text_size(ax)
        ax.set_axis_off()
        ends = np.column_stack([found.limits.low, found.limits.high])
        limits = dict(zip(found.terms, ends.tolist(), strict=True))
        for place, (curve, panel) in enumerate(zip(curves, panels(ax, len(curves)), strict=True)):
            _curve(panel, curve, limits[curve.name], found.level)
            _finish(panel, curve, size, left=place % columns == 0)
            if place % columns == columns - 1 or place == len(curves) - 1:
                _levels(panel, size, found.level)
    return ax


_PANEL = 0.8  # size of type in a panel, of that of a figure
_TALL = 100.0  # points; lower panels have fewer ticks
_MARGIN = 1.08  # of the largest zeta drawn


def _curve(panel: Axes, curve: Curve, limits: list[float], level: float) -> None:
    """Band, levels, the straight line of a Wald interval, the curve, its limits and its bounds."""
    reach = float(t_quantile((1 + level) / 2, np.inf))
    panel.axhspan(-reach, reach, color=theme.PALE, alpha=0.45, linewidth=0)
    for each in LEVELS:
        height = float(t_quantile((1 + each) / 2, np.inf))
        for y in (-height, height):
            panel.axhline(y, color=theme.GREY, linewidth=0.7, linestyle=(0, (1, 2.5)))
    panel.axhline(0, color=theme.GREY, linewidth=0.7)
    slope = _slope(curve)
    if isfinite(slope):
        panel.axline(
            (curve.centre, 0), slope=slope, color=theme.INK, linewidth=1.1, linestyle=(0, (5, 3))
        )
    panel.plot(curve.value, curve.zeta, color=theme.BLUE, linewidth=2.4, zorder=3)
    for x, zeta in zip(limits, (-reach, reach), strict=True):
        if isfinite(x) and x not in curve.bounds:
            panel.plot([x, x], [0, zeta], color=theme.INK, linewidth=1.0, zorder=2)
            panel.plot(x, zeta, "o", color=theme.BLUE, markersize=5.5, zorder=4)


def _slope(curve: Curve) -> float:
    """Slope of the curve at the optimum; nan at a bound, where there is none."""
    at = int(np.searchsorted(curve.value, curve.centre))
    if not 0 < at < len(curve.value) - 1:
        return np.nan
    x, zeta = curve.value[at - 1 : at + 2] - curve.centre, curve.zeta[at - 1 : at + 2]
    left, right = zeta[0] / x[0], zeta[2] / x[2]
    return float((left * x[2] - right * x[0]) / (x[2] - x[0]))


def _finish(panel: Axes, curve: Curve, size: float, *, left: bool) -> None:
    """Ranges, names and the mark of a bound that the curve runs into."""
    reach = _MARGIN * float(t_quantile((1 + LEVELS[-1]) / 2, np.inf))
    reach = max(reach, _MARGIN * float(np.abs(curve.zeta).max(initial=0.0)))
    low, high = float(curve.value[0]), float(curve.value[-1])
    pad = 0.06 * (high - low)
    panel.set_ylim(-reach, reach)
    panel.set_xlim(low - pad, high + pad)
    for end, bound in zip((low, high), curve.bounds, strict=True):
        if end == bound:
            panel.axvline(bound, color=theme.INK, linewidth=3.0, zorder=5)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
    ticks = (-2, -1, 0, 1, 2) if theme.points(panel)[1] > _TALL else (-2, 0, 2)
    panel.set_yticks(ticks, [f"{y}".replace("-", "−") if left else "" for y in ticks])
    panel.locator_params(axis="x", nbins=5)
    panel.tick_params(labelsize=size, colors=theme.INK, color=theme.GREY)
    panel.set_xlabel(curve.name, fontsize=size)
    if left:
        panel.set_ylabel("ζ", fontsize=1.1 * size, rotation=0, labelpad=8)


def _levels(panel: Axes, size: float, level: float) -> None:
    """Names of the levels beside the last panel of a row."""
    apart = 2 * panel.get_ylim()[1] / theme.points(panel)[1] * 0.9 * size
    shown: list[float] = []
    for each in sorted(LEVELS, key=lambda known: known != level):
        height = float(t_quantile((1 + each) / 2, np.inf))
        if any(abs(height - other) < apart for other in shown):
            continue
        shown.append(height)
        panel.text(
            1.02,
            height,
            percent(each),
            transform=panel.get_yaxis_transform(),
            fontsize=0.85 * size,
            color=theme.INK if each == level else theme.GREY,
            va="center",
        )
