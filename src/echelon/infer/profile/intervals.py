"""Profile-likelihood intervals: limits of parameters, and what a reader should know of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import numpy as np

from echelon.errors import DataError, NotYetSupported, UnknownOption
from echelon.infer.intervals import Intervals
from echelon.infer.profile.parameters import Parameter, Scale, chosen, estimate_of, parameters_of
from echelon.infer.profile.profile import Ends, Ground, all_ends, ground_of
from echelon.infer.profile.words import notes_of
from echelon.linalg.distributions import check_level, t_quantile
from echelon.linalg.threads import serial
from echelon.model.fit import LmmFit, OlsFit


@serial
def profile_intervals(
    fit: LmmFit | OlsFit,
    *,
    level: float = 0.95,
    parameters: str | Sequence[str] | None = None,
    scale: Scale = "sd",
    restricted: bool = False,
) -> Intervals:
    """Profile-likelihood intervals of any parameters.

    Parameters
    ----------
    level : coverage, between 0 and 1
    parameters : None for all, "fixed", "variance", or names as `Intervals.names` has them
    scale : of variance parameters: "sd", or "variance" (squares; correlations stay correlations)
    restricted : profile the REML criterion; variance parameters only

    Returns
    -------
    Intervals : a limit is 0 (an SD) or +-1 (a correlation) where the likelihood does not exclude
        that bound, and nan where there is none

    Raises
    ------
    NotYetSupported : a linear model, a residual structure, the iterative method
    UnknownOption : a parameter or a scale that does not exist
    DataError : fixed effects with `restricted`
    NoConvergence : a fit that has not converged

    Notes
    -----
    A limit is the value at which the deviance, minimal over all other parameters, is the squared
    normal quantile above its minimum (`profile-interval`; venzon1988, bates2015). Of the ML
    deviance, whatever the fit's criterion, unless `restricted`: REML likelihoods of different fixed
    parts cannot be compared.

    Examples
    --------
    >>> import echelon as ec
    >>> sleep = ec.datasets.load("sleepstudy", quiet=True)
    >>> fit = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep)
    >>> found = profile_intervals(fit, parameters="sd_Days|Subject")
    >>> found.low.round(3).tolist(), found.high.round(3).tolist()
    ([3.801], [8.753])
    """
    ground, every = prepared(fit, parameters, scale, restricted)
    return intervals_from(ground, every, level, scale)[1]


def prepared(
    fit: LmmFit | OlsFit,
    names: str | Sequence[str] | None,
    scale: Scale,
    restricted: bool,
) -> tuple[Ground, list[Parameter]]:
    """Options looked at, parameters found, and the optimum that profiles start from."""
    if isinstance(fit, OlsFit):
        raise NotYetSupported(
            "The intervals of a linear model are exact already: profiles are for multilevel "
            "models. Use confint()."
        )
    if scale not in get_args(Scale):
        raise UnknownOption("scale", str(scale), get_args(Scale))
    fit.require_plain("profile()")
    every = chosen(parameters_of(fit), names)
    if restricted and names is None:
        every = [each for each in every if not each.fixed]
    if restricted and any(each.fixed for each in every):
        raise DataError(
            "The REML criterion cannot be compared between values of a fixed effect, so "
            "restricted=True has no fixed effects. Leave it out, or name variance parameters."
        )
    return ground_of(fit, restricted), every


def intervals_from(
    ground: Ground, parameters: Sequence[Parameter], level: float, scale: Scale
) -> tuple[Ground, Intervals]:
    """Limits from an optimum, and the optimum in the end: profiling may have found a better one."""
    check_level(level)
    goal = float(t_quantile((1 + level) / 2, np.inf))
    ground, ends = all_ends(ground, parameters, goal)
    shown = [_shown(each, scale) for each in ends]
    estimates = [estimate_of(each.parameter, ground.fit) for each in ends]
    powers = [2.0 if scale == "variance" and each.parameter.squared else 1.0 for each in ends]
    return ground, Intervals(
        names=tuple(each.parameter.shown(scale) for each in ends),
        estimate=np.array(estimates) ** np.array(powers),
        low=np.array([low for low, _ in shown]),
        high=np.array([high for _, high in shown]),
        method="profile",
        level=level,
        notes=notes_of(ground, ends, scale),
    )


def _shown(each: Ends, scale: Scale) -> tuple[float, float]:
    """Limits on a scale: an SD's squared, which is monotone."""
    if scale == "variance" and each.parameter.squared:
        return each.low**2, each.high**2
    return each.low, each.high
