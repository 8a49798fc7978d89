from __future__ import annotations

import pytest

import echelon as ec

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")


def _load(name):
    return ec.datasets.load(name, quiet=True)


@pytest.fixture(scope="session")
def timss():
    return ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", _load("timss"))


@pytest.fixture(scope="session")
def eclsk():
    return ec.lmer("g1rscore ~ sector + schmeansesc + (1 | schid)", _load("eclsk"))


@pytest.fixture(scope="session")
def hsb():
    return ec.lmer("mathach ~ cses + sector * meanses + (cses | school)", _load("hsb"))


@pytest.fixture(scope="session")
def summaries():
    return ec.lmer("mean ~ 1 + (1 | idschool)", summaries=_load("timss_summaries"))


@pytest.fixture
def ax():
    from echelon.plot import new_figure

    return new_figure().subplots()


@pytest.fixture(autouse=True)
def leaves_nothing():
    """No figure stays open in pyplot and no global setting changes."""
    from matplotlib import pyplot

    before = dict(matplotlib.rcParams)
    yield
    assert dict(matplotlib.rcParams) == before
    assert pyplot.get_fignums() == []
