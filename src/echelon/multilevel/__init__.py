"""The multilevel workflow: unpacking groups, reliability, explained variance, equations."""

from echelon.multilevel.explained import Explained, explained, explained_values, null_model
from echelon.multilevel.groups import GroupValues, group_values, groups
from echelon.multilevel.icc import R2, VarianceShares, icc, r2, variance_shares
from echelon.multilevel.reliability import Reliability, reliability, reliability_values
from echelon.multilevel.variance_tests import (
    VarianceTests,
    variance_test_values,
    variance_tests,
)
def equations(fit): raise NotImplementedError
