"""Names of rows, lines and ranks, placed so that none overlaps another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from echelon.plot.theme import INK, TEXT, points, text_size

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LEFT = 0.65  # of the height of a small axes when its title, key and axis name are placed
_SMALLEST = 5.0  # points; of names of rows, when a caller's axes has no room for more


def rank_axis(ax: Axes, J: int) -> None:
    """Ranks 1 to J on the x axis, both ends named."""
    from matplotlib.ticker import MaxNLocator

    steps = MaxNLocator(8, integer=True, steps=[1, 2, 5, 10]).tick_values(1, J)
    apart = 0.6 * (steps[1] - steps[0])
    ax.set_xticks([1, *(int(t) for t in steps if 1 + apart < t < J - apart), J])
    ax.set_xlim(1 - 0.01 * J, J * 1.01)


def count_axis(ax: Axes) -> None:
    """Whole numbers on the x axis."""
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(8, integer=True, steps=[1, 2, 5, 10]))


def row_labels(ax: Axes, labels: Sequence[str], *, head: bool = False) -> None:
    """One label a row on the y axis, rows from 1 upwards; smaller where the rows are narrow.

    `head` keeps room above the first row for the name of a line.
    """
    J, height, text = len(labels), _height(ax), text_size(ax)
    free = 1.5 * text if head else 0.0
    pitch = (height - free) / (J + 0.4)
    ax.set_ylim(0.3, J + 0.7 + free / pitch)
    ax.set_yticks(range(1, J + 1), labels)
    ax.tick_params(axis="y", length=0, labelsize=float(np.clip(0.95 * pitch, _SMALLEST, text)))


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
        fontsize=text_size(ax),
        color=INK,
    )


def margin_labels(ax: Axes, labels: Sequence[tuple[float, str, str]]) -> None:
    """Texts beside the right end of the axes at (height, text, colour), moved apart if need be."""
    low, high = ax.get_ylim()
    line = 1.3 * text_size(ax) / _height(ax) * (high - low)
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
            fontsize=text_size(ax),
            va="center",
            ha="left",
            linespacing=1.15,
        )


def _height(ax: Axes) -> float:
    """Height of the axes in points; less than now where titles will take from a small axes."""
    return points(ax)[1] * (1.0 if text_size(ax) == TEXT else _LEFT)
