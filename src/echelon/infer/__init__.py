"""Inference: coefficients with degrees of freedom, variance components, information criteria."""

from echelon.infer.anova import Anova, anova_values, drop1_f
from echelon.infer.choose import uncertainty
from echelon.infer.coefficients import coefficient_values, coefficients
from echelon.infer.components import Components, component_values, variance_components
from echelon.infer.confint import confint
from echelon.infer.contrasts import Contrasts, contrast_values
from echelon.infer.criteria import Criteria, criteria
from echelon.infer.estimates import Estimates, estimates
from echelon.infer.ols import FTest, adjusted_r_squared, f_test, r_squared
from echelon.infer.satterthwaite import satterthwaite
from echelon.infer.uncertainty import Joint, Uncertainty, joint_test

__all__ = [
    "Anova",
    "Components",
    "Contrasts",
    "Criteria",
    "Estimates",
    "FTest",
    "Joint",
    "Uncertainty",
    "adjusted_r_squared",
    "anova_values",
    "coefficient_values",
    "coefficients",
    "component_values",
    "confint",
    "contrast_values",
    "criteria",
    "drop1_f",
    "estimates",
    "f_test",
    "joint_test",
    "r_squared",
    "satterthwaite",
    "uncertainty",
    "variance_components",
]
