"""Log-likelihoods of models of the same data: as fitted, by maximum likelihood, without effects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import pi

import numpy as np

from echelon import tolerances
from echelon.design.design import Design
from echelon.errors import NotYetSupported
from echelon.estimate.problem import fixed_part
from echelon.infer.criteria import criteria
from echelon.model.assemble import fit_moments, fit_problem
from echelon.model.fit import LmmFit, OlsFit, Source
from echelon.model.iterative import probes_used
from echelon.model.residual_fit import fit_residual
from echelon.moments import Moments
from echelon.moments.residual import residual_moments


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """What a likelihood-ratio test asks of a model.

    Attributes
    ----------
    deviance : minus twice the (restricted) log-likelihood
    parameters : fixed effects + variance parameters + residual variance
    fixed : names of the fixed effects
    fit : the mixed model, None without random effects
    """

    deviance: float
    parameters: int
    fixed: tuple[str, ...]
    fit: LmmFit | None

    @property
    def loglik(self) -> float:
        """The (restricted) log-likelihood."""
        return -self.deviance / 2

    @property
    def aic(self) -> float:
        """Akaike's criterion."""
        return self.deviance + 2 * self.parameters


def fitted(fit: LmmFit | OlsFit) -> Fitted:
    """A fit as it is."""
    values = criteria(fit)
    mixed = fit if isinstance(fit, LmmFit) else None
    return Fitted(values.deviance, values.parameters, fit.names, mixed)


def by_ml(fit: LmmFit) -> LmmFit:
    """The same model by maximum likelihood, from its moments; itself if it was fitted so.

    A residual structure needs its rows once more.
    """
    if not fit.reml:
        return fit
    source = replace(fit.source, seconds=())
    if fit.residual is not None:
        return _under_structure(fit, fit.rows("Refitting by ML").design, reml=False, source=source)
    probes = probes_used(fit)
    if probes is not None:
        return fit_moments(
            fit.moments,
            fit.spec,
            reml=False,
            df=fit.df_method,
            source=source,
            built=fit.built,
            probes=probes,
        )
    return fit_problem(
        fit.problem,
        fit.moments,
        fit.spec,
        reml=False,
        df=fit.df_method,
        source=source,
        built=fit.built,
    )


def of_moments(fit: LmmFit | OlsFit, moments: Moments, *, reml: bool) -> Fitted:
    """The model that other moments of the same data make."""
    if not moments.groups:
        return without_effects(moments, reml=reml)
    assert isinstance(fit, LmmFit)
    source = replace(fit.source, seconds=())
    return fitted(fit_moments(moments, fit.spec, reml=reml, df="none", source=source))


def of_design(fit: LmmFit, design: Design, *, reml: bool) -> Fitted:
    """The model that another design over the same rows makes, under the fit's residual structure.

    Raises
    ------
    NotYetSupported : no random effects are left
    """
    if not design.factors:
        raise NotYetSupported(
            "A model with a residual structure and no random effects cannot be fitted."
        )
    return fitted(_under_structure(fit, design, reml=reml, source=replace(fit.source, seconds=())))


def without_effects(moments: Moments, *, reml: bool) -> Fitted:
    """The linear model, by closed form.

    Notes
    -----
    `lrt-linear`; the deviance of the mixed model at Lam = 0 (`deviance-profiled`).
    """
    fixed = fixed_part(moments)
    cross = fixed.lay.T @ moments.cross @ fixed.lay
    p = fixed.p
    df = moments.n - p if reml else moments.n
    factor = np.linalg.cholesky(cross[:p, :p])
    explained = np.linalg.solve(factor, cross[:p, p])
    rss = float(cross[p, p] - explained @ explained)
    if rss <= tolerances.PERFECT_FIT * float(moments.cross[-1, -1]):
        rss = 0.0
    with np.errstate(divide="ignore"):
        deviance = df * (1 + np.log(2 * pi * rss / df)) - moments.log_weight
    if reml:
        deviance += 2 * np.log(np.diagonal(factor)).sum()
    return Fitted(float(deviance), p + 1, fixed.names, None)


def _under_structure(fit: LmmFit, design: Design, *, reml: bool, source: Source) -> LmmFit:
    assert fit.residual is not None
    assert fit.built is not None
    sets = residual_moments(design, fit.residual.layout)
    built = replace(fit.built, design=design)
    return fit_residual(sets, fit.spec, reml=reml, df=fit.df_method, source=source, built=built)
