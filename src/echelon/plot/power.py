"""Power curves: power, or the smallest effect found, along the groups or the rows in each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from echelon.errors import DataError, UnknownOption
from echelon.plot import theme
from echelon.plot.words import percent
from echelon.study.analytic import freedom
from echelon.study.powers import Powers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]
_NAMES = {
    "icc": "ICC",
    "cv": "CV of sizes",
    "effect": "effect",
    "effect_sd": "SD of effect",
    "power": "power",
}
_STYLES = ("-", (0, (6, 2)), (0, (2, 1.5)), (0, (6, 2, 1.5, 2)), (0, (1, 1)), (0, (9, 3)))
_MOST = 6  # lines told apart without colour
_POINTS = 160
_GOOD = 0.85  # power to which a curve is drawn where four times the plan gives it
_BEYOND = 1.6  # of the largest number planned, to which a curve is drawn


def power_plot(
    found: Powers, *, x: Literal["J", "n"] | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the power, or the smallest effect found, with the plans marked on the curves.

    Parameters
    ----------
    x : "J" or "n", what runs along the axis; None for n where only n varies or was sought, else J
    ax : axes to draw in; None for a new figure of pyplot

    Returns
    -------
    the axes: one line for each combination of what else varies; the line across is 80% power, or
    the power that was asked for

    Raises
    ------
    DataError : more than six lines; precision asked for without an effect
    MissingDependency : matplotlib is not installed

    Examples
    --------
    >>> import echelon as ec
    >>> from echelon.plot.theme import new_figure
    >>> found = ec.power(J=[20, 40, 60], n=[10, 30], icc=0.2, effect=0.4)
    >>> ax = found.plot(ax=new_figure().subplots())
    >>> ax.get_legend_handles_labels()[1]
    ['n = 10', 'n = 30']
    """
    along = _along(found, x)
    lines = _lines(found, along)
    with theme.canvas(ax) as ax:
        for place, (label, plans) in enumerate(lines.items()):
            _line(ax, found, along, label, plans, place)
        _across(ax, found)
        theme.finish(
            ax,
            _title(found),
            x="Groups J" if along == "J" else "Rows in each group n",
            y=_MEASURES[_measure(found)],
            key=len(lines) if len(lines) > 1 else 0,
        )
        ax.set_ylim(0.0, 1.02 if _measure(found) == "power" else None)
    return ax


_MEASURES = {
    "power": "Power",
    "effect": "Smallest effect found",
    "half_width": "Half-width of the interval",
    "std_error": "Standard error",
}


def _measure(found: Powers) -> str:
    """What is drawn: what was found, or what was to be reached."""
    if found.finds_effect:
        return "effect"
    return found.target if np.isnan(found.effect).all() else "power"


def _along(found: Powers, x: str | None) -> Literal["J", "n"]:
    if x == "J" or x == "n":
        return "J" if x == "J" else "n"
    if x is not None:
        raise UnknownOption("x", x, ("J", "n"))
    if found.asked == "n" or ("n" in found.varied and "J" not in found.varied):
        numbers = all(label.isdigit() for label in found.labels)
        return "n" if numbers else "J"
    return "J"


def _lines(found: Powers, along: str) -> dict[str, list[int]]:
    """Labels of the lines, and the plans on each."""
    sought = {"J": ("J",), "n": ("n",), "plan": ("J", "n")}.get(found.asked, ())
    apart = [name for name in found.varied if name != along and name not in sought]
    if not found.finds_effect:
        apart = [name for name in apart if name not in ("power", found.target)]
    if found.asked == "plan":  # each plan has a size of its own
        apart.append("n" if along == "J" else "J")
    lines: dict[str, list[int]] = {}
    for i in range(len(found.power)):
        lines.setdefault(", ".join(_named(found, name, i) for name in apart), []).append(i)
    if len(lines) > _MOST:
        raise DataError(
            f"{len(lines)} curves cannot be told apart; {_MOST} can. Plan for fewer values of "
            f"{', '.join(apart)}."
        )
    return lines


