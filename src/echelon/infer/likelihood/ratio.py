"""One likelihood-ratio test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from echelon.infer.likelihood.fitted import Fitted
from echelon.infer.likelihood.mixture import Mixture, mixture
from echelon.linalg.distributions import chi2_upper
from echelon.tolerances import NOT_NESTED


@dataclass(frozen=True, slots=True)
class Ratio:
    """One likelihood-ratio test.

    Attributes
    ----------
    chi_square : twice the gain in log-likelihood, zero where rounding makes it negative
    df : further parameters of the larger model
    p_value : nan without further parameters, where the smaller model fits better, and where a model
        fits perfectly
    mixed : the law that holds when variances are tested; None where it is not known
    """

    chi_square: float
    df: int
    p_value: float
    mixed: Mixture | None

    @property
    def p_mixture(self) -> float:
        """Upper tail of that law."""
        return self.mixed.upper(self.chi_square) if self.mixed is not None else np.nan


def ratio(large: Fitted, small: Fitted, *, nested: bool = True) -> Ratio:
    """Likelihood-ratio test of a model against a smaller one (`lrt`; wilks1938)."""
    df = large.parameters - small.parameters
    if not np.isfinite([small.deviance, large.deviance]).all():
        return Ratio(np.nan, df, np.nan, None)
    gain = small.deviance - large.deviance
    if abs(gain) <= NOT_NESTED + _noise(large) + _noise(small):
        gain = max(gain, 0.0)
    if df <= 0 or gain < 0 or not nested:
        return Ratio(gain, df, np.nan, None)
    return Ratio(gain, df, chi2_upper(gain, df), mixture(large, small))


def _noise(model: Fitted) -> float:
    """What of a deviance may be Monte Carlo error, for fits by the iterative method."""
    error = None if model.fit is None else model.fit.verdict.monte_carlo
    return 0.0 if error is None else error.meaningless
