"""A design study: draw, estimate, measure, cell by cell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.linalg.threads import serial
from echelon.moments.responses import ResponseMoments
from echelon.moments.span import span
from echelon.study.draws import covariance, draw
from echelon.study.estimated import Estimated
from echelon.study.estimators import BEST, estimates
from echelon.study.grid import Cell
from echelon.study.measures import Measured, of_efficiency, of_estimates, of_tests, of_variances
from echelon.study.model import Columns, columns, design_moments
from echelon.study.predictors import Predictor, plan
from echelon.study.setting import Setting

Array = NDArray[np.float64]
Tell = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is studied in every cell.

    Attributes
    ----------
    predictors : all of them
    estimators : names
    reps : replicates a cell
    designs : how many designs they are shared among; 1 is the representative design
    alpha, power : of tests, and of the smallest detectable effect
    """

    predictors: tuple[Predictor, ...]
    estimators: tuple[str, ...]
    reps: int
    designs: int
    alpha: float
    power: float


@dataclass(frozen=True, slots=True)
class Row:
    """What was found for one term by one estimator in one cell.

    Attributes
    ----------
    cell : number of the cell
    estimator, term : names;  kind : "effect" or "variance"
    truth : value of the parameter
    values : by name of the measure, with "_mcse" for its Monte Carlo standard error
    """

    cell: int
    estimator: str
    term: str
    kind: str
    truth: float
    values: Measured


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """One design's estimates by estimator, which are errors as all effects were zero."""

    found: dict[str, Estimated]
    n: NDArray[np.intp]


@serial
def study_rows(
    cells: Sequence[Cell], asked: Asked, root: int, tell: Tell | None = None
) -> tuple[list[Row], list[Array]]:
    """Rows of every cell, and the sizes of its groups (all designs together).

    Notes
    -----
    Errors of estimators do not depend on mean and effects (`study-equivariance`): cells that
    differ in those alone are drawn once.
    """
    at: dict[Cell, tuple[list[_Drawn], Columns]] = {}
    rows: list[Row] = []
    sizes: list[Array] = []
    for number, cell in enumerate(cells):
        noise = cell.noise
        if noise not in at:
            at = {key: value for key, value in at.items() if key in _left(cells, number)}
            at[noise] = _replicates(noise, asked, root)
        drawn, layout = at[noise]
        rows += _measured(number, cell, drawn, layout, asked)
        sizes.append(np.concatenate([one.n for one in drawn]).astype(np.float64))
        if tell is not None:
            tell(number + 1)
    return rows, sizes


def setting(cell: Cell, asked: Asked, root: int, number: int, R: int) -> Setting:
    """One design of a cell with its responses."""
    layout = columns(
        asked.predictors,
        tuple(name for name, _ in cell.effects),
        tuple(name for name, _ in cell.slopes),
    )
    seed = cell.seed(root, asked.predictors, asked.designs > 1, number)
    rng = np.random.default_rng([*seed, 2**31])
    made = plan(cell.sizes, cell.J, asked.predictors, rng, random=asked.designs > 1)
    full = design_moments(made, layout, tuple(range(len(layout.effects))))
    y = draw(cell, made, layout, span(full), seed, R)
    return Setting(made, layout, full, y, covariance(cell, layout), cell.sigma2)


def _left(cells: Sequence[Cell], number: int) -> set[Cell]:
    return {cell.noise for cell in cells[number:]}


def _replicates(cell: Cell, asked: Asked, root: int) -> tuple[list[_Drawn], Columns]:
    """Estimates of every design of a cell, in blocks of responses that fit the memory."""
    drawn = []
    shares = [len(part) for part in np.array_split(np.arange(asked.reps), asked.designs)]
    for number, R in enumerate(shares):
        at = setting(cell, asked, root, number, R)
        parts = [estimates(block, (*asked.estimators, BEST)) for block in _blocks(at)]
        found = {name: _joined([part[name] for part in parts]) for name in parts[0]}
        drawn.append(_Drawn(found, at.plan.n))
    return drawn, at.columns


def _blocks(at: Setting) -> Iterator[Setting]:
    J, q, R = at.y.ZtY[0].shape
    size = max(tolerances.DRAWN_ENTRIES // (J * q), 1)
    for first in range(0, R, size):
        some = slice(first, first + size)
        yield Setting(
            at.plan,
            at.columns,
            at.full,
            ResponseMoments(
                at.y.centre[some],
                at.y.VtY[:, some],
                at.y.yty[some],
                (at.y.ZtY[0][:, :, some],),
            ),
            at.truth,
            at.sigma2,
        )


def _joined(parts: list[Estimated]) -> Estimated:
    return Estimated(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("estimate", "std_error", "df", "variances")
        )
    )


def _measured(
    number: int, cell: Cell, drawn: list[_Drawn], layout: Columns, asked: Asked
) -> Iterator[Row]:
    effects = {**dict(cell.effects), layout.terms[0]: cell.mean}
    names = [*(f"var {name}" for name in _random_names(layout)), "var residual"]
    variances = [cell.tau2, *(sd**2 for _, sd in cell.slopes), cell.sigma2]
    best = _joined([one.found[BEST] for one in drawn]).estimate
    for estimator in asked.estimators:
        found = _joined([one.found[estimator] for one in drawn])
        for i, term in enumerate(layout.terms):
            error, truth = found.estimate[:, i], effects.get(term, 0.0)
            if np.isnan(error).all():
                continue
            values = of_estimates(error, truth)
            values |= of_efficiency(error, best[:, i])
            values |= of_tests(
                error,
                found.std_error[:, i],
                found.df[:, i],
                truth=truth,
                alpha=asked.alpha,
                power=asked.power,
            )
            yield Row(number, estimator, term, "effect", truth, values)
        for i, (name, truth) in enumerate(zip(names, variances, strict=True)):
            error = found.variances[:, i] - truth
            if not np.isnan(error).all():
                yield Row(number, estimator, name, "variance", truth, of_variances(error, truth))


def _random_names(layout: Columns) -> list[str]:
    return [layout.effects[a] for a in layout.random]
