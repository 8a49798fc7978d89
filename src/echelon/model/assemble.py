"""The chain from formula and data to a frozen fit: the only place where it is put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.data import Column, Frame
from echelon.design.build import Built, Extra, build
from echelon.design.residual import ResidualDesign, residual_design
from echelon.errors import DataError, FormulaError, NotIdentified, NotYetSupported
from echelon.estimate.correlation import Coordinates
from echelon.estimate.iterative.probes import Probes
from echelon.estimate.optimise import minimise
from echelon.estimate.optimum import optimum
from echelon.estimate.problem import Problem, check_residual, fixed_part, problem
from echelon.estimate.residual import judge_residual, residual_optimum, search_residual
from echelon.estimate.verdict import judge
from echelon.formula import ModelSpec, ResidualSpec, parse, parse_residual
from echelon.linalg.threads import serial
from echelon.linalg.triangular import inverse
from echelon.model.fit import DfMethod, LmmFit, OlsFit, Source
from echelon.model.iterative import fit_iteratively
from echelon.model.parameters import at_zero, rival_of, theta_names, without_residual
from echelon.model.residual import residual_of
from echelon.model.summaries import Summaries
from echelon.moments import Moments, from_rows, from_summaries
from echelon.moments.residual import ResidualMoments, residual_moments

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
    spec = _mixed(parse(formula, frame.columns))
    asked = None if residual is None else parse_residual(residual, frame.columns)
    columns, time = ({}, None) if asked is None else _residual_columns(asked, frame)
    built = build(
        spec,
        frame,
        precision=precision,
        offset=offset,
        contrasts=contrasts,
        also=(*columns.values(), *(() if time is None else (time,))),
    )
    structure = None if asked is None else _structure(asked, columns, time, built)
    designed = perf_counter()
    sets = None if structure is None else residual_moments(built.design, structure)
    moments = from_rows(built.design) if sets is None else sets.base
    seconds = (("design", designed - began), ("compress", perf_counter() - designed))
    source = Source("rows", frame.backend, built.missing, frame.about, seconds)
    if sets is not None:
        if probes is not None:
            raise NotYetSupported('method="iterative" does not take residual= structures.')
        return _fit_residual(sets, spec, reml=reml, df=df, source=source, built=built)
    return fit_moments(moments, spec, reml=reml, df=df, source=source, built=built, probes=probes)


def _residual_columns(asked: ResidualSpec, frame: Frame) -> tuple[dict[str, Column], Column | None]:
    """The columns of a residual structure: those that form groups, and the times."""
    where = f"residual={asked.text!r}"
    groups = {name: frame.groups(name, where) for name in (*asked.strata, *asked.group)}
    return groups, frame.column(asked.time, where) if asked.time else None


def _structure(
    asked: ResidualSpec, columns: Mapping[str, Column], time: Column | None, built: Built
) -> ResidualDesign:
    """The residual structure over the rows used."""

    def taken(column: Column) -> Column:
        every = np.ones(len(column.values), dtype=bool)
        return column.take(every if built.used is None else built.used)

    groups = {name: taken(column) for name, column in columns.items()}
    return residual_design(
        asked, groups, None if time is None else taken(time), built.design.factors
    )


def _fit_residual(
    sets: ResidualMoments,
    spec: ModelSpec,
    *,
    reml: bool,
    df: DfMethod,
    source: Source,
    built: Built,
) -> LmmFit:
    """Fit a linear mixed model with a residual structure."""
    began = perf_counter()
    found = search_residual(sets, Coordinates.of(sets.structure), reml)
    best = residual_optimum(found, reml)
    names = theta_names(best, found.moments)
    verdict = judge_residual(found, names, at_zero(best, found.moments))
    if verdict.status == "failed":
        check_residual(found.task, found.search.at.rho2)
    return LmmFit(
        spec=spec,
        reml=reml,
        df_method=df,
        moments=found.moments,
        problem=found.task,
        lam_working=found.search.at.lam,
        optimum=best,
        verdict=verdict,
        source=replace(source, seconds=(*source.seconds, ("fit", perf_counter() - began))),
        built=built,
        residual=residual_of(found, best),
    )


@serial
def fit_summaries(formula: str, summaries: Summaries, *, reml: bool, df: DfMethod) -> LmmFit:
    """Fit a linear mixed model to n, mean and sd of each group."""
    began = perf_counter()
    frame = Frame.of(summaries.table)
    spec = _mixed(parse(formula, frame.columns))
    n, sd = summaries.sizes(frame), summaries.spreads(frame)
    built = build(spec, frame, also=(n, sd))
    sizes, spreads = n.values.astype(np.float64), sd.values.astype(np.float64)
    if built.used is not None:
        sizes, spreads = sizes[built.used], spreads[built.used]
    moments = from_summaries(built.design, sizes, spreads)
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
    return fit_problem(
        problem(moments), moments, spec, reml=reml, df=df, source=source, built=built, began=began
    )


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
    began: float | None = None,
) -> LmmFit:
    """Fit a linear mixed model to moments that are laid out already.

    Parameters
    ----------
    start : (q, q) covariance factor in working units where the search begins; None for its own
    began : when the work on the fit began, for `source.seconds`; None for now
    """
    began = perf_counter() if began is None else began
    search = minimise(task, reml, start)
    best = optimum(task, search, reml)
    rival = rival_of(search, task, best, moments)
    names = theta_names(best, moments)
    verdict = judge(search, names, at_zero(best, moments), task.pairs, rival)
    verdict = without_residual(verdict, search.at.D, best, moments)
    if verdict.status == "failed":
        check_residual(task, search.at.rho2)
    return LmmFit(
        spec=spec,
        reml=reml,
        df_method=df,
        moments=moments,
        problem=task,
        lam_working=search.at.lam,
        optimum=best,
        verdict=verdict,
        source=replace(source, seconds=(*source.seconds, ("fit", perf_counter() - began))),
        built=built,
    )


@serial
def fit_ols(
    formula: str,
    data: object,
    *,
    precision: Extra = None,
    offset: Extra = None,
    contrasts: Mapping[str, str] | None = None,
) -> OlsFit:
    """Fit a linear model by (weighted) least squares, from its moments."""
    frame = Frame.of(data)
    spec = parse(formula, frame.columns)
    if spec.random:
        raise FormulaError(
            "ec.lm() fits models without random effects. Use ec.lmer() for this one.",
            formula,
            spec.random[0].span,
        )
    _check_response(spec)
    built = build(spec, frame, precision=precision, offset=offset, contrasts=contrasts)
    moments = from_rows(built.design)
    fixed = fixed_part(moments)
    cross = fixed.lay.T @ moments.cross @ fixed.lay
    df = moments.n - fixed.p
    if df < 0 or fixed.p == 0:
        raise NotIdentified(f"{moments.n} rows cannot estimate {fixed.p} coefficients.")
    beta = np.linalg.solve(cross[:-1, :-1], cross[:-1, -1])
    root = fixed.back @ inverse(np.linalg.cholesky(cross[:-1, :-1]).astype(np.float64)).T
    rss = max(float(cross[-1, -1] - cross[:-1, -1] @ beta), 0.0)
    raw = float(moments.cross[-1, -1] + moments.weight * moments.centre[-1] ** 2)
    if rss <= tolerances.PERFECT_FIT * float(moments.cross[-1, -1]):
        rss = 0.0
    sigma2 = rss / df if df > 0 else np.nan
    return OlsFit(
        spec=spec,
        moments=moments,
        names=fixed.names,
        dropped=fixed.dropped,
        beta=fixed.back @ beta + fixed.shift,
        vcov_beta=sigma2 * (root @ root.T),
        sigma2=sigma2,
        rss=rss,
        tss=float(moments.cross[-1, -1]) if moments.intercept else raw,
        source=Source("rows", frame.backend, built.missing, frame.about),
        built=built,
    )


def _mixed(spec: ModelSpec) -> ModelSpec:
    if not spec.random:
        raise FormulaError(
            "No random term such as (1 | school) in the formula. Use ec.lm() for a model without "
            "random effects.",
            spec.formula,
            (0, len(spec.formula)),
        )
    _check_response(spec)
    return spec


def _check_response(spec: ModelSpec) -> None:
    if not spec.response:
        raise FormulaError(
            "The formula has no response. Write it left of the ~, as in y ~ x.",
            spec.formula,
            (0, 1),
        )
    if spec.response.startswith("cbind("):
        raise NotYetSupported(
            "A response of counts, cbind(successes, failures), needs a generalised linear mixed "
            "model, which this version does not have."
        )


__all__ = ["DataError", "fit_lmm", "fit_moments", "fit_ols", "fit_summaries"]
