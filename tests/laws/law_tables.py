"""Random two-level tables and what the laws compare of a fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import echelon as ec
from echelon.effects.empirical_bayes import empirical_bayes
from tolerances import CLOSED

seeds = st.integers(0, 10**6)
FORMULAS = (
    "y ~ x + z + (1 | g)",
    "y ~ x + z + (x | g)",
    "y ~ x * z + (x || g)",
    "y ~ x + (0 + x | g)",
    "y ~ x + w + (x + w | g)",
)


def two_level(
    seed: int, groups: int = 0, *, spread: float = 1.0, balanced: int = 0
) -> pd.DataFrame:
    """A table of y, x and w (level 1), z (level 2) and g, with unequal groups.

    Parameters
    ----------
    groups : number of groups; 0 for a random one
    spread : SD of intercepts and slopes between groups; the residual SD is 1
    balanced : rows of every group; 0 for random sizes from 2 to 15
    """
    rng = np.random.default_rng(seed)
    J = groups or int(rng.integers(8, 25))
    sizes = np.full(J, balanced) if balanced else rng.integers(2, 16, J)
    g = np.repeat(np.arange(J), sizes)
    n = len(g)
    x, w = rng.normal(size=n) + rng.normal(size=J)[g], rng.normal(size=n)
    z = rng.normal(size=J)[g]
    u = rng.normal(size=(J, 3)) * spread
    y = 1.0 + 0.5 * x - 0.3 * w + 0.4 * z
    y = y + u[g, 0] + 0.7 * u[g, 1] * x + 0.5 * u[g, 2] * w + rng.normal(size=n)
    labels = np.array([f"s{j:03d}" for j in range(J)])
    return pd.DataFrame({"y": y, "x": x, "w": w, "z": z, "g": labels[g]})


@dataclass(frozen=True)
class Answer:
    """The numbers of a fit that a law speaks of; u by group label."""

    theta: np.ndarray
    sigma: float
    beta: np.ndarray
    vcov: np.ndarray
    df: np.ndarray
    deviance: float
    labels: list[str]
    u: np.ndarray
    u_var: np.ndarray

    @classmethod
    def of(cls, fit: ec.LMM) -> Answer:
        effects = empirical_bayes(fit)
        labels = [str(level) for level in fit.group_moments.levels]
        return cls(
            fit.theta,
            fit.sigma,
            fit.optimum.beta,
            fit.vcov(),
            np.asarray(fit.coefficients()["df"]),
            fit.deviance,
            labels,
            effects.mode,
            effects.var,
        )


def assert_same_answer(ours: Answer, theirs: Answer) -> None:
    """Equal up to 1e-7, each number on the scale that a reader would judge it by."""
    rtol = CLOSED["rtol"]
    se = np.sqrt(np.diagonal(theirs.vcov))
    top = np.abs(theirs.theta).max() or 1.0
    assert_allclose(ours.deviance, theirs.deviance, rtol=rtol * 0.01)
    assert_allclose(ours.theta, theirs.theta, rtol=rtol, atol=rtol * top)
    assert_allclose(ours.sigma, theirs.sigma, rtol=rtol)
    assert_allclose(ours.beta / se, theirs.beta / se, rtol=rtol, atol=rtol)
    assert_allclose(ours.vcov / np.outer(se, se), theirs.vcov / np.outer(se, se), atol=10 * rtol)
    assert_allclose(ours.df, theirs.df, rtol=100 * rtol)
    place = [ours.labels.index(label) for label in theirs.labels]
    assert len(ours.labels) == len(theirs.labels)
    sd = np.sqrt(np.maximum((theirs.u**2).mean(axis=0), 1e-300))
    assert_allclose(ours.u[place] / sd, theirs.u / sd, rtol=0, atol=10 * rtol)
    size = np.abs(theirs.u_var).max() or 1.0
    assert_allclose(ours.u_var[place] / size, theirs.u_var / size, rtol=0, atol=10 * rtol)
