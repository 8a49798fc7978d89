"""Stacked bars of a decomposition of variance: the whole, within groups, between groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from echelon.model.fit import LmmFit
from echelon.multilevel.r2_decomposition import R2Decomposition, r2_decomposition_values
from echelon.plot import theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDE = 0.58  # of the place of a bar
_LEAST = 0.035  # share of a bar that holds a number
_STYLES: dict[tuple[str, int], tuple[str, str]] = {
    ("f", 0): (theme.BLUE, ""),
    ("f", 1): (theme.SKY, ""),
    ("f", 2): (theme.PALE, ""),
    ("v", 0): (theme.ORANGE, "////"),
    ("v", 1): ("#F4CE7F", "////"),
    ("v", 2): ("#FAE7BF", "////"),
    ("m", 1): (theme.VERMILLION, "\\\\\\\\"),
    ("m", 2): ("#EAAE7F", "\\\\\\\\"),
    ("", 0): ("#F2F2F2", ""),
}
"""Colour and hatching by kind and level; the hatching tells them apart in grey."""


def r2_bars(fit: LmmFit, *, ax: Axes | None = None) -> Axes:
    """Draw where the variance of the response lies and what describes it, as stacked bars.

    Parameters
    ----------
    ax : axes to draw in; None for a new figure of pyplot

    Returns
    -------
    the axes; one bar for the whole variance and one for each level, each of height one

    Raises
    ------
    DataError : crossed factors
    MissingDependency : matplotlib is not installed

    Notes
    -----
    `rights-sterba`; rights2019, figure 1. Predictors that differ within and between groups are
    divided into both.

    Examples
    --------
    >>> import echelon as ec
    >>> from echelon.plot.theme import new_figure
    >>> hsb = ec.datasets.load("hsb", quiet=True)
    >>> fit = ec.lmer("mathach ~ ses + (ses | school)", hsb)
    >>> ax = fit.plot.r2_bars(ax=new_figure().subplots())
    >>> [label.get_text().splitlines()[0] for label in ax.get_xticklabels()]
    ['Total', 'Within', 'Between']
    """
    return r2_decomposition_plot(r2_decomposition_values(fit), ax=ax)


def r2_decomposition_plot(found: R2Decomposition, *, ax: Axes | None = None) -> Axes:
    """Draw a decomposition that was made already; see `r2_bars`."""
    bars = ("total", *found.levels)
    totals = {"total": found.total, **dict(zip(found.levels, found.by_level.tolist(), strict=True))}
    parts = [part for part in found.components() if part[3] > 0]
    with theme.canvas(ax) as ax:
        floor = np.zeros(len(bars))
        for symbol, source, level, value in parts:
            shares = np.array([value / totals[b] if b in ("total", level) else 0.0 for b in bars])
            colour, hatch = _STYLES[symbol[:1], min(found.levels.index(level), 2)]
            ax.bar(
                np.arange(len(bars)),
                shares,
                _WIDE,
                bottom=floor,
                color=colour,
                hatch=hatch,
                edgecolor="white" if symbol else theme.GREY,
                linewidth=0.8,
                label=_name(found, symbol, source, level),
            )
            _numbers(ax, shares, floor)
            floor += shares
        ax.set_xticks(
            np.arange(len(bars)), [_bar(name, totals[name] / found.total) for name in bars]
        )
        ax.set_ylim(0, 1)
        ax.set_xlim(-0.5, len(bars) - 0.5)
        theme.finish(
            ax, f"Variance of {found.response} by source and level", x="", y="Share of variance"
        )
        _key(ax)
    return ax


def _name(found: R2Decomposition, symbol: str, source: str, level: str) -> str:
    """What an entry of the key says; one line of at most two words' width."""
    where = "" if symbol[:1] == "m" and len(found.levels) == 2 else f"\n{level}"
    return f"{source}{where}" + (f" ({symbol})" if symbol else "")


def _bar(name: str, share: float) -> str:
    """What stands below a bar; names of factors stay as they are."""
    if name == "total":
        return "Total"
    shown = name.capitalize() if name in ("within", "between") else name
    return f"{shown}\n{100 * share:.0f}% of total"


def _numbers(ax: Axes, shares: np.ndarray, floor: np.ndarray) -> None:
    """The share in the middle of every part that has room for it."""
    for x, (share, bottom) in enumerate(zip(shares, floor, strict=True)):
        if share >= _LEAST:
            ax.text(
                x,
                bottom + share / 2,
                f"{share:.2f}",
                ha="center",
                va="center",
                fontsize=0.85 * theme.text_size(ax),
                color=theme.INK,
                bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "linewidth": 0},
            )


def _key(ax: Axes) -> None:
    """The key beside the bars, in their order from the top."""
    handles, labels = ax.get_legend_handles_labels()
    ax.legend(
        handles[::-1],
        labels[::-1],
        loc="center left",
        bbox_to_anchor=(1.01, 0.5),
        frameon=False,
        fontsize=0.9 * theme.text_size(ax),
        handlelength=1.6,
        handleheight=1.4,
        labelspacing=0.9,
    )
