"""The residual structure of a fit, in the user's units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.design.residual import ResidualDesign
from echelon.estimate.optimum import Optimum
from echelon.estimate.residual import ResidualSearch
from echelon.formula import Correlation
from echelon.moments import Moments

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Residual:
    """An estimated residual structure: Var(e) = sigma^2 S R S.

    Attributes
    ----------
    structure : as typed, e.g. "by(sex) + ar1(time | id)"
    by : name of the strata, e.g. "sex" or "sex:sector"; "" for one variance
    strata : (H,) labels, the reference first; ("",) for one variance
    rows : (H,) rows of each stratum;  stratum : (n,) place in `strata` of each row used, so that
        `fit.resid / fit.residual.sd[fit.residual.stratum]` are `fit.residuals("scaled")`, what nlme
        calls Pearson's
    sd : (H,) residual standard deviations, response units;  sd_se : their standard errors
    ratio : (H,) sd over that of the reference (S);  ratio_se : standard errors, 0 for the reference
    correlation : "ar1", "car1" or "cs"; None for independent residuals
    phi : the correlation of residuals one unit of time apart (ar1, car1) or of any two of a group
        (cs); nan for independent residuals
    phi_se : its standard error; nan at a bound
    within : the correlation as typed, e.g. "ar1(time | id)"; ""
    plain : moments of the same rows with independent residuals of one variance
    unit : greatest common divisor of the gaps between times (ar1) or their median (car1); 1
    layout : the structure over the rows used, for fits of other models under it
    """

    structure: str
    by: str
    strata: tuple[object, ...]
    rows: NDArray[np.intp]
    stratum: NDArray[np.intp]
    sd: Array
    sd_se: Array
    ratio: Array
    ratio_se: Array
    correlation: Correlation | None
    phi: float
    phi_se: float
    within: str
    plain: Moments
    unit: float
    layout: ResidualDesign

    @property
    def parameters(self) -> int:
        """Parameters besides sigma."""
        return len(self.strata) - 1 + int(self.correlation is not None)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters: SDs of the strata over the reference's, the correlation."""
        ratios = tuple(f"{label}/{self.strata[0]}" for label in self.strata[1:])
        return (*ratios, *((self.correlation,) if self.correlation else ()))

    @property
    def estimates(self) -> Array:
        """Estimates of the parameters, in the order of `names`."""
        return np.append(self.ratio[1:], [self.phi] if self.correlation else [])

    @property
    def std_errors(self) -> Array:
        """Standard errors of the parameters, in the order of `names`."""
        return np.append(self.ratio_se[1:], [self.phi_se] if self.correlation else [])

    def __str__(self) -> str:
        """One line: the structure and its parameters."""
        named = zip(self.names, self.estimates, strict=True)
        return f"{self.structure}: " + ", ".join(f"{name} {value:.4g}" for name, value in named)


def residual_of(found: ResidualSearch, best: Optimum) -> Residual:
    """The residual structure at the end of a search, standard errors by the delta method."""
    coordinates, design, z = found.coordinates, found.coordinates.structure, found.z
    H, r = coordinates.strata, coordinates.r
    sigma = best.sigma
    natural, slope = coordinates.natural(z)
    cov = best.varpar_covariance[-r - 1 :, -r - 1 :]  # of sigma and z
    ratio = np.concatenate([[1.0], natural[:H]])
    chain = np.zeros((H + 1, r + 1))  # of log sd
    chain[:, 0] = 1 / sigma
    chain[np.arange(1, H + 1), np.arange(1, H + 1)] = 1.0
    log_se = np.sqrt(np.maximum(np.einsum("hi,ij,hj->h", chain, cov, chain), 0.0))
    errors = np.sqrt(np.maximum(np.diagonal(cov)[1:], 0.0))
    phi = phi_se = np.nan
    if coordinates.correlated:
        phi = float(natural[-1])
        phi_se = float(abs(slope[-1]) * errors[-1]) if found.edge < 0 else np.nan
    return Residual(
        structure=design.spec.text,
        by=":".join(design.spec.strata),
        strata=design.labels,
        rows=design.rows,
        stratum=design.strata,
        sd=sigma * ratio,
        sd_se=sigma * ratio * log_se,
        ratio=ratio,
        ratio_se=np.concatenate([[0.0], ratio[1:] * errors[:H]]),
        correlation=design.spec.correlation,
        phi=phi,
        phi_se=phi_se,
        within=design.spec.short if design.spec.correlation else "",
        plain=found.plain,
        unit=coordinates.unit,
        layout=design,
    )
