"""Two named groups compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from echelon.data import Values, to_native
from echelon.effects.joint import Of
from echelon.errors import DataError
from echelon.linalg.distributions import check_level, normal_below, t_quantile
from echelon.model.fit import LmmFit
from echelon.multilevel.named_groups import compared, number_of, place_with


@dataclass(frozen=True, slots=True, eq=False)
class GroupComparison:
    """Two groups of a factor compared by one coefficient.

    Attributes
    ----------
    fit : the fit
    factor, term : grouping factor and coefficient
    of : "effect" (beyond the prediction) or "coefficient" (prediction + effect)
    labels, counts : of the two groups
    estimates, std_errors : empirical Bayes estimates and their standard errors, of effects given
        the fixed effects
    difference, std_error : first less second; their covariance counted
    conf_low, conf_high, level : interval of the difference
    p_above : probability that the first is above the second, given the data and the variances
    """

    fit: LmmFit
    factor: str
    term: str
    of: Of
    labels: tuple[object, object]
    counts: tuple[int, int]
    estimates: tuple[float, float]
    std_errors: tuple[float, float]
    difference: float
    std_error: float
    conf_low: float
    conf_high: float
    level: float
    p_above: float


def group_comparison(
    fit: LmmFit,
    a: object,
    b: object,
    factor: str | None = None,
    term: str | None = None,
    *,
    of: Of = "effect",
    level: float = 0.95,
) -> GroupComparison:
    """Compare two groups by their labels.

    Notes
    -----
    Equation `group-difference`; goldstein1996.
    """
    check_level(level)
    place = place_with(fit, factor, (a, b), "compare_groups()")
    group = fit.moments.groups[place]
    j, k = (number_of(group.levels, label, group.factor) for label in (a, b))
    if j == k:
        raise DataError(f"Both are the group {group.levels[j]!r}: name two different ones.")
    given = compared(fit, place, term, of)
    first, second = np.array([j]), np.array([k])
    error = float(given.difference_se(first, second)[0])
    difference = float(given.estimate[j] - given.estimate[k])
    reach = float(t_quantile((1 + level) / 2, np.inf)) * error
    return GroupComparison(
        fit=fit,
        factor=group.factor,
        term=group.effects[given.at],
        of=of,
        labels=(group.levels[j], group.levels[k]),
        counts=(int(group.count[j]), int(group.count[k])),
        estimates=(float(given.estimate[j]), float(given.estimate[k])),
        std_errors=(float(given.std_error[j]), float(given.std_error[k])),
        difference=difference,
        std_error=error,
        conf_low=difference - reach,
        conf_high=difference + reach,
        level=level,
        p_above=normal_below(difference / error) if error > 0 else float("nan"),
    )


def comparison_row(found: GroupComparison) -> object:
    """The comparison as a table of one row in the caller's dataframe library.

    Returns
    -------
    group_a, group_b, estimate_a, estimate_b, difference, std_error, conf_low, conf_high, p_above
    """
    columns: dict[str, Values] = {
        "group_a": [found.labels[0]],
        "group_b": [found.labels[1]],
        "estimate_a": [found.estimates[0]],
        "estimate_b": [found.estimates[1]],
        "difference": [found.difference],
        "std_error": [found.std_error],
        "conf_low": [found.conf_low],
        "conf_high": [found.conf_high],
        "p_above": [found.p_above],
    }
    return to_native(columns, found.fit.source.backend)
