"""`fit.r2_decomposition()` and `fit.r2_levels()`: variance explained, level by level."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Self

from echelon.api.options import known_options
from echelon.api.shown import Shown
from echelon.model.fit import LmmFit
from echelon.multilevel.r2_decomposition import (
    R2Decomposition,
    r2_decomposition_frame,
    r2_decomposition_values,
)
from echelon.multilevel.r2_levels import R2Levels, r2_level_values, r2_levels_frame
from echelon.plot.r2_bars import r2_decomposition_plot

if TYPE_CHECKING:
    from echelon.show.table import Table


def _r2_decomposition_table(found: R2Decomposition, *, digits: int = 3) -> Table:
    """The decomposition as a `Table`."""
    from echelon.show.fit_measures import r2_decomposition_table

    return r2_decomposition_table(found, digits=digits)


def _r2_levels_table(found: R2Levels, *, digits: int = 3) -> Table:
    """R squared of two levels as a `Table`."""
    from echelon.show.fit_measures import r2_levels_table

    return r2_levels_table(found, digits=digits)


class R2DecompositionResult(Shown, R2Decomposition):
    """Rights and Sterba's decomposition; see `R2Decomposition` for its values."""

    __slots__ = ()

    @classmethod
    def of(cls, values: R2Decomposition) -> Self:
        """The same values with the methods of the public surface."""
        return cls(**{f.name: getattr(values, f.name) for f in fields(R2Decomposition)})

    frame = r2_decomposition_frame
    table = _r2_decomposition_table
    plot = r2_decomposition_plot


class R2LevelsResult(Shown, R2Levels):
    """Snijders and Bosker's R squared; see `R2Levels` for its values."""

    __slots__ = ()

    @classmethod
    def of(cls, values: R2Levels) -> Self:
        """The same values with the methods of the public surface."""
        return cls(**{f.name: getattr(values, f.name) for f in fields(R2Levels)})

    frame = r2_levels_frame
    table = _r2_levels_table


@known_options
def r2_decomposition(fit: LmmFit) -> R2DecompositionResult:
    """Rights and Sterba's decomposition of the variance, with every R squared in it.

    Returns
    -------
    R2DecompositionResult : print it; `.plot()` draws the bars, `.frame()` is one row a component in
        the caller's dataframe library, `.measures()` every R squared by symbol and level,
        `.table()`

    Raises
    ------
    DataError : crossed factors, whose levels have no order
    NeedsRows : a fit from summaries whose random part has no constant

    Notes
    -----
    Sources are fixed effects within groups (f1) and between (f2), random slopes (v), random
    intercepts (m) and the residual. Predictors need not be centred: each is divided into its group
    means and what is left; with predictors that are not centred within groups, random slopes also
    make groups differ (v2), and m are the differences at the mean of the predictors. With nested
    factors there is a level for each. `level-components`, `rights-sterba`; rights2019. As R's
    `r2mlm`, which refuses levels where predictors are not centred.

    Examples
    --------
    >>> import echelon as ec
    >>> hsb = ec.datasets.load("hsb", quiet=True)
    >>> found = ec.lmer("mathach ~ cses + meanses + (cses | school)", hsb).r2_decomposition()
    >>> round(found.measures()["f2", "between"], 3)
    0.688
    """
    return R2DecompositionResult.of(r2_decomposition_values(fit))


@known_options
def r2_levels(fit: LmmFit, *, size: float | None = None) -> R2LevelsResult:
    """Snijders and Bosker's R squared of level 1 and level 2.

    How much smaller is the error of predicting a row (`level1`), and of predicting a group's mean
    (`level2`), than without predictors?

    Parameters
    ----------
    size : rows of a representative group; None for the harmonic mean of the groups' sizes

    Returns
    -------
    R2LevelsResult : print it; `.level1`, `.level2`, `.frame()`, `.table()`

    Raises
    ------
    DataError : several grouping factors; a size below one
    NotYetSupported : correlated residuals
    NotIdentified : no random intercept

    Notes
    -----
    `snijders-r2`; snijders2012, section 7.1. A model with random slopes is fitted again with a
    random intercept only, as the book advises. Unlike `explained()`, neither can be negative in the
    population: if one is here, or falls when a predictor is added, the fixed part may be wrong.

    Examples
    --------
    >>> import echelon as ec
    >>> hsb = ec.datasets.load("hsb", quiet=True)
    >>> found = ec.lmer("mathach ~ ses + (1 | school)", hsb).r2_levels()
    >>> round(found.level1, 3), round(found.level2, 3)
    (0.125, 0.407)
    """
    return R2LevelsResult.of(r2_level_values(fit, size=size))
