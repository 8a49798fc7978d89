"""Likelihood-ratio tests: of models, of random terms, of fixed terms."""

from echelon.infer.likelihood.comparison import Comparison, compare_likelihoods, comparison_frame
from echelon.infer.likelihood.fixed_terms import fixed_term_tests
from echelon.infer.likelihood.mixture import Mixture
from echelon.infer.likelihood.random_terms import random_term_tests
from echelon.infer.likelihood.terms import TermTests, term_tests_frame

__all__ = [
    "Comparison",
    "Mixture",
    "TermTests",
    "compare_likelihoods",
    "comparison_frame",
    "fixed_term_tests",
    "random_term_tests",
    "term_tests_frame",
]
