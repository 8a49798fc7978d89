"""Cluster-robust covariances written out with n x n matrices, as in Pustejovsky and Tipton (2018)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class DenseSandwich:
    """Rows in units of their residual SD, so that the working covariance is V = I + Z D Z'.

    Attributes
    ----------
    vcov : (p, p);  parts : (J, p, n) the clusters' linear functions of y;  V : (n, n)
    bread : (p, p) (X'V^-1 X)^-1
    """

    vcov: np.ndarray
    parts: np.ndarray
    V: np.ndarray
    bread: np.ndarray

    @classmethod
    def of(
        cls, X: np.ndarray, y: np.ndarray, V: np.ndarray, codes: np.ndarray, adjusted: bool
    ) -> DenseSandwich:
        W = np.linalg.inv(V)
        bread = np.linalg.inv(X.T @ W @ X)
        residual_maker = np.eye(len(y)) - X @ bread @ X.T @ W
        parts = []
        for j in range(codes.max() + 1):
            rows = np.flatnonzero(codes == j)
            own, left = V[np.ix_(rows, rows)], residual_maker[rows]
            A = np.eye(len(rows))
            if adjusted:
                D = np.linalg.cholesky(own).T
                A = D.T @ power(D @ left @ V @ left.T @ D.T, -0.5) @ D
            parts.append(bread @ X[rows].T @ np.linalg.inv(own) @ A @ left)
        scores = np.array(parts) @ y
        return cls(scores.T @ scores, np.array(parts), V, bread)

    @classmethod
    def of_fit(cls, fit, codes: np.ndarray, adjusted: bool) -> DenseSandwich:
        design = fit.built.design
        names = (*(["(Intercept)"] if design.intercept else []), *design.names)
        X = design.fixed_matrix()[:, [names.index(name) for name in fit.names]]
        root = np.ones(design.n) if design.precision is None else np.sqrt(design.precision)
        y = design.y - (0 if design.offset is None else design.offset)
        V, start = np.eye(design.n), 0
        for factor in design.factors:
            columns = []
            for term in factor.terms:
                columns += [np.ones(design.n)] if term.intercept else []
                columns += term.arrays
            Z, stop = np.column_stack(columns) * root[:, None], start + len(columns)
            lam = fit.optimum.lam[start:stop, start:stop]
            together = factor.codes[:, None] == factor.codes
            V += (Z @ lam @ lam.T @ Z.T) * together
            start = stop
        return cls.of(X * root[:, None], y * root, V, codes, adjusted)

    def products(self, L: np.ndarray) -> np.ndarray:
        """(m, m, J, J) covariances of the clusters' parts of L beta."""
        rows = np.einsum("sp,jpn->sjn", L, self.parts)
        return np.einsum("sjn,tkn->stjk", rows @ self.V, rows, optimize=True)

    def df(self, row: np.ndarray) -> float:
        """Satterthwaite degrees of freedom."""
        P = self.products(row[None])[0, 0]
        return float(np.trace(P) ** 2 / np.sum(P * P))

    def hotelling(self, L: np.ndarray) -> float:
        """nu of the test of several functions at once."""
        P, q = self.products(L), len(L)
        root = power(np.einsum("stjj->st", P), -0.5)
        B = np.einsum("as,stjk,tb->abjk", root, P, root)
        variances = np.einsum("stjk,tsjk->st", B, B) + np.einsum("ssjk,ttjk->st", B, B)
        return float(q * (q + 1) / variances.sum())


def power(A: np.ndarray, exponent: float) -> np.ndarray:
    """Of a symmetric matrix; a pseudo-inverse where the exponent is negative."""
    values, vectors = np.linalg.eigh(A)
    kept = values > 1e-10 * values.max()
    return (vectors * np.where(kept, np.where(kept, values, 1.0) ** exponent, 0.0)) @ vectors.T
