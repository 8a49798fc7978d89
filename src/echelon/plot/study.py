"""A design study as curves: one measure against one factor, a line an estimator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from echelon.errors import DataError
from echelon.plot import theme
from echelon.plot.panels import columns_of, label_rows, panels
from echelon.plot.study_choice import Picture, factors_of, measure_of
from echelon.study.result import (
    Study,
    factor_words,
    label,
    shown_factor,
    where_of,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]

_DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)), (0, (3, 1)), (0, (8, 2)))
_COLOURS = (*theme.CATEGORIES, theme.INK, theme.GREY)
_MARKS = (*theme.MARKERS, "X", "*")
_MOST_TICKS = 8
_PANEL = 0.85  # size of type in a panel, of that of a figure
_NAMES = {
    "bias": "Bias",
    "relative_bias": "Relative bias",
    "rmse": "Root mean squared error",
    "sd": "SD of the estimates",
    "efficiency": "Efficiency",
    "std_error": "Mean standard error",
    "se_ratio": "Standard errors over SD of the estimates",
    "coverage": "Coverage",
    "length": "Mean length of the interval",
    "type_1_error": "Type I error",
    "power": "Power",
    "detectable": "Smallest detectable effect",
    "at_zero": "Share of estimates at or below zero",
}


def study_plot(
    study: Study,
    *,
    measure: str | None = None,
    x: str | None = None,
    panel: Sequence[str] | str | None = None,
    term: str | None = None,
    estimators: Sequence[str] | str | None = None,
    where: Mapping[str, object] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw one measure against one factor, a line for each estimator.

    Parameters
    ----------
    measure : "power", "coverage", "bias", ...; None for power where there is an effect, the
        coverage of the mean, or the relative bias of a variance
    x : factor along the axis, as "J", "icc", "cv" or the name of an effect; None for one that
        varies
    panel : factor with a panel for each value, or two factors; None for those that vary besides
    term : parameter; None for the last effect, or the grand mean
    estimators : some of them
    where : values of further factors, as {"icc": 0.2}
    ax : axes whose place the figure takes; None for a new figure of pyplot

    Returns
    -------
    the axes that hold the title; panels, if any, are its figure's other axes

    Raises
    ------
    UnknownOption, DataError : what the study does not have; factors that vary besides
    MissingDependency : matplotlib is not installed

    Notes
    -----
    Bars are two Monte Carlo standard errors either side. The grey line is what a measure should be.

    Examples
    --------
    >>> import echelon as ec
    >>> from echelon.plot.theme import new_figure
    >>> study = ec.design_study(J=[10, 20], n=10, icc=[0.1, 0.3], reps=100, rng=1)
    >>> ax = study.plot(measure="coverage", ax=new_figure().subplots())
    >>> [panel.get_title(loc="left") for panel in ax.figure.axes[1:]]
    ['ICC = 0.1', 'ICC = 0.3']
    """
    kept = where_of(study, where)
    rows = tuple(row for row in study.pick(term, estimators) if row.cell in kept)
    measure = measure_of(rows, measure)
    across, apart = factors_of(study, kept, x, panel)
    rows = tuple(row for row in rows if measure in row.values)
    if not rows:
        raise DataError(f"No estimator of this study has a {measure} of {term!r}.")
    picture = Picture(study, rows, measure, across, apart)
    title = f"{_NAMES[measure]} of {_term(rows[0].term)} by {factor_words(across)}"
    count = len(picture.levels)
    with theme.canvas(ax, rows=label_rows(count)) as ax:
        for k, name in enumerate(picture.names):  # the key stands above all panels
            _line(ax, k, [], [], None, label=label(name))
        across_all = "" if apart else factor_words(across)
        theme.finish(ax, title, x=across_all, y="", key=len(picture.names))
        if apart:
            ax.set_axis_off()
        for i, place in enumerate(panels(ax, count) if apart else [ax]):
            _panel(place, picture, picture.levels[i])
            if apart:
                _finish(ax, place, picture, i)
    return ax


