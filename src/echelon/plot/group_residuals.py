"""Level-2 residuals: against group sizes and level-2 predictors, and against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from echelon.diagnose.level2 import GroupResiduals
from echelon.diagnose.level2 import group_residuals as residuals_of
from echelon.diagnose.smooth import smooth
from echelon.errors import DataError, NotIdentified, UnknownOption
from echelon.linalg.distributions import chi2_upper_quantile
from echelon.model.fit import LmmFit
from echelon.multilevel.factors import covariance_of
from echelon.plot import theme
from echelon.plot.columns import variable
from echelon.plot.words import groups_of, label, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]
_FURTHEST = 5
"""Groups that are named in a scatter of two effects."""


def group_residuals(
    fit: LmmFit,
    factor: str | None = None,
    *,
    term: str | None = None,
    against: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw empirical Bayes residuals of the groups against their sizes or a level-2 predictor.

    Parameters
    ----------
    factor : name of the grouping factor; may be left out when there is one
    term : random coefficient; None for the first
    against : a predictor of the model that is constant within groups (or the mean of one that is
        not); None for the number of rows
    ax : axes to draw in; None for a new figure of pyplot

    Returns
    -------
    the axes; each estimate over the standard deviation that the model expects of it, lines at +-2;
    a smooth curve with its 95% band where there are ten groups or more

    Raises
    ------
    UnknownColumn, UnknownOption : `factor`, `term` or `against` is none of the model
    DataError : `against` is categorical and varies within groups
    NotIdentified : the variance is zero
    MissingDependency : matplotlib is not installed

    Notes
    -----
    `level2-variance`. A trend along the sizes says that size goes with the response; a bend along a
    predictor, that its effect is no line.

    Examples
    --------
    >>> import echelon as ec
    >>> from echelon.plot.theme import new_figure
    >>> eclsk = ec.datasets.load("eclsk", quiet=True)
    >>> fit = ec.lmer("g1rscore ~ sector + (1 | schid)", eclsk)
    >>> fit.plot.group_residuals(ax=new_figure().subplots()).get_xlabel()
    'Rows in the group (n)'
    """
    groups = residuals_of(fit, factor)
    a = _place(groups, term)
    z = groups.standard[:, a]
    x, name, ticks = _against(fit, groups, against)
    title = f"Empirical Bayes residuals of {groups_of(fit.group(groups.factor))}"
    title += f": {groups.effects[a]}" if len(groups.effects) > 1 else ""
    with theme.canvas(ax) as ax:
        entries = draw_points(ax, x + _apart(len(x)) * bool(ticks), z, curve=not ticks)
        if ticks:
            ax.set_xticks(range(len(ticks)), ticks)
            ax.set_xlim(-0.6, len(ticks) - 0.4)
        theme.finish(ax, title, x=name, y="Estimate / its SD", key=entries)
    return ax


