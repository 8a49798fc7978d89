"""Fitting by the iterative method: chosen by the caller, never by the size of the data."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import Literal, get_args

import numpy as np

from echelon import tolerances
from echelon.design.build import Built
from echelon.errors import DataError, NotYetSupported, UnknownOption
from echelon.estimate.identified import check_residual
from echelon.estimate.iterative.engine import Iterative
from echelon.estimate.iterative.error import MonteCarlo, monte_carlo
from echelon.estimate.iterative.probes import Count, Probes
from echelon.estimate.iterative.search import minimise_iteratively
from echelon.estimate.optimum import optimum
from echelon.estimate.problem import problem
from echelon.estimate.verdict import Verdict, judge
from echelon.formula import ModelSpec
from echelon.model.fit import DfMethod, LmmFit, Source
from echelon.model.parameters import at_zero, theta_names
from echelon.moments import Moments

Method = Literal["exact", "iterative"]


def probes_of(
    method: str, probes: Count | None, rng: int | np.random.Generator | None
) -> Probes | None:
    """The probes that a choice of method asks for; None for the exact method.

    Raises
    ------
    UnknownOption : no such method
    DataError : probes= or rng= with the exact method; fewer than two probes
    """
    if str(method).upper() in ("REML", "ML"):
        raise DataError(
            f'method={method!r}: the criterion is reml=True or reml=False; method= is "exact" or '
            '"iterative".'
        )
    if method not in get_args(Method):
        raise UnknownOption("method", method, get_args(Method))
    if method == "exact":
        if probes is not None or rng is not None:
            raise DataError(
                'probes= and rng= belong to method="iterative"; the exact method is not random.'
            )
        return None
    count = tolerances.PROBES if probes is None else probes
    if count != "exact" and (not isinstance(count, int) or count < 2):
        raise DataError(
            f"probes={count!r}: a whole number, at least 2, so that their Monte Carlo error shows."
        )
    if isinstance(rng, np.random.Generator):
        rng = int(rng.integers(2**31))
    return Probes(count, 0 if rng is None else int(rng))


def probes_used(fit: LmmFit) -> Probes | None:
    """The probes of a fit; None when it is exact."""
    engine = fit.problem.engine
    return engine.probes if isinstance(engine, Iterative) else None


def fit_iteratively(
    moments: Moments,
    spec: ModelSpec,
    probes: Probes,
    *,
    reml: bool,
    df: DfMethod,
    source: Source,
    built: Built | None = None,
) -> LmmFit:
    """Fit a linear mixed model with several factors by the iterative method.

    Raises
    ------
    DataError : one grouping factor
    NotYetSupported : a covariance structure
    NoConvergence : the factors hang together too loosely
    """
    began = perf_counter()
    if len(moments.groups) < 2:
        raise DataError(
            'method="iterative" is for two crossed grouping factors or more; with one the exact '
            "method needs no large matrix. Leave method= out."
        )
    task = problem(moments, partial(Iterative.of, probes=probes))
    if task.pairs.kinds:
        raise NotYetSupported(
            'method="iterative" does not take covariance structures. Use method="exact".'
        )
    search, noise = minimise_iteratively(task, reml)
    best = optimum(task, search, reml)
    errors = monte_carlo(task, search, best, noise, probes)
    names = theta_names(best, moments)
    verdict = judge(search, names, at_zero(best, moments), task.pairs)
    check_residual(task.cross, search.at.rho2, verdict.status == "failed")
    return LmmFit(
        spec=spec,
        reml=reml,
        df_method=df,
        moments=moments,
        problem=task,
        lam_working=search.at.lam,
        optimum=best,
        verdict=_with_errors(verdict, errors),
        source=replace(source, seconds=(*source.seconds, ("search", perf_counter() - began))),
        built=built,
    )


def _with_errors(verdict: Verdict, errors: MonteCarlo) -> Verdict:
    message = f"{verdict.message} {errors.message()}"
    return replace(verdict, message=message, monte_carlo=errors)
