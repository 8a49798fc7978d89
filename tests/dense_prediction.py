"""Predictions with dense matrices: any linear predictor a'y against x'beta + z'b + e."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import echelon as ec
from echelon.effects.rows import Rows, own_rows


@dataclass(frozen=True)
class DensePrediction:
    """y = X beta + Z b + e with Var(b) = T and Var(e) = R, all effects of all groups in b.

    B and U make the estimates of beta and of b from y.
    """

    X: np.ndarray
    Z: np.ndarray
    T: np.ndarray
    R: np.ndarray

    @property
    def V(self) -> np.ndarray:
        return self.Z @ self.T @ self.Z.T + self.R

    @property
    def B(self) -> np.ndarray:
        inverse = np.linalg.inv(self.V)
        return np.linalg.solve(self.X.T @ inverse @ self.X, self.X.T @ inverse)

    @property
    def U(self) -> np.ndarray:
        left = np.eye(len(self.X)) - self.X @ self.B
        return self.T @ self.Z.T @ np.linalg.inv(self.V) @ left

    def variance(self, x: np.ndarray, shown: np.ndarray, whole: np.ndarray) -> np.ndarray:
        """Var(x'beta_hat + shown'b_hat - x'beta - whole'b) of each row."""
        a = x @ self.B + shown @ self.U
        spread = np.einsum("mi,ij,mj->m", a, self.V, a)
        own = np.einsum("mi,ij,mj->m", whole, self.T, whole)
        return spread + own - 2 * np.einsum("mi,ij,mj->m", a, self.Z @ self.T, whole)

    def hat(self) -> np.ndarray:
        """(n,) diagonal of the hat matrix."""
        return np.diag(self.X @ self.B + self.Z @ self.U)


def dense_of(fit: ec.LMM, R: np.ndarray) -> DensePrediction:
    """The model of a fit at its estimates; R over sigma^2."""
    rows = own_rows(fit)
    parts = fit.problem.blocks.parts
    sizes = [len(group.levels) for group in fit.moments.groups]
    blocks = [fit.optimum.covariance[part, part] for part in parts]
    T = np.zeros((0, 0))
    for J, D in zip(sizes, blocks, strict=True):
        own = np.kron(np.eye(J), D)
        T = np.block([[T, np.zeros((len(T), len(own)))], [np.zeros((len(own), len(T))), own]])
    return DensePrediction(rows.X, spread(fit, rows), T, fit.optimum.sigma2 * R)


def spread(fit: ec.LMM, rows: Rows) -> np.ndarray:
    """(m, effects of all groups) the random columns of rows, zero for groups not seen."""
    out = []
    for group, Z, codes in zip(fit.moments.groups, rows.Z, rows.codes, strict=True):
        wide = np.zeros((rows.m, len(group.levels), Z.shape[1]))
        seen = codes >= 0
        wide[seen, codes[seen]] = Z[seen]
        out.append(wide.reshape(rows.m, -1))
    return np.hstack(out)
