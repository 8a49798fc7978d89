"""Variance components with their standard errors, on the scale of variances and of SDs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.data import Values, to_native
from echelon.model.fit import LmmFit

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Component:
    """One variance or covariance.

    Attributes
    ----------
    group : grouping factor, or "Residual"
    term, with_term : the effect, and the other effect of a covariance ("" for a variance)
    variance : variance or covariance, response units squared;  variance_se : its standard error
    sd : standard deviation, or the correlation of a covariance;  sd_se : its standard error
    """

    group: str
    term: str
    with_term: str
    variance: float
    variance_se: float
    sd: float
    sd_se: float


@dataclass(frozen=True, slots=True)
class Components:
    """All variance components: variances, then covariances, then the residual variance."""

    rows: tuple[Component, ...]

    def variance(self, term: str) -> float:
        """The variance of a random effect, or of "Residual"."""
        for row in self.rows:
            if row.with_term == "" and (row.term == term or row.group == term):
                return row.variance
        raise LookupError(f"no variance component {term!r}")


def component_values(fit: LmmFit) -> Components:
    """Variance components of a fit.

    Notes
    -----
    Standard errors by the delta method from twice the inverse Hessian of the deviance in the
    variance parameters (`component-se`). They are nan at the boundary: a variance of exactly zero
    or a correlation of exactly +1 or -1 has no standard error.
    """
    best = fit.optimum
    shape = best.pairs
    owner = [(group.factor, effect) for group in fit.moments.groups for effect in group.effects]
    cov = best.component_covariance()
    where = {(int(r), int(c)): i for i, (r, c) in enumerate(zip(shape.row, shape.col, strict=True))}
    full = best.covariance
    variances, covariances = [], []
    for (r, c), i in where.items():
        se = float(np.sqrt(max(cov[i, i], 0.0)))
        if r == c:
            sd = float(np.sqrt(full[r, r]))
            se = se if sd > 0 else np.nan
            variances.append(
                Component(
                    *owner[r],
                    "",
                    float(full[r, r]),
                    se,
                    sd,
                    se / (2 * sd) if sd > 0 else np.nan,
                )
            )
        else:
            rho, rho_se = _correlation(full, cov, where, r, c)
            covariances.append(
                Component(*owner[c], owner[r][1], float(full[r, c]), se, rho, rho_se)
            )
    sigma2_se = float(np.sqrt(cov[-1, -1]))
    residual = Component(
        "Residual", "", "", best.sigma2, sigma2_se, best.sigma, sigma2_se / (2 * best.sigma)
    )
    return Components((*variances, *covariances, residual))


def _correlation(
    full: Array, cov: Array, where: dict[tuple[int, int], int], r: int, c: int
) -> tuple[float, float]:
    """A correlation and its standard error by the delta method."""
    a, b, ab = full[c, c], full[r, r], full[r, c]
    if a <= 0 or b <= 0:
        return np.nan, np.nan
    rho = float(np.clip(ab / np.sqrt(a * b), -1.0, 1.0))
    if abs(rho) > 1 - 1e-9:
        return float(np.sign(rho)), np.nan
    g = np.array([-rho / (2 * a), -rho / (2 * b), 1 / np.sqrt(a * b)])
    index = [where[c, c], where[r, r], where[r, c]]
    return rho, float(np.sqrt(max(g @ cov[np.ix_(index, index)] @ g, 0.0)))


def variance_components(fit: LmmFit) -> object:
    """Variance components as a table in the caller's dataframe library.

    Returns
    -------
    one row a variance or covariance: group, term, with_term ("" for a variance), variance,
    variance_se, sd, sd_se. For a covariance, `sd` is the correlation.
    """
    rows = component_values(fit).rows
    fields = ("group", "term", "with_term", "variance", "variance_se", "sd", "sd_se")
    columns: dict[str, Values] = {name: [getattr(row, name) for row in rows] for name in fields}
    return to_native(columns, fit.source.backend)
