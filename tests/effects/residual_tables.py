"""Tables and fits with every residual structure, and their dense residual covariance."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

import echelon as ec
from echelon.effects.residual_inverse import residual_inverse
from echelon.effects.rows import own_rows

STRUCTURES = (
    "ar1(t | id)",
    "by(sex)",
    "by(sex) + ar1(t | id)",
    "car1(time | id)",
    "cs(1 | pair)",
    "by(sex) + cs(1 | pair)",
)


@cache
def table(J: int = 24) -> pd.DataFrame:
    """Rows in no order, groups of 3 to 7 rows, one value missing."""
    rng = np.random.default_rng(5)
    m = rng.integers(3, 8, J)
    ids, t = np.repeat(np.arange(J), m), np.concatenate([np.arange(k) for k in m])
    time = t + rng.uniform(0, 0.5, len(ids))
    x, sex = rng.normal(size=len(ids)), np.where(ids % 2 == 0, "f", "m")
    e = rng.normal(size=len(ids))
    for i in range(1, len(ids)):
        if ids[i] == ids[i - 1]:
            e[i] = 0.6 * e[i - 1] + 0.8 * e[i]
    y = 3 + x + rng.normal(size=J)[ids] + np.where(sex == "f", 1.0, 1.7) * e
    w = rng.uniform(0.5, 2, len(ids))
    made = {"y": y, "x": x, "id": ids, "t": t, "time": time, "sex": sex, "w": w}
    pair = [f"{i}-{k // 3}" for i, k in zip(ids, t, strict=True)]
    frame = pd.DataFrame(made).assign(pair=pair).sample(frac=1, random_state=2)
    frame.iloc[7, 0] = np.nan
    return frame


@cache
def fit(residual: str | None = None, precision: str | None = None) -> ec.LMM:
    return ec.lmer("y ~ x + (1 | id)", table(), residual=residual, precision=precision)


def noise_covariance(of: ec.LMM) -> np.ndarray:
    """Var(e) (n, n), from the inverse that generalised least squares uses."""
    inverse = np.column_stack([residual_inverse(of).times(e) for e in np.eye(of.n)])
    return of.sigma**2 * np.linalg.inv(inverse)


def covariance(of: ec.LMM) -> np.ndarray:
    """Var(y) (n, n) of a fit with one random intercept."""
    rows = own_rows(of)
    indicator = np.eye(of.J)[rows.codes[0]]
    Z = (rows.Z[0][:, :, None] * indicator[:, None, :]).transpose(0, 2, 1).reshape(of.n, -1)
    T = np.kron(np.eye(of.J), of.optimum.covariance)
    return Z @ T @ Z.T + noise_covariance(of)
