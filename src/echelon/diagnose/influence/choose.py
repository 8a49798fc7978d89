"""Which way groups, or rows, are left out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.diagnose.influence import batch
from echelon.diagnose.influence.evaluate import Deleted
from echelon.diagnose.influence.groups import (
    GroupInfluence,
    Method,
    component_names,
    components_of,
)
from echelon.diagnose.influence.held import held_by_rows
from echelon.diagnose.influence.single import linear_without_rows, without_rows, working_factor
from echelon.diagnose.influence.units import Units, units_of
from echelon.errors import EchelonError, NotYetSupported, UnknownOption
from echelon.estimate.deviance import evaluate
from echelon.infer.choose import uncertainty
from echelon.linalg.threads import serial
from echelon.model.fit import LmmFit, OlsFit
from echelon.model.iterative import probes_used

Array = NDArray[np.float64]
Refit = bool | str | None
"""True: exact refits; False: variance parameters held; "one-step"; None: what is affordable."""

ROW = "row"


def group_influence_values(
    fit: LmmFit | OlsFit, by: object = None, *, refit: Refit = None
) -> GroupInfluence:
    """Influence of every group.

    Parameters
    ----------
    by : grouping factor or variable by name, or one label a row; None for the factor with the
        fewest groups
    refit : True for exact refits, False for variance parameters held at their estimates,
        "one-step" for one Newton step; None for exact refits, in models of one grouping factor with
        many groups one step

    Raises
    ------
    UnknownOption, DataError, NotIdentified, NeedsRows : see `units_of`
    NotYetSupported : one step with several factors; a fit by the iterative method

    Notes
    -----
    `deletion-refit`, `deletion-step`, `deletion-held`. With one grouping factor all refits are one
    batch: O(R J) for R deletions of J groups, whatever n; the others are searches one by one.
    """
    method = _method(refit)
    units = units_of(fit, by)
    if isinstance(fit, OlsFit):
        return _one_by_one(fit, units)
    _require_exact(fit)
    if units.factor is not None and batch.batchable(fit):
        return _in_batch(fit, units, batch.without_groups(fit), method)
    return _without_batch(fit, units, method)


def row_refits(fit: LmmFit, *, refit: Refit = True) -> GroupInfluence:
    """Influence of every row by refits without it; `row_influence_values` needs none.

    Raises
    ------
    NeedsRows : the fit was made from summaries
    """
    design = fit.rows("Leaving rows out").design
    built = fit.built
    used = None if built is None else built.used
    numbers = np.arange(design.n) if used is None else np.flatnonzero(used)
    units = Units(ROW, tuple(numbers.tolist()), np.arange(design.n))
    _require_exact(fit)
    if batch.batchable(fit):
        return _in_batch(fit, units, batch.without_rows(fit), _method(refit))
    return _without_batch(fit, units, _method(refit))


def _method(refit: Refit) -> Method | None:
    named: dict[object, Method] = {True: "exact", False: "held", "one-step": "one-step"}
    if refit is None:
        return None
    if not isinstance(refit, bool | str) or refit not in named:
        raise UnknownOption("refit", refit, ("True", "False", "one-step"))
    return named[refit]


def _require_exact(fit: LmmFit) -> None:
    if probes_used(fit) is not None:
        raise NotYetSupported(
            'influence() needs method="exact"; this model was fitted by the iterative method.'
        )


@serial
def _in_batch(fit: LmmFit, units: Units, given: Deleted, method: Method | None) -> GroupInfluence:
    """All deletions at once; those that do not settle one by one."""
    if method is None:
        work = float(given.R) * given.groups.M.shape[2] * len(given.shape.all_row) ** 2
        method = "exact" if work <= tolerances.DELETED_WORK else "one-step"
    way = {"exact": batch.refitted, "one-step": batch.one_step, "held": batch.held}[method]
    found = way(fit, given)
    shape = fit.optimum.pairs
    made = _Made.empty(fit, units)
    made.beta[:], made.vcov[:] = found.beta, found.vcov
    made.components[:, :-1] = found.covariance[:, shape.row, shape.col]
    made.components[:, -1] = found.sigma2
    made.deviance[:], made.displacement[:] = found.deviance, found.displacement
    made.boundary[:] = found.boundary
    for r in np.flatnonzero(~found.settled):
        made.put(fit, units, int(r))
    return made.values(fit, units, method)


def _without(fit: LmmFit | OlsFit, units: Units, r: int) -> LmmFit | OlsFit:
    keep = units.codes != r
    if isinstance(fit, OlsFit):
        return linear_without_rows(fit, keep)
    return without_rows(fit, keep)


def _without_batch(fit: LmmFit, units: Units, method: Method | None) -> GroupInfluence:
    if method == "one-step":
        raise NotYetSupported(
            'refit="one-step" is for models of one grouping factor without a structure, by that '
            "factor. Use refit=True (exact), or refit=False (variance parameters held)."
        )
    if method is None:
        groups = sum(len(group.levels) for group in fit.moments.groups)
        many = units.R * groups > tolerances.DELETED_SINGLE and fit.source.kind == "rows"
        method = "held" if many else "exact"
    if method == "exact":
        return _one_by_one(fit, units)
    made = _Made.empty(fit, units)
    made.beta[:], made.vcov[:] = held_by_rows(fit, units)
    made.components[:] = components_of(fit)
    return made.values(fit, units, "held")


def _one_by_one(fit: LmmFit | OlsFit, units: Units) -> GroupInfluence:
    """Searches from the estimates of all rows; their moments are made of the rows left, O(n)."""
    made = _Made.empty(fit, units)
    for r in range(units.R):
        made.put(fit, units, r)
    return made.values(fit, units, "exact")


class _Made:
    """Results being gathered."""

    def __init__(self, R: int, p: int, m: int) -> None:
        self.beta, self.vcov = np.full((R, p), np.nan), np.full((R, p, p), np.nan)
        self.components = np.full((R, m), np.nan)
        self.deviance, self.displacement = np.full(R, np.nan), np.full(R, np.nan)
        self.boundary = np.zeros(R, dtype=bool)
        self.reason = [""] * R

    @classmethod
    def empty(cls, fit: LmmFit | OlsFit, units: Units) -> _Made:
        """Room for every unit."""
        return cls(units.R, len(fit.names), len(component_names(fit)))

    def put(self, fit: LmmFit | OlsFit, units: Units, r: int) -> None:
        """One unit's refit, or why there is none."""
        self.beta[r], self.vcov[r], self.components[r] = np.nan, np.nan, np.nan
        self.deviance[r] = self.displacement[r] = np.nan
        try:
            other = _without(fit, units, r)
        except EchelonError as error:
            self.reason[r] = str(error)
            return
        at = [fit.names.index(name) for name in other.names]
        lost = [name for name in fit.names if name not in other.names]
        if lost:
            self.reason[r] = f"{', '.join(lost)} not estimable without it"
        beta = other.beta if isinstance(other, OlsFit) else other.optimum.beta
        vcov = other.vcov_beta if isinstance(other, OlsFit) else other.optimum.vcov
        self.beta[r, at] = beta
        self.vcov[r][np.ix_(at, at)] = vcov
        self.components[r] = components_of(other)
        if isinstance(fit, LmmFit) and isinstance(other, LmmFit):
            self.deviance[r] = other.optimum.deviance
            self.boundary[r] = other.verdict.status == "boundary"
            if other.verdict.status == "failed":
                self.reason[r] = "the refit without it did not converge"
            self.displacement[r] = np.nan if lost else displacement(fit, other)

    def values(self, fit: LmmFit | OlsFit, units: Units, method: Method) -> GroupInfluence:
        """The result, frozen."""
        known = uncertainty(fit)
        return GroupInfluence(
            fit=fit,
            units=units,
            size=_sizes(fit, units),
            method=method,
            beta=self.beta,
            vcov=self.vcov,
            components=self.components,
            deviance=self.deviance,
            displacement=self.displacement,
            boundary=self.boundary,
            reason=tuple(self.reason),
            df=known.df(np.eye(len(fit.names))),
        )


def _sizes(fit: LmmFit | OlsFit, units: Units) -> NDArray[np.intp]:
    """Rows of each unit; behind its summaries, in a fit from those."""
    behind = None if fit.built is None else fit.built.behind
    weights = None if behind is None else behind[0]
    return np.rint(np.bincount(units.codes, weights, units.R)).astype(np.intp)


def displacement(fit: LmmFit, other: LmmFit) -> float:
    """How much higher the criterion of a fit's rows is at another fit's estimates (`displacement`).

    Of the same effects; nan under a residual structure.
    """
    if fit.residual is not None:
        return np.nan
    task, best = fit.problem, other.optimum
    at = evaluate(task, working_factor(other, task.whiten), fit.reml)
    if at is None:
        return np.nan
    beta = np.linalg.solve(task.fixed.back, best.beta - task.fixed.shift)
    away = at.L.T @ (beta - at.beta)
    log_sigma2, df = np.log(2 * np.pi * best.sigma2), fit.optimum.df
    own = df * (1 + np.log(2 * np.pi * at.sigma2))
    there = df * log_sigma2 + (at.rho2 + float(away @ away)) / best.sigma2
    return float(at.value - own + there - fit.optimum.deviance)
