"""The law of the residuals over the rows: their SDs, draws from it, and its inverse.

Independent residuals, strata, ar1, car1 and compound symmetry are all e = sd x (correlated normal
deviates of variance one), row by row (`residual-model`; pinheiro2000, ch. 5).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.design.residual import PAIR, SUM, ResidualDesign
from echelon.model.fit import LmmFit, OlsFit

Array = NDArray[np.float64]
Places = NDArray[np.intp]


def row_sd(fit: LmmFit | OlsFit) -> Array:
    """Residual standard deviation (n,) of each row used, in units of the response.

    sigma, times the ratio of the row's stratum, over the root of its precision weight.

    Raises
    ------
    NeedsRows : the fit was made from summaries
    """
    if isinstance(fit, OlsFit):
        design, sd = fit.built.design, np.full(fit.n, np.sqrt(fit.sigma2))
    else:
        design = fit.rows("The residual SD of every row").design
        sd = np.full(design.n, fit.optimum.sigma)
        if fit.residual is not None:
            sd = fit.residual.sd[fit.residual.stratum]
    return sd if design.precision is None else np.asarray(sd / np.sqrt(design.precision))


def drawn_noise(fit: LmmFit | OlsFit, R: int, rng: np.random.Generator) -> Array:
    """R draws (n, R) of the residuals from their estimated law. Cost O(n R).

    Notes
    -----
    Under ar1 and car1 a row is r times the one before it plus sqrt(1 - r^2) times a new deviate,
    r the correlation over the gap; under compound symmetry the deviates of a group of m rows are
    multiplied by the symmetric root of its correlation matrix (`residual-draws`; pinheiro2000,
    ch. 5).
    """
    sd = row_sd(fit)
    deviates = rng.standard_normal((len(sd), R))
    if isinstance(fit, LmmFit) and fit.residual is not None and fit.residual.correlation:
        layout, phi = fit.residual.layout, fit.residual.phi
        if fit.residual.correlation == "cs":
            deviates = _exchangeable(layout, phi, deviates)
        else:
            deviates = _chained(Chain.of(layout, phi), deviates)
    return sd[:, None] * deviates


def whitened(fit: LmmFit | OlsFit, e: Array) -> Array:
    """Residuals e (n,) over their SD, each without what those before it in its group say of it.

    With independent residuals e / sd. Else e times the inverse of the Cholesky factor of the
    residual covariance, the rows of a group in order of time, or of the table (`normalized`;
    pinheiro2000, ch. 5): uncorrelated and of variance one where e follows the estimated law.
    """
    z = e / row_sd(fit)
    if not isinstance(fit, LmmFit) or fit.residual is None or not fit.residual.correlation:
        return np.asarray(z)
    layout, phi = fit.residual.layout, fit.residual.phi
    if fit.residual.correlation == "cs":
        return _innovations(_groups(layout), phi, z)
    chain = Chain.of(layout, phi)
    out, at = z.copy(), chain.later
    out[at] = (z[at] - chain.r * z[chain.earlier]) / np.sqrt(1 - chain.r**2)
    return out


# --- ar1, car1 ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """Rows that follow another one of their group in time.

    Attributes
    ----------
    earlier, later : (m,) two neighbours;  r : (m,) their correlation
    """

    earlier: Places
    later: Places
    r: Array

    @classmethod
    def of(cls, layout: ResidualDesign, phi: float) -> Chain:
        """The chain of a layout, with correlation phi over one unit of time."""
        pair = layout.kind[layout.which] == PAIR
        gap = layout.steps[layout.step[layout.which[pair]]]
        return cls(layout.right[pair], layout.left[pair], np.power(phi, gap))


def _chained(chain: Chain, deviates: Array) -> Array:
    """Deviates (n, R) made into chains, place by place: all groups at once."""
    n = len(deviates)
    before = np.full(n, -1, dtype=np.intp)
    after = np.full(n, -1, dtype=np.intp)
    r = np.zeros(n)
    before[chain.later], after[chain.earlier], r[chain.later] = chain.earlier, chain.later, chain.r
    out = deviates * np.sqrt(1 - r**2)[:, None]
    at = after[np.flatnonzero(before < 0)]
    while (at := at[at >= 0]).size:
        out[at] += r[at, None] * out[before[at]]
        at = after[at]
    return out


# --- cs -------------------------------------------------------------------------------------


def _groups(layout: ResidualDesign) -> Places:
    """(n,) number of the group of each row. The cells of one group follow one another."""
    joined = np.zeros(layout.cells, dtype=bool)
    sums = layout.kind[layout.which] == SUM
    n = len(layout.cell)
    first, second = layout.left[sums] - n, layout.right[sums] - n
    joined[np.maximum(first, second)[np.abs(first - second) == 1]] = True
    number = np.cumsum(~joined) - 1
    return np.asarray(number[layout.cell])


def _exchangeable(layout: ResidualDesign, rho: float, deviates: Array) -> Array:
    """Deviates (n, R) times the symmetric root of (1 - rho) I + rho 11' of each group."""
    group = _groups(layout)
    m = np.bincount(group)
    mean = np.stack([np.bincount(group, column) for column in deviates.T], axis=1) / m[:, None]
    own, shared = np.sqrt(1 - rho), np.sqrt(1 + (m - 1) * rho)
    return np.asarray(own * deviates + ((shared - own)[:, None] * mean)[group])


def _innovations(group: Places, rho: float, z: Array) -> Array:
    """What the rows before it in its group do not say of a row, over its SD.

    The best prediction from k rows is rho / (1 + (k - 1) rho) times their sum, and leaves
    1 - k rho^2 / (1 + (k - 1) rho) of the variance.
    """
    order = np.argsort(group, kind="stable")
    sorted_z, sorted_group = z[order], group[order]
    start = np.flatnonzero(np.diff(sorted_group, prepend=-1))
    size = np.diff(start, append=len(z))
    k = np.arange(len(z)) - np.repeat(start, size)
    running = np.cumsum(sorted_z) - sorted_z
    total = running - np.repeat(running[start], size)
    known = 1 + (k - 1) * rho
    left = np.where(k > 0, 1 - k * rho**2 / np.where(k > 0, known, 1.0), 1.0)
    predicted = np.where(k > 0, rho / np.where(k > 0, known, 1.0) * total, 0.0)
    out = np.empty_like(z)
    out[order] = (sorted_z - predicted) / np.sqrt(left)
    return out
