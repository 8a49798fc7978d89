"""The model written out with dense matrices: slow, short, and sharing nothing with the package."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Dense:
    """y = X beta + sum_j Z u + e, V = sigma2 (W^-1 + Z D Z'), groups given by codes."""

    y: np.ndarray
    X: np.ndarray
    Z: np.ndarray
    g: np.ndarray
    w: np.ndarray

    def V0(self, D: np.ndarray) -> np.ndarray:
        same = self.g[:, None] == self.g[None, :]
        return np.diag(1 / self.w) + np.where(same, self.Z @ D @ self.Z.T, 0.0)

    def beta(self, D: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Generalised least squares and (X'V0^-1 X)^-1."""
        inverse = np.linalg.inv(self.V0(D))
        bread = np.linalg.inv(self.X.T @ inverse @ self.X)
        return bread @ self.X.T @ inverse @ self.y, bread

    def deviance(self, D: np.ndarray, sigma2: float | None, reml: bool) -> float:
        """-2 log-likelihood; sigma2 None is profiled out."""
        n, p = self.X.shape
        df = n - p if reml else n
        V0 = self.V0(D)
        beta, bread = self.beta(D)
        e = self.y - self.X @ beta
        rho2 = float(e @ np.linalg.solve(V0, e))
        s2 = rho2 / df if sigma2 is None else sigma2
        value = np.linalg.slogdet(V0)[1] + df * np.log(2 * np.pi * s2) + rho2 / s2
        return float(value - np.linalg.slogdet(bread)[1] if reml else value)

    def sigma2(self, D: np.ndarray, reml: bool) -> float:
        n, p = self.X.shape
        beta, _ = self.beta(D)
        e = self.y - self.X @ beta
        return float(e @ np.linalg.solve(self.V0(D), e)) / (n - p if reml else n)

    def effects(self, D: np.ndarray, sigma2: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Per group: E(u | y), Var(u | y) given beta, and Var(u_hat - u) with beta estimated."""
        beta, bread = self.beta(D)
        modes, conditional, total = [], [], []
        inverse_V = np.linalg.inv(self.V0(D))
        for j in range(self.g.max() + 1):
            rows = self.g == j
            C = np.where(rows[:, None], self.Z, 0.0) @ D  # Cov(y, u_j) / sigma2
            A = C.T @ inverse_V
            modes.append(A @ (self.y - self.X @ beta))
            conditional.append(sigma2 * (D - A @ C))
            B = A @ self.X
            total.append(sigma2 * (D - A @ C + B @ bread @ B.T))
        return np.array(modes), np.array(conditional), np.array(total)
