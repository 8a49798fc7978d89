"""Variance components with their standard errors, on the scale of variances and of SDs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.data import Values, to_native
from echelon.linalg.structures import HOMOGENEOUS, structure
from echelon.model.fit import LmmFit
from echelon.model.parameters import joint_name
from echelon.model.residual import Residual

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Component:
    """One variance or covariance.

    Attributes
    ----------
    group : grouping factor, or "Residual"
    term, with_term : the effect, and the other effect of a covariance ("" for a variance). A
        structured term with one variance has one row, its term all effects together ("day"); its
        correlation has one row too, with_term "rho (cs)" or "rho (ar1)"
    variance : variance or covariance, response units squared;  variance_se : its standard error
    sd : standard deviation, or the correlation of a covariance;  sd_se : its standard error

    The covariance of a "rho" row is that of two (adjacent) effects; nan where their variances
    differ, so that there is no such number.
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
    or a correlation at its bound has no standard error.
    """
    best = fit.optimum
    shape = best.pairs
    owner = [(group.factor, effect) for group in fit.moments.groups for effect in group.effects]
    cov = best.component_covariance()
    where = {(int(r), int(c)): i for i, (r, c) in enumerate(zip(shape.row, shape.col, strict=True))}
    full = best.covariance
    shown, names, rhos = _structured(fit)
    variances, covariances = [], []
    for (r, c), i in where.items():
        if (r, c) not in shown:
            continue
        se = float(np.sqrt(max(cov[i, i], 0.0)))
        if r == c:
            sd = float(np.sqrt(full[r, r]))
            se = se if sd > 0 else np.nan
            variances.append(
                Component(
                    owner[r][0],
                    names.get(r, owner[r][1]),
                    "",
                    float(full[r, r]),
                    se,
                    sd,
                    se / (2 * sd) if sd > 0 else np.nan,
                )
            )
        else:
            rho, rho_se = _correlation(full, cov, where, r, c)
            between = (owner[c][1], owner[r][1], float(full[r, c]), se)
            if (r, c) in rhos:
                between, rho_se = _of_rho(rhos[r, c], between, rho, rho_se)
            covariances.append(Component(owner[c][0], *between, rho, rho_se))
    sigma2_se = float(np.sqrt(cov[-1, -1]))
    residual = Component(
        "Residual", "", "", best.sigma2, sigma2_se, best.sigma, sigma2_se / (2 * best.sigma)
    )
    own = (residual,) if fit.residual is None else _residual_rows(fit.residual)
    return Components((*variances, *covariances, *own))


def _residual_rows(residual: Residual) -> tuple[Component, ...]:
    """One row a stratum, and one for the correlation of residuals: no variance, `sd` is phi."""
    rows = [
        Component("Residual", str(label), "", sd**2, 2 * sd * se, sd, se)
        for label, sd, se in zip(
            residual.strata, residual.sd.tolist(), residual.sd_se.tolist(), strict=True
        )
    ]
    if residual.correlation is not None:
        name = residual.within
        rows.append(
            Component("Residual", name, name, np.nan, np.nan, residual.phi, residual.phi_se)
        )
    return tuple(rows)


@dataclass(frozen=True, slots=True)
class _Rho:
    """The row of a structured term's correlation: names, bounds, whether it has one covariance."""

    term: str
    with_term: str
    bounds: tuple[float, float]
    covariance: bool


def _structured(
    fit: LmmFit,
) -> tuple[set[tuple[int, int]], dict[int, str], dict[tuple[int, int], _Rho]]:
    """Entries of the covariance that get a row, names of shared variances, and the correlations."""
    shape = fit.optimum.pairs
    every = set(zip(shape.row.tolist(), shape.col.tolist(), strict=True))
    names: dict[int, str] = {}
    rhos: dict[tuple[int, int], _Rho] = {}
    effects = [effect for group in fit.moments.groups for effect in group.effects]
    for kind, block in shape.blocks if shape.kinds else ():
        if kind == "us":
            continue
        inside = {(r, c) for r, c in every if block.start <= c and r < block.stop}
        form, joint = structure(kind, block.stop - block.start), joint_name(tuple(effects[block]))
        shared = kind in HOMOGENEOUS
        kept = {(r, c) for r, c in inside if r == c and (not shared or r == block.start)}
        if shared:
            names[block.start] = joint
        if form.correlated:
            pair = _pair(fit.optimum.lam, block)
            name = "rho (ar1)" if kind in ("ar1", "hetar1") else "rho (cs)"
            rhos[pair] = _Rho(joint, name, form.bounds, shared or form.size == 2)
            kept.add(pair)
        every -= inside - kept
    return every, names, rhos


def _pair(lam: Array, block: slice) -> tuple[int, int]:
    """Two adjacent effects that vary, later first; the first two where there are none."""
    alive = np.linalg.norm(lam[block], axis=1) > 0
    both = np.flatnonzero(alive[1:] & alive[:-1])
    first = block.start + (int(both[0]) if len(both) else 0)
    return first + 1, first


def _of_rho(
    row: _Rho, between: tuple[str, str, float, float], rho: float, rho_se: float
) -> tuple[tuple[str, str, float, float], float]:
    """A covariance as the row of a structured term's correlation."""
    if min(abs(rho - bound) for bound in row.bounds) < 1e-9:
        rho_se = np.nan
    sizes = between[2:] if row.covariance else (np.nan, np.nan)
    return (row.term, row.with_term, *sizes), rho_se


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
    variance_se, sd, sd_se. For a covariance, `sd` is the correlation. A residual structure has a
    row of group "Residual" for each stratum (term: its label) and one for the correlation of
    residuals (term and with_term: "ar1(time | id)"; sd: phi; no variance).
    """
    rows = component_values(fit).rows
    fields = ("group", "term", "with_term", "variance", "variance_se", "sd", "sd_se")
    columns: dict[str, Values] = {name: [getattr(row, name) for row in rows] for name in fields}
    return to_native(columns, fit.source.backend)
