"""The options of `fit.predict`: read, checked, and what other programs call them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast, get_args

import numpy as np
from numpy.typing import NDArray

from echelon.design.build import Built
from echelon.effects.chosen import Random, chosen_effects, chosen_terms
from echelon.effects.predict import Asked, Interval, PredictDf
from echelon.errors import DataError, UnknownOption
from echelon.infer.choose import check_df
from echelon.model.fit import LmmFit, OlsFit

_POPULATION = 'Rows of groups that the fit has not seen: new_groups="population".'
_TABLE = "The rows to predict for are the first argument: fit.predict(table)."
_RANDOM = 'Which random effects count is random=: "all", "none", a factor, or "(1 | school)".'
_INTERVAL = 'Standard errors and intervals are interval="confidence" or interval="prediction".'
ELSEWHERE = {
    "allow_new_levels": _POPULATION,
    "allow_new": _POPULATION,
    "newdata": _TABLE,
    "data": _TABLE,
    "exog": _TABLE,
    "X": _TABLE,
    "re_form": _RANDOM,
    "re_formula": _RANDOM,
    "include_random": _RANDOM,
    "use_rfx": _RANDOM,
    "include_group": _RANDOM,
    "se_fit": _INTERVAL,
    "se": _INTERVAL,
    "std_error": _INTERVAL,
    "include_interval": _INTERVAL,
    "conf_level": "The coverage of intervals is level=.",
    "alpha": "The coverage of intervals is level=, as level=0.95.",
    "type": "Predictions are on the scale of the response as typed in the formula.",
    "robust": "Robust standard errors of the fixed part: fit.predictions(newdata=..., robust=...).",
    "weights": "The precision of new observations is precision=.",
}
"""What users of lme4, glmmTMB and statsmodels type, and where it is here."""


def asked_of(
    fit: LmmFit | OlsFit,
    built: Built,
    *,
    random: Random | None,
    terms: str | Sequence[str] | None,
    interval: str | None,
    variance_parameters: bool,
    df: str | None,
    level: float,
) -> Asked:
    """The options of `predict` checked and read.

    Raises
    ------
    UnknownOption : a value that is not offered
    DataError : options that contradict each other, random effects of a linear model
    """
    if interval is not None and interval not in get_args(Interval):
        raise UnknownOption("interval", interval, get_args(Interval))
    if interval == "prediction" and terms is not None:
        raise DataError(
            'A new observation follows from the whole fixed part: interval="prediction" goes '
            'without terms=. interval="confidence" is for a part of it.'
        )
    effects: tuple[NDArray[np.bool_], ...] = ()
    if isinstance(fit, LmmFit):
        default = "all" if terms is None else "none"
        effects = chosen_effects(fit, default if random is None else random, built)
    elif random not in (None, "all", "none"):
        raise DataError(f"random={random!r}: a linear model has no random effects.")
    return Asked(
        effects=effects,
        terms=None if terms is None else chosen_terms(fit, terms, built),
        interval=cast("Interval | None", interval),
        variance_parameters=bool(variance_parameters),
        df=_freedom(fit, df),
        level=level,
    )


def _freedom(fit: LmmFit | OlsFit, df: str | None) -> PredictDf:
    """The degrees of freedom of the intervals."""
    if df is None:
        own = fit.df_method if isinstance(fit, LmmFit) else "satterthwaite"
        return "none" if own == "none" else "satterthwaite"
    if isinstance(fit, OlsFit) and df == "residual":
        return "satterthwaite"
    method = check_df(df, get_args(PredictDf))
    if method not in get_args(PredictDf):
        known = (
            "Predictions of groups and observations have Satterthwaite's; "
            "variance_parameters=True is for them what Kenward and Roger's adjustment is for fixed "
            f"effects. Of the fixed part alone: fit.predictions(newdata=..., df={method!r})."
        )
        raise UnknownOption("df", df, (), known)
    return cast("PredictDf", method)
