"""Tests of the terms of the fixed part: tables of type I, II and III, and single term deletions."""

from echelon.infer.anova.dropping import drop1_f
from echelon.infer.anova.table import Anova, AnovaType, Containment, anova_frame, anova_values

__all__ = ["Anova", "AnovaType", "Containment", "anova_frame", "anova_values", "drop1_f"]
