"""Reliability of each random coefficient, averaged over groups as the HLM program prints it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.data import to_native
from echelon.model.fit import LmmFit
from echelon.multilevel.own import own_part


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """Overall reliability of the random coefficients.

    Attributes
    ----------
    factor, terms : grouping factor and its q random coefficients
    reliability : (q,) in [0, 1]; nan where no group alone identifies its coefficients
    groups_used : groups whose own least-squares estimate exists
    """

    factor: str
    terms: tuple[str, ...]
    reliability: NDArray[np.float64]
    groups_used: int


def reliability_values(fit: LmmFit) -> Reliability:
    """Overall reliability of a fit, from moments alone; see `reliability`."""
    split = own_part(fit)
    V = fit.optimum.sigma2 * np.diagonal(split.least_squares_variance, axis1=1, axis2=2)
    V = V[split.estimable]
    tau = np.diagonal(fit.optimum.covariance)
    used = len(V)
    mean = (tau / (tau + V)).mean(axis=0) if used else np.full(len(tau), np.nan)
    return Reliability(fit.factor, fit.effects, mean, used)


def reliability(fit: LmmFit) -> object:
    """How reliably the groups' own least-squares estimates tell the groups apart.

    Returns
    -------
    table in the caller's dataframe library, one row a random coefficient: group (the factor), term,
    reliability, groups_used

    Notes
    -----
    lambda_q = mean_j tau_qq / (tau_qq + v_qqj), with v_qqj the error variance of group j's own
    estimate, over the groups where that exists (`rel-overall`; raudenbush2002, ch. 3).
    A variance of zero gives 0. One value a group is in `groups()`.

    Examples
    --------
    >>> import echelon as ec
    >>> timss = ec.datasets.load("timss", quiet=True)
    >>> fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    >>> fit.reliability().round(3).values.tolist()
    [['idschool', '(Intercept)', 0.951, 20]]
    """
    values = reliability_values(fit)
    q = len(values.terms)
    return to_native(
        {
            "group": [values.factor] * q,
            "term": list(values.terms),
            "reliability": values.reliability,
            "groups_used": [values.groups_used] * q,
        },
        fit.source.backend,
    )
