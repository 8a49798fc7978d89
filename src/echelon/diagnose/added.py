"""What further fixed columns would do to a fit: tested at its variances, without a search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from echelon.design.design import Design
from echelon.diagnose.level1 import design_of
from echelon.estimate.blocks import Blocks
from echelon.estimate.choose import choose
from echelon.estimate.correlation import Coordinates
from echelon.estimate.engine import Engine
from echelon.estimate.iterative.engine import Iterative
from echelon.estimate.problem import fixed_part, laid
from echelon.linalg.distributions import f_upper
from echelon.model.fit import LmmFit, OlsFit
from echelon.model.iterative import probes_used
from echelon.moments import Moments, from_rows
from echelon.moments.residual import residual_moments

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

_REPEATS = 1e-7
"""A column is a combination of those of the model when they leave less of its sum of squares."""


@dataclass(frozen=True, slots=True, eq=False)
class Extended:
    """Cross-products [X A y]'V0^-1[X A y] with further columns A, at the variances of a fit.

    Attributes
    ----------
    names : of the columns of X and A;  p : columns of X
    products : (k + 1, k + 1) with the response last
    sigma2 : residual variance of the fit
    """

    names: tuple[str, ...]
    p: int
    products: Array
    sigma2: float

    def of(self, some: Sequence[str]) -> Array:
        """Coefficients of the columns X and `some`, the latter last."""
        at = self._places(some)
        found = np.linalg.solve(self.products[np.ix_(at, at)], self.products[at, -1])
        return np.asarray(found, dtype=np.float64)

    def covariance(self, some: Sequence[str]) -> Array:
        """Their covariance, at the variances of the fit."""
        at = self._places(some)
        return np.asarray(self.sigma2 * np.linalg.inv(self.products[np.ix_(at, at)]))

    def _places(self, some: Sequence[str]) -> list[int]:
        return [*range(self.p), *(self.names.index(name, self.p) for name in some)]


@dataclass(frozen=True, slots=True, eq=False)
class Addition:
    """The test of one set of further columns.

    Attributes
    ----------
    name : what was added
    columns : names of the columns that are no combination of those of the model
    estimate, std_error : (m,) their coefficients
    F, df1, df2, p_value : joint test
    beta : (p,) coefficients of the model's columns beside them, about the means of the columns;
        slopes are in the user's units
    beta_se : (p,) their standard errors
    """

    name: str
    columns: tuple[str, ...]
    estimate: Array
    std_error: Array
    F: float
    df1: int
    df2: float
    p_value: float
    beta: Array
    beta_se: Array


def additions(
    fit: LmmFit | OlsFit, sets: Mapping[str, Mapping[str, Array]], *, repeats: float = _REPEATS
) -> tuple[Addition, ...]:
    """Test sets of further fixed columns, each by itself.

    Parameters
    ----------
    sets : columns (n,) by name, by name of the set
    repeats : share of its sum of squares that a column must have beyond those of the model, or the
        model has it already

    Returns
    -------
    one entry a set, in order, without those whose columns the model has already

    Raises
    ------
    NeedsRows : the fit was made from summaries

    Notes
    -----
    Generalised least squares with the variances of the fit held (`added-column`; cook1982): a score
    test in the fixed effects. The variances were estimated without the columns, so a column with an
    effect meets variances that are too large, and the test errs on the side of silence. Denominator
    degrees of freedom are counted by levels. Cost: one pass over the rows for all sets, and one
    evaluation.
    """
    design, found = design_of(fit, "Testing further columns"), list[Addition]()
    place = dict(zip(design.names, design.arrays, strict=True))
    X = [np.ones(design.n), *(place[name] for name in fit.names if name in place)]
    pending = _new(sets, np.column_stack(X), repeats)
    while pending:
        together: dict[str, Array] = {}
        for columns in pending.values():
            together |= columns
        extended = extend(fit, together)
        known = set(extended.names[extended.p :])
        # a column that repeats one of another set waits for a round of its own
        ready = {n: c for n, c in pending.items() if known.issuperset(c)}
        if not ready:
            first = next(iter(pending))
            extended = extend(fit, pending[first])
            kept = {n: x for n, x in pending[first].items() if n in extended.names[extended.p :]}
            ready, pending[first] = ({first: kept} if kept else {}), {}
        for name, columns in ready.items():
            found.append(_test(fit, design, extended, name, columns))
        pending = {n: c for n, c in pending.items() if n not in ready and c}
    order = list(sets)
    return tuple(sorted(found, key=lambda one: order.index(one.name)))


def _new(
    sets: Mapping[str, Mapping[str, Array]], X: Array, repeats: float
) -> dict[str, dict[str, Array]]:
    """Of each set the columns that are no combination of the model's columns and earlier ones."""
    scale = np.maximum(np.abs(X).max(axis=0), np.finfo(float).tiny)
    basis = np.linalg.qr(X / scale)[0]
    found = {}
    for name, columns in sets.items():
        Q, kept = basis, dict[str, Array]()
        for label, x in columns.items():
            about = x - x.mean()
            left = x - Q @ (Q.T @ x)
            left -= Q @ (Q.T @ left)
            length = float(left @ left)
            if length > repeats * max(float(about @ about), np.finfo(float).tiny):
                kept[label] = x
                Q = np.column_stack([Q, left / np.sqrt(length)])
        if kept:
            found[name] = kept
    return found


