"""What data cannot tell apart is refused by name, before the search or after one that ran away."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.errors import DataError, NotIdentified
from echelon.moments.moments import CrossMoments, GroupMoments, Moments

Array = NDArray[np.float64]


def check_magnitude(moments: Moments) -> None:
    """Refuse columns whose squares leave double precision.

    Raises
    ------
    DataError : names the column
    """
    with np.errstate(over="ignore"):
        squares = np.diagonal(moments.cross) + moments.weight * moments.centre**2
    low, high = (np.full(len(squares), end) for end in tolerances.SQUARES)
    low[-1], high[-1] = tolerances.RESPONSE_SQUARES
    wrong = ~((squares == 0) | ((squares > low) & (squares < high)))
    if wrong.any():
        raise DataError(
            f"The values of {moments.columns[int(np.argmax(wrong))]!r} are too large or too small "
            "to be squared in double precision. Express them in another unit."
        )


def check_identified(moments: Moments) -> None:
    """Refuse groups that cannot tell a variance from another.

    Raises
    ------
    NotIdentified : one group; a group for each row; as many random effects as rows; two factors
        that divide the rows into the same groups and share a random effect
    """
    for group in moments.groups:
        _check_group(group, moments.n)
    for crossing in moments.crossings:
        _check_twins(crossing, moments.groups)


def _check_group(group: GroupMoments, n: int) -> None:
    J, q = len(group.levels), len(group.effects)
    if J < 2:
        raise NotIdentified(
            f"{group.factor!r} has one group only, so there is no variance between groups to "
            "estimate. Use ec.lm() for a model without random effects."
        )
    if group.count.max() <= 1:
        raise NotIdentified(
            f"Every row is its own group of {group.factor!r} ({n} rows, {J} groups): the variances "
            "between and within groups cannot be told apart. Check the grouping variable."
        )
    _check_structured(group, n)
    free = [s for k, s in zip(group.structure, group.sizes, strict=True) if k == "us"]
    if J * max(free, default=0) >= n:
        raise NotIdentified(
            f"{J} groups of {group.factor!r} with {q} random effects each make {J * q} effects, "
            f"but there are {n} rows: the random effects and the residual variance cannot be told "
            "apart. Use fewer random effects."
        )


def _check_structured(group: GroupMoments, n: int) -> None:
    """Refuse blocks that hold the residual: one row a group and effect, all of one variance."""
    start = 0
    for kind, size in zip(group.structure, group.sizes, strict=True):
        block = slice(start, start + size)
        start += size
        if kind not in ("homdiag", "homcs"):
            continue
        ZtZ = group.ZtZ[:, block, block]
        squares = np.diagonal(ZtZ, axis1=1, axis2=2)
        alone = np.abs(ZtZ).sum() <= squares.sum() * (1 + 1e-12)
        used = squares[squares > 0]
        if alone and len(used) >= n and np.ptp(used) <= 1e-9 * used.max():
            raise NotIdentified(
                f"Each row has its own random effect of {group.factor!r} ({kind} over "
                f"{group.effects[block.start]!r}, ...), all of one variance: it cannot be told "
                "from the residual variance. Use (1 | group), or ar1(...) for ordered levels."
            )


def _check_twins(crossing: CrossMoments, groups: tuple[GroupMoments, ...]) -> None:
    """Refuse one effect of two factors with the same groups.

    Every group has rows, so there are as many pairs as both have groups only where each group of
    the one is a group of the other.
    """
    first, second = groups[crossing.first], groups[crossing.second]
    if not len(crossing.row) == len(first.levels) == len(second.levels):
        return
    shared = [effect for effect in first.effects if effect in second.effects]
    if shared:
        raise NotIdentified(
            f"{first.factor!r} and {second.factor!r} divide the rows into the same groups, so the "
            f"variance of {shared[0]} cannot be divided between them. Keep one of them."
        )


def check_not_perfect(cross: Array, moments: Moments) -> None:
    """Refuse a response that is constant, or that the fixed effects reproduce.

    Parameters
    ----------
    cross : (p + 1, p + 1) [X y]'W[X y] of the fixed columns that are kept

    Raises
    ------
    NotIdentified : names the response
    """
    name = moments.columns[-1]
    total = float(moments.cross[-1, -1])
    raw = total + moments.weight * float(moments.centre[-1]) ** 2
    if total <= tolerances.RANK_RAW * raw or total == 0:
        raise NotIdentified(f"The response {name!r} is the same in every row: nothing varies.")
    if _left(cross) <= tolerances.PERFECT_FIT * total:
        raise NotIdentified(
            f"The fixed effects reproduce {name!r} exactly: no residual variance is left to "
            "divide into levels. Is the response computed from the predictors?"
        )


def check_residual(cross: Array, rho2: float, failed: bool) -> None:
    """Explain a search that ran away because nothing is left within groups.

    Parameters
    ----------
    cross : (p + 1, p + 1) [X y]'W[X y];  rho2 : the residual sum of squares at the end
    failed : whether the search failed; where it did not, more is believed

    Raises
    ------
    NotIdentified : the residual sum of squares at the end is next to nothing of what the fixed
        effects alone leave
    """
    if rho2 <= tolerances.RESIDUAL_SHARE[0 if failed else 1] * _left(cross):
        raise NotIdentified(
            "The random effects reproduce the response within every group: no residual variance is "
            "left. Does each group hold one distinct value, or were standard deviations of 0 given?"
        )


def _left(cross: Array) -> float:
    """The sum of squares that the fixed effects alone leave."""
    X, y = cross[:-1, :-1], cross[:-1, -1]
    return float(cross[-1, -1] - (y @ np.linalg.solve(X, y) if len(y) else 0.0))
