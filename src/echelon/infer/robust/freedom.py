"""Degrees of freedom of a sandwich: how variable it is itself under the working model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.infer.uncertainty import Joint, joint

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class SandwichFreedom:
    """The quadratic forms whose sum over clusters is the sandwich.

    Entry (j, k) of P(l), the covariance of the clusters' parts of l'beta, is d_j [j = k] - h_j'h_k
    with d_j = l' own_j l and h_j = shared_j' l. Only sums over clusters of their products are asked
    for, so that many clusters are replaced by as few rows as have the same sums.

    Attributes
    ----------
    to_user : (p, p) takes effects with (X'V0^-1 X)^-1 = I to the user's
    total : (p, p) sum of own_j - shared_j shared_j'
    own, overlap : (r, p, p) own_j and shared_j shared_j', or rows with the same products
    shared : (s, p, p) likewise
    """

    to_user: Array
    total: Array
    own: Array
    overlap: Array
    shared: Array

    def df(self, L: Array) -> Array:
        """(m,) Satterthwaite degrees of freedom of each row of L (m, p).

        Notes
        -----
        2 tr(P)^2 / (2 tr(P P)), with tr(P P) = sum d_j^2 - 2 sum d_j h_j'h_j + |sum h_j h_j'|^2
        (`robust-satterthwaite`; bell2002, pustejovsky2018). O(r p^2) a row.
        """
        rows = L @ self.to_user
        return np.array([self._single(row) for row in rows])

    def _single(self, row: Array) -> float:
        size = float(np.linalg.norm(row))
        if not size:
            return np.nan
        row = row / size
        d = np.einsum("a,jab,b->j", row, self.own, row, optimize=True)
        reach = np.einsum("a,jab,b->j", row, self.overlap, row, optimize=True)
        h = row @ self.shared
        spread = float(d @ d - 2 * (d @ reach) + np.square(h.T @ h).sum())
        mean = float(row @ self.total @ row)
        return mean**2 / spread if spread > 0 else np.nan

    def hotelling(self, L: Array) -> float:
        """Degrees of freedom nu of the approximate Hotelling T^2 test of independent rows L (m, p).

        Notes
        -----
        m (m + 1) / sum of the variances of the entries of the sandwich, scaled by its expectation
        (`robust-hotelling`; pustejovsky2018; HTZ of clubSandwich).
        """
        rows = L @ self.to_user
        expected = rows @ self.total @ rows.T
        values, vectors = np.linalg.eigh(expected)
        rows = (vectors / np.sqrt(values)).T @ rows
        own = rows @ self.own @ rows.T
        reach = rows @ self.overlap @ rows.T
        h = rows @ self.shared  # (s, m, p)
        T = np.einsum("jxa,jyb->xyab", h, h, optimize=True)
        d, r = (np.diagonal(x, axis1=1, axis2=2) for x in (own, reach))
        crossed = np.einsum("jxy,jxy->xy", own, own - 2 * reach)
        crossed += np.einsum("xyab,xyba->xy", T, T)
        straight = d.T @ d - d.T @ r - r.T @ d + np.einsum("xyab,xyab->xy", T, T)
        m = len(L)
        return m * (m + 1) / float((crossed + straight).sum())


def approximate_hotelling(freedom: SandwichFreedom, L: Array, wald: float) -> Joint:
    """F test by an approximate Hotelling T^2, p = nan where too few clusters are left.

    Parameters
    ----------
    wald : Wald statistic over the m rows of L
    """
    m, nu = len(L), freedom.hotelling(L)
    df2 = nu - m + 1
    scale = max(df2 / nu, 0.0)
    if df2 <= 0:
        return Joint(scale * wald, m, df2, np.nan, scale)
    return joint(scale * wald, m, df2, scale)
