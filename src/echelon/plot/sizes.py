"""Figures against the group size: what groups show by themselves, and how much they weigh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from echelon.linalg.distributions import check_level, t_quantile
from echelon.model.fit import LmmFit
from echelon.multilevel.factors import check_one_factor
from echelon.plot import labels, theme
from echelon.plot.words import Coefficient, capital, coefficient, groups_of, number, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def observed(
    fit: LmmFit,
    factor: str | None = None,
    *,
    term: str | None = None,
    level: float = 0.95,
    ax: Axes | None = None,
) -> Axes:
    """Draw the observed group means, each with its sampling interval, against the group size.

    Parameters
    ----------
    factor : name of the grouping factor; may be left out when there is one
    term : random coefficient, e.g. "ses"; None for the first
    level : coverage of the intervals, observed -/+ normal quantile x SE_j
    ax : axes to draw in; None for a new figure of pyplot

    Returns
    -------
    the axes; groups that cannot give the coefficient by themselves are left out

    Raises
    ------
    UnknownColumn, UnknownOption, DataError : an option that is not known
    DataError : several grouping factors; the error of a group's own estimate is not its own there
    MissingDependency : matplotlib is not installed

    Notes
    -----
    SE_j is the root of V_j = sigma^2 / n_j for a mean (`unpack`; raudenbush2002, ch. 3), with the
    residual variance of the model, not each group's own.

    Examples
    --------
    >>> import echelon as ec
    >>> from echelon.plot.theme import new_figure
    >>> timss = ec.datasets.load("timss", quiet=True)
    >>> fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    >>> fit.plot.observed(ax=new_figure().subplots()).get_xlabel()
    'Rows in the group (n)'
    """
    check_level(level)
    check_one_factor(
        fit,
        "The sampling interval of a group's own estimate",
        "Draw .plot.caterpillar(factor) or .plot.shrinkage(factor) instead.",
    )
    part = coefficient(fit, factor, term, where="observed")
    keep = np.isfinite(part.observed)
    n, y = part.values.n[keep], part.observed[keep]
    reach = t_quantile((1 + level) / 2, np.inf) * part.values.SE[keep, part.at]
    J = len(n)
    picture = theme.as_picture(J)
    with theme.canvas(ax) as ax:
        ax.vlines(
            n,
            y - reach,
            y + reach,
            colors=theme.VERMILLION,
            alpha=float(np.clip(40 / J, 0.1, 0.6)),
            linewidths=float(np.clip(60 / J, 1.0, 2.2)),
            rasterized=picture,
        )
        spot: dict[str, Any] = {
            "s": float(np.clip(4000 / J, 12, 44)),
            "alpha": float(np.clip(250 / J, 0.45, 1.0)),
        }
        ax.scatter(n, y, color=theme.VERMILLION, linewidths=0, rasterized=picture, **spot)
        title = f"{capital(part.quantity)} in {groups_of(part.values)}: {part.raw} with "
        title += f"{percent(level)} interval, by group size"
        theme.finish(ax, title, x="Rows in the group (n)", y=_height(part, fit.response))
        labels.count_axis(ax)
        if part.centre is not None:
            ax.axhline(part.centre, color=theme.INK, linewidth=1.2, zorder=1)
            text = f"{part.centre_name}\n{number(part.centre)}"
            labels.margin_labels(ax, [(part.centre, text, theme.INK)])
    return ax


def _height(part: Coefficient, response: str) -> str:
    if part.raw == "observed mean":
        return f"Observed mean of {response}"
    return f"{capital(part.quantity)} (least squares)"


def weights(
    fit: LmmFit,
    factor: str | None = None,
    *,
    term: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the precision weight of every group against its size.

    Parameters
    ----------
    factor : name of the grouping factor; may be left out when there is one
    term : random coefficient, e.g. "ses"; None for the first
    ax : axes to draw in; None for a new figure of pyplot

    Returns
    -------
    the axes; the weights in percent, with the lines of equal weights, 100 / J, and of weights in
    proportion to the rows, 100 n_j / n

    Raises
    ------
    UnknownColumn, UnknownOption : an option that is not known
    DataError : several grouping factors; precision is a matrix over all groups there
    MissingDependency : matplotlib is not installed

    Notes
    -----
    100 Delta_j^-1 / sum Delta_j^-1 with Delta_j = tau + V_j (`unpack`; raudenbush2002, ch. 3). They
    lie between the two lines: equal when tau rules, in proportion to the rows when V_j does.

    Examples
    --------
    >>> import echelon as ec
    >>> from echelon.plot.theme import new_figure
    >>> timss = ec.datasets.load("timss", quiet=True)
    >>> fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    >>> fit.plot.weights(ax=new_figure().subplots()).get_ylabel()
    'Weight (percent)'
    """
    check_one_factor(
        fit,
        "The precision weight of a group",
        "Draw .plot.caterpillar(factor) or .plot.shrinkage(factor) instead.",
    )
    part = coefficient(fit, factor, term, where="weights")
    weight = part.values.weight[:, part.at]
    keep = np.isfinite(weight)
    n, J = part.values.n, fit.J
    span = np.array([0, n.max() * 1.04])
    with theme.canvas(ax) as ax:
        equal, by_rows = 100 / J, 100 * span / n.sum()
        ax.plot(span, [equal, equal], color=theme.INK, linewidth=1.6, linestyle="--")
        ax.plot(span, by_rows, color=theme.VERMILLION, linewidth=1.6)
        ax.scatter(
            n[keep],
            weight[keep],
            s=float(np.clip(4000 / J, 20, 60)),
            color=theme.BLUE,
            alpha=float(np.clip(120 / J, 0.35, 0.9)),
            linewidths=0,
            zorder=3,
            rasterized=theme.as_picture(J),
        )
        ax.set_xlim(0, span[1])
        ax.set_ylim(0, 1.06 * max(float(by_rows[1]), float(weight[keep].max())))
        title = f"Precision weights of {groups_of(part.values)} for the {part.quantity}"
        theme.finish(ax, title, x="Rows in the group (n)", y="Weight (percent)")
        labels.count_axis(ax)
        heaviest = float(weight[keep & (n == n[keep].max())].mean())
        _name_lines(ax, equal, float(by_rows[1]), heaviest)
    return ax


def _name_lines(ax: Axes, equal: float, by_rows: float, precision: float) -> None:
    """Name the two lines and the points at their right ends."""
    names = [
        (equal, f"equal weights\n({equal:.3g}%)", theme.INK),
        (by_rows, "in proportion\nto rows", theme.VERMILLION),
        (precision, "precision\nweights", theme.BLUE),
    ]
    labels.margin_labels(ax, names)
