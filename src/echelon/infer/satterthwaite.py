"""Satterthwaite degrees of freedom of linear contrasts of fixed effects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.estimate.optimum import Optimum
from echelon.infer.uncertainty import Joint, joint

Array = NDArray[np.float64]


def satterthwaite(best: Optimum, contrasts: Array) -> Array:
    """Denominator degrees of freedom of contrasts l'beta.

    Parameters
    ----------
    contrasts : (m, p) one contrast a row

    Returns
    -------
    (m,) degrees of freedom; inf where the variance of the contrast does not depend on the
    variance parameters

    Notes
    -----
    df = 2 v^2 / (g'A g), with v = l' Var(beta) l, g its gradient in the variance parameters
    and A their covariance (`satterthwaite`; giesbrecht1985, kuznetsova2017). The derivatives
    are exact, where lmerTest takes differences.
    """
    v = np.einsum("mp,pr,mr->m", contrasts, best.vcov, contrasts)
    g = np.einsum("mp,tpr,mr->mt", contrasts, best.vcov_gradient, contrasts)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = g / v[:, None]  # without units: v**2 leaves double precision before v does
        spread = np.einsum("mt,ts,ms->m", share, best.varpar_covariance, share)
        return np.where(spread > 0, 2 / spread, np.inf)


@dataclass(frozen=True, slots=True, eq=False)
class Satterthwaite:
    """The model-based covariance with Satterthwaite degrees of freedom.

    Attributes
    ----------
    best : the optimum
    """

    best: Optimum

    @property
    def method(self) -> str:
        """Its name."""
        return "satterthwaite"

    @property
    def vcov(self) -> Array:
        """(p, p) model-based covariance of the fixed effects."""
        return self.best.vcov

    def df(self, L: Array) -> Array:
        """(m,) degrees of freedom of each row of L."""
        return satterthwaite(self.best, L)

    def denominator(self, L: Array, distance: Array) -> Joint:
        """F test: the mean of squared independent t statistics, its df by their expectation.

        Notes
        -----
        With t_k on nu_k degrees of freedom along the eigenvectors of L Var(beta) L', E = sum of
        nu_k / (nu_k - 2) over nu_k > 2 is the expectation of q F, so df = 2 E / (E - q)
        (`satterthwaite-joint`; fai1996, kuznetsova2017).
        """
        values, vectors = np.linalg.eigh(L @ self.vcov @ L.T)
        q = len(L)
        F = float(np.sum((vectors.T @ distance) ** 2 / values)) / q
        nu = self.df(vectors.T @ L)
        return joint(F, q, _joint_df(nu))


def _joint_df(nu: Array) -> float:
    """Degrees of freedom of the mean of q squared t statistics on nu (q,)."""
    q = len(nu)
    if q == 1 or np.ptp(nu) < 1e-8 * nu[0]:
        return float(nu.mean())
    if (nu <= 2).any():
        return 2.0
    finite = nu[np.isfinite(nu)]
    E = float((finite / (finite - 2)).sum()) + (q - len(finite))
    return 2 * E / (E - q) if q < E else np.inf