def _line(
    ax: Axes, k: int, x: Sequence[float], y: Sequence[float], reach: Array | None, label: str = ""
) -> None:
    ax.errorbar(
        x,
        y,
        yerr=reach,
        color=_COLOURS[k % len(_COLOURS)],
        linestyle=_DASHES[k % len(_DASHES)],
        marker=_MARKS[k % len(_MARKS)],
        linewidth=1.8,
        elinewidth=1.0,
        markersize=6.5,
        label=label or None,
    )


def _panel(ax: Axes, picture: Picture, level: tuple[object, ...]) -> None:
    study, measure = picture.study, picture.measure
    values = study.factors()[picture.across]
    spots, ticks = _spots([values[row.cell] for row in picture.rows])
    target = _target(measure, study)
    if target is not None:
        ax.axhline(target, color=theme.GREY, linewidth=1.2, zorder=1)
    step = float(min(np.diff(np.unique(list(spots.values()))), default=1.0))
    inside = [row for row in picture.rows if picture.level(row.cell) == level]
    for k, name in enumerate(picture.names):
        line = [row for row in inside if row.estimator == name]
        line.sort(key=lambda row: spots[values[row.cell]])
        aside = 0.02 * step * (k - (len(picture.names) - 1) / 2)
        x = [spots[values[row.cell]] + aside for row in line]
        reach = np.array([2 * row.values[f"{measure}_mcse"] for row in line])
        _line(ax, k, x, [row.values[measure] for row in line], reach)
    ax.set_ylim(*_reach(picture))
    if ticks is not None:
        ax.set_xticks(range(len(ticks)), ticks)
    elif len(spots) <= _MOST_TICKS:
        ax.set_xticks(sorted(spots.values()), [f"{x:.3g}" for x in sorted(spots.values())])


def _spots(values: Sequence[object]) -> tuple[dict[object, float], list[str] | None]:
    """Places along the axis: of numbers far apart and of words, side by side."""
    levels = list(dict.fromkeys(values))
    if all(isinstance(v, int | float) for v in levels):
        numbers = sorted(float(v) for v in levels)  # type: ignore[arg-type]
        if len(numbers) < 3 or numbers[-1] <= 12 * max(numbers[1] - numbers[0], 1e-12):
            return {v: float(v) for v in levels}, None  # type: ignore[arg-type]
        levels = sorted(levels, key=float)  # type: ignore[arg-type]
    names = [shown_factor("", v).rpartition(" = ")[2] for v in levels]
    return {v: float(i) for i, v in enumerate(levels)}, names


def _target(measure: str, study: Study) -> float | None:
    return {
        "bias": 0.0,
        "relative_bias": 0.0,
        "se_ratio": 1.0,
        "efficiency": 1.0,
        "coverage": 1 - study.alpha,
        "type_1_error": study.alpha,
        "power": study.power,
    }.get(measure)


def _reach(picture: Picture) -> tuple[float, float]:
    """The same for all panels: every bar, and what the measure should be."""
    measure, target = picture.measure, _target(picture.measure, picture.study)
    ends = [
        row.values[measure] + sign * 2 * row.values[f"{measure}_mcse"]
        for row in picture.rows
        for sign in (-1, 1)
    ]
    ends = [*ends, *([] if target is None else [target])]
    low, high = min(ends), max(ends)
    pad = 0.04 * (high - low or 1.0)
    return low - pad, high + pad


def _finish(ax: Axes, place: Axes, picture: Picture, i: int) -> None:
    """Title, spines and grid of a panel."""
    size, count = _PANEL * theme.text_size(ax), len(picture.levels)
    for side in ("top", "right"):
        place.spines[side].set_visible(False)
    place.grid(visible=True, axis="y", color=theme.FAINT, linewidth=0.8)
    place.set_axisbelow(True)
    left = i % columns_of(count) == 0
    place.tick_params(labelsize=size, colors=theme.INK, color=theme.GREY, labelleft=left)
    pairs = zip(picture.apart, picture.levels[i], strict=True)
    title = ", ".join(shown_factor(name, value) for name, value in pairs)
    place.set_title(title, fontsize=size, loc="left")
    if i >= count - columns_of(count):
        place.set_xlabel(factor_words(picture.across), fontsize=size)


def _term(term: str) -> str:
    if term == "(Intercept)":
        return "the grand mean"
    return term.replace("var (Intercept)", "the variance between groups").replace(
        "var residual", "the variance within groups"
    )
