from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import echelon as ec


@pytest.fixture(scope="session")
def sleep() -> Any:
    return ec.datasets.load("sleepstudy", quiet=True)


@pytest.fixture(scope="session")
def dyestuff() -> Any:
    return ec.datasets.load("dyestuff", quiet=True)


@pytest.fixture(scope="session")
def hsb() -> Any:
    return ec.datasets.load("hsb", quiet=True)


@pytest.fixture(scope="session")
def eclsk() -> Any:
    return ec.datasets.load("eclsk", quiet=True)


@pytest.fixture(scope="session")
def timss() -> Any:
    return ec.datasets.load("timss", quiet=True)


@pytest.fixture(scope="session")
def timss_summaries() -> Any:
    return ec.datasets.load("timss_summaries", quiet=True)


@pytest.fixture(scope="session")
def hsb_full(hsb: Any) -> ec.LMM:
    """Intercepts and slopes as outcomes."""
    return ec.lmer("mathach ~ meanses * cses + sector * cses + (cses | school)", hsb)


@pytest.fixture(scope="session")
def balanced() -> dict[str, np.ndarray]:
    """12 groups of 6 rows with a clear variance between groups."""
    rng = np.random.default_rng(11)
    group = np.repeat(np.arange(12), 6)
    y = 50 + rng.normal(size=12)[group] * 4 + rng.normal(size=72) * 5
    return {"y": y, "g": group}
