"""Inference: coefficients with degrees of freedom, variance components, information criteria."""

from echelon.infer.coefficients import Coefficients, coefficient_values, coefficients, confint
from echelon.infer.components import Components, component_values, variance_components
from echelon.infer.criteria import Criteria, criteria
from echelon.infer.ols import FTest, adjusted_r_squared, f_test, r_squared
from echelon.infer.satterthwaite import satterthwaite

__all__ = [
    "Coefficients",
    "Components",
    "Criteria",
    "FTest",
    "adjusted_r_squared",
    "coefficient_values",
    "coefficients",
    "component_values",
    "confint",
    "criteria",
    "f_test",
    "r_squared",
    "satterthwaite",
    "variance_components",
]
