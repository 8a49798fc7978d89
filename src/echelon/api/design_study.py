"""`ec.design_study()`: designs and estimators compared by simulation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Self, cast

import numpy as np
from numpy.typing import NDArray

from echelon.api.options import known_options
from echelon.api.progress import progress as bar
from echelon.api.shown import Shown
from echelon.errors import DataError
from echelon.linalg.generators import generator
from echelon.plot.study import study_plot
from echelon.study.estimators import chosen
from echelon.study.grid import Cell, Number, cells
from echelon.study.model import columns
from echelon.study.predictors import Asked as Predictors
from echelon.study.predictors import predictors
from echelon.study.result import Study, study_frame
from echelon.study.run import Asked, study_rows

if TYPE_CHECKING:
    from echelon.show.table import Table


def _table(
    study: Study,
    *,
    term: str | None = None,
    estimators: Sequence[str] | str | None = None,
    measures: Sequence[str] | None = None,
    where: Mapping[str, object] | None = None,
    digits: int = 3,
) -> Table:
    """What was found of one term as a `Table`, cell by cell; see `echelon.show.study`."""
    from echelon.show.study import study_table

    return study_table(
        study, term=term, estimators=estimators, measures=measures, where=where, digits=digits
    )


class DesignStudy(Shown, Study):
    """A design study; see `Study` for its values."""

    __slots__ = ()

    @classmethod
    def of(cls, values: Study) -> Self:
        """The same values with the methods of the public surface."""
        return cls(**{f.name: getattr(values, f.name) for f in fields(Study)})

    frame = study_frame
    table = _table
    plot = study_plot


_ELSEWHERE = {"nsim": "The number of replicates is reps=.", "nrep": "It is reps=."}


def _design_study(
    J: int | Sequence[int] | None = None,
    n: object = None,
    icc: Number | None = None,
    *,
    cv: Number | None = None,
    effects: Mapping[str, Number] | None = None,
    level1: Predictors = None,
    level2: Predictors = None,
    effect_sd: Mapping[str, Number] | None = None,
    effect_correlation: Number = 0.0,
    size_correlation: Number = 0.0,
    mean: Number = 0.0,
    tau2: Number | None = None,
    sigma2: Number | None = None,
    estimators: Sequence[str] | str | None = None,
    reps: int = 1000,
    designs: int = 1,
    alpha: float = 0.05,
    power: float = 0.8,
    rng: int | np.random.Generator | None = None,
    progress: bool | None = None,
) -> DesignStudy:
    """Compare designs and estimators by simulation: bias, RMSE, coverage, type I error, power.

    Two levels, rows in J groups. Every option that takes a number takes several too, and every
    combination is a cell of the study.

    Parameters
    ----------
    J : groups; may be left out where n gives all sizes
    n : rows of a group: a number; a distribution, {"mean": 20, "cv": 0.5} (with "min", 1 without)
        or "uniform(5, 35)"; or the sizes themselves, as a tuple or array. A list holds several
        of these
    icc : share of the variance, given the predictors, that lies between groups. The variances add
        to 1, so effects are in SDs of the response; or give two of `icc`, `tau2`, `sigma2`
    cv : coefficient of variation of the sizes with mean n, in the place of distributions
    effects : by name of predictor, in SDs of the response per unit. "treatment:ses" is a product
        (a cross-level interaction)
    level2 : predictors of groups: a name for a treatment of half of them, or by name the share of
        groups with a 1 (0/1 predictors), or "normal" (mean 0, variance 1)
    level1 : predictors of rows by name: "normal" (mean 0 in every group, variance 1), a share of
        ones in each group, or {"icc": 0.2} for one that varies between groups too. Names in
        `effects` that stand nowhere else are "normal"
    effect_sd : SD between groups of the effect of a predictor of rows; those named have a random
        slope in the multilevel model
    effect_correlation : of the groups' intercepts with these effects
    size_correlation : of the groups' intercepts with their sizes
    mean : grand mean, where all predictors are zero
    tau2, sigma2 : variances between and within groups, in units of the response squared
    estimators : None for those that suit the design; any of "rows" (least squares on the rows),
        "rows_robust" (with CR2 standard errors), "means" (least squares on group means), "known"
        (precision weights, known variances), "ml", "reml" (Satterthwaite), "reml_bw"
        (between-within), "reml_intercepts" (no random slopes); and, without predictors, "balanced"
        (the formulas of a balanced ANOVA, mean n), "weighted" (precision weights, ANOVA variances)
    reps : replicates of every cell
    designs : 1 takes one representative design: sizes and predictors at the quantiles of their
        distributions. More are drawn at random and share the replicates
    alpha : level of tests; intervals are at 1 - alpha
    power : at which the smallest detectable effect is found
    rng : seed or generator; None for other draws at every call (`.seed` repeats them)
    progress : True shows a progress bar, False none; None shows one on a terminal when it takes
        more than a second

    Returns
    -------
    DesignStudy : print it; `.frame()` for all of it, one row a cell, estimator and term, with Monte
        Carlo standard errors; `.table(term=...)`, `.plot(x=..., measure="power")`

    Raises
    ------
    DataError, UnknownOption, UnknownArgument : a design that cannot exist, or an option that does
        not
    NotIdentified : a design that cannot estimate its effects

    Notes
    -----
    No rows are made: cross-products are drawn, exactly in distribution (`study-draws`), and all
    responses of a cell are fitted together. A cell has a seed of its own, made from `rng` and the
    design, so that other cells change nothing in it; cells that differ in effects only share their
    draws (`study-equivariance`). Monte Carlo errors: morris2019.

    Examples
    --------
    >>> import echelon as ec
    >>> study = ec.design_study(J=12, n=20, cv=[0, 0.8], icc=0.2, reps=200, rng=1)
    >>> found = study.frame().query("term == '(Intercept)' and estimator == 'balanced'")
    >>> found[["n_cv", "se_ratio"]].round(1).to_numpy().tolist()
    [[0.0, 1.0], [0.8, 0.7]]
    """
    grid = cells(
        J,
        n,
        icc,
        tau2,
        sigma2,
        cv=cv,
        mean=mean,
        effects=effects,
        effect_sd=effect_sd,
        effect_correlation=effect_correlation,
        size_correlation=size_correlation,
    )
    effect_names, varying = tuple(effects or ()), tuple(effect_sd or ())
    known = predictors(level1, level2, (*effect_names, *varying))
    asked = Asked(
        predictors=known,
        estimators=chosen(estimators, columns(known, effect_names, varying)),
        reps=_count("reps", reps, 2),
        designs=_count("designs", designs, 1),
        alpha=_share("alpha", alpha, 0.05),
        power=_share("power", power, 0.8),
    )
    if asked.designs > asked.reps // 2:
        raise DataError(f"designs={designs} needs at least {2 * asked.designs:,} reps.")
    root = _root(rng)
    with bar("Design study", len(grid), progress) as tell:
        rows, sizes = study_rows(grid, asked, root, tell)
    return DesignStudy(
        cells=grid,
        shapes=tuple(_shape(cell, each) for cell, each in zip(grid, sizes, strict=True)),
        predictors=known,
        estimators=asked.estimators,
        rows=tuple(rows),
        reps=asked.reps,
        designs=asked.designs,
        alpha=asked.alpha,
        power=asked.power,
        seed=root,
    )


def _shape(cell: Cell, n: NDArray[np.float64]) -> tuple[float, float, int, int]:
    """Mean and coefficient of variation, those asked for where they were; smallest and largest."""
    mean = float(n.mean())
    asked = cell.sizes.law == "lognormal"
    pair = cell.sizes.numbers[:2] if asked else (mean, float(n.std()) / mean)
    return float(pair[0]), float(pair[1]), int(n.min()), int(n.max())


def _count(name: str, value: object, least: int) -> int:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or int(cast(int, value)) < least:
        raise DataError(f"{name}={value!r}: a whole number of at least {least}.")
    return int(cast(int, value))


def _share(name: str, value: object, usual: float) -> float:
    number = isinstance(value, int | float | np.floating) and not isinstance(value, bool)
    if not number or not 0 < float(cast(float, value)) < 1:
        raise DataError(f"{name}={value!r} must lie between 0 and 1, as in {name}={usual:g}.")
    return float(cast(float, value))


def _root(rng: object) -> int:
    """The seed of all cells: the one given, or one drawn."""
    source = generator(rng)
    if isinstance(rng, int | np.integer):
        return int(rng)
    return int(source.integers(2**63))


design_study = known_options(_design_study, "design_study", _ELSEWHERE)
