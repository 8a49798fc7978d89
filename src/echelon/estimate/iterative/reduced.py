"""The system at one covariance factor, reduced to H = I + Lam'S Lam, and its preconditioner.

With factor 0 eliminated group by group, R = (I + M_00 D_0)^-1 and W = D_0 R, the Schur complement
S = M_22 - N'W N is only ever multiplied with, never formed. The preconditioner is the block
diagonal of H, which is exact (`iterative-schur`, `iterative-jacobi`; golub2013, section 11.5).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.estimate.iterative.system import System, each
from echelon.linalg.batched import resolvent

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Reduced:
    """H and what it was made from.

    Attributes
    ----------
    system : the sparse system
    lams : (q, q) covariance factor of each other factor
    W, R : (J, q, q) of the eliminated factor;  spread : (q, q, J) W
    roots : (J, q, q) C^-1 of each other factor, with C C' the diagonal block of H
    known : log|I + M_00 D_0| + log|diagonal blocks of H|
    """

    system: System
    lams: dict[int, Array]
    W: Array
    R: Array
    roots: dict[int, Array]
    known: float

    def lam_times(self, X: Array) -> Array:
        """Lam X, (n, r)."""
        return self._by_factor(self.lams, X)

    def lam_transposed(self, X: Array) -> Array:
        """Lam'X, (n, r)."""
        return self._by_factor({g: part.T for g, part in self.lams.items()}, X)

    def schur(self, U: Array) -> Array:
        """S U, (n, r)."""
        system = self.system
        out: Array = system.M @ U
        out -= system.N.T @ each(self.W, system.N @ U)
        return out

    def times(self, X: Array) -> Array:
        """H X, (n, r)."""
        return X + self.lam_transposed(self.schur(self.lam_times(X)))

    def root(self, X: Array) -> Array:
        """C^-1 X, with C C' the block diagonal of H."""
        return self._by_factor(self.roots, X)

    def root_transposed(self, X: Array) -> Array:
        """C^-T X."""
        return self._by_factor({g: part.transpose(0, 2, 1) for g, part in self.roots.items()}, X)

    def scaled(self, X: Array) -> Array:
        """A X for A = C^-1 H C^-T, whose diagonal blocks are identities."""
        return self.root(self.times(self.root_transposed(X)))

    def _by_factor(self, of: dict[int, Array], X: Array) -> Array:
        out = np.empty_like(X)
        for g, part in of.items():
            rows = self.system.rows(g)
            out[rows] = each(part, X[rows])
        return out


def reduced(system: System, lam: Array) -> Reduced:
    """Eliminate the largest factor; O(pairs of groups that share rows).

    Raises
    ------
    numpy.linalg.LinAlgError : a diagonal block of H is not positive definite
    """
    parts = system.blocks.parts
    part = parts[system.first]
    at = resolvent(system.blocks.factors[system.first].ZtZ, lam[part, part])
    lams, roots, known = {}, {}, float(at.logdet.sum())
    for g in system.starts:
        lams[g] = np.ascontiguousarray(lam[parts[g], parts[g]])
        H = lams[g].T @ _own_schur(system, g, at.W) @ lams[g] + np.eye(len(lams[g]))
        C = np.linalg.cholesky(H)
        known += 2 * float(np.log(np.diagonal(C, axis1=1, axis2=2)).sum())
        roots[g] = np.linalg.inv(C)  # wanted itself: applied to vectors hundreds of times
    W, R = (np.ascontiguousarray(A.transpose(2, 0, 1)) for A in (at.W, at.R))
    return Reduced(system, lams, W, R, roots, known)


def _own_schur(system: System, g: int, W: Array) -> Array:
    """(J_g, q, q) the diagonal blocks of S of factor g."""
    met, own = system.met(g), system.blocks.factors[g].ZtZ
    q, J = own.shape[0], own.shape[2]
    out = own.transpose(2, 0, 1).copy()
    B, row = met.blocks, met.row
    for b in range(q):
        WB = [sum(W[a, c][row] * B[c, b] for c in range(len(W))) for a in range(len(W))]
        for d in range(b + 1):
            taken = sum(B[a, d] * WB[a] for a in range(len(W)))
            out[:, d, b] -= np.bincount(met.col, taken, J)
            out[:, b, d] = out[:, d, b]
    return out