def effects_scatter(
    fit: LmmFit,
    factor: str | None = None,
    *,
    terms: tuple[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw two random effects of every group against each other.

    Parameters
    ----------
    factor : name of the grouping factor; may be left out when there is one
    terms : two random coefficients; None for the first two
    ax : axes to draw in; None for a new figure of pyplot

    Returns
    -------
    the axes; empirical Bayes estimates, with the ellipse that holds 95 percent of the true effects
    if they are normal with the estimated covariance; estimates are shrunken and lie further in

    Raises
    ------
    UnknownColumn, UnknownOption : `factor` or a term is none of the model
    DataError : fewer than two random coefficients
    MissingDependency : matplotlib is not installed

    Examples
    --------
    >>> import echelon as ec
    >>> from echelon.plot.theme import new_figure
    >>> fit = ec.lmer("Reaction ~ Days + (Days | Subject)", ec.datasets.load("sleepstudy"))
    >>> fit.plot.effects_scatter(ax=new_figure().subplots()).get_ylabel()
    'Effect of Days'
    """
    groups = residuals_of(fit, factor)
    if len(groups.effects) < 2:
        raise DataError(
            f"A scatter of effects needs two random coefficients, and {groups.factor!r} has one: "
            f"{groups.effects[0]}."
        )
    names = groups.effects[:2] if terms is None else terms
    if isinstance(names, str) or len(names) != 2:
        raise DataError(
            f"terms={terms!r}: name two random coefficients of {groups.factor!r}, as in "
            f"terms={groups.effects[:2]}."
        )
    x, y = (groups.u[:, _place(groups, name)] for name in names)
    a, b = (groups.effects.index(name) for name in names)
    T = covariance_of(fit, fit.place(groups.factor))[np.ix_([a, b], [a, b])]
    title = f"Empirical Bayes effects of {groups_of(fit.group(groups.factor))}"
    with theme.canvas(ax) as ax:
        ax.axhline(0.0, color=theme.GREY, linewidth=1.0, zorder=1)
        ax.axvline(0.0, color=theme.GREY, linewidth=1.0, zorder=1)
        angle = np.linspace(0, 2 * np.pi, 181)
        values, vectors = np.linalg.eigh(T)
        reach = float(np.sqrt(chi2_upper_quantile(0.05, 2)))
        ring = reach * (vectors * np.sqrt(np.maximum(values, 0.0))) @ [np.cos(angle), np.sin(angle)]
        held = f"{percent(0.95)} of the effects, by the covariance estimated"
        ax.plot(ring[0], ring[1], color=theme.VERMILLION, linewidth=1.8, label=held)
        _points(ax, x, y)
        _name(ax, groups, x, y)
        theme.finish(ax, title, x=_effect(names[0]), y=_effect(names[1]), key=1)
    return ax


def draw_points(ax: Axes, x: Array, z: Array, *, curve: bool = True) -> int:
    """Standardised estimates along x, with a smooth curve; entries of the key."""
    _points(ax, x, z)
    for level in (-2.0, 2.0):
        ax.axhline(level, color=theme.GREY, linewidth=1.0, linestyle="--", zorder=1)
    ax.axhline(0.0, color=theme.INK, linewidth=1.2, zorder=1)
    found = smooth(x, z) if curve else None
    if found is None:
        return 0
    low, high = found.y - 1.96 * found.se, found.y + 1.96 * found.se
    ax.fill_between(found.x, low, high, color=theme.VERMILLION, alpha=0.22, linewidth=0)
    ax.plot(found.x, found.y, color=theme.VERMILLION, linewidth=2.2, label="smooth, 95% band")
    return 1


def _effect(name: str) -> str:
    return "Effect on the intercept" if name == "(Intercept)" else f"Effect of {name}"


def _place(groups: GroupResiduals, term: str | None) -> int:
    if term is not None and term not in groups.effects:
        raise UnknownOption("term", term, groups.effects)
    a = 0 if term is None else groups.effects.index(term)
    if not np.isfinite(groups.standard[:, a]).any():
        raise NotIdentified(
            f"The variance of {groups.effects[a]!r} of {groups.factor!r} is zero in this fit: "
            "there are no effects to draw."
        )
    return a


def _against(
    fit: LmmFit, groups: GroupResiduals, against: str | None
) -> tuple[Array, str, tuple[str, ...]]:
    """Values by group, name of the axis, and names of categories."""
    if against is None:
        return groups.n.astype(np.float64), "Rows in the group (n)", ()
    found = variable(fit, against, "group_residuals()", fit.place(groups.factor))
    name = f"Mean of {found.name} in the group" if found.varies else found.name
    return found.values, name, found.labels


def _apart(J: int) -> Array:
    """Small steps to the side, so that points of one category do not cover each other."""
    golden = (np.arange(J) * 0.6180339887) % 1.0
    return np.asarray(0.5 * (golden - 0.5))


def _points(ax: Axes, x: Array, y: Array) -> None:
    J = len(x)
    mark: dict[str, Any] = {
        "s": float(np.clip(5000 / J, 10, 44)),
        "alpha": float(np.clip(250 / J, 0.3, 0.85)),
    }
    picture = theme.as_picture(J)
    ax.scatter(x, y, color=theme.BLUE, linewidths=0, zorder=3, rasterized=picture, **mark)


def _name(ax: Axes, groups: GroupResiduals, x: Array, y: Array) -> None:
    """The groups of the smallest chance, where they are few enough to be told apart."""
    for j in np.argsort(groups.p_value)[: min(_FURTHEST, len(x) // 4)]:
        right = x[j] >= 0
        ax.annotate(
            label(groups.levels[j]),
            (x[j], y[j]),
            xytext=(6 if right else -6, 0),
            textcoords="offset points",
            ha="left" if right else "right",
            va="center",
            fontsize=0.8 * theme.text_size(ax),
            color=theme.INK,
        )
