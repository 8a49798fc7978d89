"""Results: frozen fits whose class bodies are tables of contents.

Every method is a free function of a lower layer, bound here and nowhere else; `LMM.of(fit)` adds
the methods to a `LmmFit` and nothing more.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from echelon import effects, infer, multilevel
from echelon.api.anova import anova_of_terms
from echelon.api.bootstrap import bootstrap
from echelon.api.contrasts import contrast
from echelon.api.diagnostics import (
    check,
    collinearity,
    contextual,
    linearity,
    variance_homogeneity,
)
from echelon.api.emmeans import emmeans
from echelon.api.explain import explain
from echelon.api.fit_measures import conditional_aic, design_effect, performance
from echelon.api.group_comparisons import compare_groups, comparison_intervals
from echelon.api.habits import Habits, fixef
from echelon.api.influence import influence
from echelon.api.likelihood import drop1, ranova
from echelon.api.maketables import Maketables
from echelon.api.marginaleffects import to_marginaleffects
from echelon.api.options import known_options
from echelon.api.predict import predict
from echelon.api.predictions import predictions
from echelon.api.profile import profile
from echelon.api.ranks import ranks
from echelon.api.refit import refit
from echelon.api.slopes import johnson_neyman, slopes
from echelon.api.variance_explained import r2_decomposition, r2_levels
from echelon.model.fit import LmmFit, OlsFit
from echelon.model.theta import names_of_theta, theta
from echelon.model.work import work
from echelon.plot import FitPlots, RowPlots
from echelon.report import report
from echelon.show.model import model_table, summary, summary_html

Array = NDArray[np.float64]


def cov_params(
    fit: LmmFit | OlsFit,
    *,
    df: str | None = None,
    robust: str | None = None,
    cluster: object = None,
) -> Array:
    """Covariance matrix (p, p) of the fixed effects, in the order of `names`.

    With df="kenward-roger" the adjusted one, so that its diagonal is always that of the standard
    errors shown; `fit.optimum.vcov` is never adjusted. Cluster-robust with `robust` and `cluster`,
    as `coefficients` takes them.
    """
    return infer.uncertainty(fit, df, robust=robust, cluster=cluster).vcov.copy()


class LMM(LmmFit, Habits, Maketables):
    """A fitted linear multilevel model; see `LmmFit` for its values."""

    __slots__ = ()

    @classmethod
    def of(cls, fit: LmmFit) -> Self:
        """The same fit with the methods of the public surface."""
        return cls(**{f.name: getattr(fit, f.name) for f in fields(LmmFit)})

    # estimates and inference
    coefficients = known_options(infer.coefficients)
    variance_components = infer.variance_components
    confint = known_options(infer.confint)
    conf_int = confint
    criteria = infer.criteria
    anova = known_options(anova_of_terms, "anova")
    drop1 = drop1
    ranova = ranova
    contrast = contrast
    fixef = fixef
    vcov = known_options(cov_params, "vcov")
    cov_params = known_options(cov_params)
    # groups
    groups = multilevel.groups
    ranef = effects.ranef
    conditional_sd = effects.conditional_sd
    residual_file = known_options(multilevel.residual_file)
    coef = effects.coef
    explain = explain
    compare_groups = compare_groups
    comparison_intervals = comparison_intervals
    ranks = ranks
    # the multilevel workflow
    reliability = multilevel.reliability
    icc = known_options(multilevel.icc)
    icc_by_group = multilevel.icc_by_group
    r2 = known_options(multilevel.r2)
    r2_levels = r2_levels
    r2_decomposition = r2_decomposition
    explained = known_options(multilevel.explained)
    conditional_aic = conditional_aic
    design_effect = design_effect
    performance = performance
    variance_tests = multilevel.variance_tests
    equations = multilevel.equations
    emmeans = emmeans
    slopes = slopes
    johnson_neyman = johnson_neyman
    predict = predict
    predictions = predictions
    to_marginaleffects = to_marginaleffects
    # row by row
    residuals = known_options(effects.residuals)
    augment = known_options(effects.augment)
    influence = influence
    get_influence = influence
    # what could be wrong
    check = check
    collinearity = collinearity
    linearity = linearity
    contextual = contextual
    variance_homogeneity = variance_homogeneity
    # the same model of other responses
    simulate = known_options(effects.simulate)
    refit = known_options(refit)
    profile = profile
    bootstrap = bootstrap
    # what a reader sees
    summary = known_options(summary)
    table = known_options(model_table, "table")
    report = known_options(report)
    __repr__ = summary
    _repr_html_ = summary_html

    @property
    def sigma(self) -> float:
        """Residual standard deviation."""
        return self.optimum.sigma

    theta = property(theta)
    theta_names = property(names_of_theta)
    work = property(work)

    @property
    def plot(self) -> FitPlots:
        """Figures of the fit: `fit.plot.caterpillar()` and others."""
        return FitPlots(self)


class OLS(OlsFit, Habits, Maketables):
    """A fitted linear model; see `OlsFit` for its values."""

    __slots__ = ()

    @classmethod
    def of(cls, fit: OlsFit) -> Self:
        """The same fit with the methods of the public surface."""
        return cls(**{f.name: getattr(fit, f.name) for f in fields(OlsFit)})

    coefficients = known_options(infer.coefficients)
    confint = known_options(infer.confint)
    conf_int = confint
    criteria = infer.criteria
    emmeans = emmeans
    slopes = slopes
    johnson_neyman = johnson_neyman
    predict = predict
    predictions = predictions
    to_marginaleffects = to_marginaleffects
    anova = known_options(anova_of_terms, "anova")
    drop1 = drop1
    contrast = contrast
    performance = performance
    fixef = fixef
    vcov = known_options(cov_params, "vcov")
    cov_params = known_options(cov_params)
    residuals = known_options(effects.residuals)
    augment = known_options(effects.augment)
    influence = influence
    get_influence = influence
    simulate = known_options(effects.simulate)
    check = check
    collinearity = collinearity
    linearity = linearity
    summary = known_options(summary)
    table = known_options(model_table, "table")
    __repr__ = summary
    _repr_html_ = summary_html

    f_test = infer.f_test

    @property
    def plot(self) -> RowPlots:
        """Figures of the residuals: `fit.plot.residuals()` and others."""
        return RowPlots(self)

    @property
    def rsquared(self) -> float:
        """R squared."""
        return infer.r_squared(self)

    @property
    def rsquared_adj(self) -> float:
        """Adjusted R squared."""
        return infer.adjusted_r_squared(self)

    @property
    def fvalue(self) -> float:
        """F statistic on (df_model, df_resid) degrees of freedom."""
        return infer.f_test(self).statistic

    @property
    def f_pvalue(self) -> float:
        """p-value of the F statistic."""
        return infer.f_test(self).p_value

    @property
    def df_model(self) -> int:
        """Numerator degrees of freedom of F: coefficients without the constant."""
        return infer.f_test(self).df1

    @property
    def sigma(self) -> float:
        """Residual standard error."""
        return float(np.sqrt(self.sigma2))
