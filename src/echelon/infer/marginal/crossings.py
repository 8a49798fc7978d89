"""All values of a moderator at which a test statistic meets its critical value."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.infer.uncertainty import Uncertainty
from echelon.linalg.distributions import t_quantile

Array = NDArray[np.float64]


def excess(L: Array, beta: Array, known: Uncertainty, level: float) -> Array:
    """(m,) squared estimate less its squared margin: positive where L beta differs from zero."""
    margin = t_quantile((1 + level) / 2, known.df(L)) ** 2
    surplus: Array = (L @ beta) ** 2 - margin * np.einsum("mp,pr,mr->m", L, known.vcov, L)
    return surplus


def line_crossings(
    L0: Array,
    L1: Array,
    beta: Array,
    known: Uncertainty,
    level: float,
    centre: float,
    spread: float,
) -> Array:
    """The boundaries (k,) of a slope L0 + m L1 that is linear in the moderator, in order.

    Parameters
    ----------
    L0, L1 : (p,) the slope where the moderator is zero, and its change per unit
    centre, spread : mean and SD of the moderator

    Notes
    -----
    With critical value c, the roots of (L0 + m L1)' (beta beta' - c^2 V) (L0 + m L1) = 0
    (`johnson-neyman`; johnson1936, bauer2005). Where the degrees of freedom change with m, so does
    c: the roots then lie between those of its smallest and its largest value, which together with
    a scan of the whole line bracket them (`johnson-neyman-df`).
    """
    turn = np.linspace(-np.pi / 2, np.pi / 2, tolerances.CROSSING_POINTS + 2)[1:-1]
    m = centre + spread * np.tan(turn)
    freedom = known.df(np.vstack([L0 + m[:, None] * L1, L1]))
    critical = t_quantile((1 + level) / 2, freedom) ** 2
    bounds = [_quadratic(L0, L1, beta, known.vcov, c) for c in (critical.min(), critical.max())]
    if critical.max() - critical.min() <= tolerances.SAME_CRITICAL * critical.max():
        return np.sort(bounds[0])
    seeds = np.concatenate(bounds)
    away = tolerances.CROSSING_MARGIN * (spread + np.abs(seeds - centre))
    m = np.unique(
        np.concatenate([m, seeds - away, seeds + away, _largest(L0, L1, beta, known.vcov)])
    )
    return crossings(lambda x: excess(L0 + x[:, None] * L1, beta, known, level), m)


def crossings(f: Callable[[Array], Array], m: Array) -> Array:
    """Where f changes its sign between neighbours of m (ascending), by bisection, in order."""
    sign = np.sign(f(m))
    change = np.flatnonzero(sign[:-1] * sign[1:] < 0)
    low, high, left = m[change], m[change + 1], sign[change]
    for _ in range(tolerances.BISECTIONS):
        middle = 0.5 * (low + high)
        if ((middle == low) | (middle == high)).all():
            break
        same = np.sign(f(middle)) == left
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    found: Array = np.sort(np.concatenate([0.5 * (low + high), m[sign == 0]]))
    return found


def _quadratic(L0: Array, L1: Array, beta: Array, vcov: Array, c2: float) -> Array:
    """Roots of the quadratic for one critical value, without cancellation; none if not real."""
    b0, b1 = float(L0 @ beta), float(L1 @ beta)
    A = b1**2 - c2 * float(L1 @ vcov @ L1)
    B = b0 * b1 - c2 * float(L0 @ vcov @ L1)
    C = b0**2 - c2 * float(L0 @ vcov @ L0)
    inside = B**2 - A * C
    if inside <= 0:
        return np.empty(0)
    q = -(B + np.copysign(np.sqrt(inside), B))
    roots = [C / q] if q != 0 else [0.0]
    if A != 0:
        roots.append(q / A)
    return np.array(roots)


def _largest(L0: Array, L1: Array, beta: Array, vcov: Array) -> Array:
    """Where the squared statistic is largest: two roots may lie close on either side of it."""
    b0, b1 = float(L0 @ beta), float(L1 @ beta)
    v0, v1, v2 = (float(a @ vcov @ b) for a, b in ((L0, L0), (L0, L1), (L1, L1)))
    below = b1 * v1 - b0 * v2
    return np.array([(b0 * v1 - b1 * v0) / below]) if below != 0 else np.empty(0)
