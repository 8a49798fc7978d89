"""How often `fit.check()` alarms on models that are right: a small part of the theory page's table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import echelon as ec

FACTS = ("Number of groups", "Estimates are", "Random effects told", "Groups differ")


def _clean(rng, J, n):
    g = np.repeat(np.arange(J), n)
    x, w = rng.standard_normal(J)[g] / 2 + rng.standard_normal(J * n), rng.standard_normal(J)[g]
    s = np.array(["a", "b"])[rng.integers(0, 2, J)][g]
    y = x / 2 + w / 3 + rng.standard_normal(J)[g] / 2 + rng.standard_normal(J)[g] * x / 5
    return pd.DataFrame(dict(y=y + rng.standard_normal(J * n), x=x, w=w, s=s, g=g))


@pytest.mark.parametrize("J,n", [(20, 15), (100, 15)])
def test_clean_models_seldom_alarm(J, n):
    rng, R = np.random.default_rng(J), 40
    alarms = []
    for _ in range(R):
        found = ec.lmer("y ~ x + w + s + (x | g)", _clean(rng, J, n)).check()
        alarms.append(
            [f.verdict for f in found.problems + found.looks if not f.check.startswith(FACTS)]
        )
    any_look = np.mean([bool(a) for a in alarms])
    # one clean model in ten would be 0.1; 4 standard errors above it
    assert any_look < 0.1 + 4 * np.sqrt(0.1 * 0.9 / R)
    assert np.mean(["problem" in a for a in alarms]) <= 2 / R
