"""The multilevel workflow: unpacking groups, reliability, explained variance, equations."""

from echelon.multilevel.describe import Description, describe_values, description_frame
from echelon.multilevel.equations import Equations, equations
from echelon.multilevel.explained import Explained, explained, explained_values
from echelon.multilevel.groups import GroupValues, group_values, groups, stacked_groups
from echelon.multilevel.icc import R2, VarianceShares, icc, icc_by_group, r2, variance_shares
from echelon.multilevel.null_model import null_model
from echelon.multilevel.oneway import OneWay, oneway_frame, oneway_values
from echelon.multilevel.reliability import Reliability, reliability, reliability_values
from echelon.multilevel.residual_file import residual_file
from echelon.multilevel.variance_tests import (
    VarianceTests,
    variance_test_values,
    variance_tests,
)

__all__ = [
    "R2",
    "Description",
    "Equations",
    "Explained",
    "GroupValues",
    "OneWay",
    "Reliability",
    "VarianceShares",
    "VarianceTests",
    "describe_values",
    "description_frame",
    "equations",
    "explained",
    "explained_values",
    "group_values",
    "groups",
    "icc",
    "icc_by_group",
    "null_model",
    "oneway_frame",
    "oneway_values",
    "r2",
    "reliability",
    "reliability_values",
    "residual_file",
    "stacked_groups",
    "variance_shares",
    "variance_test_values",
    "variance_tests",
]
