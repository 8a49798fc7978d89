"""log|A| of the scaled core by Lanczos quadrature on random signs.

A = C^-1 H C^-T has identity diagonal blocks. The directions in which it is furthest from the
identity are taken out exactly, the linear term, whose trace is known to be zero, is the control
variate, and the signs estimate the rest (`iterative-logdet`; ubaru2017).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.estimate.iterative.probes import Probes
from echelon.estimate.iterative.reduced import Reduced

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LogDeterminant:
    """log|I + Z'WZ D| and its Monte Carlo standard error."""

    value: float
    error: float


def log_determinant(at: Reduced, probes: Probes) -> LogDeterminant:
    """Exact where it can be, estimated in the rest.

    With Q the directions taken out and v = (I - QQ')s, tr log A = tr Q'log(A)Q + E v'log(A)v, and
    E v'(A - I)v = -tr Q'(A - I)Q because tr(A - I) = 0.
    """
    signs = probes.core(at.system.n)
    V = signs.of
    if signs.exact:
        log, _, unsettled = quadrature(at, V)
        return LogDeterminant(at.known + float(log.sum()), unsettled)
    Q = _far_directions(at, probes.seed)
    V = V - Q @ (Q.T @ V)
    log, linear, unsettled = quadrature(at, np.concatenate([Q, V], axis=1))
    k = Q.shape[1]
    rest = log[k:] - linear[k:]
    value = at.known + float(log[:k].sum() - linear[:k].sum() + rest.mean())
    noise = float(rest.std(ddof=1)) / len(rest) ** 0.5
    return LogDeterminant(value, noise + unsettled)


def _far_directions(at: Reduced, seed: int) -> Array:
    """(n, d) orthonormal: about where A is furthest from the identity.

    Subspace iteration from the constant of every effect, where the core is nearly singular, and
    from random vectors. Any Q leaves the estimate unbiased, a good one makes it precise.
    """
    system = at.system
    constants = [(g, a) for g, lam in at.lams.items() for a in range(len(lam))]
    columns = min(len(constants) + tolerances.FAR_DIRECTIONS, system.n)
    X = np.random.default_rng((seed, 0, 1)).standard_normal((system.n, columns))
    for column, (g, a) in enumerate(constants):
        X[:, column] = 0.0
        X[system.rows(g).start + a : system.rows(g).stop : len(at.lams[g]), column] = 1.0
    Q = np.linalg.qr(X)[0]
    for _ in range(tolerances.FAR_STEPS):
        Q = np.linalg.qr(Q - at.scaled(Q))[0]
    return np.asarray(Q)


def quadrature(at: Reduced, V: Array) -> tuple[Array, Array, float]:
    """v'log(A)v and v'(A - I)v for each column v of V (n, r), by Lanczos's three-term recurrence.

    Without reorthogonalisation: the quadrature is not hurt by lost orthogonality, only delayed
    (golub2010). Stops when the sum over columns has settled; the last number is by how much
    it still moved where it did not.
    """
    squares = np.einsum("ij,ij->j", V, V)
    alive = squares > 0
    now = V / np.sqrt(np.where(alive, squares, 1.0))
    before, beta = np.zeros_like(now), np.zeros(V.shape[1])
    alphas: list[Array] = []
    betas: list[Array] = []
    value, moved = np.full(V.shape[1], np.inf), np.inf
    for step in range(1, tolerances.LANCZOS_STEPS + 1):
        w = at.scaled(now) - beta * before
        alpha = np.einsum("ij,ij->j", now, w)
        w -= alpha * now
        alphas.append(np.where(alive, alpha, 1.0))
        beta = np.linalg.norm(w, axis=0)
        alive = alive & (beta > tolerances.LANCZOS_END)
        beta = np.where(alive, beta, 0.0)
        betas.append(beta)
        before, now = now, w / np.where(alive, beta, np.inf)
        if step % tolerances.LANCZOS_CHECK == 0 or not alive.any():
            new = squares * _of_tridiagonal(np.array(alphas), np.array(betas))
            moved = float(np.abs(new - value).sum()) if alive.any() else 0.0
            value = new
            if moved <= tolerances.LANCZOS_SETTLED:
                break
    linear = squares * (alphas[0] - 1.0)
    return value, linear, moved if moved > tolerances.LANCZOS_SETTLED else 0.0


def _of_tridiagonal(alphas: Array, betas: Array) -> Array:
    """e_1'log(T)e_1 of the Lanczos matrices: alphas, betas (steps, columns)."""
    k, m = alphas.shape
    T = np.zeros((m, k, k))
    i = np.arange(k)
    T[:, i, i] = alphas.T
    T[:, i[1:], i[:-1]] = betas[:-1].T
    values, vectors = np.linalg.eigh(T)
    log = np.log(np.maximum(values, np.finfo(float).tiny))
    found: Array = (vectors[:, 0, :] ** 2 * log).sum(axis=1)
    return found
