"""Groups, factors and coefficients by the names a user types."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from echelon import tolerances
from echelon.effects.joint import GroupCoefficients, Of, group_coefficients
from echelon.errors import (
    DataError,
    NotIdentified,
    NotYetSupported,
    UnknownOption,
    nearest_hint,
)
from echelon.model.fit import LmmFit
from echelon.model.iterative import probes_used
from echelon.multilevel.factors import covariance_of, place_of


def label_text(label: object) -> str:
    """A group's label as text, whole numbers without a decimal point.

    >>> label_text(5036.0), label_text(5036), label_text("5036")
    ('5036', '5036', '5036')
    """
    if isinstance(label, float | np.floating) and float(label).is_integer():
        return str(int(label))
    return str(label)


def number_of(levels: Sequence[object], label: object, factor: str) -> int:
    """The number of the group with this label; numbers may be typed as text and the other way.

    Raises
    ------
    DataError : no such group, with the nearest label
    """
    exact = [j for j, level in enumerate(levels) if type(level) is type(label) and level == label]
    text = label_text(label)
    found = exact or [j for j, level in enumerate(levels) if label_text(level) == text]
    if not found:
        near = nearest_hint(text, [label_text(level) for level in levels], "Groups")
        raise DataError(f"{factor!r} has no group {label!r}.{near}")
    return found[0]


def place_with(fit: LmmFit, factor: str | None, labels: Sequence[object], where: str) -> int:
    """Number of the factor meant; when none is named, the only one that has these groups.

    Raises
    ------
    UnknownColumn : no such factor
    DataError : none named, and these are groups of several factors or of none
    """
    if factor is not None or len(fit.factors) == 1:
        return place_of(fit, factor, where)
    texts = {label_text(label) for label in labels}
    have = [
        place
        for place, group in enumerate(fit.moments.groups)
        if texts <= {label_text(level) for level in group.levels}
    ]
    if len(have) == 1:
        return have[0]
    said = " and ".join(repr(label) for label in labels)
    names = [fit.factors[place] for place in have] or fit.factors
    what = "is a label in more than one factor" if have else "is a label in no one factor"
    raise DataError(
        f"{said} {what if len(labels) == 1 else what.replace('is a label', 'are labels')}. "
        f"Name the grouping factor, factor=: {', '.join(map(repr, names))}."
    )


def term_of(fit: LmmFit, place: int, term: str | None) -> int:
    """Number of a random coefficient of a factor; of the first one when none is named.

    Raises
    ------
    UnknownOption : no such coefficient
    """
    effects = fit.moments.groups[place].effects
    if term is not None and term not in effects:
        raise UnknownOption("term", term, effects)
    return 0 if term is None else effects.index(term)


def check_draws(n: int) -> None:
    """Refuse a number of draws that is none, or too small to say anything.

    Raises
    ------
    DataError : fewer than 100, or more than make a difference
    """
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 100:
        raise DataError(f"n={n!r} draws: it takes a whole number, 100 at least.")
    if n > tolerances.MOST_DRAWS:
        raise DataError(
            f"n={n:,} draws: at most {tolerances.MOST_DRAWS:,}, with which probabilities have "
            "standard errors of 0.0005."
        )


def compared(fit: LmmFit, place: int, term: str | None, of: Of) -> GroupCoefficients:
    """One coefficient of the groups of a factor, to be ranked or compared.

    Raises
    ------
    UnknownOption : no such coefficient, or another `of`
    NotIdentified : its variance is zero: the groups do not differ
    NotYetSupported : the fit was made by the iterative method
    """
    if probes_used(fit) is not None:
        raise NotYetSupported(
            "Ranks and comparisons need the joint law of all groups of a factor, which "
            'method="iterative" does not give. conditional_sd() solves for groups that are named.'
        )
    at = term_of(fit, place, term)
    if covariance_of(fit, place)[at, at] <= 0:
        group = fit.moments.groups[place]
        raise NotIdentified(
            f"The variance of {group.effects[at]} between groups of {group.factor!r} is estimated "
            "as zero: the model does not tell these groups apart, so there is nothing to rank or "
            "to compare."
        )
    return group_coefficients(fit, place, at, of)
