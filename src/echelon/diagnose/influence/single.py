"""A model refitted without some of its rows, as a fit with everything a fit has."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from echelon.design.build import Built
from echelon.design.design import Design, FactorDesign
from echelon.diagnose.influence.structured import structure_without
from echelon.errors import NeedsRows, NotYetSupported
from echelon.estimate.problem import problem
from echelon.linalg.threads import serial
from echelon.model.assemble import fit_problem
from echelon.model.fit import LmmFit, OlsFit
from echelon.model.iterative import probes_used
from echelon.model.least_squares import fit_built
from echelon.model.residual_fit import fit_residual
from echelon.moments import Moments, from_rows, from_summaries
from echelon.moments.residual import residual_moments

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@serial
def without_rows(fit: LmmFit, keep: Flags) -> LmmFit:
    """The same model of some of its rows; the search begins at the estimates of all.

    Parameters
    ----------
    keep : (n,) mask over the rows used

    Raises
    ------
    NotIdentified, DataError : those rows hold too little
    NotYetSupported : a fit by the iterative method

    Notes
    -----
    Cost O(n) for the moments, then as a search from nearby (`deletion-refit`).
    """
    if probes_used(fit) is not None:
        raise NotYetSupported(
            'Leaving rows or groups out needs method="exact"; this model was fitted by the '
            "iterative method."
        )
    if fit.built is None:
        raise NeedsRows("Leaving groups out needs the table; this fit was made from moments.")
    if fit.residual is not None:
        return _structured(fit, fit.built, keep)
    built = built_without(fit.built, keep)
    moments = moments_of(built)
    task = problem(moments)
    return fit_problem(
        task,
        moments,
        fit.spec,
        reml=fit.reml,
        df=fit.df_method,
        source=replace(fit.source, seconds=()),
        built=built,
        start=working_factor(fit, task.whiten) if fit.verdict.status == "converged" else None,
    )


def working_factor(fit: LmmFit, whiten: Array) -> Array:
    """The fit's covariance factor in the working units of another problem of the same effects."""
    lam = np.linalg.solve(whiten, fit.optimum.lam).astype(np.float64)
    return fit.problem.pairs.rotated(lam)


def moments_of(built: Built) -> Moments:
    """Moments of a design over rows, or of the rows behind its summaries."""
    if built.behind is None:
        return from_rows(built.design)
    return from_summaries(built.design, *built.behind)


def built_without(built: Built, keep: Flags) -> Built:
    """A design of some of its rows; groups without rows are gone."""
    used = np.ones(built.missing.n_total, dtype=bool) if built.used is None else built.used.copy()
    used[np.flatnonzero(used)] = keep
    return replace(
        built,
        design=_design(built.design, keep),
        used=used,
        columns={name: column.take(keep) for name, column in built.columns.items()},
        shift=None if built.shift is None else built.shift[keep],
        behind=None if built.behind is None else (built.behind[0][keep], built.behind[1][keep]),
    )


def _design(design: Design, keep: Flags) -> Design:
    taken: dict[int, Array] = {}

    def of(array: Array) -> Array:
        """Columns that are one array stay one: moments are made of distinct arrays."""
        if id(array) not in taken:
            taken[id(array)] = array[keep]
        return taken[id(array)]

    def factor(known: FactorDesign) -> FactorDesign:
        codes = known.codes[keep]
        left = np.bincount(codes, minlength=len(known.levels)) > 0
        number = np.cumsum(left) - 1
        return replace(
            known,
            levels=tuple(np.array(known.levels, dtype=object)[left]),
            codes=number[codes].astype(np.int32),
            terms=tuple(replace(t, arrays=tuple(of(a) for a in t.arrays)) for t in known.terms),
        )

    return replace(
        design,
        arrays=tuple(of(a) for a in design.arrays),
        y=of(design.y),
        offset=None if design.offset is None else of(design.offset),
        precision=None if design.precision is None else of(design.precision),
        factors=tuple(factor(known) for known in design.factors),
    )


def _structured(fit: LmmFit, built: Built, keep: Flags) -> LmmFit:
    """The same under a residual structure, which is estimated again."""
    if fit.residual is None:
        raise ValueError("the fit has no residual structure")
    layout = structure_without(fit.residual.layout, keep)
    left = built_without(built, keep)
    return fit_residual(
        residual_moments(left.design, layout),
        fit.spec,
        reml=fit.reml,
        df=fit.df_method,
        source=replace(fit.source, seconds=()),
        built=left,
    )


def linear_without_rows(fit: OlsFit, keep: Flags) -> OlsFit:
    """The same linear model of some of its rows.

    Raises
    ------
    NotIdentified : no more rows than coefficients are left
    """
    return fit_built(built_without(fit.built, keep), fit.spec, replace(fit.source, seconds=()))
