"""The figures of residuals that apply to a fit, with captions that say how to read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from echelon.model.fit import LmmFit
from echelon.model.iterative import probes_used
from echelon.multilevel.factors import covariance_of
from echelon.plot.group_residuals import effects_scatter, group_residuals
from echelon.plot.qq import group_qq, mahalanobis, qq
from echelon.plot.residual_rows import residuals, scale_location

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Listed: TypeAlias = tuple[str, str, "Callable[..., Axes]", Mapping[str, object]]
_LEAST = 5
"""Groups from which the shape of their effects is drawn."""


def residual_figures(fit: LmmFit, suffixes: tuple[str, ...]) -> list[Listed]:
    """(name, caption, function, options) of the figures of residuals, rows first, then groups.

    Parameters
    ----------
    suffixes : of the names of figures, one a grouping factor
    """
    made = [*_of_rows()] if fit.built is not None and fit.source.kind == "rows" else []
    if probes_used(fit) is not None:
        return made
    for at, suffix in enumerate(suffixes):
        made += _of_groups(fit, at, suffix)
    return made


def _of_rows() -> list[Listed]:
    return [
        (
            "residuals",
            "Each point is a row (shading: how many rows), its residual in SDs against its fitted "
            "value: the curve should stay at zero, and 5% of the rows beyond the dashed lines.",
            residuals,
            {},
        ),
        (
            "scale_location",
            "The size of the residuals along the fitted values: a curve that rises or falls away "
            "from the line says that the residual variance is not the same everywhere.",
            scale_location,
            {},
        ),
        (
            "qq",
            "Sorted residuals against what a normal sample would show: points outside the band, "
            "which 19 of 20 normal samples never leave, speak of skewness or heavy tails.",
            qq,
            {},
        ),
    ]


def _of_groups(fit: LmmFit, at: int, suffix: str) -> list[Listed]:
    group, options = fit.moments.groups[at], {"factor": fit.factors[at]}
    J, variance = len(group.levels), np.diagonal(covariance_of(fit, at))
    if J < _LEAST or not (variance > 0).any():
        return []
    made: list[Listed] = [
        (
            f"group_qq{suffix}",
            f"Sorted empirical Bayes estimates of {group.factor}, each over its own SD, against a "
            "normal sample: groups outside the band are further out than chance, and named.",
            group_qq,
            options,
        )
    ]
    if len(np.unique(group.count)) > 1 and variance[0] > 0:
        made.append(
            (
                f"group_residuals{suffix}",
                f"Empirical Bayes estimates of {group.factor} over their SDs, against the number "
                "of rows: a curve away from zero says that size goes with the response.",
                group_residuals,
                options,
            )
        )
    if len(group.effects) > 1 and (variance[:2] > 0).all():
        made += _of_pairs(group.factor, suffix, options)
    return made


def _of_pairs(factor: str, suffix: str, options: Mapping[str, object]) -> list[Listed]:
    return [
        (
            f"effects_scatter{suffix}",
            f"Two random effects of every group of {factor}; the ellipse holds 95% of the true "
            "effects if they are normal, and the estimates, which are shrunken, lie further in.",
            effects_scatter,
            options,
        ),
        (
            f"mahalanobis{suffix}",
            f"How far all effects of a group of {factor} together are from zero, against "
            "chi-square: groups above the band are unlike the others, and named.",
            mahalanobis,
            options,
        ),
    ]
