"""Kenward and Roger's method written out with n x n matrices, as Halekoh and Hojsgaard (2014) do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class DenseKenwardRoger:
    """Var(y) = sum of gamma_r G_r; Phi the covariance that is not adjusted.

    Attributes
    ----------
    adjusted : (p, p);  P : (r, p, p);  W : (r, r) covariance of gamma
    """

    Phi: np.ndarray
    adjusted: np.ndarray
    P: np.ndarray
    W: np.ndarray

    @classmethod
    def of(
        cls, X: np.ndarray, G: list[np.ndarray], gamma: np.ndarray, Phi: np.ndarray | None = None
    ) -> DenseKenwardRoger:
        """Phi is (X'Sigma^-1 X)^-1 unless given."""
        inverse = np.linalg.inv(sum(g * M for g, M in zip(gamma, G, strict=True)))
        if Phi is None:
            Phi = np.linalg.inv(X.T @ inverse @ X)
        A = [inverse @ M @ inverse for M in G]
        P = np.array([-X.T @ a @ X for a in A])
        Q = np.array([[X.T @ a @ M @ inverse @ X for M in G] for a in A])
        HG = [inverse @ M for M in G]
        trace = np.array([[np.sum(a * b.T) for b in HG] for a in HG])
        information = trace - 2 * np.einsum("xy,rsyx->rs", Phi, Q)
        information += np.einsum("rxy,syx->rs", Phi @ P, Phi @ P)
        W = 2 * np.linalg.pinv((information + information.T) / 2, rcond=1e-10, hermitian=True)
        U = np.einsum("rs,rsxy->xy", W, Q - np.einsum("rxa,ab,sby->rsxy", P, Phi, P))
        return cls(Phi, Phi + 2 * Phi @ U @ Phi, P, W)

    def test(self, L: np.ndarray) -> tuple[float, float]:
        """Denominator degrees of freedom and scale of the F test of L beta."""
        q = len(L)
        T = L.T @ np.linalg.solve(L @ self.Phi @ L.T, L) @ self.Phi
        u = T @ self.P @ self.Phi
        one = np.trace(u, axis1=1, axis2=2)
        A1 = one @ self.W @ one
        A2 = np.einsum("rxy,syx,rs->", u, u, self.W)
        B = (A1 + 6 * A2) / (2 * q)
        g = ((q + 1) * A1 - (q + 4) * A2) / ((q + 2) * A2)
        c = np.array([g, q - g, q + 2 - g]) / (3 * q + 2 * (1 - g))
        E = 1 / (1 - A2 / q)
        V = 2 / q * (1 + c[0] * B) / ((1 - c[1] * B) ** 2 * (1 - c[2] * B))
        rho = V / (2 * E**2)
        df = 4 + (q + 2) / (q * rho - 1)
        return float(df), float(df / (E * (df - 2)))
