"""Level-2 residuals: empirical Bayes estimates on the scale of what the model expects of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.effects.empirical_bayes import all_effects, total_variance
from echelon.errors import NotYetSupported
from echelon.linalg.distributions import chi2_tails, chi2_upper_quantile
from echelon.model.fit import LmmFit
from echelon.multilevel.factors import covariance_of, place_of

Array = NDArray[np.float64]

_NOTHING = 1e-8
"""Share of its variance below which an empirical Bayes estimate counts as no estimate at all."""


@dataclass(frozen=True, slots=True, eq=False)
class GroupResiduals:
    """The groups of one factor: what is left of them after the fixed part.

    Attributes
    ----------
    factor, levels, effects : grouping factor, J labels, q random coefficients
    n : (J,) rows
    u : (J, q) empirical Bayes estimates, units of the coefficients
    sd : (J, q) their standard deviations if the model is right; 0 where a group says nothing
    standard : (J, q) u / sd; nan where sd is 0
    share : (J, q) variance of u over that of the true effects: the reliability
    distance : (J,) Mahalanobis distance u'Var(u)^-1 u;  rank : (J,) its degrees of freedom
    """

    factor: str
    levels: tuple[object, ...]
    effects: tuple[str, ...]
    n: NDArray[np.intp]
    u: Array
    sd: Array
    standard: Array
    share: Array
    distance: Array
    rank: NDArray[np.intp]

    @property
    def p_value(self) -> Array:
        """(J,) chance of so large a distance; 1 where a group says nothing."""
        return chi2_tails(self.distance, self.rank)

    @property
    def comparable(self) -> Array:
        """(J,) distances on the scale of chi-square with q df, whatever the rank of a group."""
        q = len(self.effects)
        full = self.rank == q
        out = np.where(full, self.distance, np.nan)
        rest = np.flatnonzero(~full & (self.rank > 0))
        out[rest] = chi2_upper_quantile(self.p_value[rest], q)
        return out


def group_residuals(fit: LmmFit, factor: str | None = None) -> GroupResiduals:
    """Empirical Bayes estimates with the variances that the model expects of them.

    Parameters
    ----------
    factor : grouping factor; may be left out when there is one

    Raises
    ------
    UnknownColumn : no such factor
    DataError : several factors and none named
    NotYetSupported : a fit by the iterative method, which has no conditional variances

    Notes
    -----
    Var(u_hat) = T - Var(u_hat - u), the estimation of the fixed effects counted (`level2-variance`;
    raudenbush2002, ch. 9; henderson1975). Groups whose variance matrix is singular have as many
    degrees of freedom as directions.

    Examples
    --------
    >>> import echelon as ec
    >>> fit = ec.lmer("Yield ~ 1 + (1 | Batch)", ec.datasets.load("dyestuff", quiet=True))
    >>> group_residuals(fit).distance.round(2).tolist()
    [0.27, 0.0, 0.71, 0.46, 2.8, 1.76]
    """
    place = place_of(fit, factor, "group_residuals()")
    group, effects, T = (
        fit.moments.groups[place],
        all_effects(fit)[place],
        covariance_of(fit, place),
    )
    if not np.isfinite(effects.var).all():
        raise NotYetSupported(
            "The iterative method does not give the conditional variances of the groups of "
            f"{group.factor!r}, by which their residuals are standardised. Fit by the exact method."
        )
    J, q, p = effects.leverage.shape
    V = T - total_variance(fit, effects, np.zeros((J, q, p)))
    tau = np.diagonal(T)
    scale = np.sqrt(np.where(tau > 0, tau, 1.0))
    distance, rank = _distances(effects.mode / scale, V / np.outer(scale, scale))
    own = np.diagonal(V, axis1=1, axis2=2)
    share = np.divide(own, tau, out=np.zeros_like(own), where=tau > 0).clip(0.0, 1.0)
    sd = np.sqrt(np.where(share > _NOTHING, own, 0.0))
    standard = np.full_like(effects.mode, np.nan)
    np.divide(effects.mode, sd, out=standard, where=sd > 0)
    return GroupResiduals(
        factor=group.factor,
        levels=group.levels,
        effects=group.effects,
        n=group.count,
        u=effects.mode,
        sd=sd,
        standard=standard,
        share=share,
        distance=distance,
        rank=rank,
    )


def _distances(u: Array, V: Array) -> tuple[Array, NDArray[np.intp]]:
    """u'V^-1 u of every group over the directions in which V is not zero, and their number."""
    values, vectors = np.linalg.eigh(V)
    used = values > _NOTHING
    along = np.einsum("jab,ja->jb", vectors, u)
    squares = np.divide(along**2, values, out=np.zeros_like(along), where=used)
    return squares.sum(axis=1), used.sum(axis=1)
