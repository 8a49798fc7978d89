from __future__ import annotations

import numpy as np
import pytest

import echelon as ec
from echelon.multilevel import variance_test_values
from tolerances import CLOSED


def test_balanced_one_way_is_the_f_test(balanced):
    anova = ec.oneway("y", "g", balanced)
    found = variance_test_values(ec.lmer("y ~ 1 + (1 | g)", balanced))
    np.testing.assert_allclose(found.chi_square, [(anova.J - 1) * anova.F], **CLOSED)
    assert found.df.tolist() == [anova.df1]


def test_hsb_one_way_and_means_against_the_book(hsb):
    """1660.2 on 159 df; 633.52 on 158 df. Recalled as those of raudenbush2002, ch. 4; not looked up.
    The same quantities from R are in tests/reference/hlm."""
    null = ec.lmer("mathach ~ 1 + (1 | school)", hsb).variance_tests()
    means = ec.lmer("mathach ~ meanses + (1 | school)", hsb).variance_tests()
    assert null["chi_square"][0] == pytest.approx(1660.2, abs=0.05)
    assert means["chi_square"][0] == pytest.approx(633.52, abs=5e-3)
    assert (null["df"][0], means["df"][0]) == (159, 158)


def test_hsb_slopes_against_the_book(hsb, hsb_full):
    """1770.9 and 213.4 on 159 df; 605.30 and 162.31 on 157 df. Recalled as those HLM printed, not
    looked up, and met to 0.1 percent only; why not better was not established. The same from R, to
    1e-5, are in tests/reference/hlm."""
    slopes = ec.lmer("mathach ~ cses + (cses | school)", hsb).variance_tests()
    full = hsb_full.variance_tests()
    assert slopes["chi_square"].tolist() == pytest.approx([1770.9, 213.4], rel=1e-3)
    assert full["chi_square"].tolist() == pytest.approx([605.30, 162.31], rel=1e-3)
    assert (slopes["df"].tolist(), full["df"].tolist()) == ([159, 159], [157, 157])
    assert full["p_value"][1] > 0.3


def test_least_squares_group_by_group(sleep):
    """Q from one regression a subject."""
    fit = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep)
    found = variance_test_values(fit)
    Q = np.zeros(2)
    for _, rows in sleep.groupby("Subject", observed=True):
        Z = np.column_stack([np.ones(len(rows)), rows["Days"]])
        inverse = np.linalg.inv(Z.T @ Z)
        gap = inverse @ Z.T @ rows["Reaction"].to_numpy() - fit.optimum.beta
        Q += gap**2 / (fit.optimum.sigma2 * np.diag(inverse))
    np.testing.assert_allclose(found.chi_square, Q, **CLOSED)
    assert found.df.tolist() == [17, 17]


def test_a_random_slope_without_a_fixed_one_loses_no_degree_of_freedom(sleep):
    found = variance_test_values(ec.lmer("Reaction ~ 1 + (Days | Subject)", sleep))
    assert found.df.tolist() == [17, 18]


def test_rows_and_summaries_agree(timss, timss_summaries):
    rows = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    given = ec.lmer("mean ~ 1 + (1 | idschool)", summaries=timss_summaries)
    np.testing.assert_allclose(
        variance_test_values(given).chi_square, variance_test_values(rows).chi_square, rtol=1e-8
    )
