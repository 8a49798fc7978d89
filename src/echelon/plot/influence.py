"""Influence plots: Cook's distances, DFBETAS, leverages against residuals; extremes named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from echelon.diagnose.influence import (
    GroupInfluence,
    RowInfluence,
    group_influence_values,
    row_influence_values,
)
from echelon.diagnose.influence.frames import cutoffs
from echelon.diagnose.influence.frames import row_labels as labels_of_rows
from echelon.errors import DataError, UnknownOption
from echelon.model.fit import LmmFit, OlsFit
from echelon.plot import theme
from echelon.plot.labels import count_axis, head_label, margin_labels, row_labels
from echelon.plot.panels import columns_of, label_rows, panels
from echelon.plot.words import label as shown_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]
Kind = Literal["cooks", "dfbetas", "leverage"]

_PANEL = 0.8  # size of type in a panel, of that of a figure
_CONTOURS = (0.5, 1.0)  # distances drawn as lines, R's
_ROWS = 40  # groups up to which each has a labelled row


def influence(
    fit: LmmFit | OlsFit,
    by: object = None,
    *,
    kind: Kind = "cooks",
    refit: bool | str | None = None,
    top: int = 5,
    ax: Axes | None = None,
) -> Axes:
    """Draw the influence of every row, or of every group.

    Parameters
    ----------
    by, refit : as in `fit.influence`
    kind : "cooks" for Cook's distances; "dfbetas", a panel a coefficient; "leverage" for leverages
        against standardised residuals (rows only)
    top : how many of the largest are named
    ax : axes to draw in; None for a new figure of pyplot

    Returns
    -------
    the axes; with "dfbetas" those that hold the title, the panels are their figure's others

    Raises
    ------
    UnknownOption, DataError, NeedsRows : as in `fit.influence`
    MissingDependency : matplotlib is not installed

    Examples
    --------
    >>> import echelon as ec
    >>> from echelon.plot.theme import new_figure
    >>> sleep = ec.datasets.load("sleepstudy", quiet=True)
    >>> fit = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep)
    >>> ax = fit.plot.influence("Subject", top=2, ax=new_figure().subplots())
    >>> [name.get_text() for name in ax.get_yticklabels()][-2:]
    ['335', '309']
    """
    if by is None:
        return row_influence_plot(row_influence_values(fit), kind=kind, top=top, ax=ax)
    found = group_influence_values(fit, by, refit=refit)
    return group_influence_plot(found, kind=kind, top=top, ax=ax)


def row_influence_plot(
    found: RowInfluence, *, kind: Kind = "cooks", top: int = 5, ax: Axes | None = None
) -> Axes:
    """Draw the influence of rows; see `influence`."""
    _check(kind, get_args(Kind))
    names = [shown_label(each) for each in labels_of_rows(found)]
    if kind == "leverage":
        return _leverage(found, names, top, ax)
    return _drawn(found, kind, ("Row", "row"), names, top, ax)


def group_influence_plot(
    found: GroupInfluence, *, kind: Kind = "cooks", top: int = 5, ax: Axes | None = None
) -> Axes:
    """Draw the influence of groups; see `influence`."""
    if kind == "leverage":
        raise DataError('kind="leverage" is of single rows: leave by= out.')
    _check(kind, ("cooks", "dfbetas"))
    names = [shown_label(each) for each in found.units.labels]
    name = found.units.name
    if kind == "cooks" and found.R <= _ROWS:
        return _sorted(found, names, ax)
    return _drawn(found, kind, (f"{name}, in the order of the data", name), names, top, ax)


def _check(kind: str, known: Sequence[str]) -> None:
    if kind not in known:
        raise UnknownOption("kind", kind, known)


def _drawn(
    found: RowInfluence | GroupInfluence,
    kind: Kind,
    unit: tuple[str, str],
    names: Sequence[str],
    top: int,
    ax: Axes | None,
) -> Axes:
    """Cook's distances, or DFBETAS, in order."""
    known = cutoffs(found)
    if kind == "dfbetas":
        return _dfbetas(found, unit, names, top, ax)
    title = f"Cook's distance of the fixed effects without each {unit[1]}"
    with theme.canvas(ax) as ax:
        theme.finish(ax, title, x=unit[0], y="Cook's distance")
        _stems(ax, found.cooks, known.cooks)
        count_axis(ax)
        ax.set_ylim(0, 1.12 * max(float(np.nanmax(found.cooks, initial=0.0)), known.cooks))
        margin_labels(ax, [(known.cooks, f"4/N\n{known.cooks:.2g}", theme.INK)])
        _named(ax, np.arange(1, len(names) + 1), found.cooks, names, top=top, by=found.cooks)
    return ax


