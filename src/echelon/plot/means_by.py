"""Group means against a predictor, by category, with the model's lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from echelon.effects import fitted
from echelon.errors import DataError, UnknownOption
from echelon.model.fit import LmmFit
from echelon.multilevel.factors import place_of
from echelon.multilevel.groups import group_values
from echelon.plot import theme
from echelon.plot.columns import MOST_CATEGORIES, Variable, built_of, fixed_part, variable
from echelon.plot.words import groups_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]
Shown = Literal["observed", "eb"]
_WHERE = "means_by()"
_GOLDEN = 0.6180339887498949  # its multiples fill an interval evenly, in any order


@dataclass(frozen=True, slots=True, eq=False)
class _Share:
    """The groups of one category: which, how drawn, and what the model is told of them."""

    member: NDArray[np.bool_]
    name: str
    colour: str
    marker: str
    settings: dict[str, Array | float]
    aside: float = 0.0  # from the place of a category on the axis across
    width: float = 0.5  # that its points are spread over


def means_by(
    fit: LmmFit,
    predictor: str,
    *,
    factor: str | None = None,
    by: str | None = None,
    lines: bool = True,
    show: Shown = "observed",
    labels: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the group means against a predictor of the model, with the model's fitted lines.

    Parameters
    ----------
    predictor : a column of the model; one that varies within groups is averaged by group
    factor : name of the grouping factor; may be left out when there is one
    by : a categorical column of the model that is constant within groups, for colours and marks
    lines : whether to draw the fixed part, the other predictors at their mean over groups
    show : "observed" group means, or "eb" for their empirical Bayes estimates
    labels : names for the categories of `by` (of `predictor` without `by`), in order, e.g.
        ("public", "private") for 0 and 1
    ax : axes to draw in; None for a new figure of pyplot

    Returns
    -------
    the axes; a categorical predictor has its groups spread evenly beside its place

    Raises
    ------
    UnknownColumn : no column of the model, or no grouping factor of it
    DataError : `by` varies within groups or has too many values; `labels` of the wrong number;
        several grouping factors and none named
    MissingDependency : matplotlib is not installed

    Notes
    -----
    No line is drawn when the model holds a square, logarithm or the like of the predictor beside
    it. With a level-1 predictor and its own group mean in one model, the line over the group mean
    has the contextual slope, unless the level-1 predictor is centred within groups.

    Examples
    --------
    >>> import echelon as ec
    >>> from echelon.plot.theme import new_figure
    >>> eclsk = ec.datasets.load("eclsk", quiet=True)
    >>> fit = ec.lmer("g1rscore ~ sector + schmeansesc + (1 | schid)", eclsk)
    >>> ax = fit.plot.means_by("schmeansesc", by="sector", ax=new_figure().subplots())
    >>> len(ax.get_lines())
    2
    """
    if show not in get_args(Shown):
        raise UnknownOption("show", show, get_args(Shown))
    at = place_of(fit, factor, _WHERE)
    across = variable(fit, predictor, _WHERE, at)
    kinds = None if by is None else _kinds(fit, by, at)
    if kinds is not None:
        kinds = _relabelled(kinds, labels)
    elif across.labels or labels is not None:
        across = _relabelled(across, labels)
    y = _means(fit, show, at)
    shares = _shares(across, kinds)
    with theme.canvas(ax) as ax:
        for share in shares:
            _points(ax, across, share, y)
            if lines:
                _line(ax, fit, across, share, at)
        if across.labels:
            ax.set_xticks(range(len(across.labels)), across.labels)
            ax.set_xlim(-0.6, len(across.labels) - 0.4)
        title, x, height = _words(fit, across, kinds, show, at)
        theme.finish(ax, title, x=x, y=height, key=len(shares) if kinds else 0)
    return ax


