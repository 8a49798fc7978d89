"""Options that do not exist are refused, with the nearest one or what the habit is called here."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from echelon.errors import UnknownArgument

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


def known_options(function: Callable[P, R], called: str | None = None) -> Callable[P, R]:
    """Give a public function a clear error for an option it does not have.

    Parameters
    ----------
    called : what users call it; None for its own name
    """
    known = tuple(inspect.signature(function).parameters)
    options = tuple(name for name in known if name not in _SELF)
    own = function.__name__ if called is None else called

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        for name in kwargs:
            if name not in known:
                raise UnknownArgument(own, name, options, _ELSEWHERE.get(name, ""))
        return function(*args, **kwargs)

    return call
