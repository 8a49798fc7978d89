"""Level-1 residuals, standardised by what the model says of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.design.design import Design
from echelon.effects.fitted import fitted
from echelon.effects.residual_kinds import residuals
from echelon.model.fit import LmmFit, OlsFit
from echelon.model.iterative import probes_used

Array = NDArray[np.float64]

LEVERAGE = "each divided by its own SD, leverage included"
SCALED = "divided by the residual SD"
WHITE = "divided by the residual SD and freed of the correlation that the model gives them"


@dataclass(frozen=True, slots=True, eq=False)
class RowResiduals:
    """Conditional residuals of the rows used.

    Attributes
    ----------
    fitted : (n,) fixed part, offset and random effects
    residual : (n,) response minus fitted, response units
    standard : (n,) the same with variance about one and no correlation left if the model is right;
        nan for rows that the model reproduces
    scale : how they were standardised, in words
    """

    fitted: Array
    residual: Array
    standard: Array
    scale: str


def design_of(fit: LmmFit | OlsFit, what: str) -> Design:
    """The design over rows; refuses fits from summaries."""
    return (fit.rows(what) if isinstance(fit, LmmFit) else fit.built).design


def row_residuals(fit: LmmFit | OlsFit) -> RowResiduals:
    """Conditional residuals and their standardised form.

    Raises
    ------
    NeedsRows : the fit was made from summaries

    Notes
    -----
    `residual-standardized` where residuals are independent, whatever their variances; `normalized`
    where they are correlated (pinheiro2000, ch. 4 and 5). Leverages are left out after the
    iterative method. Cost O(n (p + q)^2).

    Examples
    --------
    >>> import echelon as ec
    >>> fit = ec.lmer("Yield ~ 1 + (1 | Batch)", ec.datasets.load("dyestuff", quiet=True))
    >>> float(np.round(np.square(row_residuals(fit).standard).mean(), 2))
    1.0
    """
    design = design_of(fit, "Level-1 residuals")
    predicted = fitted(fit)
    kind, scale = _kind(fit)
    return RowResiduals(predicted, design.y - predicted, residuals(fit, kind), scale)


def _kind(fit: LmmFit | OlsFit) -> tuple[str, str]:
    """The kind of residual that has no law but variance one left, and how it is made."""
    if isinstance(fit, LmmFit):
        if fit.residual is not None and fit.residual.correlation is not None:
            return "normalized", WHITE
        if probes_used(fit) is not None:
            return "scaled", SCALED
    return "standardized", LEVERAGE
