"""How wide intervals must be for "no overlap" to be a test of a difference."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.effects.joint import GroupCoefficients, draws
from echelon.linalg.distributions import t_quantile, t_two_sided
from echelon.linalg.generators import generator

Array = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of groups j, k (m,)."""

    j: Places
    k: Places

    def __len__(self) -> int:
        return len(self.j)

    @staticmethod
    def level(ratio: Array, width: float) -> Array:
        """(m,) chance that intervals of equal groups do not overlap (`comparison-level`).

        Parameters
        ----------
        ratio : sum of the two standard errors over the standard error of the difference
        """
        return t_two_sided(width * ratio, np.inf)


def all_or_even_pairs(groups: Places) -> Pairs:
    """All pairs of these groups, or evenly spread ones, each group in equally many of them.

    With groups in a circle, pairs at the same distance; distances evenly spaced.
    """
    J = len(groups)
    if J * (J - 1) // 2 <= tolerances.COMPARED_PAIRS:
        j, k = np.triu_indices(J, 1)
        return Pairs(groups[j], groups[k])
    number = max(tolerances.COMPARED_PAIRS // J, 1)
    apart = np.unique(np.linspace(1, (J - 1) // 2, number).round().astype(np.intp))
    j = np.tile(np.arange(J), len(apart))
    return Pairs(groups[j], groups[(j + np.repeat(apart, J)) % J])


def quasi_variances(pairs: Pairs, apart: Array, J: int) -> Array:
    """(J,) q with q_j + q_k as near as can be to the variances `apart` (m,) of the differences.

    Those of independent errors are found again (`quasi-variance`; firth2004). Least squares by
    q <- (q + mean of `apart` - mean of the partners' q) / 2, which halves the error each time or
    better, but for four groups or fewer.
    """
    both, other = np.concatenate([pairs.j, pairs.k]), np.concatenate([pairs.k, pairs.j])
    count = np.maximum(np.bincount(both, minlength=J), 1)
    each: Array = np.bincount(both, np.tile(apart, 2), J) / count
    q = each / 2
    for _ in range(tolerances.OVERLAP_STEPS):
        change = (each - q - np.bincount(both, q[other], J) / count) / 2
        q = q + change
        if np.abs(change).max() <= tolerances.ROOT_SETTLED * each.max():
            break
    return np.asarray(np.maximum(q, tolerances.QUASI_LEAST * each.mean()))


def mean_width(ratio: Array, alpha: float) -> float:
    """Half-width in standard errors at which the mean level over pairs is alpha.

    Newton's method on the logarithm of the level, kept between the widths that suit the pairs of
    the largest and of the smallest ratio.
    """
    z = float(t_quantile(1 - alpha / 2, np.inf))
    low, high = z / float(ratio.max()), z / float(ratio.min())
    width = z / float(np.median(ratio))
    for _ in range(tolerances.OVERLAP_STEPS):
        level = float(Pairs.level(ratio, width).mean())
        low, high = (width, high) if level > alpha else (low, width)
        slope = float((ratio * np.exp(-((width * ratio) ** 2) / 2)).mean()) * math.sqrt(2 / math.pi)
        step = float(np.log(level / alpha)) * level / slope
        if abs(step) <= tolerances.ROOT_SETTLED * width:
            break
        width = width + step if low < width + step < high else (low + high) / 2
    return width


def simultaneous_width(
    given: GroupCoefficients,
    se: Array,
    known: Places,
    level: float,
    n: int,
    rng: int | np.random.Generator,
    *,
    own: bool,
) -> tuple[float, float]:
    """Half-width at which no two intervals of equal groups fail to overlap, with its MC error.

    Parameters
    ----------
    own : errors are those of least-squares estimates, independent

    Notes
    -----
    The quantile of the largest |e_j - e_k| / (SE_j + SE_k) over all pairs (`comparison-largest`).
    """
    made = generator(rng)
    size = max(tolerances.DRAWN_ENTRIES // len(known), 1)
    pieces = (
        (
            made.standard_normal((min(size, n - a), len(known))) * se[known]
            for a in range(0, n, size)
        )
        if own
        else (piece[:, known] - given.estimate[known] for piece in draws(given, n, made))
    )
    largest = np.sort(np.concatenate([largest_gap(piece, se[known]) for piece in pieces]))
    order = level * n
    reach = np.sqrt(n * level * (1 - level))
    at = np.clip(np.round([order, order - reach, order + reach]).astype(int), 1, n) - 1
    width, low, high = largest[at]
    return float(width), float(high - low) / 2


def largest_gap(errors: Array, se: Array) -> Array:
    """(R,) the largest |e_j - e_k| / (s_j + s_k) over all pairs, for errors (R, J).

    The z at which max(e_j - z s_j) = min(e_k + z s_k), by Dinkelbach's iteration, which ends at the
    pair itself: a few passes over the groups and not one over the pairs (dinkelbach1967).
    """
    rows, z = np.arange(len(errors)), np.zeros(len(errors))
    for _ in range(tolerances.OVERLAP_STEPS):
        j = np.argmax(errors - z[:, None] * se, axis=1)
        k = np.argmin(errors + z[:, None] * se, axis=1)
        found = (errors[rows, j] - errors[rows, k]) / (se[j] + se[k])
        if np.all(found <= z * (1 + tolerances.ROOT_SETTLED)):
            break
        z = np.maximum(found, z)
    return z
