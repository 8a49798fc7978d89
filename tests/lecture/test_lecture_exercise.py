"""The exercise's second part and the slips on the slides that are not reproduced."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import echelon as ec
from tolerances import CLOSED, OPTIMUM, printed

PART2 = json.loads((Path(__file__).parent / "slide_numbers.json").read_text("utf-8"))[
    "exercise_part2"
]


@pytest.fixture(scope="module")
def part2(eclsk: pd.DataFrame) -> ec.LMM:
    return ec.lmer("g1rscore ~ sector + schmeansesc + (1 | schid)", eclsk)


@pytest.mark.parametrize(
    ("column", "theirs", "tolerance"),
    [
        ("estimate", "Estimate", OPTIMUM["estimate"]),
        ("std_error", "Std. Error", OPTIMUM["se"]),
        ("df", "df", OPTIMUM["df"]),
        ("statistic", "t value", OPTIMUM["se"]),
    ],
)
def test_part2_coefficients(part2: ec.LMM, column: str, theirs: str, tolerance: float) -> None:
    table = part2.coefficients()
    assert table["term"].tolist() == [row["_row"] for row in PART2["coef"]]
    assert_allclose(table[column], [row[theirs] for row in PART2["coef"]], rtol=tolerance, atol=0)


def test_part2_p_values(part2: ec.LMM) -> None:
    p = part2.coefficients()["p_value"]
    assert p[0] < 1e-290
    assert_allclose(
        np.log(p[1:]), np.log([row["Pr(>|t|)"] for row in PART2["coef"][1:]]), rtol=1e-4
    )


def test_part2_variances_and_criteria(part2: ec.LMM) -> None:
    table = part2.variance_components()
    assert_allclose(table["sd"], [PART2["tau"], PART2["sigma"]], rtol=OPTIMUM["estimate"], atol=0)
    criteria = part2.criteria()
    assert abs(criteria.loglik - PART2["logLik"]) <= OPTIMUM["loglik"]
    assert abs(criteria.aic - PART2["AIC"]) <= 2 * OPTIMUM["loglik"]
    assert abs(criteria.bic - PART2["BIC"]) <= 2 * OPTIMUM["loglik"]


def test_part2_by_group_mean(eclsk: pd.DataFrame, part2: ec.LMM) -> None:
    """The centred school SES made by ec.group_mean gives the same model."""
    made = ec.group_mean(eclsk, "ses", by="schid", center="groups", name="ses_m")
    fit = ec.lmer("g1rscore ~ sector + ses_m + (1 | schid)", made)
    assert_allclose(fit.optimum.beta, part2.optimum.beta, rtol=1e-5)  # file: rounded to 6 decimals


def test_posterior_variance_has_no_inverse_too_many(timss_fit: ec.LMM) -> None:
    """Slip 2: V*_j = (1/V + 1/tau)^-1 + (1 - lambda)^2 / sum(1/Delta); 128.15, not 127.91."""
    groups = timss_fit.groups("idschool").set_index("idschool")
    assert printed(groups.loc[5036, "EB_se"] ** 2, "128.15")
    assert printed(groups.loc[5036, "cond_sd"] ** 2, "127.91")


def test_naive_variance_of_school_means_is_about_their_mean(timss: pd.DataFrame) -> None:
    """Slip 1: 3,697.67 is about 482.78, not about 538.98."""
    means = timss.groupby("idschool")["bsmmatxx"].mean()
    assert printed(means.mean(), "482.78")
    assert printed(means.var(), "3,697.67")


def test_standard_error_of_gamma01(eclsk_fit: ec.LMM) -> None:
    """Slip 6: it rests on Delta_j; with tau00 alone it would be 0.885."""
    groups = eclsk_fit.groups("schid")
    private = groups["predicted"] > groups["predicted"].min() + 1
    precision = [float((1 / groups["Delta"][rows]).sum()) for rows in (~private, private)]
    se = float(np.sqrt(1 / precision[0] + 1 / precision[1]))
    assert printed(se, "1.030")
    assert_allclose(eclsk_fit.bse["sector"], se, **CLOSED)
    tau = eclsk_fit.optimum.covariance[0, 0]
    assert printed(float(np.sqrt(tau / 672 + tau / 70)), "0.885")


def test_f_has_one_and_740_degrees_of_freedom(school_ols: ec.OLS) -> None:
    """Slip 5: the slide prints "on 740 and 1"."""
    assert (school_ols.df_model, school_ols.df_resid) == (1, 740)
    assert_allclose(school_ols.f_pvalue, school_ols.pvalues["sector"], **CLOSED)