def _named(found: Powers, name: str, i: int) -> str:
    if name == "n" and found.labels and "cv" not in found.varied:
        return f"n = {found.labels[i]}"
    if name == "power":
        return f"power {percent(float(found.power[i]))}"
    if name == "effect_sd":
        return f"SD of effect = {found.cells.effect_sd[i] * found.setting.sd:g}"
    value = found.effect[i] if name == "effect" else getattr(found.cells, name)[i]
    return f"{_NAMES.get(name, name)} = {value:g}"


def _line(ax: Axes, found: Powers, along: str, label: str, plans: list[int], place: int) -> None:
    """One curve, with a mark at each plan."""
    colour, marker = theme.CATEGORIES[place], theme.MARKERS[place]
    first = plans[0]
    values = _range(found, along, first)
    at = (
        found.at(first, values)
        if along == "J"
        else found.at(first, *_across_n(found, first, values))
    )
    heights: Array = getattr(at, _measure(found))
    ax.plot(values, heights, color=colour, linestyle=_STYLES[place], linewidth=2.4, zorder=3)
    marks = getattr(found.cells, along)[plans]
    shown = np.isfinite(marks)
    ax.plot(
        marks[shown],
        getattr(found, _measure(found))[plans][shown],
        linestyle="none",
        marker=marker,
        markersize=8.5,
        color=colour,
        markeredgecolor="white",
        zorder=4,
    )
    # the key shows the line with its mark
    ax.plot([], [], color=colour, linestyle=_STYLES[place], marker=marker, label=label or None)


def _across_n(found: Powers, first: int, values: Array) -> tuple[Array, Array]:
    return np.full(values.shape, found.cells.J[first]), values


def _range(found: Powers, along: str, first: int) -> Array:
    """Whole numbers along the axis: those planned, or about one that is."""
    marks = getattr(found.cells, along)
    marks = marks[np.isfinite(marks)]
    if not marks.size:
        high = 100.0  # no size was enough: the curve flattens out before this
        low = 1.0
    elif along in found.varied:
        low, high = float(marks.min()), float(marks.max())
    else:
        low, high = _about(found, along, first, float(marks.min()), float(marks.max()))
    values = np.unique(np.round(np.linspace(low, max(high, low + 4), _POINTS)))
    if along == "J":
        values = values[freedom(found.setting, found.cells.other(first, values)) >= 1]
        return values[values >= 4] if (values >= 4).sum() > 1 else values
    df = freedom(found.setting, found.cells.other(first, *_across_n(found, first, values)))
    return np.asarray(values[df >= 1])


def _about(found: Powers, along: str, first: int, least: float, most: float) -> tuple[float, float]:
    """A range about what is planned: to good power where that is not far, no steep beginning."""
    if _measure(found) != "power":
        return max(1.0, np.floor(least / 4)), float(np.ceil(_BEYOND * most))
    for beyond in (_BEYOND, 2.5, 4.0):
        high = np.array([np.ceil(beyond * most)])
        J, n = (high, None) if along == "J" else _across_n(found, first, high)
        if found.at(first, J, n).power[0] > _GOOD:
            break
    return 1.0, float(high[0])


def _across(ax: Axes, found: Powers) -> None:
    """The power or precision that is wanted."""
    if _measure(found) == "effect":
        return
    wanted = np.unique(found.goal[np.isfinite(found.goal)])
    if _measure(found) == "power" and not wanted.size:
        wanted = np.array([0.8])
    for height in wanted.tolist():
        ax.axhline(height, color=theme.INK, linewidth=1.0, linestyle=(0, (1, 2)), zorder=2)


def _title(found: Powers) -> str:
    measure = _measure(found)
    one = len(np.unique(found.effect)) == 1
    if measure == "power":
        size = f" of {found.effect[0]:g}" if one else ""
        return f"Power to find an effect{size}, {_kind(found)}"
    if measure == "effect":
        power = found.power[0]
        shown = f" with {percent(float(power))} power" if np.ptp(found.power) < 1e-9 else ""
        return f"Smallest effect found{shown}, {_kind(found)}"
    return f"{_MEASURES[measure]}, {_kind(found)}"


def _kind(found: Powers) -> str:
    return {
        "cluster": "groups randomised",
        "multisite": "rows randomised within groups",
        "level-1": "predictor of level 1",
        "level-2": "predictor of level 2",
        "interaction": "cross-level interaction",
        "mean": "grand mean",
    }[found.setting.design]
