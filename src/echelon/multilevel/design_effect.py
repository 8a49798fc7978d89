"""Design effects: how much clustering costs, and how many independent rows the data are worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.data import Values, to_native
from echelon.estimate.problem import Problem, problem
from echelon.linalg.triangular import inverse
from echelon.model.fit import LmmFit
from echelon.multilevel.icc import variance_shares

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class DesignEffect:
    """Design effects of a mean and of every fixed effect.

    Attributes
    ----------
    n : rows
    factors, groups : grouping factors, and how many groups each has
    mean_size, paired_size : (F,) mean rows a group, and sum n_j^2 / n, the mean over the rows of
        their group's size
    icc : (F,) share of each factor in random and residual variance
    kish : design effect of the mean of all rows, 1 + sum over factors of (paired_size - 1) icc
    terms : fixed effects
    std_error : (p,) under the model
    std_error_srs : (p,) if the same rows were independent, with the same total variance
    std_error_ols : (p,) of least squares on the rows, if the model holds; nan where residuals are
        correlated
    backend : the caller's dataframe library
    """

    n: int
    factors: tuple[str, ...]
    groups: tuple[int, ...]
    mean_size: Array
    paired_size: Array
    icc: Array
    kish: float
    terms: tuple[str, ...]
    std_error: Array
    std_error_srs: Array
    std_error_ols: Array
    backend: str

    @property
    def effective_n(self) -> float:
        """Independent rows whose mean is as precise as the mean of these."""
        return self.n / self.kish

    @property
    def deff(self) -> Array:
        """(p,) variance of each estimate over that of as many independent rows."""
        return (self.std_error / self.std_error_srs) ** 2

    @property
    def deff_ols(self) -> Array:
        """(p,) the same for least squares, whose printed errors are too small by its root."""
        return (self.std_error_ols / self.std_error_srs) ** 2

    @property
    def effective_rows(self) -> Array:
        """(p,) independent rows that would tell as much of each fixed effect."""
        return self.n / self.deff


def design_effect_values(fit: LmmFit) -> DesignEffect:
    """Design effects of a fit, from moments alone.

    Notes
    -----
    `kish`, `deff-term`, `deff-ols`; kish1965, moulton1986, snijders2012 (section 3.4). A design
    effect is that of an estimate: the mean, a predictor of level 2 and one of level 1 have each
    their own.
    """
    share, moments = variance_shares(fit), fit.plain_moments
    total = share.total(adjusted=True)
    n = fit.n
    counts = [group.count.astype(np.float64) for group in moments.groups]
    paired = np.array([float(c @ c) / n for c in counts])
    icc = np.array(share.by_factor) / total
    task = fit.problem if fit.residual is None else problem(moments)
    p = task.p
    factor: Array = np.linalg.cholesky(task.cross[:p, :p]).astype(np.float64)
    root = inverse(factor).T
    bread = task.fixed.back @ root  # user's units
    srs = total * (bread**2).sum(axis=1)
    return DesignEffect(
        n=n,
        factors=fit.factors,
        groups=tuple(len(c) for c in counts),
        mean_size=np.array([n / len(c) for c in counts]),
        paired_size=paired,
        icc=icc,
        kish=1 + float((paired - 1) @ icc),
        terms=fit.names,
        std_error=np.sqrt(np.diagonal(fit.optimum.vcov)),
        std_error_srs=np.sqrt(srs),
        std_error_ols=np.sqrt(np.einsum("ia,ab,ib->i", bread, _middle(fit, task, root), bread)),
        backend=fit.source.backend,
    )


def _middle(fit: LmmFit, task: Problem, root: Array) -> Array:
    """(p, p) root'X'WVWX root, the covariance of least squares in its own coordinates."""
    p = task.p
    T = _working_covariance(fit, task)
    total = _residual_part(fit, task, root)
    for part, factor in zip(task.blocks.parts, task.blocks.factors, strict=True):
        F = np.einsum("apj,px->axj", factor.ZtV[:, :p], root, optimize=True)
        total = total + np.einsum("axj,ab,byj->xy", F, T[part, part], F, optimize=True)
    return total


def _working_covariance(fit: LmmFit, task: Problem) -> Array:
    """(q, q) covariance of all effects on the problem's whitened columns."""
    back = np.linalg.inv(task.whiten)  # block triangular, small
    found: Array = back @ fit.optimum.covariance @ back.T
    return found


def _residual_part(fit: LmmFit, task: Problem, root: Array) -> Array:
    """(p, p) root'X'W Var(e) W X root; nan where residuals are correlated."""
    p = task.p
    if fit.residual is None:
        return fit.optimum.sigma2 * np.eye(p)
    if fit.residual.correlation is not None:
        return np.full((p, p), np.nan)
    design = fit.rows("a design effect under a residual structure").design
    X = design.fixed_matrix()
    lead = ("(Intercept)",) if design.intercept else ()
    at = [(*lead, *design.names).index(name) for name in task.fixed.names]
    weight = np.ones(design.n) if design.precision is None else design.precision
    scaled = X[:, at] @ (task.fixed.back @ root)
    variance = weight * fit.residual.sd[fit.residual.stratum] ** 2
    found: Array = (scaled * variance[:, None]).T @ scaled
    return found


def design_effect_frame(found: DesignEffect) -> object:
    """The design effects of the fixed effects as a table in the caller's dataframe library.

    Returns
    -------
    one row a term: term, std_error (under the model), std_error_srs (independent rows), deff,
    effective_n, std_error_ols (what least squares on the rows really has), deff_ols
    """
    columns: dict[str, Values] = {
        "term": list(found.terms),
        "std_error": found.std_error,
        "std_error_srs": found.std_error_srs,
        "deff": found.deff,
        "effective_n": found.effective_rows,
        "std_error_ols": found.std_error_ols,
        "deff_ols": found.deff_ols,
    }
    return to_native(columns, found.backend)
