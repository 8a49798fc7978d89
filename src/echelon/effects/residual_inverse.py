"""R^-1 of a residual structure over the rows: what generalised least squares weights rows with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array, eye_array, vstack

from echelon.effects.rows import Rows
from echelon.estimate.correlation import Coordinates
from echelon.model.fit import LmmFit

Array = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class ResidualInverse:
    """R^-1 = W^(1/2) E'K E W^(1/2), with Var(e) = sigma^2 R (`residual-model`).

    E has the n rows and, under compound symmetry, the sums of rows of each cell (group and
    stratum), so that K is sparse whatever the size of the groups.

    Attributes
    ----------
    E : (n + cells, n) the rows, and the sums of the rows of each cell
    K : (n + cells, n + cells) coefficients of their products, symmetric
    root : (n,) roots of the precision weights
    """

    E: csr_array
    K: csr_array
    root: Array

    def times(self, A: Array) -> Array:
        """R^-1 A for A (n,) or (n, k). Cost O(n k)."""
        root = self.root if A.ndim == 1 else self.root[:, None]
        return np.asarray(root * (self.E.T @ (self.K @ (self.E @ (root * A)))))

    def extended(self, rows: Rows) -> Rows:
        """The rows of the fit times the roots of their weights, and their sums by cell."""
        member = self.E.indices[self.E.indptr[:-1]]
        root = self.root[:, None]
        return Rows(
            X=self.E @ (root * rows.X),
            offset=np.zeros(len(member)),
            Z=tuple(self.E @ (root * Z) for Z in rows.Z),
            codes=tuple(codes[member] for codes in rows.codes),
        )


def residual_inverse(fit: LmmFit) -> ResidualInverse:
    """R^-1 of a fit; a diagonal matrix for independent residuals.

    Raises
    ------
    NeedsRows : the fit was made from summaries
    """
    design = fit.rows("The residual structure").design
    n, every = design.n, np.arange(design.n)
    root = np.ones(n) if design.precision is None else np.sqrt(design.precision)
    if fit.residual is None:
        one = csr_array(eye_array(n))
        return ResidualInverse(one, one, root)
    layout = fit.residual.layout
    omega = Coordinates.of(layout).omega(fit.residual.ratio, fit.residual.phi)[layout.which]
    left, right, N = layout.left, layout.right, n + layout.cells
    apart = left != right
    K = coo_array(
        (
            np.concatenate([omega, omega[apart]]),
            (np.concatenate([left, right[apart]]), np.concatenate([right, left[apart]])),
        ),
        shape=(N, N),
    )
    cells = csr_array(
        (np.ones(len(layout.cell)), (layout.cell, every[: len(layout.cell)])), (N - n, n)
    )
    return ResidualInverse(csr_array(vstack([eye_array(n), cells])), csr_array(K), root)
