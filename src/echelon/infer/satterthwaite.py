"""Satterthwaite degrees of freedom of linear contrasts of fixed effects."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echelon.estimate.optimum import Optimum

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
