"""What deletions with the variance parameters held are made of: P y, X'V^-1 and P of some rows.

With V = Var(y) / sigma^2, R that of the residuals, e the conditional residuals and C^-1 the error
covariance of all effects over sigma^2 (`row-variance`),

    P y = R^-1 e        X'V^-1 = (X - Z L)'R^-1        P = R^-1 - R^-1 [X Z] C^-1 [X Z]'R^-1

so that nothing of order n x n is made (`deletion-pieces`; henderson1975).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from echelon.effects.empirical_bayes import all_effects
from echelon.effects.fitted import residuals
from echelon.effects.residual_inverse import ResidualInverse, residual_inverse
from echelon.effects.row_variance import row_covariance, row_variance
from echelon.effects.rows import Rows, own_rows
from echelon.model.fit import LmmFit

Array = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """Rows of a fit, through the inverse of their covariance.

    Attributes
    ----------
    fit : the model
    residual : (n,) conditional residuals, in units of the response
    precision : (n,) diagonal of R^-1
    Py : (n,)
    G : (n, p) rows of V^-1 X, columns in the user's units
    moved : R^-1 [X Z], whose rows lie in the same groups
    inverse : R^-1
    """

    fit: LmmFit
    residual: Array
    precision: Array
    Py: Array
    G: Array
    moved: Rows
    inverse: ResidualInverse

    @property
    def P(self) -> Array:
        """(n,) diagonal of P."""
        return self.precision - row_variance(self.fit, self.moved) / self.fit.optimum.sigma2

    def P_pairs(self, left: Places, right: Places) -> Array:
        """Entries of P for pairs of rows."""
        inside = _entries(self.inverse, left, right)
        shared = row_covariance(self.fit, self.moved.take(left), self.moved.take(right))
        return inside - shared / self.fit.optimum.sigma2


def pieces(fit: LmmFit) -> Pieces:
    """Prepare the rows of a fit. Cost O(n (p + q)).

    Raises
    ------
    NeedsRows : the fit was made from summaries
    """
    rows, inverse, e = own_rows(fit), residual_inverse(fit), residuals(fit)
    X = rows.X @ fit.problem.fixed.back
    for effects, Z, codes in zip(all_effects(fit), rows.Z, rows.codes, strict=True):
        X -= np.einsum("nq,nqp->np", Z, effects.leverage[codes])
    G = np.asarray(np.linalg.solve(fit.problem.fixed.back.T, inverse.times(X).T).T, np.float64)
    moved = Rows(
        X=inverse.times(rows.X),
        offset=rows.offset,
        Z=tuple(inverse.times(Z) for Z in rows.Z),
        codes=rows.codes,
    )
    KE = csr_array(inverse.K @ inverse.E)
    diagonal = np.asarray(inverse.E.multiply(KE).sum(axis=0)).ravel() * inverse.root**2
    return Pieces(fit, e, diagonal, inverse.times(e), G, moved, inverse)


def _entries(inverse: ResidualInverse, left: Places, right: Places) -> Array:
    """Entries of R^-1 for pairs of rows."""
    if inverse.K.nnz == len(inverse.root):  # a diagonal matrix
        return np.where(left == right, (inverse.K.diagonal() * inverse.root**2)[left], 0.0)
    root = diags_array(inverse.root)
    full = csr_array(root @ (inverse.E.T @ inverse.K @ inverse.E) @ root)
    return np.asarray(full[left, right]).ravel()
