"""The main pictures of a check, in one figure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from echelon.diagnose.checks.run import Check
from echelon.diagnose.level1 import row_residuals
from echelon.diagnose.level2 import GroupResiduals, group_residuals
from echelon.errors import EchelonError, NeedsRows
from echelon.model.fit import LmmFit, OlsFit
from echelon.plot import panels, theme
from echelon.plot.group_residuals import draw_points
from echelon.plot.qq import draw_distances, draw_normal
from echelon.plot.residual_rows import draw_residuals, draw_sizes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TYPE = 0.8
_Panel = tuple[Callable[["Axes"], int], str, str]


def check_plot(found: Check, *, ax: Axes | None = None) -> Axes:
    """Draw the main pictures behind a check: residuals, their size, their shape, the groups.

    Parameters
    ----------
    ax : axes to draw in; None for a new figure of pyplot

    Returns
    -------
    the axes, which keep the title; up to six panels beside each other: residuals against fitted
    values, their size along them, their Q-Q plot, and for the first grouping factor the Q-Q plots
    of its effects and the Mahalanobis distances of its groups

    Raises
    ------
    NeedsRows : the model was fitted from summaries and has no group effects to draw
    MissingDependency : matplotlib is not installed
    """
    drawn = [*_rows(found.fit), *(_groups(found.fit) if isinstance(found.fit, LmmFit) else [])][:6]
    if not drawn:
        raise NeedsRows("There is nothing to draw: no rows, and no random effects with a variance.")
    with theme.canvas(ax, rows=panels.label_rows(6) if len(drawn) > 3 else 0) as ax:
        theme.finish(ax, found.summary, x="", y="")
        ax.set_xticks([])
        ax.set_yticks([])
        ax.set_axis_off()
        size = _TYPE * theme.text_size(ax)
        for panel, (draw, x, y) in zip(panels.panels(ax, len(drawn)), drawn, strict=True):
            draw(panel)
            panels.finish_panel(panel, x, size, y=y)
    return ax


def _rows(fit: LmmFit | OlsFit) -> list[_Panel]:
    try:
        rows = row_residuals(fit)
    except NeedsRows:
        return []
    return [
        (lambda ax: draw_residuals(ax, rows.fitted, rows.standard), "Fitted", "Level-1 residual"),
        (lambda ax: draw_sizes(ax, rows.fitted, rows.standard), "Fitted", "Root of |residual|"),
        (lambda ax: draw_normal(ax, rows.standard), "Normal quantile", "Level-1 residual"),
    ]


def _groups(fit: LmmFit) -> list[_Panel]:
    try:
        groups = group_residuals(fit, fit.factors[0])
    except EchelonError:
        return []
    made = [_effect(groups, a) for a in range(len(groups.effects)) if _drawable(groups, a)]
    if len(made) > 1:
        what = f"Chi-square ({len(groups.effects)} df)"
        made = [
            *made[:2],
            (lambda ax: draw_distances(ax, groups), what, f"{groups.factor}: distance"),
        ]
    elif made:
        z, n = groups.standard[:, 0], groups.n.astype(np.float64)
        made.append((lambda ax: draw_points(ax, n, z), "Rows in the group", groups.factor))
    return made


def _drawable(groups: GroupResiduals, a: int) -> bool:
    return int(np.isfinite(groups.standard[:, a]).sum()) >= 3


def _effect(groups: GroupResiduals, a: int) -> _Panel:
    return (
        lambda ax: draw_normal(ax, groups.standard[:, a], groups),
        "Normal quantile",
        f"{groups.factor}: {groups.effects[a]}",
    )
