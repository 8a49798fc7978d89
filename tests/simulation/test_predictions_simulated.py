"""The stored simulation of predictions can be made again; what estimated variances add is seen."""

from __future__ import annotations

import json

import numpy as np
import pytest
from predictions import REPLICATES, STORED, cell

import echelon as ec

pytestmark = pytest.mark.slow


def test_a_part_of_a_cell_is_like_the_stored_whole() -> None:
    """The first 80 of its samples; a change of any standard error shows as a shift."""
    count = 80
    found = cell(10, 0.4, count, processes=1)
    stored = next(
        c for c in json.loads(STORED.read_text("utf-8"))["cells"] if (c["J"], c["icc"]) == (10, 0.4)
    )
    assert found["coverage"].keys() == stored["coverage"].keys()
    for name, share in stored["coverage"].items():
        error = stored["error"][name] * np.sqrt(REPLICATES / count)
        assert abs(found["coverage"][name] - share) < 4 * error, name


def test_what_estimated_variances_add_is_what_predictions_move_by() -> None:
    """Predictions at estimated variances against those at the true ones, in refits of drawn data.

    Twice the mean square of that difference is what `variance_parameters=True` adds, and the
    standard errors are then the root mean square of the errors (`variance-parameters`).
    """
    rng = np.random.default_rng(3)
    J, R, tau, s2 = 25, 400, 1.0, 2.0
    n = rng.integers(2, 13, J)
    g, new = np.repeat(np.arange(J), n), {"g": np.arange(J)}
    lam, weight = tau / (tau + s2 / n), 1 / (tau + s2 / n)
    moved, added, error, stated = np.empty((4, R))
    for r in range(R):
        b = rng.standard_normal(J)
        y = 3 + b[g] + np.sqrt(s2) * rng.standard_normal(len(g))
        mean = np.bincount(g, y) / n
        mu = weight @ mean / weight.sum()
        fit = ec.lmer("y ~ 1 + (1 | g)", {"y": y, "g": g})
        plain = fit.predict(new, interval="confidence")
        full = fit.predict(new, interval="confidence", variance_parameters=True)
        estimate = plain["estimate"].to_numpy()
        moved[r] = np.mean((estimate - mu - lam * (mean - mu)) ** 2)
        added[r] = np.mean(full["std_error"] ** 2 - plain["std_error"] ** 2) / 2
        error[r] = np.mean((estimate - 3 - b) ** 2)
        stated[r] = np.mean(full["std_error"] ** 2)
    for seen, said in ((moved, added), (error, stated)):
        monte_carlo = (seen - said).std(ddof=1) / np.sqrt(R)
        assert abs((seen - said).mean()) < 3.5 * monte_carlo
    assert added.mean() > 0.02 * stated.mean()