def _kinds(fit: LmmFit, by: str, at: int) -> Variable:
    kinds = variable(fit, by, _WHERE, at)
    if not kinds.labels:
        found = "varies within groups" if kinds.varies else "has too many values"
        raise DataError(
            f"by={by!r} {found}: it needs at most {MOST_CATEGORIES} values, each the same in all "
            f"rows of a group. Put it on the axis instead: means_by({by!r})."
        )
    if len(kinds.labels) > MOST_CATEGORIES:
        raise DataError(f"by={by!r} has {len(kinds.labels)} categories; {MOST_CATEGORIES} is most.")
    return replace(kinds, labels=tuple(f"{kinds.name} {text}" for text in kinds.labels))


def _relabelled(found: Variable, labels: Sequence[str] | None) -> Variable:
    if labels is None:
        return found
    if len(labels) != len(found.labels):
        raise DataError(
            f"labels= has {len(labels)} names, and {found.name!r} has {len(found.labels)} "
            "categories."
        )
    return replace(found, labels=tuple(labels))


def _means(fit: LmmFit, show: Shown, at: int) -> Array:
    """(J,) means of the response, observed or expected given the group's random effects."""
    if show == "eb" and fit.source.kind == "summaries":
        return group_values(fit, fit.factors[at]).eb[:, 0]
    design = built_of(fit, _WHERE).design
    y, codes = design.y if show == "observed" else fitted(fit), design.factors[at].codes
    means: Array = np.bincount(codes, weights=y) / np.bincount(codes)
    return means


def _shares(across: Variable, kinds: Variable | None) -> list[_Share]:
    if kinds is None:
        everyone = np.ones(len(across.values), dtype=bool)
        return [_Share(everyone, "groups", theme.BLUE, "o", {})]
    looks = zip(kinds.labels, theme.CATEGORIES, theme.MARKERS, strict=False)
    shares = [_Share(kinds.categories == k, *look, kinds.at(k)) for k, look in enumerate(looks)]
    shares = [share for share in shares if share.member.any()]
    slot, middle = 0.8 / len(shares), (len(shares) - 1) / 2
    return [
        replace(share, aside=slot * (i - middle), width=0.6 * slot)
        for i, share in enumerate(shares)
    ]


def _points(ax: Axes, across: Variable, share: _Share, y: Array) -> None:
    J = len(y)
    x, y = across.values[share.member], y[share.member]
    if across.labels:
        order = np.argsort(np.argsort(y, kind="stable"))
        x = x + share.aside + share.width * ((order * _GOLDEN) % 1 - 0.5)
    ax.scatter(
        x,
        y,
        s=float(np.clip(9000 / J, 20, 60)),
        color=share.colour,
        marker=share.marker,
        alpha=float(np.clip(400 / J, 0.5, 0.85)),
        linewidths=0,
        label=share.name,
        rasterized=theme.as_picture(J),
    )


def _line(ax: Axes, fit: LmmFit, across: Variable, share: _Share, at: int) -> None:
    """The fixed part over the range of the share's groups; a bar for each category."""
    within = across.values[share.member]
    style: dict[str, Any] = {
        "color": share.colour if share.settings or not across.labels else theme.INK,
        "linewidth": 2.6,
        "zorder": 4,
    }
    if not across.labels:
        grid = np.linspace(within.min(), within.max(), 50)
        height = fixed_part(fit, {**share.settings, **across.at(grid)}, at)
        if height is not None:
            ax.plot(grid, np.broadcast_to(height, grid.shape), **style)
        return
    for k in np.unique(within).astype(int):
        height = fixed_part(fit, {**share.settings, **across.at(k)}, at)
        if height is not None:
            ends = k + share.aside + 0.6 * share.width * np.array([-1, 1])
            ax.plot(ends, np.repeat(height, 2), **style)


def _words(
    fit: LmmFit, across: Variable, kinds: Variable | None, show: Shown, at: int
) -> tuple[str, str, str]:
    """Title, name of the axis across, name of the axis up."""
    mean = "Observed mean" if show == "observed" else "Empirical Bayes mean"
    title = f"{mean} of {fit.response} in {groups_of(fit.moments.groups[at])} against {across.name}"
    if kinds is not None:
        title += f", by {kinds.name}"
    x = f"{across.name} (mean of each group)" if across.varies else across.name
    return title, x, f"{mean} of {fit.response}"
