"""Several panels in the place of one pair of axes, which keeps the title above them."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from echelon.plot import theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STRIP = 0.01  # height of the strip below the title, of that of a row
_PER_ROW = 2.4  # inches of height of a row of panels


def columns_of(count: int) -> int:
    """Panels side by side: three, or what makes a square of few."""
    return {1: 1, 2: 2, 4: 2}.get(count, 3)


def label_rows(count: int) -> int:
    """Labelled rows as high as so many panels, for a figure that is made for them."""
    lines = ceil(count / columns_of(count))
    return int(lines * _PER_ROW * 72 / (1.15 * theme.TEXT)) if lines > 2 else 0


def panels(ax: Axes, count: int) -> list[Axes]:
    """Axes in the place of `ax`, row by row."""
    columns = columns_of(count)
    lines = ceil(count / columns)
    spec, figure = ax.get_subplotspec(), ax.figure
    if spec is not None:
        ratios = [_STRIP, *(1.0,) * lines]
        grid = spec.subgridspec(lines + 1, columns, wspace=0.08, hspace=0.1, height_ratios=ratios)
        ax.set_subplotspec(grid[0, :])
        return [figure.add_subplot(grid[1 + i // columns, i % columns]) for i in range(count)]
    wide, high = 1 / columns, 1 / lines
    return [
        ax.inset_axes(
            ((i % columns + 0.12) * wide, 1 - (i // columns + 0.85) * high, 0.8 * wide, 0.65 * high)
        )
        for i in range(count)
    ]


def finish_panel(panel: Axes, x: str, size: float, *, y: str = "") -> None:
    """Spines, ticks and names of one panel; `size` of its type in points."""
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
    panel.locator_params(axis="both", nbins=5)
    panel.tick_params(labelsize=size, colors=theme.INK, color=theme.GREY)
    panel.set_axisbelow(True)
    panel.set_xlabel(x, fontsize=size)
    if y:
        panel.set_ylabel(y, fontsize=size)
