"""Effects: empirical Bayes estimates of the groups, fitted values and residuals."""

from echelon.effects.conditional import conditional_sd
from echelon.effects.empirical_bayes import Effects, empirical_bayes, ranef
from echelon.effects.fitted import coef, fitted, residuals

__all__ = ["Effects", "coef", "conditional_sd", "empirical_bayes", "fitted", "ranef", "residuals"]
