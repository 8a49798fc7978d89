"""What every room of the tests shares: `tests/` on the path (for `tolerances`), example counts."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "echelon",
    deadline=None,  # a first call imports; the machines are shared
    max_examples=10,
    derandomize=True,  # the same examples every time: a red test is red for everybody
    phases=(Phase.explicit, Phase.generate),  # examples are seeds: a smaller seed explains nothing
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("echelon")


@pytest.fixture
def one_figure(monkeypatch):
    """Reports with their first figure only: drawing all of them takes most of their time."""
    from echelon.report import figures

    every = figures.figures
    monkeypatch.setattr(figures, "figures", lambda fit: every(fit)[:1])
