"""The optima of many responses on one design: as a batch where that pays, else one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.errors import NotIdentified
from echelon.estimate.batch.layout import Layout, layout
from echelon.estimate.batch.responses import WorkingResponses, local_responses
from echelon.estimate.batch.search import Searches, search
from echelon.estimate.batch.single import with_response
from echelon.estimate.optimise import minimise
from echelon.estimate.optimum import optimum
from echelon.estimate.problem import Problem
from echelon.estimate.verdict import Status, judge
from echelon.linalg.stacked import lower_factor

Array = NDArray[np.float64]
Places = NDArray[np.intp]
Strategy = Literal["batch", "one by one"]


@dataclass(frozen=True, slots=True, eq=False)
class Optima:
    """The estimates of R responses; nan where there are none.

    Attributes
    ----------
    deviance : (R,) REML criterion or ML deviance
    beta : (R, p) in the user's units, before the shift by the centre of the response
    vcov : (R, p, p) of beta
    lam : (R, q, q) relative covariance factor, lower triangular, in the user's units
    lam_working : (R, q, q) a factor of the same in working units
    sigma2 : (R,) residual variance
    status : (R,) "converged", "boundary" or "failed"
    evaluations : (R,) of the deviance
    """

    deviance: Array
    beta: Array
    vcov: Array
    lam: Array
    lam_working: Array
    sigma2: Array
    status: NDArray[np.str_]
    evaluations: Places

    @classmethod
    def empty(cls, problem: Problem, R: int) -> Optima:
        """Room for R responses, all failed as yet."""
        p, q = problem.p, problem.q

        def room(*shape: int) -> Array:
            return np.full((R, *shape), np.nan)

        return cls(
            deviance=room(),
            beta=room(p),
            vcov=room(p, p),
            lam=room(q, q),
            lam_working=room(q, q),
            sigma2=room(),
            status=np.full(R, "failed", dtype="<U9"),
            evaluations=np.zeros(R, dtype=np.intp),
        )


def optima(
    problem: Problem, given: WorkingResponses, reml: bool, start: Array | None = None
) -> Optima:
    """Fit a model to many responses.

    Parameters
    ----------
    given : cross-products of the responses with the columns of the problem, in its working units
    start : (q, q) covariance factor in working units, where searches one by one begin

    Notes
    -----
    With one grouping factor the cost per response is that of its share of a batch: no Python loop
    over responses or groups. Memory is bounded by chunks of responses.
    """
    out = Optima.empty(problem, given.R)
    left = np.arange(given.R)
    if strategy(problem) == "batch":
        design = layout(problem)
        if pays(design):
            left = _batches(out, problem, design, given, reml=reml)
            start = None  # what is left over starts afresh
    for r in left:
        _one(out, problem, given, int(r), reml=reml, start=start)
    return out


def strategy(problem: Problem) -> Strategy:
    """Whether the structure of the model allows a batch."""
    one = len(problem.blocks.factors) == 1 and problem.p > 0
    if not one or problem.pairs.kinds:
        return "one by one"
    s, J = len(problem.pairs.all_row), problem.blocks.factors[0].J
    return "batch" if s * J * problem.p**2 <= tolerances.BATCH_ENTRIES else "one by one"


def pays(design: Layout) -> bool:
    """Whether a batch is faster than searches one by one (measured).

    What a batch adds is the products of the fixed columns for each entry of D and P_j; what it
    saves is the fixed cost of a search, and that grows with neither.
    """
    s, t = len(design.pairs.all_row), len(design.pairs.row)
    products = t * s * len(design.classes.count) * (2 * design.p**2 + 40)
    return design.cells <= tolerances.BATCH_GROUPS and products <= tolerances.BATCH_PRODUCTS


def _batches(
    out: Optima, problem: Problem, design: Layout, given: WorkingResponses, *, reml: bool
) -> Places:
    """Fill in what settles; returns the responses that did not."""
    size = int(np.clip(tolerances.BATCH_CELLS // design.cells, 8, tolerances.BATCH_RESPONSES))
    ZtX = problem.blocks.factors[0].ZtV[:, : problem.p]
    left = []
    for first in range(0, given.R, size):
        part = given.take(slice(first, first + size))
        local = local_responses(design, part, ZtX)
        found = search(design, local, reml)
        where = first + np.flatnonzero(found.settled)
        _fill(out, problem, design, found, fitted=local.beta, where=where, reml=reml)
        out.evaluations[first : first + size] += found.evaluations
        left.append(first + np.flatnonzero(~found.settled))
    return np.concatenate(left) if left else np.zeros(0, dtype=np.intp)


def _fill(
    out: Optima,
    problem: Problem,
    design: Layout,
    found: Searches,
    *,
    fitted: Array,
    where: Places,
    reml: bool,
) -> None:
    """Put what settled in its place, in the user's units.

    Parameters
    ----------
    fitted : (p, R) the least-squares fits that were taken out first
    where : places in `out` of the searches that settled
    """
    which = np.flatnonzero(found.settled)
    at, df = found.at.take(which), problem.n - problem.p if reml else problem.n
    back = problem.fixed.back @ design.to_orthonormal
    sigma2 = at.rho2 / df
    lam = np.einsum("ab,bcr->acr", problem.whiten, at.F)
    for start, size in zip(design.pairs.starts, design.pairs.sizes, strict=True):
        block = slice(start, start + size)
        lam[block, block] = lower_factor(lam[block, block])
    out.deviance[where], out.sigma2[where] = at.value, sigma2
    out.beta[where] = (back @ (fitted[:, which] + at.beta)).T
    out.vcov[where] = back @ (sigma2 * at.Xinv).transpose(2, 0, 1) @ back.T
    out.lam[where] = lam.transpose(2, 0, 1)
    out.lam_working[where] = at.F.transpose(2, 0, 1)
    out.status[where] = np.where(found.boundary[which], "boundary", "converged")


def _one(
    out: Optima,
    problem: Problem,
    given: WorkingResponses,
    r: int,
    *,
    reml: bool,
    start: Array | None = None,
) -> None:
    """Fill in one response by the search for a single one; left as failed where there is no fit."""
    task = with_response(problem, given, r)
    try:
        found = minimise(task, reml, start)
    except NotIdentified:
        return
    best = optimum(task, found, reml)
    names = ("",) * task.pairs.parameters
    status: Status = judge(found, names, (), task.pairs).status
    out.deviance[r], out.sigma2[r] = best.deviance, best.sigma2
    out.beta[r], out.vcov[r] = best.beta - problem.fixed.shift, best.vcov
    out.lam[r], out.lam_working[r] = best.lam, found.at.lam
    out.status[r] = status
    out.evaluations[r] += found.evaluations
