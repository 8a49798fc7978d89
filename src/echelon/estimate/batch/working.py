"""Responses from the columns of moments to the working units of a problem."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from echelon.estimate.batch.responses import WorkingResponses
from echelon.estimate.problem import Problem, fixed_part
from echelon.moments.moments import Moments
from echelon.moments.responses import ResponseMoments

Array = NDArray[np.float64]


def working(
    problem: Problem, moments: Moments, given: ResponseMoments
) -> tuple[WorkingResponses, Array]:
    """Responses in working units, and the shift (R, p) of beta by their centres.

    Where no combination of the fixed columns is a constant, responses are not centred: what was
    subtracted is added again.
    """
    constant = _constant(problem, moments)
    c = given.centre if constant is None else np.zeros(given.R)
    VtY = given.VtY + moments.cross[:-1, :1] * c
    yty = given.yty + 2 * c * given.VtY[0] + c**2 * moments.weight
    parts = []
    for group, part, ZtY in zip(moments.groups, problem.blocks.parts, given.ZtY, strict=True):
        T = np.linalg.solve(group.user_from_centred(), problem.whiten[part, part])
        shifted = ZtY if constant is not None else ZtY + group.ZtV[:, :, :1] * c
        parts.append(np.einsum("ab,jar->bjr", T, shifted))
    X = problem.fixed.lay[:-1, : problem.p]
    shift = np.zeros((given.R, problem.p))
    if constant is not None:
        shift = np.outer(given.centre, constant)
    return WorkingResponses(tuple(parts), X.T @ VtY, yty), shift


def _constant(problem: Problem, moments: Moments) -> Array | None:
    """Coefficients (p,) of the kept fixed columns that make a constant, None when there are none.

    They are what moves when the centre of the response does.
    """
    if moments.intercept:
        return np.asarray(np.eye(1, problem.p)[0])
    centre = moments.centre.copy()
    centre[-1] = 1.0
    shift = fixed_part(replace(moments, centre=centre)).shift
    return shift if shift.any() else None
