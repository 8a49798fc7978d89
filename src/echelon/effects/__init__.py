"""Effects: empirical Bayes estimates of the groups, fitted values and residuals."""

from echelon.effects.augment import augment
from echelon.effects.conditional import conditional_sd
from echelon.effects.empirical_bayes import Effects, empirical_bayes, ranef
from echelon.effects.fitted import coef, fitted
from echelon.effects.residual_kinds import residuals
from echelon.effects.simulated import simulate

__all__ = [
    "Effects",
    "augment",
    "coef",
    "conditional_sd",
    "empirical_bayes",
    "fitted",
    "ranef",
    "residuals",
    "simulate",
]