def _sorted(found: GroupInfluence, names: Sequence[str], ax: Axes | None) -> Axes:
    """Few groups: a row each, the largest distance at the top."""
    cut, name = cutoffs(found).cooks, found.units.name
    order = np.argsort(np.nan_to_num(found.cooks), kind="stable")
    values, place = np.nan_to_num(found.cooks)[order], np.arange(1, found.R + 1)
    with theme.canvas(ax, rows=found.R) as ax:
        row_labels(ax, [names[j] for j in order], head=True)
        title = f"Cook's distance of the fixed effects without each {name}"
        for some, colour in ((values <= cut, theme.SKY), (values > cut, theme.BLUE)):
            ax.hlines(place[some], 0, values[some], color=colour, linewidth=2.2)
            ax.scatter(values[some], place[some], s=40, color=colour, linewidths=0, zorder=3)
        ax.set_xlim(0, 1.1 * max(float(values.max()), cut))
        ax.axvline(cut, color=theme.INK, linewidth=1.1, linestyle=(0, (5, 3)))
        theme.finish(ax, title, x="Cook's distance", y=name, grid="x")
        head_label(ax, cut, f"4/N = {cut:.2g}")
    return ax


def _stems(ax: Axes, values: Array, cut: float, *, both: bool = False) -> None:
    """Stems from zero; those beyond the cut-off darker, and the cut-off itself."""
    place, beyond = np.arange(1, len(values) + 1), np.abs(values) > cut
    picture = theme.as_picture(len(values))
    width = float(np.clip(400 / len(values), 0.5, 2.2))
    for some, colour in ((~beyond, theme.SKY), (beyond, theme.BLUE)):
        ax.vlines(place[some], 0, values[some], color=colour, linewidth=width, rasterized=picture)
        ax.scatter(
            place[some],
            values[some],
            s=float(np.clip(4000 / len(values), 4, 34)),
            color=colour,
            linewidths=0,
            zorder=3,
            rasterized=picture,
        )
    for height in (cut, -cut) if both else (cut,):
        ax.axhline(height, color=theme.INK, linewidth=1.1, linestyle=(0, (5, 3)))
    ax.set_xlim(0.5 - 0.01 * len(values), len(values) * 1.01 + 0.5)


def _dfbetas(
    found: RowInfluence | GroupInfluence,
    unit: tuple[str, str],
    names: Sequence[str],
    top: int,
    ax: Axes | None,
) -> Axes:
    """A panel a coefficient."""
    terms, known = found.fit.names, cutoffs(found)
    columns = columns_of(len(terms))
    title = f"DFBETAS: how far each {unit[1]} pulls a coefficient, in standard errors "
    title += f"(dashed: ±2/√N = {known.dfbetas:.2g})"
    with theme.canvas(ax, rows=label_rows(len(terms))) as ax:
        theme.finish(ax, title, x="", y="")
        ax.set_axis_off()
        size = _PANEL * theme.text_size(ax)
        reach = 1.25 * max(float(np.nanmax(np.abs(found.dfbetas), initial=0.0)), known.dfbetas)
        for i, (term, panel) in enumerate(zip(terms, panels(ax, len(terms)), strict=True)):
            values = found.dfbetas[:, i]
            _stems(panel, values, known.dfbetas, both=True)
            panel.set_ylim(-reach, reach)
            for side in ("top", "right"):
                panel.spines[side].set_visible(False)
            panel.tick_params(labelsize=size, colors=theme.INK, color=theme.GREY)
            panel.locator_params(axis="both", nbins=5)
            if i % columns:
                panel.tick_params(labelleft=False)
            panel.set_xlabel(term, fontsize=size)
            place = np.arange(1, len(names) + 1)
            _named(panel, place, values, names, top=min(top, 3), by=np.abs(values), size=size)
    return ax


