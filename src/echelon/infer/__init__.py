"""Inference: coefficients with degrees of freedom, variance components, information criteria."""

from echelon.infer.choose import uncertainty
from echelon.infer.coefficients import coefficient_values, coefficients, confint
from echelon.infer.components import Components, component_values, variance_components
from echelon.infer.criteria import Criteria, criteria
from echelon.infer.estimates import Estimates, estimates
from echelon.infer.ols import FTest, adjusted_r_squared, f_test, r_squared
from echelon.infer.satterthwaite import satterthwaite
from echelon.infer.uncertainty import Joint, Uncertainty, joint_test

__all__ = [
    "Components",
    "Criteria",
    "Estimates",
    "FTest",
    "Joint",
    "Uncertainty",
    "adjusted_r_squared",
    "coefficient_values",
    "coefficients",
    "component_values",
    "confint",
    "criteria",
    "estimates",
    "f_test",
    "joint_test",
    "r_squared",
    "satterthwaite",
    "uncertainty",
    "variance_components",
]
