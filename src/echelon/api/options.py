"""Options that do not exist are refused, with the nearest one or what the habit is called here."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import ParamSpec, TypeVar

from echelon.errors import EchelonError, TooLarge, UnknownArgument, WrongCall

P = ParamSpec("P")
R = TypeVar("R")

_IN_FORMULA = "Random effects are part of the formula, as in y ~ x + (x | school)."
_ELSEWHERE = {
    "weights": "Known precisions, Var(e) = sigma^2 / w, are precision=. Survey weights are not "
    "offered yet, and a model's own weights 1 / Delta_j are applied already.",
    "correlation": 'Correlated residuals are residual=, as residual="ar1(time | id)".',
    "family": "Only responses on a continuous scale can be fitted by this version.",
    "groups": _IN_FORMULA,
    "re_formula": _IN_FORMULA,
    "vc_formula": _IN_FORMULA,
    "random": _IN_FORMULA,
    "nsim": "The number of replicates is n=.",
    "seed": "The seed is rng=.",
    "FUN": "The statistic is the first argument.",
    "parm": "Parameters are named by parameters=.",
    "vcov": 'Robust standard errors: fit.coefficients(robust="CR2", cluster=...).',
    "ddf": "Degrees of freedom are df=.",
}
"""What users of lme4, nlme and statsmodels type, and where it is here."""


_SELF = ("fit", "fits", "means", "slopes", "others")
"""What a method is called on: no option."""


def known_options(
    function: Callable[P, R],
    called: str | None = None,
    elsewhere: Mapping[str, str] | None = None,
) -> Callable[P, R]:
    """Give a public function a clear error for an option it does not have.

    Parameters
    ----------
    called : what users call it; None for its own name
    elsewhere : what users of other programs type here, and where it is; besides the general ones
    """
    habits = {**_ELSEWHERE, **(elsewhere or {})}
    signature = inspect.signature(function)
    known = tuple(signature.parameters)
    options = tuple(name for name in known if name not in _SELF)
    own = function.__name__ if called is None else called

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        for name in kwargs:
            if name not in known:
                raise UnknownArgument(own, name, options, habits.get(name, ""))
        try:
            signature.bind(*args, **kwargs)
        except TypeError as problem:
            by_name = tuple(n for n in options if n in _named(signature))
            by_position = tuple(n for n in options if n not in by_name)
            raise WrongCall(own, str(problem), by_position, by_name) from None
        try:
            return function(*args, **kwargs)
        except MemoryError as problem:
            if isinstance(problem, EchelonError):
                raise
            raise TooLarge(f"{own}() asks for too much at once: {problem}.") from problem

    return call


def _named(signature: inspect.Signature) -> tuple[str, ...]:
    """Options that are given by name only."""
    found = signature.parameters.values()
    return tuple(one.name for one in found if one.kind is inspect.Parameter.KEYWORD_ONLY)