def _leverage(found: RowInfluence, names: Sequence[str], top: int, ax: Axes | None) -> Axes:
    """Standardised residuals against leverages, with lines of equal distance."""
    linear = isinstance(found.fit, OlsFit)
    distance = np.nan_to_num(found.cooks if linear else found.cooks_conditional)
    h, r, known = found.leverage, found.std_residual, cutoffs(found)
    reach = 1.15 * float(np.nanmax(np.abs(r), initial=1.0))
    right = min(1.08 * float(np.nanmax(h)), 1.0)
    lines = _contours(len(found.fit.names), right, reach) if distance.any() else []
    title = "Standardised residual against leverage"
    what = "Cook's distance" if linear else "Cook's distance of the fitted values (D)"
    title += f", with lines of equal {what}" if lines else ""
    with theme.canvas(ax) as ax:
        far, dot = np.nan_to_num(found.cooks) > known.cooks, float(np.clip(6000 / found.n, 8, 42))
        of = "Cook's distance" if linear else "Cook's distance of the fixed effects"
        drawn = ((~far, theme.SKY, f"{of} up to 4/N"), (far, theme.BLUE, "above"))
        picture, keys = theme.as_picture(found.n), 0
        for some, colour, says in drawn:
            if some.any():
                marks = ax.scatter(h[some], r[some], s=dot, color=colour, label=says, linewidths=0)
                marks.set_rasterized(picture)
                keys += 1
        theme.finish(ax, title, x="Leverage", y="Standardised residual", key=keys)
        ax.axhline(0, color=theme.GREY, linewidth=0.7)
        ax.axvline(known.leverage, color=theme.INK, linewidth=1.1, linestyle=(0, (5, 3)))
        ax.set_ylim(-reach, reach)
        ax.set_xlim(0, right)
        for _, x, y in lines:
            for sign in (1, -1):
                ax.plot(x, sign * y, color=theme.VERMILLION, linewidth=1.2)
        margin_labels(ax, [(float(y[-1]), f"D = {at:g}", theme.INK) for at, _, y in lines])
        if known.leverage < right:
            head_label(ax, known.leverage, "twice the mean")
        _named(ax, h, r, names, top=top, by=distance)
    return ax


def _contours(p: int, right: float, reach: float) -> list[tuple[float, Array, Array]]:
    """Where h r^2 / ((1 - h) p) is constant: its value, h and r, of the lines that are seen."""
    h = np.linspace(right / 200, min(right, 0.999), 200)
    found = []
    for level in _CONTOURS:
        r = np.sqrt(level * p * (1 - h) / h)
        if r[-1] < reach:
            found.append((level, h[r < reach], r[r < reach]))
    return found


def _named(
    ax: Axes,
    x: Array | NDArray[np.intp],
    y: Array,
    names: Sequence[str],
    *,
    top: int,
    by: Array,
    size: float | None = None,
) -> None:
    """Names beside the largest, the larger first; one that would cover another is left out."""
    text = theme.text_size(ax) if size is None else size
    (left, right), (low, high), (wide, tall) = ax.get_xlim(), ax.get_ylim(), theme.points(ax)
    taken: list[tuple[float, float, float]] = []
    for i in np.argsort(np.where(np.isnan(by), np.inf, -by), kind="stable")[:top].tolist():
        if not np.isfinite(y[i]):
            continue
        at = wide * (float(x[i]) - left) / (right - left)
        height = tall * (float(y[i]) - low) / (high - low)
        span, up = 0.6 * text * len(names[i]), 1 if y[i] >= 0 else -1
        if any(abs(at - a) < (span + s) / 2 and abs(height - h) < 1.2 * text for a, h, s in taken):
            continue
        taken.append((at, height, span))
        side = "left" if at < span else "right" if at > wide - span else "center"
        ax.annotate(
            names[i],
            (float(x[i]), float(y[i])),
            xytext=(0, 5 * up),
            textcoords="offset points",
            ha=side,
            va="bottom" if up > 0 else "top",
            fontsize=0.9 * text,
            color=theme.INK,
        )
