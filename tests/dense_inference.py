"""A fit's model with n x n matrices: what its moments and factors are judged by where R is inexact.

The fixed columns are made orthonormal in extended precision first, so that collinear columns and
predictors far from zero cost no digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dense_kenward_roger import DenseKenwardRoger
from dense_sandwich import DenseSandwich


@dataclass(frozen=True)
class DenseModel:
    """Var(y) = V(theta, sigma) with theta the entries of lme4's factor, sigma last.

    Attributes
    ----------
    Q, R : (n, p), (p, p) X = QR, R in extended precision;  y : (n,) response less offset
    V, inverse : (n, n);  first, second : its derivatives, lists over (theta, sigma)
    groups : codes of the rows by factor;  linear : V as a sum of matrices times variances
    """

    Q: np.ndarray
    R: np.ndarray
    y: np.ndarray
    V: np.ndarray
    first: list[np.ndarray]
    second: list[list[np.ndarray]]
    reml: bool
    groups: dict[str, np.ndarray]
    linear: tuple[list[np.ndarray], np.ndarray]

    @classmethod
    def of_fit(cls, fit) -> DenseModel:
        design, sigma = fit.built.design, fit.sigma
        names = [*(["(Intercept)"] if design.intercept else []), *design.names]
        X = design.fixed_matrix()[:, [names.index(name) for name in fit.names]]
        Q, R = orthonormal(X)
        residual = np.diag(
            1 / (np.ones(design.n) if design.precision is None else design.precision)
        )
        T, Z, start = residual.copy(), [], 0
        for factor in design.factors:
            same = factor.codes[:, None] == factor.codes
            for term in factor.terms:
                columns = ([np.ones(design.n)] if term.intercept else []) + list(term.arrays)
                q, block = len(columns), np.column_stack(columns)
                lam = fit.optimum.lam[start : start + q, start : start + q]
                block, lam = standardised(block, lam, term.intercept and term.kind == "us")
                T += (block @ lam @ lam.T @ block.T) * same
                free = [(i, j) for j in range(q) for i in range(j, q)]
                if term.kind == "diag":
                    free = [(i, i) for i in range(q)]
                Z.append((block, same, lam, free))
                start += q
        first, second = derivatives(Z, T, sigma)
        gamma, directions = covariances(Z, residual, sigma)
        y = design.y - (0 if design.offset is None else design.offset)
        groups = {factor.factor: factor.codes for factor in design.factors}
        return cls(Q, R, y, sigma**2 * T, first, second, fit.reml, groups, (directions, gamma))

    @cached_property
    def inverse(self) -> np.ndarray:
        return np.linalg.inv(self.V)

    @cached_property
    def phi(self) -> np.ndarray:
        """(p, p) covariance of the coefficients of Q."""
        return np.linalg.inv(self.Q.T @ self.inverse @ self.Q)

    @cached_property
    def P(self) -> np.ndarray:
        half = self.inverse @ self.Q
        return self.inverse - half @ self.phi @ half.T

    @property
    def deviance(self) -> float:
        n, p = self.Q.shape
        value = np.linalg.slogdet(self.V)[1] + self.y @ self.P @ self.y + n * np.log(2 * np.pi)
        if self.reml:
            value -= np.linalg.slogdet(self.phi)[1] + p * np.log(2 * np.pi)
            value += 2 * float(np.log(np.abs(np.diag(self.R))).sum())
        return float(value)

    @cached_property
    def curvature(self) -> tuple[np.ndarray, np.ndarray]:
        """Gradient and Hessian of the deviance in (theta, sigma)."""
        P, Py, count = self.P, self.P @ self.y, len(self.first)
        inner = P if self.reml else self.inverse
        slopes = [M @ Py for M in self.first]
        half = [inner @ M for M in self.first]
        g = np.array([np.sum(inner * M) - Py @ M @ Py for M in self.first])
        H = np.zeros((count, count))
        for i in range(count):
            for j in range(count):
                M = self.second[i][j]
                H[i, j] = np.sum(inner * M) - Py @ M @ Py
                H[i, j] += 2 * slopes[i] @ P @ slopes[j] - np.sum(half[i] * half[j].T)
        return g, H

    def rotated(self, L: np.ndarray) -> np.ndarray:
        """L for the coefficients of Q: L R^-1."""
        made = np.zeros(L.shape, dtype=np.longdouble)
        for j in range(L.shape[1]):
            made[:, j] = (L[:, j] - made[:, :j] @ self.R[:j, j]) / self.R[j, j]
        return made.astype(float)

    def satterthwaite(self, L: np.ndarray) -> np.ndarray:
        """lmerTest's definition with exact derivatives, flat directions left out."""
        _, H = self.curvature
        size = np.sqrt(np.maximum(np.diag(H), 1e-12 * np.diag(H).max()))
        values, vectors = np.linalg.eigh(H / np.outer(size, size))
        kept = values > 1e-6
        A = 2 * (vectors[:, kept] / values[kept]) @ vectors[:, kept].T / np.outer(size, size)
        rows, half = self.rotated(L), self.inverse @ self.Q @ self.phi
        v = np.einsum("mp,pq,mq->m", rows, self.phi, rows)
        g = np.array([np.einsum("mp,pq,mq->m", rows, half.T @ M @ half, rows) for M in self.first])
        return 2 * v**2 / np.einsum("tm,ts,sm->m", g, A, g)

    def variance(self, L: np.ndarray) -> np.ndarray:
        rows = self.rotated(L)
        return rows @ self.phi @ rows.T

    def kenward_roger(self) -> DenseKenwardRoger:
        """In the coefficients of Q."""
        directions, gamma = self.linear
        return DenseKenwardRoger.of(self.Q, directions, gamma)

    def sandwich(self, cluster: str, adjusted: bool) -> DenseSandwich:
        """In the coefficients of Q, of rows in units of their residual SD."""
        root = 1 / np.sqrt(np.diag(self.linear[0][-1]))
        V = self.V * np.outer(root, root)
        return DenseSandwich.of(
            self.Q * root[:, None], self.y * root, V, self.groups[cluster], adjusted
        )

    def joint_df(self, L: np.ndarray) -> float:
        """Satterthwaite's degrees of freedom of the F test of L beta, as lmerTest's contestMD."""
        _, vectors = np.linalg.eigh(self.variance(L))
        nu = self.satterthwaite(vectors.T @ L)
        if len(nu) == 1 or np.ptp(nu) < 1e-8:
            return float(nu.mean())
        if (nu <= 2).any():
            return 2.0
        E = float(np.sum(nu / (nu - 2)))
        return 2 * E / (E - len(nu))

    def F(self, L: np.ndarray) -> float:
        """Wald statistic of L beta = 0 over its rows."""
        rows, beta = self.rotated(L), self.phi @ self.Q.T @ self.inverse @ self.y
        return float(rows @ beta @ np.linalg.solve(rows @ self.phi @ rows.T, rows @ beta) / len(L))