def extend(fit: LmmFit | OlsFit, columns: Mapping[str, Array]) -> Extended:
    """Cross-products with further columns at the variances of a fit.

    Columns that are combinations of earlier ones are left out.
    """
    design = design_of(fit, "Testing further columns")
    last = max(design.assign, default=-1) + 1
    wider = replace(
        design,
        names=(*design.names, *columns),
        arrays=(*design.arrays, *columns.values()),
        assign=(*design.assign, *range(last, last + len(columns))),
    )
    moments = from_rows(wider) if isinstance(fit, OlsFit) else _moments(fit, wider)
    part, p = fixed_part(moments), len(fit.names)
    if isinstance(fit, OlsFit):
        return Extended(part.names, p, part.lay.T @ moments.cross @ part.lay, fit.sigma2)
    # in the coordinates of the fit, whose covariance factor is taken as it is
    cross, blocks = laid(replace(fit.problem, fixed=part), moments)
    products = cross - _engine(fit, blocks).sweep(fit.lam_working).explained
    return Extended(part.names, p, products, fit.optimum.sigma2)


def _moments(fit: LmmFit, design: Design) -> Moments:
    if fit.residual is None:
        return from_rows(design)
    layout = fit.residual.layout
    omega = Coordinates.of(layout).omega(fit.residual.ratio, fit.residual.phi)
    return residual_moments(design, layout).combined(omega, 0.0)


def _engine(fit: LmmFit, blocks: Blocks) -> Engine:
    probes = probes_used(fit)
    return choose(blocks) if probes is None else Iterative.of(blocks, probes)


def _test(
    fit: LmmFit | OlsFit, design: Design, at: Extended, name: str, columns: Mapping[str, Array]
) -> Addition:
    some, m = tuple(columns), len(columns)
    beta, covariance = at.of(some), at.covariance(some)
    estimate, own = beta[-m:], covariance[-m:, -m:]
    F = float(estimate @ np.linalg.solve(own, estimate)) / m
    df2 = float(min(freedom(fit, design, x) for x in columns.values()) - (m - 1))
    df2 = max(df2, 1.0)
    errors = np.sqrt(np.diagonal(covariance))
    return Addition(
        name, some, estimate, errors[-m:], F, m, df2, f_upper(F, m, df2), beta[:-m], errors[:-m]
    )


def freedom(fit: LmmFit | OlsFit, design: Design, x: Array) -> int:
    """Denominator degrees of freedom of a further column, counted at its level.

    Groups of the coarsest factor within which the column is constant, less the fixed columns that
    are; rows less groups and columns for one that varies within groups.
    """
    if isinstance(fit, OlsFit):
        return max(fit.df_resid - 1, 1)
    every = [np.ones(design.n), *design.arrays]
    counts = [
        len(factor.levels) - sum(not varies_within(a, factor.codes) for a in every) - 1
        for factor in design.factors
        if not varies_within(x, factor.codes)
    ]
    groups = max(len(factor.levels) for factor in design.factors)
    return max(min(counts, default=design.n - groups - len(fit.names)), 1)


def varies_within(x: Array, codes: Codes | NDArray[np.int32]) -> bool:
    """Whether a column takes several values within some group."""
    first = np.zeros(int(codes.max()) + 1)
    first[codes] = x
    return bool(np.abs(x - first[codes]).max() > 1e-9 * max(float(np.abs(x).max()), 1e-300))
