"""The chain from formula and data to a frozen fit: the only place where it is put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.data import Frame
from echelon.design.build import Built, Extra, build
from echelon.errors import DataError, FormulaError, NotIdentified, NotYetSupported
from echelon.estimate.optimise import minimise
from echelon.estimate.optimum import Optimum, optimum
from echelon.estimate.problem import check_residual, fixed_part, problem
from echelon.estimate.verdict import judge
from echelon.formula import ModelSpec, parse
from echelon.linalg.triangular import inverse
from echelon.model.fit import DfMethod, LmmFit, OlsFit, Source
from echelon.model.summaries import Summaries
from echelon.moments import Moments, from_rows, from_summaries

Array = NDArray[np.float64]


def fit_lmm(
    formula: str,
    data: object,
    *,
    reml: bool,
    df: DfMethod,
    precision: Extra = None,
    offset: Extra = None,
    contrasts: Mapping[str, str] | None = None,
) -> LmmFit:
    """Fit a linear mixed model to rows."""
    began = perf_counter()
    frame = Frame.of(data)
    spec = _mixed(parse(formula, frame.columns))
    built = build(spec, frame, precision=precision, offset=offset, contrasts=contrasts)
    designed = perf_counter()
    moments = from_rows(built.design)
    seconds = (("design", designed - began), ("compress", perf_counter() - designed))
    source = Source("rows", frame.backend, built.missing, frame.about, seconds)
    return fit_moments(moments, spec, reml=reml, df=df, source=source, built=built)


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


def fit_moments(
    moments: Moments,
    spec: ModelSpec,
    *,
    reml: bool,
    df: DfMethod,
    source: Source,
    built: Built | None = None,
) -> LmmFit:
    """Fit a linear mixed model to moments, wherever they came from."""
    began = perf_counter()
    task = problem(moments)
    search = minimise(task, reml)
    best = optimum(task, search, reml)
    verdict = judge(search, theta_names(best, moments), _at_zero(best, moments))
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


def theta_names(best: Optimum, moments: Moments) -> tuple[str, ...]:
    """lme4's names: "Subject.(Intercept)", "Subject.Days.(Intercept)"."""
    owner = [(group.factor, effect) for group in moments.groups for effect in group.effects]
    return tuple(
        f"{owner[r][0]}.{owner[r][1]}" + ("" if r == c else f".{owner[c][1]}")
        for r, c in zip(best.pairs.row, best.pairs.col, strict=True)
    )


def _at_zero(best: Optimum, moments: Moments) -> tuple[str, ...]:
    """Effects with zero variance, and blocks whose covariance is singular, in words."""
    owner = [(group.factor, effect) for group in moments.groups for effect in group.effects]
    found = []
    for start, size in zip(best.pairs.starts, best.pairs.sizes, strict=True):
        factor = owner[start][0]
        names = [effect for _, effect in owner[start : start + size]]
        block = best.lam[start : start + size, start : start + size]
        zero = [name for name, row in zip(names, block, strict=True) if not row.any()]
        found += [f"zero variance of {name} between {factor}" for name in zero]
        alive = size - len(zero)
        if alive > np.linalg.matrix_rank(block) and alive > 1:
            what = "a correlation of +1 or -1" if alive == 2 else "perfectly dependent effects"
            kept = [name for name in names if name not in zero]
            found.append(f"{what} between the random effects {', '.join(kept)} of {factor}")
    return tuple(found)


__all__ = ["DataError", "fit_lmm", "fit_moments", "fit_ols", "fit_summaries"]
