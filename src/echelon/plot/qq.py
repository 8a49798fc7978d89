"""Normal-score plots at both levels, and Mahalanobis distances of groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from echelon.diagnose.level1 import row_residuals
from echelon.diagnose.level2 import GroupResiduals, group_residuals
from echelon.diagnose.qq import Band, Sorted, sorted_sample
from echelon.errors import NotIdentified, UnknownOption
from echelon.linalg.distributions import chi2_upper_quantile, normal_quantile
from echelon.model.fit import LmmFit, OlsFit
from echelon.plot import panels, theme
from echelon.plot.words import groups_of, label, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]
_PANEL = 0.85  # size of type in a panel
_NAMED = 3
"""Points outside the band that are named."""


def qq(
    fit: LmmFit | OlsFit,
    *,
    level: float = 0.95,
    band: Band = "simultaneous",
    ax: Axes | None = None,
) -> Axes:
    """Draw the normal Q-Q plot of standardised level-1 residuals.

    Parameters
    ----------
    level : coverage of the band: 0.90, 0.95 or 0.99
    band : "simultaneous": a normal sample stays inside it everywhere with this probability;
        "pointwise": each point does, so that many a normal sample leaves it somewhere
    ax : axes to draw in; None for a new figure of pyplot

    Returns
    -------
    the axes; points on the line where residuals are normal with the variance of the model

    Raises
    ------
    NeedsRows : the model was fitted from summaries
    MissingDependency : matplotlib is not installed

    Notes
    -----
    `qq-band`, `qq-local-level`; aldor2013. The band is of independent draws; the residuals of a fit
    hang together a little, and stay within it rather more often.

    Examples
    --------
    >>> import echelon as ec
    >>> from echelon.plot.theme import new_figure
    >>> fit = ec.lmer("Reaction ~ Days + (Days | Subject)", ec.datasets.load("sleepstudy"))
    >>> fit.plot.qq(ax=new_figure().subplots()).get_xlabel()
    'Normal quantile'
    """
    rows = row_residuals(fit)
    title = f"Normal Q-Q plot of level-1 residuals of {fit.response}"
    with theme.canvas(ax) as ax:
        entries = draw_normal(ax, rows.standard, None, level, band)
        theme.finish(ax, title, x="Normal quantile", y="Standardised residual", key=entries)
    return ax


def group_qq(
    fit: LmmFit,
    factor: str | None = None,
    *,
    term: str | None = None,
    level: float = 0.95,
    band: Band = "simultaneous",
    ax: Axes | None = None,
) -> Axes:
    """Draw the normal Q-Q plot of the groups' empirical Bayes estimates, one panel a coefficient.

    Parameters
    ----------
    factor : name of the grouping factor; may be left out when there is one
    term : one random coefficient; None for all of them
    level, band : as in `qq`
    ax : axes to draw in; None for a new figure of pyplot

    Returns
    -------
    the axes (the strip under the title when there are several panels); each estimate is divided by
    the standard deviation that the model expects of it

    Raises
    ------
    UnknownColumn, UnknownOption : `factor` or `term` is none of the model
    NotIdentified : the variance is zero
    MissingDependency : matplotlib is not installed

    Notes
    -----
    Shrunken estimates hold the level-1 errors too: where reliability is low they look normal
    whatever the effects are (`level2-variance`; snijders2012, ch. 10).

    Examples
    --------
    >>> import echelon as ec
    >>> from echelon.plot.theme import new_figure
    >>> fit = ec.lmer("Reaction ~ Days + (1 | Subject)", ec.datasets.load("sleepstudy"))
    >>> fit.plot.group_qq(ax=new_figure().subplots()).get_xlabel()
    'Normal quantile'
    """
    groups = group_residuals(fit, factor)
    at = _effects(groups, term)
    title = f"Normal Q-Q plot of empirical Bayes estimates of {groups.factor}"
    height = "Estimate / its SD"
    with theme.canvas(ax) as ax:
        if len(at) == 1:
            title += f": {groups.effects[at[0]]}" if len(groups.effects) > 1 else ""
            entries = draw_normal(ax, groups.standard[:, at[0]], groups, level, band)
            theme.finish(ax, title, x="Normal quantile", y=height, key=entries)
            return ax
        theme.finish(ax, f"{title}, {percent(level)} {band} bands", x="", y=height)
        ax.set_xticks([])
        ax.set_yticks([])
        ax.set_axis_off()
        size = _PANEL * theme.text_size(ax)
        for i, (panel, a) in enumerate(zip(panels.panels(ax, len(at)), at, strict=True)):
            draw_normal(panel, groups.standard[:, a], groups, level, band)
            first = i % panels.columns_of(len(at)) == 0
            panels.finish_panel(panel, groups.effects[a], size, y=height if first else "")
    return ax


def mahalanobis(
    fit: LmmFit,
    factor: str | None = None,
    *,
    level: float = 0.95,
    band: Band = "simultaneous",
    ax: Axes | None = None,
) -> Axes:
    """Draw the groups' Mahalanobis distances against quantiles of chi-square.

    Parameters
    ----------
    factor : name of the grouping factor; may be left out when there is one
    level, band : as in `qq`
    ax : axes to draw in; None for a new figure of pyplot

    Returns
    -------
    the axes; groups above the band are further from their predictions than the model allows

    Raises
    ------
    UnknownColumn : `factor` is no grouping factor of the model
    NotIdentified : all variances are zero
    MissingDependency : matplotlib is not installed

    Notes
    -----
    u'Var(u)^-1 u on q degrees of freedom (`level2-variance`; raudenbush2002, ch. 9). Groups whose
    variance matrix is singular are put where chi-square with q df has the same tail area.

    Examples
    --------
    >>> import echelon as ec
    >>> from echelon.plot.theme import new_figure
    >>> fit = ec.lmer("Reaction ~ Days + (Days | Subject)", ec.datasets.load("sleepstudy"))
    >>> fit.plot.mahalanobis(ax=new_figure().subplots()).get_xlabel()
    'Chi-square quantile (2 df)'
    """
    groups = group_residuals(fit, factor)
    values, q = groups.comparable, len(groups.effects)
    if np.isfinite(values).sum() < 3:
        raise NotIdentified(_NO_EFFECTS.format(groups.factor))
    title = f"Mahalanobis distances of {groups_of(fit.group(factor))}"
    with theme.canvas(ax) as ax:
        entries = draw_distances(ax, groups, level, band)
        what = f"Chi-square quantile ({q} df)"
        theme.finish(ax, title, x=what, y="Mahalanobis distance", key=entries)
    return ax


_NO_EFFECTS = (
    "The random effects of {!r} have no variance in this fit, so that there is nothing to compare "
    "with a normal law."
)


def _effects(groups: GroupResiduals, term: str | None) -> list[int]:
    if term is not None and term not in groups.effects:
        raise UnknownOption("term", term, groups.effects)
    chosen = range(len(groups.effects)) if term is None else [groups.effects.index(term)]
    at = [a for a in chosen if np.isfinite(groups.standard[:, a]).sum() >= 3]
    if not at:
        raise NotIdentified(_NO_EFFECTS.format(groups.factor))
    return at


def draw_normal(
    ax: Axes,
    values: Array,
    groups: GroupResiduals | None = None,
    level: float = 0.95,
    band: Band = "simultaneous",
) -> int:
    """Values against normal quantiles with a band; entries of the key."""
    found = sorted_sample(values, level=level, band=band)
    x, low, high = (normal_quantile(p) for p in (found.share, found.low, found.high))
    return _points(ax, found, groups, x, (low, high), f"{percent(level)} {band} band")


def draw_distances(
    ax: Axes, groups: GroupResiduals, level: float = 0.95, band: Band = "simultaneous"
) -> int:
    """Mahalanobis distances against quantiles of chi-square with a band; entries of the key."""
    found, q = sorted_sample(groups.comparable, level=level, band=band), len(groups.effects)
    x, low, high = (chi2_upper_quantile(1 - p, q) for p in (found.share, found.low, found.high))
    entries = _points(ax, found, groups, x, (low, high), f"{percent(level)} {band} band")
    ax.set_xlim(0, None)
    ax.set_ylim(0, None)
    return entries


def _points(
    ax: Axes,
    found: Sorted,
    groups: GroupResiduals | None,
    x: Array,
    limits: tuple[Array, Array],
    name: str,
) -> int:
    """Points, line and band; groups outside the band named; entries of the key."""
    low, high = limits
    y, m = found.values, len(found.values)
    ax.fill_between(x, low, high, color=theme.PALE, linewidth=0, label=name, zorder=1)
    ends = np.array([x[0], x[-1]])
    ax.plot(ends, ends, color=theme.INK, linewidth=1.2, zorder=2)
    out = (y < low) | (y > high)
    size = float(np.clip(6000 / m, 10, 40))
    ax.scatter(
        x[~out],
        y[~out],
        s=size,
        color=theme.BLUE,
        linewidths=0,
        zorder=3,
        rasterized=theme.as_picture(m),
    )
    if not out.any():
        return 1
    ax.scatter(
        x[out], y[out], s=size * 1.3, color=theme.VERMILLION, marker="D", zorder=4, linewidths=0,
        label="outside",
    )  # fmt: skip
    if groups is not None:
        _name(ax, found, groups, x, np.flatnonzero(out))
    return 2


def _name(ax: Axes, found: Sorted, groups: GroupResiduals, x: Array, out: NDArray[np.intp]) -> None:
    """The labels of the groups furthest from the line."""
    order = out[np.argsort(-np.abs(found.values[out] - x[out]))][:_NAMED]
    for i in order:
        left = x[i] > np.median(x)
        ax.annotate(
            label(groups.levels[found.order[i]]),
            (x[i], found.values[i]),
            xytext=(-7 if left else 7, 0),
            textcoords="offset points",
            ha="right" if left else "left",
            va="center",
            fontsize=0.8 * theme.text_size(ax),
            color=theme.INK,
        )
