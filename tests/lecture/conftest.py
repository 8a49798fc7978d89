"""The lecture's tables and fits, made once."""

from __future__ import annotations

import pandas as pd
import pytest

import echelon as ec


@pytest.fixture(scope="session")
def timss() -> pd.DataFrame:
    return ec.datasets.load("timss", quiet=True)


@pytest.fixture(scope="session")
def timss_summaries() -> pd.DataFrame:
    return ec.datasets.load("timss_summaries", quiet=True)


@pytest.fixture(scope="session")
def eclsk() -> pd.DataFrame:
    return ec.datasets.load("eclsk", quiet=True)


@pytest.fixture(scope="session")
def timss_fit(timss: pd.DataFrame) -> ec.LMM:
    return ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)


@pytest.fixture(scope="session")
def timss_fit_from_summaries(timss_summaries: pd.DataFrame) -> ec.LMM:
    return ec.lmer("mean ~ 1 + (1 | idschool)", summaries=timss_summaries)


@pytest.fixture(scope="session")
def eclsk_fit(eclsk: pd.DataFrame) -> ec.LMM:
    return ec.lmer("g1rscore ~ sector + (1 | schid)", eclsk)


@pytest.fixture(scope="session")
def student_ols(eclsk: pd.DataFrame) -> ec.OLS:
    return ec.lm("g1rscore ~ sector", eclsk)


@pytest.fixture(scope="session")
def school_means(eclsk: pd.DataFrame) -> pd.DataFrame:
    """One row a school, as a student makes it."""
    return eclsk.groupby("schid", as_index=False)[["g1rscore", "ses", "sector"]].mean()


@pytest.fixture(scope="session")
def school_ols(school_means: pd.DataFrame) -> ec.OLS:
    return ec.lm("g1rscore ~ sector", school_means)
