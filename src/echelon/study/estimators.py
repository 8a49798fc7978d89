"""The estimators by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from echelon.errors import DataError, UnknownOption
from echelon.study.estimated import Estimated
from echelon.study.model import Columns
from echelon.study.multilevel import between_within, fitted, known
from echelon.study.naive import balanced, of_means, of_rows, of_rows_robust, weighted
from echelon.study.setting import Setting

ESTIMATORS: dict[str, Callable[[Setting], Estimated]] = {
    "rows": of_rows,
    "rows_robust": of_rows_robust,
    "means": of_means,
    "balanced": balanced,
    "weighted": weighted,
    "known": known,
    "ml": lambda at: fitted(at, reml=False),
    "reml": fitted,
    "reml_bw": lambda at: between_within(at, fitted(at)),
    "reml_intercepts": lambda at: fitted(at, slopes=False),
}
"""Names in the order of a table."""

LABELS = {
    "rows": "OLS on rows",
    "rows_robust": "OLS on rows, CR2",
    "means": "OLS on group means",
    "balanced": "Balanced formulas",
    "weighted": "Weights, ANOVA variances",
    "known": "Weights, known variances",
    "ml": "ML",
    "reml": "REML",
    "reml_bw": "REML, between-within df",
    "reml_intercepts": "REML, intercepts only",
}
"""What a table calls them."""

BEST = "known"
"""The estimator that others are measured against."""

ONE_WAY = ("balanced", "weighted")
"""Estimators of a design without predictors."""


def chosen(asked: Sequence[str] | str | None, at: Columns) -> tuple[str, ...]:
    """The estimators asked for, or all that make sense for a design.

    Raises
    ------
    UnknownOption : a name that is none
    DataError : an estimator that this design does not have
    """
    one_way, slopes = len(at.terms) == 1, len(at.random) > 1
    if asked is None:
        left = () if one_way else ONE_WAY
        left = (*left, "reml_bw", *(() if slopes else ("reml_intercepts",)))
        return tuple(name for name in ESTIMATORS if name not in left)
    if not isinstance(asked, str | Sequence):
        raise UnknownOption("estimators", asked, tuple(ESTIMATORS))
    names = (asked,) if isinstance(asked, str) else tuple(asked)
    for name in names:
        if name not in ESTIMATORS:
            raise UnknownOption("estimators", name, tuple(ESTIMATORS))
        if name in ONE_WAY and not one_way:
            raise DataError(
                f"estimators={name!r} is a formula for the grand mean; a design with predictors "
                'has no such formula. Use "reml", or leave the predictors out.'
            )
        if name == "reml_intercepts" and not slopes:
            raise DataError(
                'estimators="reml_intercepts" leaves out effects that vary between groups, and '
                "this design has none: give effect_sd=."
            )
    if not names:
        raise DataError(f"estimators= is empty. There are: {', '.join(ESTIMATORS)}.")
    return tuple(name for name in ESTIMATORS if name in names)


def estimates(at: Setting, names: Sequence[str]) -> dict[str, Estimated]:
    """Every estimator of every response; REML is fitted once, whatever df are asked for."""
    found: dict[str, Estimated] = {}
    for name in ESTIMATORS:
        if name not in names:
            continue
        if name == "reml_bw" and "reml" in found:
            found[name] = between_within(at, found["reml"])
        else:
            found[name] = ESTIMATORS[name](at)
    return found
