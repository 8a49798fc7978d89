"""Replicates of a fit: as rows of parameters, a piece at a time, or as full fits one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.effects.simulate import simulated_products, simulated_rows
from echelon.errors import EchelonError, TooLarge
from echelon.estimate.batch.single import with_response as problem_with
from echelon.estimate.batch.working import working
from echelon.infer.bootstrap.parameters import Parameters
from echelon.infer.bootstrap.residual import pools
from echelon.model.assemble import fit_problem
from echelon.model.fit import LmmFit
from echelon.model.refit import refit_one, refit_products
from echelon.model.resample import resampling
from echelon.moments.responses import ResponseMoments, responses, with_response
from echelon.moments.span import span

Array = NDArray[np.float64]
Kind = Literal["parametric", "case", "residual"]
Draw = Callable[[int], ResponseMoments]
Piece = tuple[Array, NDArray[np.str_]]
"""Parameters (R, m) of R replicates, nan where there is no fit, and how each ended."""


def pieces(
    fit: LmmFit, known: Parameters, kind: Kind, n: int, rng: np.random.Generator
) -> Iterator[Piece]:
    """Replicates of the parameters, a piece at a time."""
    if kind == "case":
        yield from _case_pieces(fit, known, n, rng)
        return
    if kind == "parametric":
        draw, rows = _products(fit, rng)
    else:
        draw, rows = _of_rows(fit, pools(fit).drawn, rng), True
    for R in _sizes(fit, n, rows=rows):
        found = refit_products(fit, draw(R))
        values = known.of_many(found)
        values[found.status == "failed"] = np.nan
        yield values, found.status


def fits(fit: LmmFit, kind: Kind, n: int, rng: np.random.Generator) -> Iterator[LmmFit | str]:
    """Replicates as full fits, with rows where the fit has rows; or why there is none."""
    if kind == "case":
        again = resampling(fit, _WHAT[kind], rows=True)
        for _ in range(n):
            chosen = rng.integers(0, again.J, again.J)
            yield _tried(lambda chosen=chosen: again.refit(chosen))  # type: ignore[misc]
        return
    if kind == "parametric" and not _has_rows(fit):
        yield from _fits_without_rows(fit, n, rng)
        return
    pool = pools(fit) if kind == "residual" else None
    for R in _sizes(fit, n, rows=True):
        Y = simulated_rows(fit, R, rng) if pool is None else pool.drawn(R, rng)
        for r in range(R):
            yield _tried(lambda y=Y[:, r]: refit_one(fit, np.ascontiguousarray(y)))  # type: ignore[misc]


_WHAT = {"case": "The case bootstrap", "residual": "The residual bootstrap"}


def _has_rows(fit: LmmFit) -> bool:
    return fit.built is not None and fit.source.kind == "rows"


def _sizes(fit: LmmFit, n: int, *, rows: bool) -> Iterator[int]:
    """How many replicates are drawn at a time: what fits the memory, and moves a progress bar.

    Parameters
    ----------
    rows : whether rows are drawn
    """
    entries = 3 * sum(len(g.levels) * len(g.effects) for g in fit.moments.groups)
    most = tolerances.DRAWN_TOGETHER if len(fit.factors) == 1 else 10
    if rows:
        entries = max(entries, fit.n)
    size = int(np.clip(tolerances.DRAWN_ENTRIES // entries, 1, most))
    for start in range(0, n, size):
        yield min(size, n - start)


def _products(fit: LmmFit, rng: np.random.Generator) -> tuple[Draw, bool]:
    """What draws cross-products, and whether it draws rows: where moments are too large for it."""
    try:
        at = span(fit.moments)
    except TooLarge:
        if not _has_rows(fit):
            raise
        return _of_rows(fit, lambda R, rng: simulated_rows(fit, R, rng), rng), True
    return lambda R: simulated_products(fit, at, R, rng), False


def _of_rows(
    fit: LmmFit, draw: Callable[[int, np.random.Generator], Array], rng: np.random.Generator
) -> Draw:
    design = fit.rows("simulating rows").design
    return lambda R: responses(fit.moments, design, draw(R, rng))


def _case_pieces(
    fit: LmmFit, known: Parameters, n: int, rng: np.random.Generator
) -> Iterator[Piece]:
    again = resampling(fit, _WHAT["case"], rows=False)
    for _ in range(n):
        chosen = rng.integers(0, again.J, again.J)
        found = _tried(lambda chosen=chosen: again.refit(chosen))  # type: ignore[misc]
        yield row_of(fit, known, found)


def row_of(fit: LmmFit, known: Parameters, found: LmmFit | str) -> Piece:
    """A single fit as a piece; failed where its fixed effects are not those of `fit`."""
    status = "failed" if isinstance(found, str) else found.verdict.status
    values = np.full((1, len(known.names)), np.nan)
    if isinstance(found, LmmFit) and status != "failed" and found.names == fit.names:
        values[0] = known.of(found)
    else:
        status = "failed"
    return values, np.array([status])


def _fits_without_rows(fit: LmmFit, n: int, rng: np.random.Generator) -> Iterator[LmmFit | str]:
    draw, _ = _products(fit, rng)
    for R in _sizes(fit, n, rows=False):
        given = draw(R)
        for r in range(R):
            yield _tried(lambda r=r, given=given: _of_product(fit, given, r))  # type: ignore[misc]


def _of_product(fit: LmmFit, given: ResponseMoments, r: int) -> LmmFit:
    """The full fit of response r, known by its cross-products."""
    at, shift = working(fit.problem, fit.moments, given)
    task = problem_with(fit.problem, at, r)
    return fit_problem(
        replace(task, fixed=replace(task.fixed, shift=shift[r])),
        with_response(fit.moments, given, r, fit.response),
        fit.spec,
        reml=fit.reml,
        df=fit.df_method,
        source=replace(fit.source, seconds=()),
    )


def _tried(make: Callable[[], LmmFit]) -> LmmFit | str:
    """A fit, or why there is none."""
    try:
        return make()
    except EchelonError as error:
        return str(error)
