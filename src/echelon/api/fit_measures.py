"""`fit.performance()`, `fit.conditional_aic()` and `fit.design_effect()`: measures of fit."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Self

from echelon.api.options import known_options
from echelon.api.shown import Shown
from echelon.model.fit import LmmFit, OlsFit
from echelon.multilevel.conditional_aic import (
    ConditionalAIC,
    Method,
    conditional_aic_frame,
    conditional_aic_values,
)
from echelon.multilevel.design_effect import (
    DesignEffect,
    design_effect_frame,
    design_effect_values,
)
from echelon.multilevel.performance import Performance, performance_frame, performance_values

if TYPE_CHECKING:
    from echelon.show.table import Table


def _conditional_aic_table(found: ConditionalAIC, *, digits: int = 2) -> Table:
    """Conditional AIC as a `Table`."""
    from echelon.show.fit_measures import conditional_aic_table

    return conditional_aic_table(found, digits=digits)


def _design_effect_table(found: DesignEffect, *, digits: int = 2) -> Table:
    """Design effects as a `Table`."""
    from echelon.show.fit_measures import design_effect_table

    return design_effect_table(found, digits=digits)


def _performance_table(found: Performance, *, digits: int = 3) -> Table:
    """Fit measures as a `Table`."""
    from echelon.show.fit_measures import performance_table

    return performance_table(found, digits=digits)


class ConditionalAICResult(Shown, ConditionalAIC):
    """Conditional AIC; see `ConditionalAIC` for its values."""

    __slots__ = ()

    @classmethod
    def of(cls, values: ConditionalAIC) -> Self:
        """The same values with the methods of the public surface."""
        return cls(**{f.name: getattr(values, f.name) for f in fields(ConditionalAIC)})

    def __float__(self) -> float:
        return self.value

    frame = conditional_aic_frame
    table = _conditional_aic_table


class DesignEffectResult(Shown, DesignEffect):
    """Design effects; see `DesignEffect` for their values."""

    __slots__ = ()

    @classmethod
    def of(cls, values: DesignEffect) -> Self:
        """The same values with the methods of the public surface."""
        return cls(**{f.name: getattr(values, f.name) for f in fields(DesignEffect)})

    frame = design_effect_frame
    table = _design_effect_table


class PerformanceResult(Shown, Performance):
    """Fit measures in one table; see `Performance` for their values."""

    __slots__ = ()

    @classmethod
    def of(cls, values: Performance) -> Self:
        """The same values with the methods of the public surface."""
        return cls(**{f.name: getattr(values, f.name) for f in fields(Performance)})

    frame = performance_frame
    table = _performance_table


@known_options
def conditional_aic(fit: LmmFit, method: Method = "greven-kneib") -> ConditionalAICResult:
    """Conditional AIC, for a choice among models by their predictions in the same groups.

    AIC asks how well a model predicts new groups. The conditional AIC asks for new rows of these
    groups: its likelihood is given the estimated random effects, and its penalty their effective
    number, between p and p + all of them.

    Parameters
    ----------
    method : "greven-kneib" counts that the variances of the random effects are estimated too;
        "vaida-blanchard" takes them as known and is too generous to random effects;
        "finite-sample" is Vaida and Blanchard's count for few rows

    Returns
    -------
    ConditionalAICResult : print it; `float()` of it or `.value`, `.df`, `.rho`, `.frame()`,
        `.table()`

    Raises
    ------
    UnknownOption, UnknownArgument : a method or option that does not exist, with the nearest one
    NotYetSupported : "greven-kneib" after the iterative method

    Notes
    -----
    `caic`, `hat-trace`, `caic-greven-kneib`, `caic-finite`; vaida2005, greven2010. The correction
    is exact, without refits; R's `cAIC4` 1.0 differs because of a slip in its analytic derivative
    (docs/theory/conditional-aic.md).

    Examples
    --------
    >>> import echelon as ec
    >>> sleep = ec.datasets.load("sleepstudy", quiet=True)
    >>> slopes = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep).conditional_aic()
    >>> intercepts = ec.lmer("Reaction ~ Days + (1 | Subject)", sleep).conditional_aic()
    >>> round(slopes.value, 1), round(slopes.df, 2), round(intercepts.value, 1)
    (1711.5, 31.25, 1767.1)
    """
    return ConditionalAICResult.of(conditional_aic_values(fit, method))


@known_options
def design_effect(fit: LmmFit) -> DesignEffectResult:
    """Design effects: what the grouping of the rows costs, for the mean and every fixed effect.

    Returns
    -------
    DesignEffectResult : print it; `.kish`, `.effective_n` of the mean of all rows; `.frame()` one
        row a fixed effect; `.table()`

    Notes
    -----
    Three questions, three numbers. `kish`: how much more does the mean of all rows vary than that
    of as many independent rows, 1 + sum (n_w - 1) ICC with n_w = sum n_j^2 / n. `deff` of a fixed
    effect: the variance of its estimate over that with independent rows of the same total
    variance; below one for predictors that vary within groups, as groups are their own controls.
    `deff_ols`: the same for least squares on the rows; the root of it is how much too small the
    standard errors are that a linear model prints. For the intercept of a model without predictors,
    effective n is the total variance over Var(beta0), exactly.
    `kish`, `deff-term`, `deff-ols`; kish1965, moulton1986, snijders2012.

    Examples
    --------
    >>> import echelon as ec
    >>> hsb = ec.datasets.load("hsb", quiet=True)
    >>> found = ec.lmer("mathach ~ 1 + (1 | school)", hsb).design_effect()
    >>> round(found.kish, 2), round(found.effective_n)
    (9.48, 758)
    """
    return DesignEffectResult.of(design_effect_values(fit))


@known_options
def performance(fit: LmmFit | OlsFit) -> PerformanceResult:
    """The measures of fit in one table: criteria, R squared, ICC, errors.

    Returns
    -------
    PerformanceResult : print it; the measures are its attributes; `.frame()` is one row in the
        caller's dataframe library

    Notes
    -----
    As `model_performance` of R's `performance`, with the conditional AIC and design effect besides.
    `aicc` (hurvich1989); the others are those of the methods of their names.

    Examples
    --------
    >>> import echelon as ec
    >>> sleep = ec.datasets.load("sleepstudy", quiet=True)
    >>> found = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep).performance()
    >>> round(found.aicc, 1), round(found.rmse, 2), round(found.r2_conditional, 3)
    (1756.1, 23.44, 0.799)
    """
    return PerformanceResult.of(performance_values(fit))
