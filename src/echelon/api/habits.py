"""Names that statsmodels and R users type, bound to every fit, and what a mistyped one says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from echelon import effects, infer
from echelon.data import named
from echelon.errors import nearest_hint
from echelon.model.fit import LmmFit, OlsFit
from echelon.model.notes import notes

Array = NDArray[np.float64]


def fixef(fit: LmmFit | OlsFit) -> object:
    """Fixed effects by name: a pandas Series for pandas users, a dict for others."""
    values = infer.coefficient_values(fit)
    return named(values.names, values.estimate, fit.source.backend)


class Habits:
    """Names that statsmodels and R users type, each for something that has a method already."""

    __slots__ = ()

    if not TYPE_CHECKING:  # a type checker shall go on finding mistyped names

        def __getattr__(self, name: str) -> object:
            """Say what a mistyped name may have meant.

            Raises
            ------
            AttributeError : always; Python asks here only for what there is not
            """
            from echelon.api.results import LMM

            kind = type(self).__name__
            if name.startswith("_"):  # Python's and libraries' own questions
                raise AttributeError(f"{kind!r} object has no attribute {name!r}")
            if isinstance(self, OlsFit) and hasattr(LMM, name):
                raise AttributeError(
                    f"A linear model has no .{name}: it is of models with groups, ec.lmer()."
                )
            public = [known for known in dir(type(self)) if not known.startswith("_")]
            hint = nearest_hint(name, public, "Names")
            raise AttributeError(f"{kind} has no .{name}.{hint}")

    @property
    def params(self: LmmFit | OlsFit) -> object:  # type: ignore[misc]
        """Fixed effects by name."""
        return fixef(self)

    @property
    def bse(self: LmmFit | OlsFit) -> object:  # type: ignore[misc]
        """Standard errors by name."""
        values = infer.coefficient_values(self)
        return named(values.names, values.std_error, self.source.backend)

    @property
    def tvalues(self: LmmFit | OlsFit) -> object:  # type: ignore[misc]
        """Statistics (estimate over standard error) by name."""
        values = infer.coefficient_values(self)
        return named(values.names, values.statistic, self.source.backend)

    @property
    def pvalues(self: LmmFit | OlsFit) -> object:  # type: ignore[misc]
        """Two-sided p-values by name."""
        values = infer.coefficient_values(self)
        return named(values.names, values.p_value, self.source.backend)

    @property
    def llf(self: LmmFit | OlsFit) -> float:  # type: ignore[misc]
        """Log-likelihood (restricted under REML)."""
        return infer.criteria(self).loglik

    @property
    def aic(self: LmmFit | OlsFit) -> float:  # type: ignore[misc]
        """Akaike's criterion, deviance + 2 parameters."""
        return infer.criteria(self).aic

    @property
    def bic(self: LmmFit | OlsFit) -> float:  # type: ignore[misc]
        """Schwarz's criterion, deviance + log(n) parameters."""
        return infer.criteria(self).bic

    @property
    def loglik(self: LmmFit | OlsFit) -> float:  # type: ignore[misc]
        """Log-likelihood (restricted under REML)."""
        return infer.criteria(self).loglik

    @property
    def deviance(self: LmmFit | OlsFit) -> float:  # type: ignore[misc]
        """Minus twice the log-likelihood; under REML the REML criterion."""
        return infer.criteria(self).deviance

    @property
    def nobs(self: LmmFit | OlsFit) -> int:  # type: ignore[misc]
        """Rows used."""
        return self.n

    @property
    def fittedvalues(self: LmmFit | OlsFit) -> Array:  # type: ignore[misc]
        """Fitted values (n,), random effects included."""
        return effects.fitted(self)

    @property
    def resid(self: LmmFit | OlsFit) -> Array:  # type: ignore[misc]
        """Residuals (n,), response minus fitted values."""
        return effects.residuals(self)

    @property
    def notes(self: LmmFit | OlsFit) -> tuple[str, ...]:  # type: ignore[misc]
        """What a reader of the results should know, one sentence each."""
        return notes(self)
