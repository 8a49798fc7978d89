"""HLM's "final estimation of fixed effects (with robust standard errors)" is CR0.

The output is that of HLM on the language scores of Snijders and Bosker (nlme's bdf), examples 4.1 and
5.1 by full maximum likelihood, as UCLA's statistical consulting group shows it
(stats.oarc.ucla.edu/other/hlm/examples/ma-snijders, chapters 4 and 5; read from a stored copy, in which
the second table of example 5.1 breaks off after its first row). HLM stops its EM algorithm early: its
model-based standard errors differ from lme4's in the fourth digit in example 5.1.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import echelon as ec
from tolerances import printed


@pytest.fixture(scope="module")
def language():
    data = pd.read_csv(Path(__file__).parent / "hlm" / "bdf.csv.gz", dtype={"school": str})
    data["school_iq"] = data.groupby("school")["iq"].transform("mean")
    means = data.groupby("school")["school_iq"].first()
    data["school_iq"] -= means.mean()
    data["iq"] -= data["iq"].mean()
    return data


def test_random_intercept(language):
    """Example 4.1: 40.364049, robust SE 0.426363, 130 d.f."""
    fit = ec.lmer("language ~ 1 + (1 | school)", language, reml=False)
    found = fit.coefficients(robust="CR0")
    assert printed(found["estimate"].iloc[0], "40.3641")
    assert printed(found["std_error"].iloc[0], "0.426363")
    assert found["df"].tolist() == [130]
    for other in ("CR1", "CR2"):  # would show: 0.427999, 0.427931
        assert not printed(fit.coefficients(robust=other)["std_error"].iloc[0], "0.426")


def test_random_slope(language):
    """Example 5.1: intercept 40.571236, model-based SE 0.287602, robust SE 0.286613."""
    fit = ec.lmer("language ~ school_iq + iq + (iq | school)", language, reml=False)
    model, robust = fit.coefficients(), fit.coefficients(robust="CR0")
    assert printed(model["std_error"].iloc[0], "0.288")
    assert printed(robust["std_error"].iloc[0], "0.2866")
    for other in ("CR1", "CR2"):
        assert fit.coefficients(robust=other)["std_error"].iloc[0] > 0.2876


def test_degrees_of_freedom_as_hlm_prints_them(language):
    """Example 5.1: 129 for the intercept and the school's mean, 130 for the slope."""
    fit = ec.lmer("language ~ school_iq + iq + (iq | school)", language, reml=False)
    found = fit.coefficients(robust="CR0", df="between-within")
    assert found["df"].tolist() == [129, 129, 130]
    assert np.isfinite(found["p_value"]).all()
