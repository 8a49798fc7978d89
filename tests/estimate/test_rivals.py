"""Two solutions: the better one is kept and the verdict names the other."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import echelon as ec
from echelon.estimate.optimise import minimise

GRID = np.concatenate([[0.0], np.exp(np.linspace(-9, 5, 1500))])


def one_way(n: np.ndarray, mean: np.ndarray, within: float, reml: bool) -> np.ndarray:
    """Profiled deviance of the one-way model on GRID, from group sizes, means and the sum of
    squares within."""
    weight = n[:, None] / (1 + n[:, None] * GRID)
    total = weight.sum(axis=0)
    mu = (weight * mean[:, None]).sum(axis=0) / total
    rho2 = within + (weight * (mean[:, None] - mu) ** 2).sum(axis=0)
    df = n.sum() - reml
    value = np.log1p(n[:, None] * GRID).sum(axis=0) + df * (1 + np.log(2 * np.pi * rho2 / df))
    return value + reml * np.log(total)


def fitted(n: np.ndarray, mean: np.ndarray, within: float, reml: bool) -> ec.LMM:
    sd = np.sqrt(within / (n.sum() - len(n)))
    table = {"g": [f"g{i}" for i in range(len(n))], "n": n, "m": mean, "sd": sd}
    return ec.lmer("m ~ 1 + (1 | g)", summaries=pd.DataFrame(table), reml=reml)


TWO = {
    "zero, 0.19": ([334, 3, 4], [0.74528514, -0.44844806, -0.16563915], 314.37764291),
    "zero, 0.0044": ([11, 104, 25], [0.85954017, 1.09821707, 1.57752545], 161.69358401),
}


@pytest.mark.parametrize("case", TWO)
def test_two_solutions_are_named(case: str) -> None:
    n, mean, within = (np.array(part) for part in TWO[case])
    values = one_way(n, mean, within, False)
    inner = np.flatnonzero((values[1:-1] < values[:-2]) & (values[1:-1] < values[2:]))
    assert values[0] < values[1] and len(inner) == 1  # minima at zero and inside
    fit = fitted(n, mean, within, False)
    assert_allclose(fit.deviance, values.min(), atol=2e-4)
    assert fit.verdict.rival is not None
    gap = abs(values[0] - values[inner[0] + 1]) / 2
    assert_allclose(fit.verdict.rival.loglik_lower, gap, atol=1e-4)
    assert "second solution" in fit.verdict.message
    assert "second solution" in " ".join(str(fit).split())


def test_the_best_of_two_solutions_on_random_tables() -> None:
    """Few groups of very unequal size with outliers: one table in a hundred has two maxima."""
    rng, two = np.random.default_rng(0), 0
    for _ in range(400):
        J = int(rng.integers(3, 9))
        n = np.maximum(1, np.exp(rng.uniform(0, 6, J)).astype(int))
        if n.sum() < 2 * J:
            continue
        mean = rng.standard_t(1.5, J) * np.exp(rng.uniform(-2, 1))
        within = float(rng.chisquare(n.sum() - J))
        values = one_way(n, mean, within, False)
        lower = values[1:-1]
        minima = (lower < values[:-2]) & (lower < values[2:])
        if minima.sum() + (values[0] < values[1]) != 2:
            continue
        two += 1
        assert fitted(n, mean, within, False).deviance < values.min() + 1e-6 * n.sum()
    assert two >= 2


def test_one_solution_is_not_called_two() -> None:
    data = ec.datasets.load("sleepstudy", quiet=True)
    verdict = ec.lmer("Reaction ~ Days + (Days | Subject)", data).verdict
    assert verdict.rival is None and "second" not in verdict.message


def test_independent_effects_of_a_predictor_far_from_zero() -> None:
    """`||` with x near 50: a search that begins at small variances ends 250 units short."""
    rng = np.random.default_rng(3)
    g = rng.integers(0, 15, 300)
    x = 50 + rng.normal(size=300)
    y = 0.5 * x + 3 * rng.normal(size=15)[g] * (x - 50) + rng.normal(size=300)
    data = pd.DataFrame({"y": y, "x": x, "g": g.astype(str)})
    bars = ec.lmer("y ~ x + (x || g)", data)
    ends = [minimise(bars.problem, True, size * np.eye(2)).at.value for size in (1, 10, 100, 1000)]
    assert bars.deviance < min(ends) + 1e-6
    assert ends[0] > bars.deviance + 100
