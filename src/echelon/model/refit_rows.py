"""Refits that begin again from the rows: residual structures, and the iterative method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from echelon.design.build import Built
from echelon.errors import NoConvergence, NotIdentified
from echelon.formula import ModelSpec
from echelon.model.fit import LmmFit
from echelon.model.iterative import fit_iteratively, probes_used
from echelon.model.refits import Refits
from echelon.model.residual_fit import fit_residual
from echelon.moments.residual import residual_moments
from echelon.moments.responses import responses, with_response

Array = NDArray[np.float64]


def from_rows_again(fit: LmmFit) -> bool:
    """Whether a refit has no cross-products to start from, or no exact ones."""
    return fit.residual is not None or probes_used(fit) is not None


def refit_rows(fit: LmmFit, built: Built, spec: ModelSpec) -> LmmFit:
    """The same model of the response in `built`, as `lmer` fits it.

    Notes
    -----
    Under a residual structure the cross-products of all its sets are made again, O(n) for each, and
    the search starts anew; the iterative method keeps its probes, so that two responses differ by
    their values and not by the draw.
    """
    source, probes = replace(fit.source, seconds=()), probes_used(fit)
    if fit.residual is not None:
        sets = residual_moments(built.design, fit.residual.layout)
        return fit_residual(sets, spec, reml=fit.reml, df=fit.df_method, source=source, built=built)
    if probes is None:
        raise AssertionError
    given = responses(fit.moments, built.design, built.design.y[:, None])
    return fit_iteratively(
        with_response(fit.moments, given, 0, spec.response),
        spec,
        probes,
        reml=fit.reml,
        df=fit.df_method,
        source=source,
        built=built,
    )


def refits_one_by_one(
    fit: LmmFit, Y: Array, names: Sequence[str], one: Callable[[LmmFit, Array, str], LmmFit]
) -> Refits:
    """The same model of many responses (n, R), a fit each; those without an optimum have failed.

    Parameters
    ----------
    one : fits one response

    Raises
    ------
    NotIdentified : a response that is constant
    """
    flat = np.ptp(Y, axis=0) == 0
    if flat.any():
        name = names[int(np.argmax(flat))]
        raise NotIdentified(f"The response {name!r} is the same in every row: nothing varies.")
    found = [_tried(fit, Y[:, r], name, one) for r, name in enumerate(names)]
    return _gathered(fit, Y, tuple(names), found)


def _tried(
    fit: LmmFit, y: Array, name: str, one: Callable[[LmmFit, Array, str], LmmFit]
) -> LmmFit | None:
    try:
        return one(fit, np.ascontiguousarray(y), name)
    except (NotIdentified, NoConvergence):
        return None


def _gathered(fit: LmmFit, Y: Array, names: tuple[str, ...], found: list[LmmFit | None]) -> Refits:
    def stacked(of: Callable[[LmmFit], object]) -> Array:
        like = np.asarray(of(fit), dtype=np.float64)
        rows = [np.full(like.shape, np.nan) if each is None else of(each) for each in found]
        return np.array(rows, dtype=np.float64).reshape(len(found), *like.shape)

    shape = fit.optimum.pairs
    return Refits(
        fit=fit,
        names=names,
        beta=stacked(lambda each: each.optimum.beta),
        vcov=stacked(lambda each: each.optimum.vcov),
        covariance=stacked(lambda each: each.optimum.covariance),
        theta=stacked(lambda each: each.optimum.lam[shape.row, shape.col]),
        sigma=stacked(lambda each: each.optimum.sigma),
        deviance=stacked(lambda each: each.optimum.deviance),
        status=np.array(["failed" if f is None else f.verdict.status for f in found], dtype="<U9"),
        evaluations=np.array([0 if f is None else f.verdict.evaluations for f in found], np.intp),
        responses=Y,
        residual=None if fit.residual is None else stacked(_residual),
    )


def _residual(fit: LmmFit) -> object:
    return () if fit.residual is None else fit.residual.estimates
