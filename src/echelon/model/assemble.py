"""The chain from formula and data to a frozen mixed model: the place where it is put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from echelon.data import Frame
from echelon.design.build import Built, Extra, build
from echelon.errors import NotYetSupported
from echelon.estimate.identified import check_residual
from echelon.estimate.iterative.probes import Probes
from echelon.estimate.optimise import minimise
from echelon.estimate.optimum import optimum
from echelon.estimate.problem import Problem, problem
from echelon.estimate.verdict import judge
from echelon.formula import ModelSpec, parse, parse_residual
from echelon.linalg.threads import serial
from echelon.model.accepted import mixed
from echelon.model.fit import DfMethod, LmmFit, Source
from echelon.model.iterative import fit_iteratively
from echelon.model.parameters import at_zero, rival_of, theta_names, without_residual
from echelon.model.residual_fit import fit_residual, residual_columns, residual_structure
from echelon.model.summaries import Summaries
from echelon.moments import Moments, from_rows, from_summaries
from echelon.moments.residual import residual_moments

Array = NDArray[np.float64]


@serial
def fit_lmm(
    formula: str,
    data: object,
    *,
    reml: bool,
    df: DfMethod,
    precision: Extra = None,
    offset: Extra = None,
    contrasts: Mapping[str, str] | None = None,
    residual: str | None = None,
    probes: Probes | None = None,
) -> LmmFit:
    """Fit a linear mixed model to rows; by the iterative method when there are probes."""
    began = perf_counter()
    frame = Frame.of(data)
    spec = mixed(parse(formula, frame.columns))
    asked = None if residual is None else parse_residual(residual, frame.columns)
    columns, time = ({}, None) if asked is None else residual_columns(asked, frame)
    built = build(
        spec,
        frame,
        precision=precision,
        offset=offset,
        contrasts=contrasts,
        also=(*columns.values(), *(() if time is None else (time,))),
    )
    structure = None if asked is None else residual_structure(asked, columns, time, built)
    designed = perf_counter()
    sets = None if structure is None else residual_moments(built.design, structure)
    moments = from_rows(built.design) if sets is None else sets.base
    seconds = (("design", designed - began), ("compress", perf_counter() - designed))
    source = Source("rows", frame.backend, built.missing, frame.about, seconds, frame.index)
    if sets is not None:
        if probes is not None:
            raise NotYetSupported('method="iterative" does not take residual= structures.')
        return fit_residual(sets, spec, reml=reml, df=df, source=source, built=built)
    return fit_moments(moments, spec, reml=reml, df=df, source=source, built=built, probes=probes)


@serial
def fit_summaries(formula: str, summaries: Summaries, *, reml: bool, df: DfMethod) -> LmmFit:
    """Fit a linear mixed model to n, mean and sd of each group."""
    began = perf_counter()
    frame = Frame.of(summaries.table)
    spec = mixed(parse(formula, frame.columns))
    n, sd = summaries.sizes(frame), summaries.spreads(frame)
    built = build(spec, frame, also=(n, sd))
    sizes, spreads = n.values.astype(np.float64), sd.values.astype(np.float64)
    if built.used is not None:
        sizes, spreads = sizes[built.used], spreads[built.used]
    moments = from_summaries(built.design, sizes, spreads)
    built = replace(built, behind=(sizes, spreads))
    seconds = (("design", perf_counter() - began), ("compress", 0.0))
    source = Source("summaries", frame.backend, built.missing, frame.about, seconds)
    return fit_moments(moments, spec, reml=reml, df=df, source=source, built=built)


@serial
def fit_moments(
    moments: Moments,
    spec: ModelSpec,
    *,
    reml: bool,
    df: DfMethod,
    source: Source,
    built: Built | None = None,
    probes: Probes | None = None,
) -> LmmFit:
    """Fit a linear mixed model to moments, wherever they came from."""
    if probes is not None:
        return fit_iteratively(moments, spec, probes, reml=reml, df=df, source=source, built=built)
    began = perf_counter()
    task = problem(moments)
    prepared = (*source.seconds, ("prepare", perf_counter() - began))
    source = replace(source, seconds=prepared)
    return fit_problem(task, moments, spec, reml=reml, df=df, source=source, built=built)


def fit_problem(
    task: Problem,
    moments: Moments,
    spec: ModelSpec,
    *,
    reml: bool,
    df: DfMethod,
    source: Source,
    built: Built | None = None,
    start: Array | None = None,
) -> LmmFit:
    """Fit a linear mixed model to moments that are laid out already.

    Parameters
    ----------
    start : (q, q) covariance factor in working units where the search begins; None for its own
    """
    search = minimise(task, reml, start)
    searched = perf_counter()
    best = optimum(task, search, reml)
    rival = rival_of(search, task, best, moments)
    names = theta_names(best, moments)
    verdict = judge(search, names, at_zero(best, moments), task.pairs, rival)
    verdict = without_residual(verdict, search.at.D, best, moments)
    check_residual(task.cross, search.at.rho2, verdict.status == "failed")
    spent = (("search", search.seconds), ("finish", perf_counter() - searched))
    return LmmFit(
        spec=spec,
        reml=reml,
        df_method=df,
        moments=moments,
        problem=task,
        lam_working=search.at.lam,
        optimum=best,
        verdict=verdict,
        source=replace(source, seconds=(*source.seconds, *spent)),
        built=built,
    )
