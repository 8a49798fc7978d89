"""Thresholds of `fit.check()` and of the diagnostics.

A verdict needs two things: evidence that is no chance (`CHECK_LOOK`, `CHECK_PROBLEM`), and a size
that matters. Sizes are conventions; each says whose. Rates of false alarm are measured in
docs/theory/diagnostics.md.
"""

from __future__ import annotations

CHECK_LOOK = 0.01
"""Chance of evidence so strong in a clean model, below which a check says "look", corrected for the
number of things that one check looks at (Bonferroni). 0.05 would have one clean model in three
draw a remark among eight checks."""

CHECK_PROBLEM = 0.001
"""The same for "problem"."""

SKEW_LOOK, SKEW_PROBLEM = 0.5, 1.0
"""Absolute skewness; 1 is usually called strong (Bulmer 1979, Principles of Statistics)."""

KURTOSIS_LOOK, KURTOSIS_PROBLEM = 1.0, 3.0
"""Absolute excess kurtosis; 3 is Laplace's law. t tests of fixed effects hold well beyond it."""

EFFECT_SPREAD_LOOK, EFFECT_SPREAD_PROBLEM = 0.05, 0.20
"""SD between groups of the log residual SD: 5 and 20 percent. Raudenbush and Bryk's (2002, p. 265)
example, High School and Beyond, has 8."""

SD_RATIO_LOOK, SD_RATIO_PROBLEM = 1.2, 1.5
"""Largest over smallest residual SD, along fitted values or between categories. Below 1.5 (2.25 in
variances) tests of means keep their level (Box 1954)."""

BEND_LOOK, BEND_PROBLEM = 0.05, 0.15
"""Coefficient of a squared standardised predictor over the residual SD: two SDs out the curve
leaves the line by four times that, 0.2 and 0.6 residual SDs."""

CONTEXT_LOOK, CONTEXT_PROBLEM = 0.05, 0.10
"""Between minus within slope times the SD of the group means, over the SD of random and residual
parts together: what a group mean one SD higher adds, in SDs of the response given the model."""

MEAN_KNOWN = 1e-3
"""Share of the variance of a group mean that the model must leave, or it has the mean already:
rounded (meanses of HSB leaves 1e-6) or over a few rows more. Less leaves a difference of slopes
with a standard error of thirty times and more."""

CANCELLED = 1e-12
"""Share of two numbers below which their difference is rounding, and shown as zero; rounding of
estimates is about 1e-15."""

VIF_LOOK, VIF_PROBLEM = 10.0, 100.0
"""Variance inflation (scaled to one column): standard errors 3 and 10 times those of uncorrelated
columns. 10 is the usual rule (Fox 2016, ch. 13)."""

CONDITION_LOOK = 1e4
"""Condition number of the scaled columns above which rounding begins to matter; 30 (Belsley 1980)
is reached by any predictor with a mean far from zero."""

FEW_GROUPS_LOOK = 30
"""Groups below which variances between groups and their standard errors are imprecise (Maas and Hox
2005, for whom 50 is enough and 30 the least)."""

GROUPS_PER_PREDICTOR_LOOK, GROUPS_PER_PREDICTOR_PROBLEM = 10, 5
"""Groups for each level-2 coefficient (Raudenbush and Bryk 2002, p. 267: ten)."""

LOST_LOOK, LOST_PROBLEM = 0.05, 0.20
"""Share of rows left out for missing values."""

PAIR_OF_EFFECTS = 0.95
"""Absolute correlation of two random effects above which the model is near its boundary."""

ICC_SMALL = 0.01
"""Share of variance between groups below which grouping hardly matters."""

SMALL_GROUPS = 0.5
"""Share of groups with no more rows than random effects above which their variances rest on few."""

CHECK_INFLUENCE_WORK = 2e8
"""Products (groups times effects and columns squared) up to which `check()` looks at influence."""

CHECK_REFIT_WORK = 2e7
"""The same up to which the model is refitted without each group; above it variances are held."""

CHECK_CROSSED_WORK = 4e6
"""Groups times rows up to which `check()` leaves out groups of models whose groups are not one
batch (several factors, residual structures): about a second."""

DFBETAS_LOOK, DFBETAS_PROBLEM = 1.0, 2.0
DFBETAS_LOOK_ROOT, DFBETAS_PROBLEM_ROOT = 7.0, 10.0
"""Standard errors by which the removal of one row or group moves a coefficient, or so many over the
root of the number of rows or groups if that is more. The size-adjusted cut-off 2 / sqrt(N) (Belsley
1980) marks the most influential twentieth of any sample, clean or not; the largest of 20 clean
groups and six coefficients passes 5 / sqrt(N) one time in three."""
