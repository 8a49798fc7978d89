"""How the figures look: colours, type, margins; the only door to matplotlib."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

import numpy as np

from echelon.errors import MissingDependency

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

# Okabe and Ito's palette: told apart with any kind of colour vision
ORANGE, SKY, GREEN, BLUE, VERMILLION, PURPLE = (
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
)
PALE = "#BBDDF2"  # sky blue towards white: areas, and lines packed so close that they are one
INK, GREY, FAINT = "#222222", "#6B6B6B", "#E4E4E4"
CATEGORIES = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
MARKERS = ("o", "^", "s", "D", "v", "P")
SIZE = (9.0, 5.5)  # inches: half a slide, or the width of a page
TEXT, TITLE = 13.0, 15.0  # points
_PAD = 0.1  # inches round the figure
_FULL = 480.0  # points; in narrower axes the type shrinks with them
_LEAST = 0.55  # but not below this share
_HEAVY = 2000  # marks above which a vector file holds them as a picture
_STYLE = {
    "font.size": TEXT,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.unicode_minus": True,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "text.color": INK,
    "lines.solid_capstyle": "butt",
}


@contextmanager
def canvas(ax: Axes | None, *, rows: int = 0) -> Iterator[Axes]:
    """The axes to draw in, with the style in force while the block runs.

    Parameters
    ----------
    ax : the caller's axes; None for a new figure of pyplot, so that `plt.show()` shows it
    rows : labelled rows; a new figure grows when they would not fit

    Raises
    ------
    MissingDependency : matplotlib is not installed
    """
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise _missing() from error
    with mpl.rc_context(_STYLE):
        if ax is None:
            from matplotlib import pyplot

            _, ax = pyplot.subplots(figsize=_size(rows), layout=_layout())
        yield ax


def new_figure(rows: int = 0) -> Figure:
    """A figure of slide size outside pyplot (nothing to close), laid out so that labels fit.

    Raises
    ------
    MissingDependency : matplotlib is not installed
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise _missing() from error
    return Figure(figsize=_size(rows), layout=_layout(), facecolor="white")


def _layout() -> ConstrainedLayoutEngine:
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    return ConstrainedLayoutEngine(w_pad=_PAD, h_pad=_PAD)


def _missing() -> MissingDependency:
    return MissingDependency("matplotlib", "plot", "Drawing figures")


def _size(rows: int) -> tuple[float, float]:
    return SIZE[0], max(SIZE[1], 1.6 + rows * 1.15 * TEXT / 72)


def finish(
    ax: Axes, title: str, *, x: str, y: str, grid: Literal["x", "y"] = "y", key: int = 0
) -> None:
    """Title, axis names, spines and grid; `key` entries of a key line between title and axes."""
    text = text_size(ax)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    ax.tick_params(axis="x" if grid == "x" else "both", labelsize=text)
    ax.tick_params(colors=INK, color=GREY)
    ax.grid(visible=False)
    ax.grid(axis=grid, color=FAINT, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.set_xlabel(x, fontsize=text, labelpad=8)
    ax.set_ylabel(y, fontsize=text, labelpad=8)
    width = 1.1 * points(ax)[0] - (_names_width(ax) if grid == "x" else 0.0)
    lines = _key(ax, key, width) if key else 0
    large = text * TITLE / TEXT
    ax.set_title(
        _balanced(title, max(24, int(width / (0.56 * large)))),
        loc="left",
        fontsize=large,
        pad=11 + 1.6 * text * lines,
    )


def _balanced(text: str, width: int) -> str:
    """The text in as few lines as the width allows, of about the same length."""
    lines = textwrap.wrap(text, width, break_on_hyphens=False)
    while len(closer := textwrap.wrap(text, width - 1, break_on_hyphens=False)) == len(lines) > 1:
        lines, width = closer, width - 1
    return "\n".join(lines)


def _key(ax: Axes, entries: int, width: float) -> int:
    """The marks explained above the axes, however small or faint they are within; its lines."""
    from matplotlib.collections import PathCollection
    from matplotlib.lines import Line2D

    text = text_size(ax)
    names = ax.get_legend_handles_labels()[1]
    needed = sum(0.54 * text * len(name) + 3.0 * text for name in names)
    lines = 1 if needed <= max(width, 1.0) else 2
    key = ax.legend(
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=-(-entries // lines),
        frameon=False,
        fontsize=text,
        borderaxespad=0.3,
        borderpad=0.2,
        handletextpad=0.5,
        columnspacing=1.6,
        handlelength=1.5,
    )
    for mark in key.legend_handles:
        if isinstance(mark, PathCollection):
            mark.set_sizes([max(45.0, float(mark.get_sizes()[0]))])
            mark.set_alpha(1.0)
        elif isinstance(mark, Line2D):
            mark.set_linewidth(max(2.2, mark.get_linewidth()))
    return lines


def points(ax: Axes) -> tuple[float, float]:
    """Width and height of the axes in points, before the layout is final."""
    return ax.bbox.width * 72 / ax.figure.dpi, ax.bbox.height * 72 / ax.figure.dpi


def text_size(ax: Axes) -> float:
    """Size of type in points: `TEXT` in a figure of its own, smaller in a caller's small axes."""
    return TEXT * float(np.clip(points(ax)[0] / _FULL, _LEAST, 1.0))


def _names_width(ax: Axes) -> float:
    """Points that the names of the rows take from the axes beyond a number's width."""
    names = ax.get_yticklabels()
    return max(
        (0.6 * float(name.get_fontsize()) * (len(name.get_text()) - 5) for name in names), default=0
    )


def as_picture(marks: int) -> bool:
    """Whether so many marks go into a vector file as a picture, to keep the file small."""
    return marks > _HEAVY
