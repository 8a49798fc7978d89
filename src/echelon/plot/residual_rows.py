"""Residuals of the rows: against fitted values or a predictor, and their size along them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from echelon.diagnose.level1 import LEVERAGE, design_of, row_residuals
from echelon.diagnose.smooth import Smooth, smooth
from echelon.errors import UnknownColumn
from echelon.model.fit import LmmFit, OlsFit
from echelon.plot import theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]
_CROWD = 4000
"""Points above which a cloud is drawn as hexagons shaded by their number."""


def residuals(
    fit: LmmFit | OlsFit,
    against: str | None = None,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw standardised level-1 residuals against fitted values or a predictor.

    Parameters
    ----------
    against : a numeric column of the model; None for the fitted values
    ax : axes to draw in; None for a new figure of pyplot

    Returns
    -------
    the axes; points, or hexagons shaded by the number of rows where there are more than 4,000; a
    smooth curve with its 95% band, which holds the line at zero where the model is right; lines at
    +-2, beyond which 5 percent lie

    Raises
    ------
    NeedsRows : the model was fitted from summaries
    UnknownColumn : `against` is no numeric column of the model
    MissingDependency : matplotlib is not installed

    Notes
    -----
    `residual-standardized`, `normalized`; the curve is `local-line`.

    Examples
    --------
    >>> import echelon as ec
    >>> from echelon.plot.theme import new_figure
    >>> fit = ec.lmer("Reaction ~ Days + (Days | Subject)", ec.datasets.load("sleepstudy"))
    >>> fit.plot.residuals(ax=new_figure().subplots()).get_xlabel()
    'Fitted Reaction'
    """
    rows = row_residuals(fit)
    x, name = _along(fit, rows.fitted, against)
    title = f"Level-1 residuals of {fit.response} against "
    title += "fitted values" if against is None else against
    with theme.canvas(ax) as ax:
        entries = draw_residuals(ax, x, rows.standard)
        theme.finish(ax, title, x=name, y=_height(rows.scale), key=entries)
    return ax


def scale_location(
    fit: LmmFit | OlsFit,
    against: str | None = None,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw the size of level-1 residuals along fitted values or a predictor.

    Parameters
    ----------
    against : a numeric column of the model; None for the fitted values
    ax : axes to draw in; None for a new figure of pyplot

    Returns
    -------
    the axes; square roots of absolute standardised residuals, with a smooth curve and its 95% band;
    the line is what a normal law of variance one has on average, 0.822

    Raises
    ------
    NeedsRows, UnknownColumn, MissingDependency : as `residuals`

    Examples
    --------
    >>> import echelon as ec
    >>> from echelon.plot.theme import new_figure
    >>> fit = ec.lmer("Reaction ~ Days + (Days | Subject)", ec.datasets.load("sleepstudy"))
    >>> ax = fit.plot.scale_location(ax=new_figure().subplots())
    >>> ax.get_ylabel()
    'Root of the absolute residual'
    """
    rows = row_residuals(fit)
    x, name = _along(fit, rows.fitted, against)
    title = f"Size of level-1 residuals of {fit.response} along "
    title += "fitted values" if against is None else against
    with theme.canvas(ax) as ax:
        entries = draw_sizes(ax, x, rows.standard)
        theme.finish(ax, title, x=name, y="Root of the absolute residual", key=entries)
    return ax


ROOT_MEAN = 0.8222
"""E sqrt|z| of a standard normal deviate, 2^(1/4) Gamma(3/4) / sqrt(pi)."""


def draw_residuals(ax: Axes, x: Array, standard: Array) -> int:
    """Residuals along x with a smooth curve; entries of the key."""
    _cloud(ax, x, standard)
    for level in (-2.0, 2.0):
        ax.axhline(level, color=theme.GREY, linewidth=1.0, linestyle="--", zorder=3)
    ax.axhline(0.0, color=theme.INK, linewidth=1.2, zorder=3)
    return _curve(ax, smooth(x, standard), "smooth, 95% band")


def draw_sizes(ax: Axes, x: Array, standard: Array) -> int:
    """Roots of absolute residuals along x with a smooth curve; entries of the key."""
    size = np.sqrt(np.abs(standard))
    _cloud(ax, x, size)
    ax.axhline(ROOT_MEAN, color=theme.INK, linewidth=1.2, zorder=3)
    entries = _curve(ax, smooth(x, size), "smooth, 95% band")
    ax.set_ylim(bottom=0)
    return entries


def _height(scale: str) -> str:
    return "Standardised residual" if scale == LEVERAGE else "Scaled residual"


def _along(fit: LmmFit | OlsFit, fitted: Array, against: str | None) -> tuple[Array, str]:
    """The horizontal axis and its name."""
    if against is None:
        return fitted, f"Fitted {fit.response}"
    design = design_of(fit, "Residuals")
    if against in design.names:
        return design.arrays[design.names.index(against)], against
    built = fit.built
    columns = {} if built is None else built.columns
    if against in columns and columns[against].levels is None:
        return columns[against].values.astype(np.float64), against
    numeric = [name for name, c in columns.items() if c.levels is None]
    known = dict.fromkeys((*numeric, *design.names))
    raise UnknownColumn(against, tuple(known), "against=; only columns of the model are kept")


def _cloud(ax: Axes, x: Array, y: Array) -> None:
    """Points, or hexagons where they would cover each other."""
    good = np.isfinite(y)
    x, y, n = x[good], y[good], int(good.sum())
    if n > _CROWD:
        from matplotlib.colors import LinearSegmentedColormap

        # light enough for the curve to be seen on them, in grey too
        shades = LinearSegmentedColormap.from_list("", ["#E8F3FB", "#A9D6F2", theme.SKY])
        ax.hexbin(
            x,
            y,
            gridsize=(36, 20),
            bins="log",
            cmap=shades,
            mincnt=1,
            linewidths=0,
            edgecolors="none",
            zorder=2,
        )
        return
    ax.scatter(
        x,
        y,
        s=float(np.clip(9000 / max(n, 1), 7, 34)),
        color=theme.BLUE,
        alpha=float(np.clip(450 / max(n, 1), 0.25, 0.8)),
        linewidths=0,
        zorder=2,
        rasterized=theme.as_picture(n),
    )


def _curve(ax: Axes, found: Smooth | None, name: str) -> int:
    """The smooth curve with its band; entries of the key."""
    if found is None:
        return 0
    low, high = found.y - 1.96 * found.se, found.y + 1.96 * found.se
    ax.fill_between(found.x, low, high, color=theme.VERMILLION, alpha=0.25, linewidth=0, zorder=4)
    ax.plot(found.x, found.y, color="white", linewidth=5.0, zorder=5)
    ax.plot(found.x, found.y, color=theme.VERMILLION, linewidth=2.6, label=name, zorder=6)
    return 1
