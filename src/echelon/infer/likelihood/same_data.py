"""Whether models were fitted to the same data: only then can likelihoods be compared."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echelon.errors import DataError
from echelon.model.fit import LmmFit, OlsFit
from echelon.moments import GroupMoments, Moments
from echelon.tolerances import SAME_DATA

Fit = LmmFit | OlsFit


def check_same_data(fits: list[Fit], names: list[str]) -> None:
    """Refuse models of different responses or rows.

    Compared are the number of rows, the mean and sum of squares of the response (offset taken
    off), the precision weights, and for a grouping factor that two models share its levels, their
    sizes and the sums of the response in them.

    Raises
    ------
    DataError : says which models differ, and in what
    """
    for fit, name in zip(fits[1:], names[1:], strict=True):
        _check(fits[0], names[0], fit, name)


def plain_moments(fit: Fit) -> Moments:
    """Moments of the rows as they are, whatever the residual structure."""
    return fit.plain_moments if isinstance(fit, LmmFit) else fit.moments


def _check(one: Fit, first: str, other: Fit, second: str) -> None:
    a, b = plain_moments(one), plain_moments(other)
    if a.n != b.n:
        raise DataError(
            f"{first} uses {a.n:,} rows and {second} {b.n:,}: likelihoods of different rows cannot "
            f"be compared.{_lost(one, first)}{_lost(other, second)} Fit both to the rows that are "
            "complete in the variables of both."
        )
    if not _same_response(a, b):
        raise DataError(_about_response(one, first, other, second))
    weights = (a.weight, a.log_weight), (b.weight, b.log_weight)
    if not np.allclose(*weights, rtol=SAME_DATA, atol=SAME_DATA * a.n):
        raise DataError(
            f"{first} and {second} have different precision weights: they are not models of the "
            "same data."
        )
    ours = {group.factor: group for group in b.groups}
    for group in a.groups:
        if group.factor in ours and not _same_groups(group, ours[group.factor], a, b):
            raise DataError(
                f"The rows or the groups of {group.factor!r} differ between {first} and {second}: "
                "fit both to one table."
            )


def _lost(fit: Fit, name: str) -> str:
    missing = fit.source.missing
    return f" {name}: {missing}." if missing.n_used < missing.n_total else ""


def _spread(moments: Moments) -> float:
    """Standard deviation of the response, about its mean."""
    return float(np.sqrt(moments.cross[-1, -1] / moments.weight))


def _same_response(a: Moments, b: Moments) -> bool:
    size = _spread(a)
    near = abs(float(a.centre[-1] - b.centre[-1])) <= SAME_DATA * (size + abs(a.centre[-1]))
    return near and abs(_spread(b) - size) <= SAME_DATA * size


def _about_response(one: Fit, first: str, other: Fit, second: str) -> str:
    if one.response != other.response:
        return (
            f"{first} is a model of {one.response!r} and {second} of {other.response!r}: "
            "likelihoods of different responses cannot be compared. (The density of log(y) is "
            "another than that of y.)"
        )
    return (
        f"The values of {one.response!r} differ between {first} and {second}: other rows, another "
        "offset, other precision weights or a changed table. Likelihoods can be compared for the "
        "same rows only."
    )


def _same_groups(one: GroupMoments, other: GroupMoments, a: Moments, b: Moments) -> bool:
    """Whether a factor has the same groups with the same rows, as far as sums can tell."""
    at = np.arange(len(one.levels))
    if one.levels != other.levels:
        place = {level: j for j, level in enumerate(other.levels)}
        if set(place) != set(one.levels):
            return False
        at = np.array([place[level] for level in one.levels], dtype=np.intp)
    if not np.array_equal(one.count, other.count[at]):
        return False
    sums, others = _sums(one, a), _sums(other, b)
    if sums is None or others is None:
        return True
    return bool(np.abs(sums - others[at]).max() <= SAME_DATA * _spread(a) * a.n)


def _sums(group: GroupMoments, moments: Moments) -> NDArray[np.float64] | None:
    """(J,) sums of the response in each group; None without a constant among the effects."""
    if "(Intercept)" not in group.effects:
        return None
    i = group.effects.index("(Intercept)")
    sums: NDArray[np.float64] = group.ZtV[:, i, -1] + group.weight * moments.centre[-1]
    return sums
