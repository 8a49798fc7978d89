"""Conjugate gradients on H, many right-hand sides in step, and solutions with V0.

Each column has its own step lengths and leaves when it has converged; what is shared is one pass
over the sparse matrices an iteration (`iterative-schur`; hestenes1952).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.errors import NoConvergence
from echelon.estimate.iterative.reduced import Reduced
from echelon.estimate.iterative.system import each

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Solved:
    """Z'V0^-1 v for some columns v.

    Attributes
    ----------
    F0, F2 : (J q, r) of the eliminated factor, (n, r) of the others
    x : (n, r) solution in the coordinates of H, from which a later search may start
    gained : (r, r) what the other factors take from v'W v, accurate to the square of the residual
    iterations : conjugate-gradient steps
    """

    F0: Array
    F2: Array
    x: Array
    gained: Array
    iterations: int


def solve(at: Reduced, C0: Array, C2: Array, *, tol: float, start: Array | None = None) -> Solved:
    """Z'V0^-1 v for C = Z'W v.

    Raises
    ------
    NoConvergence : too many iterations
    """
    N = at.system.N
    left = C2 - N.T @ each(at.W, C0)
    b = at.lam_transposed(left)
    x, iterations = conjugate_gradients(at, b, tol=tol, start=start)
    u = at.lam_times(x)
    Su = at.schur(u)
    F0 = each(at.R, C0 - N @ u)
    inner = x.T @ b
    gained = inner + inner.T - x.T @ (x + at.lam_transposed(Su))
    return Solved(F0, left - Su, x, gained, iterations)


def conjugate_gradients(
    at: Reduced, B: Array, *, tol: float, start: Array | None = None
) -> tuple[Array, int]:
    """H^-1 B, with the block diagonal of H as preconditioner.

    Parameters
    ----------
    B : (n, r)
    tol : the residual asked for as a share of B, both in the preconditioner's norm
    start : (n, r) first guess

    Raises
    ------
    NoConvergence : too many iterations
    """
    X = np.zeros_like(B) if start is None else start.copy()
    R = B.copy() if start is None else B - at.times(X)
    goal = tol * np.sqrt(_norms(at, B))
    active = np.arange(B.shape[1])
    x, r = X, R
    z = _precondition(at, r)
    p, size = z, np.einsum("ij,ij->j", r, z)
    for iteration in range(tolerances.CG_STEPS):
        done = np.sqrt(np.maximum(size, 0.0)) <= goal[active]
        if done.any():
            X[:, active[done]] = x[:, done]
            keep = ~done
            active, size = active[keep], size[keep]
            if not len(active):
                return X, iteration
            x, r, p = (np.ascontiguousarray(v[:, keep]) for v in (x, r, p))
        Hp = at.times(p)
        step = size / np.einsum("ij,ij->j", p, Hp)
        x = x + step * p
        Hp *= step
        r = r - Hp
        z = _precondition(at, r)
        new = np.einsum("ij,ij->j", r, z)
        p = p * (new / size) + z
        size = new
    raise NoConvergence(
        f"Conjugate gradients did not converge in {tolerances.CG_STEPS:,} steps: the groups of "
        "the factors hang together too loosely for the iterative method, or a variance is far too "
        'large. Use method="exact" if it fits in memory, or fit connected parts of the data apart.'
    )


def _precondition(at: Reduced, R: Array) -> Array:
    return at.root_transposed(at.root(R))


def _norms(at: Reduced, B: Array) -> Array:
    scaled = at.root(B)
    norms: Array = np.einsum("ij,ij->j", scaled, scaled)
    return norms
