"""One model fitted to other responses: formula, groups and columns stay as they were prepared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.errors import DataError, NotIdentified, NotYetSupported
from echelon.estimate.batch.optima import Optima, optima
from echelon.estimate.batch.responses import WorkingResponses
from echelon.estimate.batch.single import with_response as problem_with
from echelon.estimate.batch.working import working
from echelon.formula import ModelSpec
from echelon.model.assemble import fit_problem
from echelon.model.fit import LmmFit
from echelon.model.iterative import probes_used
from echelon.model.refit_rows import from_rows_again, refit_rows, refits_one_by_one
from echelon.model.refits import Refits
from echelon.moments.responses import ResponseMoments, responses, with_response

Array = NDArray[np.float64]


def refit_one(fit: LmmFit, y: Array, name: str | None = None) -> LmmFit:
    """The same model of another response, as a fit with everything a fit has.

    Parameters
    ----------
    y : (n,) over the rows used, on the scale of the model's response, offset included
    name : of the response; None to keep the old one

    Notes
    -----
    Cost O(n (p + q)) for the cross-products with y (`moments-responses`), then as a search; groups,
    columns and the lists of pairs are not made again. With several factors the search starts where
    the fit ended. A residual structure and the iterative method begin again from the rows.
    """
    built = fit.rows("refit()")
    spec = fit.spec if name is None else _renamed(fit.spec, name)
    built = replace(built, design=replace(built.design, y=y, response=spec.response))
    if from_rows_again(fit):
        return refit_rows(fit, built, spec)
    given = responses(fit.moments, built.design, y[:, None])
    moments = with_response(fit.moments, given, 0, spec.response)
    at, shift = working(fit.problem, fit.moments, given)
    check_responses(fit, at, given, (spec.response,))
    task = problem_with(fit.problem, at, 0)
    return fit_problem(
        replace(task, fixed=replace(task.fixed, shift=shift[0])),
        moments,
        spec,
        reml=fit.reml,
        df=fit.df_method,
        source=replace(fit.source, seconds=()),
        built=built,
        start=_start(fit),
    )


def refit_many(fit: LmmFit, Y: Array, names: tuple[str, ...]) -> Refits:
    """The same model of many responses.

    Parameters
    ----------
    Y : (n, R) over the rows used, on the scale of the model's response, offset included

    Raises
    ------
    NotIdentified : a response that is constant, or reproduced by the fixed effects
    """
    design = fit.rows("refit()").design
    if from_rows_again(fit):
        return refits_one_by_one(fit, Y, names, refit_one)
    parts = []
    for start in range(0, Y.shape[1], size := _together(fit)):
        some = slice(start, start + size)
        given = responses(fit.moments, design, Y[:, some])
        at, shift = working(fit.problem, fit.moments, given)
        check_responses(fit, at, given, names[some])
        parts.append((optima(fit.problem, at, fit.reml, _start(fit)), shift))
    return _refits(fit, names, parts, Y)


def refit_products(
    fit: LmmFit, given: ResponseMoments, names: tuple[str, ...] | None = None
) -> Refits:
    """The same model of responses known by their cross-products only: no rows, no n.

    For simulation that draws X'e, Z'e and e'e instead of e. A response without a fit is counted as
    failed.
    """
    _require_exact(fit)  # the rows are needed there
    at, shift = working(fit.problem, fit.moments, given)
    names = tuple(str(r) for r in range(given.R)) if names is None else names
    return _refits(fit, names, [(optima(fit.problem, at, fit.reml, _start(fit)), shift)], None)


def response(refits: Refits, which: int | str) -> LmmFit:
    """The full fit of one response, by number or by name.

    Raises
    ------
    DataError : no such response, or only its cross-products were given
    """
    if isinstance(which, str):
        if which not in refits.names:
            raise DataError(f"No response {which!r} here. There are: {_listed(refits.names)}.")
        which = refits.names.index(which)
    if not -len(refits) <= which < len(refits):
        raise IndexError(f"response {which} of {len(refits)}")
    if refits.responses is None:
        raise DataError("These refits were made from cross-products; no response is kept.")
    return refit_one(refits.fit, refits.responses[:, which], refits.names[which])


def check_responses(
    fit: LmmFit, at: WorkingResponses, given: ResponseMoments, names: tuple[str, ...]
) -> None:
    """Refuse what leaves nothing to divide into levels.

    Raises
    ------
    NotIdentified : names the response
    """
    p = fit.problem.p
    raw = given.yty + fit.moments.weight * given.centre**2
    flat = ~(given.yty > tolerances.RANK_RAW * raw)
    if flat.any():
        name = names[int(np.argmax(flat))]
        raise NotIdentified(f"The response {name!r} is the same in every row: nothing varies.")
    fitted = np.linalg.solve(fit.problem.cross[:p, :p], at.XtY) if p else at.XtY
    left = at.yty - np.einsum("xr,xr->r", at.XtY, fitted)
    perfect = ~(left > tolerances.PERFECT_FIT * given.yty)
    if perfect.any():
        raise NotIdentified(
            f"The fixed effects reproduce {names[int(np.argmax(perfect))]!r} exactly: no residual "
            "variance is left to divide into levels."
        )


def _refits(
    fit: LmmFit, names: tuple[str, ...], parts: list[tuple[Optima, Array]], Y: Array | None
) -> Refits:
    def joined(name: str) -> Array:
        return np.concatenate([getattr(best, name) for best, _ in parts])

    lam, sigma2 = joined("lam"), joined("sigma2")
    shape = fit.optimum.pairs
    return Refits(
        fit=fit,
        names=names,
        beta=np.concatenate([best.beta + shift for best, shift in parts]),
        vcov=joined("vcov"),
        covariance=sigma2[:, None, None] * (lam @ lam.transpose(0, 2, 1)),
        theta=lam[:, shape.row, shape.col],
        sigma=np.sqrt(sigma2),
        deviance=joined("deviance"),
        status=np.concatenate([best.status for best, _ in parts]),
        evaluations=np.concatenate([best.evaluations for best, _ in parts]),
        responses=Y,
    )


def _require_exact(fit: LmmFit) -> None:
    fit.require_plain("refit()")
    if probes_used(fit) is not None:
        raise NotYetSupported(
            'refit() needs method="exact"; this model was fitted by the iterative method.'
        )


def _start(fit: LmmFit) -> Array | None:
    """Where searches one by one begin: with several factors, where the fit ended.

    With one factor, and on the boundary, as any fit does: the answer is then that of `lmer`.
    """
    several = len(fit.factors) > 1
    return fit.lam_working if several and fit.verdict.status == "converged" else None


def _together(fit: LmmFit) -> int:
    """Responses whose cross-products are kept at a time."""
    entries = sum(len(g.levels) * len(g.effects) for g in fit.moments.groups)
    return max(tolerances.BATCH_ENTRIES // entries, 1)


def _renamed(spec: ModelSpec, name: str) -> ModelSpec:
    """The formula with another left-hand side."""
    shown = name if name.isidentifier() else f"`{name}`"
    _, right = spec.formula.split("~", 1)
    return replace(spec, formula=f"{shown} ~{right}", response=shown)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
