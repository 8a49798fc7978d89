"""Intervals of any parameters of a model: fixed effects, standard deviations, correlations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.data import Values, to_native

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """Intervals of m parameters.

    Attributes
    ----------
    names : the fixed effects' names; for variance parameters those of `Refits.component_names`:
        "sd_(Intercept)|Subject", "cor_Days.(Intercept)|Subject", "sigma" (with scale="variance":
        "var_...", "cor_...", "sigma2")
    estimate : (m,);  low, high : (m,) nan where there is no such bound
    method : "wald", "profile", "percentile", "basic", "bca"
    level : coverage
    notes : what a reader should know, one sentence each
    """

    names: tuple[str, ...]
    estimate: Array
    low: Array
    high: Array
    method: str
    level: float
    notes: tuple[str, ...] = ()

    def frame(self, backend: str) -> object:
        """The rows as a table in a dataframe library: term, estimate, conf_low, conf_high."""
        columns: dict[str, Values] = {
            "term": list(self.names),
            "estimate": self.estimate,
            "conf_low": self.low,
            "conf_high": self.high,
        }
        return to_native(columns, backend)
