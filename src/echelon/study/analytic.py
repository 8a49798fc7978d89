"""Two-level designs by formula: the standard error of an effect, and its degrees of freedom.

Every design is one formula. Each group holds a + b / n_j of variance about the effect, where a is
what varies between groups and b what varies within; the groups' information adds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from echelon.linalg.distributions import t_quantile
from echelon.linalg.noncentral import noncentral_t_upper, noncentrality, two_sided_power

Array = NDArray[np.float64]
Design = Literal["cluster", "multisite", "level-1", "level-2", "interaction", "mean"]
Sites = Literal["random", "fixed"]
Alternative = Literal["two-sided", "one-sided"]
DESIGNS: tuple[Design, ...] = (
    "cluster",
    "multisite",
    "level-1",
    "level-2",
    "interaction",
    "mean",
)
BETWEEN: tuple[Design, ...] = ("cluster", "level-2", "mean")
"""Designs whose effect lies between groups: variance between groups is that of the intercepts."""


@dataclass(frozen=True, slots=True)
class TwoLevel:
    """What is planned, but for the numbers of groups and rows and the effect.

    Attributes
    ----------
    design : which effect is of interest
    share : of groups (cluster, interaction) or rows (multisite) treated; None where the variable is
        continuous
    x_share : rows with x = 1 where the level-1 variable of an interaction is binary; None without
    sites : "fixed" where the effect is that of these very groups
    varying : whether the effect varies between groups in the model
    covariates : covariates between groups, each of which takes a degree of freedom
    sd : of the response, in whose units effects are
    alpha, alternative : of the test
    """

    design: Design
    share: float | None = 0.5
    x_share: float | None = None
    sites: Sites = "random"
    varying: bool = False
    covariates: int = 0
    sd: float = 1.0
    alpha: float = 0.05
    alternative: Alternative = "two-sided"

    @property
    def two_sided(self) -> bool:
        """Whether the test is two-sided."""
        return self.alternative == "two-sided"

    @property
    def spread(self) -> tuple[float, float]:
        """Variances of the variable between and within groups whose effect is planned for."""
        shared = 1.0 if self.share is None else self.share * (1 - self.share)
        inner = 1.0 if self.x_share is None else self.x_share * (1 - self.x_share)
        return {
            "cluster": (shared, 1.0),
            "level-2": (1.0, 1.0),
            "mean": (1.0, 1.0),
            "multisite": (1.0, shared),
            "level-1": (1.0, 1.0),
            "interaction": (shared, inner),
        }[self.design]


@dataclass(frozen=True, slots=True)
class Cells:
    """Plans side by side: one entry a plan in every array.

    Attributes
    ----------
    J, n : (m,) groups, and rows a group or their mean
    icc : (m,) intraclass correlation
    r2_1, r2_2 : (m,) shares of variance explained within and between groups
    effect_sd : (m,) SD of the effect between groups, in SDs of the response
    cv : (m,) coefficient of variation of the groups' sizes
    law : (m,) place in `sizes` of the groups' sizes; -1 where n and cv are all that is known
    sizes : sizes of groups, or patterns of them that repeat
    """

    J: Array
    n: Array
    icc: Array
    r2_1: Array
    r2_2: Array
    effect_sd: Array
    cv: Array
    law: NDArray[np.int64]
    sizes: tuple[Array, ...] = ()

    def other(self, place: int, J: Array, n: Array | None = None) -> Cells:
        """One of the plans with other numbers of groups, and of rows a group if given."""
        m = J.shape
        icc, r2_1, r2_2, effect_sd, cv = (
            np.full(m, each[place])
            for each in (self.icc, self.r2_1, self.r2_2, self.effect_sd, self.cv)
        )
        law = np.full(m, self.law[place] if n is None else -1)
        rows = np.full(m, self.n[place]) if n is None else n
        return Cells(J, rows, icc, r2_1, r2_2, effect_sd, cv, law, self.sizes)


def std_error(setting: TwoLevel, cells: Cells) -> Array:
    """Standard error of the effect, in SDs of the response.

    Notes
    -----
    Equations `power-information` and `power-parts`; raudenbush1997, raudenbush2000, dong2013.
    Sizes by their coefficient of variation: `power-cv`, vanbreukelen2007.

    Examples
    --------
    A cluster randomised trial of 20 groups of 15:

    >>> one = [np.array([x]) for x in (20.0, 15.0, 0.17, 0.0, 0.0, 0.0, 0.0, -1)]
    >>> std_error(TwoLevel("cluster"), Cells(*one)).round(3).tolist()
    [0.212]
    """
    a, b = parts(setting, cells)
    information = cells.n / (a * cells.n + b)
    weight = a * information
    information = information * (1 - cells.cv**2 * weight * (1 - weight))
    for place, sizes in enumerate(cells.sizes):
        exact = _mean_information(a, b, sizes)
        information = np.where(cells.law == place, exact, information)
    return 1 / np.sqrt(setting.spread[0] * cells.J * information)


def freedom(setting: TwoLevel, cells: Cells) -> Array:
    """Degrees of freedom of the test.

    Notes
    -----
    Equation `power-freedom`; raudenbush1997, raudenbush2000, dong2013.
    """
    J, g = cells.J, setting.covariates
    rows = J * cells.n
    if setting.design in ("cluster", "level-2"):
        return J - 2 - g
    if setting.design == "mean":
        return J - 1 - g
    if setting.design == "interaction":
        return J - 2 - g if setting.varying else rows - J - 2 - g
    if setting.sites == "fixed":
        return rows - 2 * J - g
    return J - 1 - g if setting.varying else rows - J - 1 - g


def design_effect(setting: TwoLevel, cells: Cells) -> Array:
    """Sampling variance over that of as many independent rows without covariates.

    Notes
    -----
    1 + (n - 1) icc where groups are of one size and the effect lies between them; equation
    `power-deff`; kish1965.
    """
    between, within = setting.spread
    return std_error(setting, cells) ** 2 * cells.J * cells.n * between * within


def critical(setting: TwoLevel, df: Array) -> Array:
    """The value that the statistic must pass."""
    return t_quantile(1 - setting.alpha / (2 if setting.two_sided else 1), df)


def power_of(setting: TwoLevel, effect: Array, error: Array, df: Array) -> Array:
    """Power of the t test; equation `power-noncentral`. nan below one degree of freedom."""
    df = np.where(df >= 1, df, np.nan)
    limit = critical(setting, df)
    with np.errstate(divide="ignore", invalid="ignore"):
        ncp = effect / error
    # beyond this the area is 1 to the last digit, and an infinite ncp has no integral
    ncp = np.clip(ncp, -_CERTAIN * (limit + 1), _CERTAIN * (limit + 1))
    area = two_sided_power if setting.two_sided else noncentral_t_upper
    return area(limit, df, ncp)


def effect_of(setting: TwoLevel, power: Array, error: Array, df: Array) -> Array:
    """The effect that is found with a given power; equation `power-mdes`, bloom1995."""
    df = np.where(df >= 1, df, np.nan)
    limit = critical(setting, df)
    return error * noncentrality(power, limit, df, two_sided=setting.two_sided)


_CERTAIN = 40.0


def parts(setting: TwoLevel, cells: Cells) -> tuple[Array, Array]:
    """Variance about the effect that a group adds whatever its size, and that of one row of it."""
    within = (1 - cells.icc) * (1 - cells.r2_1) / setting.spread[1]
    if setting.design in BETWEEN:
        return cells.icc * (1 - cells.r2_2), within
    return cells.effect_sd**2 * (1 - cells.r2_2), within


def _mean_information(a: Array, b: Array, sizes: Array) -> Array:
    """Information of a group, averaged over the distinct sizes."""
    distinct, count = np.unique(sizes, return_counts=True)
    each = distinct / (np.multiply.outer(a, distinct) + np.expand_dims(b, -1))
    mean: Array = each @ (count / count.sum())
    return mean
