"""What every estimator is given: one design, and responses on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.moments.moments import Moments
from echelon.moments.responses import ResponseMoments
from echelon.study.model import Columns, design_moments
from echelon.study.predictors import Plan

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """One design with many responses.

    Attributes
    ----------
    plan, columns : the design
    full : its moments with every column that varies within groups as random
    y : cross-products of the responses with the columns of `full`
    truth : (q, q) covariance of the random effects, sigma2 : of the rows
    """

    plan: Plan
    columns: Columns
    full: Moments
    y: ResponseMoments
    truth: Array
    sigma2: float

    @property
    def shape(self) -> tuple[int, int]:
        """Fixed effects, and variances of the random effects and the rows."""
        return len(self.columns.terms), len(self.columns.random) + 1

    @property
    def n(self) -> Array:
        """(J,) sizes as numbers."""
        return self.plan.n.astype(np.float64)

    @property
    def means(self) -> Array:
        """(J, R) group means of the responses."""
        return np.asarray(self.y.ZtY[0][:, 0] / self.n[:, None])

    def model(self, random: tuple[int, ...]) -> tuple[Moments, ResponseMoments]:
        """Moments and responses of the model with these random effects."""
        moments = design_moments(self.plan, self.columns, random)
        part = np.ascontiguousarray(self.y.ZtY[0][:, list(random)])
        return moments, ResponseMoments(self.y.centre, self.y.VtY, self.y.yty, (part,))
