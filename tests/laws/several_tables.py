"""Random tables with several grouping factors, and their model written out with dense matrices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

import echelon as ec

FORMULAS = (
    "y ~ x + z + (1 | g) + (1 | h)",
    "y ~ x + (x | g) + (1 | h)",
    "y ~ x + (1 | g) + (x | h)",
    "y ~ x + w + (x | g) + (w || h)",
    "y ~ x + (x | g) + (x | h)",
    "y ~ x + (1 | g / h)",
    "y ~ x + (x | g / h)",
    "y ~ x + (1 | g) + (0 + x | h) + (1 | k)",
    "y ~ x + (1 | g / h) + (1 | k)",
    "y ~ 0 + x + z + (1 | g) + (1 | h) + (1 | g:h)",
)


def several(seed: int, rows: int = 160) -> pd.DataFrame:
    """Rows of y, x, w, z, weight k_w and three partially crossed factors g, h, k."""
    rng = np.random.default_rng(seed)
    J, K, L = rng.integers(5, 10), rng.integers(3, 6), rng.integers(3, 6)
    g, h, k = rng.integers(0, J, rows), rng.integers(0, K, rows), rng.integers(0, L, rows)
    x, w = rng.normal(size=rows), rng.normal(size=rows)
    z = rng.normal(size=J)[g]
    y = 1 + 0.5 * x + 0.3 * z + rng.normal(size=J)[g] + 0.6 * rng.normal(size=J)[g] * x
    y = y + 0.7 * rng.normal(size=K)[h] + 0.5 * rng.normal(size=K)[h] * w
    y = y + 0.5 * rng.normal(size=L)[k] + rng.normal(size=rows)
    return pd.DataFrame(
        {
            "y": y,
            "x": x,
            "w": w,
            "z": z,
            "weight": rng.uniform(0.5, 2, rows),
            "g": np.char.add("g", g.astype(str)),
            "h": np.char.add("h", h.astype(str)),
            "k": np.char.add("k", k.astype(str)),
        }
    )


@dataclass(frozen=True)
class DenseSeveral:
    """V = sigma2 (W^-1 + sum_f Z_f D_f Z_f'), each Z_f (n, J q) written out."""

    y: np.ndarray
    X: np.ndarray
    Z: tuple[np.ndarray, ...]
    w: np.ndarray

    @classmethod
    def of(cls, fit: ec.LMM) -> DenseSeveral:
        """From the design of a fit; nothing else of the fit is used."""
        design = fit.rows("a dense model").design
        X = design.fixed_matrix()
        parts = []
        for factor in design.factors:
            columns = np.column_stack(
                [
                    array
                    for term in factor.terms
                    for array in (*([np.ones(design.n)] if term.intercept else []), *term.arrays)
                ]
            )
            q = columns.shape[1]
            Z = np.zeros((design.n, len(factor.levels) * q))
            for a in range(q):
                Z[np.arange(design.n), factor.codes * q + a] = columns[:, a]
            parts.append(Z)
        w = np.ones(design.n) if design.precision is None else design.precision
        return cls(design.y, X, tuple(parts), w)

    def blocks(self, D: np.ndarray) -> np.ndarray:
        """Covariance of all effects over sigma2, for D over the factors' effects."""
        out, start, place = np.zeros((self.size, self.size)), 0, 0
        for Z, q in zip(self.Z, self.qs(D), strict=True):
            J = Z.shape[1] // q
            part = D[place : place + q, place : place + q]
            out[start : start + J * q, start : start + J * q] = np.kron(np.eye(J), part)
            start, place = start + J * q, place + q
        return out

    def qs(self, D: np.ndarray) -> list[int]:
        """Effects a group of each factor: columns of Z_f that one row fills."""
        return [int((Z != 0).sum(axis=1).max()) for Z in self.Z]

    @property
    def size(self) -> int:
        """Effects of all groups."""
        return sum(Z.shape[1] for Z in self.Z)

    def parts(self, D: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
        """V0, beta, (X'V0^-1X)^-1 and the residual sum of squares."""
        Z = np.hstack(self.Z)
        V0 = np.diag(1 / self.w) + Z @ self.blocks(D) @ Z.T
        VX, Vy = np.linalg.solve(V0, self.X), np.linalg.solve(V0, self.y)
        bread = np.linalg.inv(self.X.T @ VX)
        beta = bread @ self.X.T @ Vy
        r = self.y - self.X @ beta
        return V0, beta, bread, float(r @ np.linalg.solve(V0, r))

    def deviance(self, D: np.ndarray, reml: bool) -> float:
        """Minus twice the profiled (restricted) log-likelihood."""
        V0, _, bread, rho2 = self.parts(D)
        n, p = self.X.shape
        df = n - p if reml else n
        value = np.linalg.slogdet(V0)[1] + df * (1 + np.log(2 * np.pi * rho2 / df))
        return float(value - (np.linalg.slogdet(bread)[1] if reml else 0.0))

    def effects(self, D: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Modes of all effects and their conditional covariance over sigma2, beta known."""
        V0, beta, _, _ = self.parts(D)
        Z, B = np.hstack(self.Z), self.blocks(D)
        BZ = B @ Z.T
        mode = BZ @ np.linalg.solve(V0, self.y - self.X @ beta)
        return mode, B - BZ @ np.linalg.solve(V0, BZ.T)