def orthonormal(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Q, R of X by Gram-Schmidt, twice, in extended precision."""
    Q, R = X.astype(np.longdouble), np.eye(X.shape[1], dtype=np.longdouble)
    for _ in range(2):
        step = np.zeros_like(R)
        for j in range(Q.shape[1]):
            step[:j, j] = Q[:, :j].T @ Q[:, j]
            Q[:, j] -= Q[:, :j] @ step[:j, j]
            step[j, j] = np.sqrt(np.sum(Q[:, j] ** 2))
            Q[:, j] /= step[j, j]
        R = step @ R
    return Q.astype(float), R


def standardised(block, lam, centred: bool) -> tuple[np.ndarray, np.ndarray]:
    """The same effects of columns of size one, about their means beside a constant."""
    move = np.eye(block.shape[1])
    if centred:
        move[0, 1:] = block[:, 1:].mean(axis=0)
        block = np.column_stack([block[:, :1], block[:, 1:] - move[0, 1:]])
    size = np.sqrt((block**2).mean(axis=0))
    lam = size[:, None] * (move @ lam)
    turned = np.linalg.qr(lam.T)[1].T
    return block / size, turned * np.where(np.diag(turned) < 0, -1.0, 1.0)


def derivatives(Z, T, sigma) -> tuple[list[np.ndarray], list[list[np.ndarray]]]:
    """Of V = sigma^2 T in the entries of each lam, then sigma."""
    first, keys = [], []
    for number, (block, same, lam, free) in enumerate(Z):
        for i, j in free:
            E = np.zeros_like(lam)
            E[i, j] = 1
            first.append(sigma**2 * (block @ (E @ lam.T + lam @ E.T) @ block.T) * same)
            keys.append((number, E))
    second = []
    for a, E in keys:
        row = []
        for b, F in keys:
            block, same = Z[a][:2]
            if a == b:
                row.append(sigma**2 * (block @ (E @ F.T + F @ E.T) @ block.T) * same)
            else:
                row.append(np.zeros_like(same, dtype=float))
        second.append(row)
    for row, M in zip(second, first, strict=True):
        row.append(2 / sigma * M)
    second.append([2 / sigma * M for M in first] + [2 * T])
    return [*first, 2 * sigma * T], second


def covariances(Z, residual, sigma) -> tuple[np.ndarray, list[np.ndarray]]:
    """gamma, G with V the sum of gamma_i G_i."""
    gamma, directions = [], []
    for block, same, lam, free in Z:
        cov = sigma**2 * lam @ lam.T
        for i, j in free:
            E = np.zeros_like(cov)
            E[i, j] = E[j, i] = 1
            gamma.append(cov[i, j])
            directions.append((block @ E @ block.T) * same)
    return np.array([*gamma, sigma**2]), [*directions, residual]
