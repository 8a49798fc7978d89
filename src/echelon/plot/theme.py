"""How the figures look: colours, type, margins; the only door to matplotlib."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

import numpy as np

from echelon.errors import MissingDependency

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's palette: told apart with any kind of colour vision
ORANGE, SKY, GREEN, BLUE, VERMILLION, PURPLE = (
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
)
INK, GREY, FAINT = "#222222", "#6B6B6B", "#E4E4E4"
CATEGORIES = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
MARKERS = ("o", "^", "s", "D", "v", "P")
SIZE = (9.0, 5.5)  # inches: half a slide, or the width of a page
TEXT, TITLE = 13.0, 15.0  # points
HEAD = 1.0  # rows kept free above the first for the name of the line
_SMALLEST = 6.0  # points; of row labels only, when a caller's axes has no room
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

            _, ax = pyplot.subplots(figsize=_size(rows), layout="constrained")
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
    return Figure(figsize=_size(rows), layout="constrained", facecolor="white")


def _missing() -> MissingDependency:
    return MissingDependency("matplotlib", "plot", "Drawing figures")


def _size(rows: int) -> tuple[float, float]:
    return SIZE[0], max(SIZE[1], 1.6 + rows * 1.15 * TEXT / 72)


def finish(
    ax: Axes, title: str, *, x: str, y: str, grid: Literal["x", "y"] = "y", key: int = 0
) -> None:
    """Title, axis names, spines and grid; `key` entries of a key line between title and axes."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    ax.tick_params(labelsize=TEXT, colors=INK, color=GREY)
    ax.grid(visible=False)
    ax.grid(axis=grid, color=FAINT, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.set_title(
        textwrap.fill(title, max(24, int(1.1 * _points(ax)[0] / (0.56 * TITLE)))),
        loc="left",
        fontsize=TITLE,
        pad=TITLE + 18 if key else 12,
    )
    ax.set_xlabel(x, fontsize=TEXT, labelpad=8)
    ax.set_ylabel(y, fontsize=TEXT, labelpad=8)
    if key:
        ax.legend(
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            ncols=key,
            frameon=False,
            fontsize=TEXT,
            borderaxespad=0.3,
            borderpad=0.2,
            handletextpad=0.5,
            columnspacing=1.6,
            handlelength=1.5,
        )


def row_labels(ax: Axes, labels: Sequence[str], *, head: float = 0.0) -> None:
    """One label a row on the y axis, rows from 1 upwards; smaller where the rows are narrow."""
    J = len(labels)
    ax.set_ylim(0.3, J + 0.7 + head)
    ax.set_yticks(range(1, J + 1), labels)
    ax.tick_params(axis="y", length=0)
    pitch = _points(ax)[1] / (J + 0.4 + head)
    for text in ax.get_yticklabels():
        text.set_fontsize(float(np.clip(0.92 * pitch, _SMALLEST, TEXT)))


def head_label(ax: Axes, x: float, text: str) -> None:
    """Name the upright line at `x` beside its upper end, on the side with more room."""
    low, high = ax.get_xlim()
    right = x < (low + high) / 2
    ax.annotate(
        text,
        (x, ax.get_ylim()[1]),
        xytext=(6 if right else -6, -3),
        textcoords="offset points",
        ha="left" if right else "right",
        va="top",
        fontsize=TEXT,
        color=INK,
    )


def margin_labels(ax: Axes, labels: Sequence[tuple[float, str, str]]) -> None:
    """Texts beside the right end of the axes at (height, text, colour), moved apart if need be."""
    low, high = ax.get_ylim()
    line = 1.3 * TEXT / _points(ax)[1] * (high - low)
    floor = -np.inf
    for height, text, colour in sorted(labels):
        tall = (text.count("\n") + 1) * line
        centre = max(height, floor + tall / 2)
        floor = centre + tall / 2
        ax.text(
            1.012,
            centre,
            text,
            transform=ax.get_yaxis_transform(),
            color=colour,
            fontsize=TEXT,
            va="center",
            ha="left",
            linespacing=1.15,
        )


def _points(ax: Axes) -> tuple[float, float]:
    """Width and height of the axes in points, before the layout is final."""
    return ax.bbox.width * 72 / ax.figure.dpi, ax.bbox.height * 72 / ax.figure.dpi


def as_picture(marks: int) -> bool:
    """Whether so many marks go into a vector file as a picture, to keep the file small."""
    return marks > _HEAVY
