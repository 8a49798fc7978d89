"""Which formulas the fitting functions take."""

from __future__ import annotations

from echelon.errors import FormulaError, NotYetSupported
from echelon.formula import ModelSpec


def mixed(spec: ModelSpec) -> ModelSpec:
    """The formula of a mixed model.

    Raises
    ------
    FormulaError : no random term, or no response
    NotYetSupported : a response of counts
    """
    if not spec.random:
        raise FormulaError(
            "No random term such as (1 | school) in the formula. Use ec.lm() for a model without "
            "random effects.",
            spec.formula,
            (0, len(spec.formula)),
        )
    _check_response(spec)
    return spec


def linear(spec: ModelSpec) -> ModelSpec:
    """The formula of a linear model.

    Raises
    ------
    FormulaError : a random term, or no response
    NotYetSupported : a response of counts
    """
    if spec.random:
        raise FormulaError(
            "ec.lm() fits models without random effects. Use ec.lmer() for this one.",
            spec.formula,
            spec.random[0].span,
        )
    _check_response(spec)
    return spec


def _check_response(spec: ModelSpec) -> None:
    if not spec.response:
        raise FormulaError(
            "The formula has no response. Write it left of the ~, as in y ~ x.",
            spec.formula,
            (0, 1),
        )
    if spec.response.startswith("cbind("):
        raise NotYetSupported(
            "A response of counts, cbind(successes, failures), needs a generalised linear mixed "
            "model, which this version does not have."
        )
