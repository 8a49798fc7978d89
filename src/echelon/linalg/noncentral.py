"""The noncentral t distribution: tail areas, and the noncentrality that gives an area.

SciPy's `nctdtr` returns nan in the lower tail and is good to 1e-7 in older versions; here every
factor of the integrand is positive, so that no digits cancel.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from echelon.tolerances import (
    NONCENTRAL_BLOCK,
    NONCENTRAL_STEP,
    NONCENTRAL_TAIL,
    NONCENTRAL_WIDEST,
    NONCENTRALITY_DIGITS,
    NONCENTRALITY_STEPS,
)

Array = NDArray[np.float64]
_ROOT_TAU = np.sqrt(2 * np.pi)
_PIECES = 8  # arguments that need few nodes are not held up by those that need many


def noncentral_t_upper(t: ArrayLike, df: ArrayLike, ncp: ArrayLike) -> Array:
    """Area above t under the noncentral t distribution.

    Parameters
    ----------
    t, df, ncp : of any shapes that broadcast; df >= 1, inf for the normal distribution

    Notes
    -----
    The integral over the scale s = sqrt(chi^2 / df) of the normal area above t s - ncp, by the
    trapezoidal rule in log s; equation `power-noncentral`.

    Examples
    --------
    >>> noncentral_t_upper(2.0, [5, 38, np.inf], 1.0).round(6)
    array([0.221925, 0.168014, 0.158655])
    """
    t, df, ncp = np.broadcast_arrays(*(np.asarray(x, dtype=np.float64) for x in (t, df, ncp)))
    return _blocks(t, df, ncp)[0]


def two_sided_power(t: ArrayLike, df: ArrayLike, ncp: ArrayLike) -> Array:
    """Area beyond -t and t under the noncentral t distribution; as `noncentral_t_upper`."""
    t = np.asarray(t, dtype=np.float64)
    return noncentral_t_upper(t, df, ncp) + noncentral_t_upper(t, df, -np.asarray(ncp))


def noncentrality(power: ArrayLike, t: ArrayLike, df: ArrayLike, *, two_sided: bool) -> Array:
    """The noncentrality at which the area beyond t (and -t) is `power`.

    Parameters
    ----------
    power, t, df : of any shapes that broadcast; power above the area at noncentrality 0

    Returns
    -------
    by Newton steps between bounds; nan where power is not between the area at noncentrality 0
        and 1

    Examples
    --------
    >>> float(noncentrality(0.8, 2.024394, 38, two_sided=True).round(4))
    2.8749
    """
    power, t, df = np.broadcast_arrays(*(np.asarray(x, dtype=np.float64) for x in (power, t, df)))
    shape = power.shape
    zero = np.zeros(power.size)
    t, df = t.ravel(), df.ravel()
    possible = (power.ravel() > _area(t, df, zero, two_sided)[0]) & (power.ravel() < 1)
    power = np.where(possible, power.ravel(), np.nan)
    low, high = zero, _above(power, t, df, two_sided)
    ncp = np.minimum(np.maximum(t + special.ndtri(power), 0.5 * high), high)
    for _ in range(NONCENTRALITY_STEPS):
        area, slope = _area(t, df, ncp, two_sided)
        low, high = np.where(area < power, ncp, low), np.where(area < power, high, ncp)
        with np.errstate(divide="ignore", invalid="ignore"):
            newton = ncp - (area - power) / slope
        inside = (newton > low) & (newton < high)
        following = np.where(inside, newton, (low + high) / 2)
        moved = np.abs(following - ncp) > NONCENTRALITY_DIGITS * (1 + ncp)
        ncp = following
        if not (moved & possible).any():
            break
    return np.where(possible, ncp, np.nan).reshape(shape)


def _above(power: Array, t: Array, df: Array, two_sided: bool) -> Array:
    """A noncentrality with at least the area `power`, by doubling."""
    high = np.maximum(2 * t + 4.0, 4.0)
    while (short := _area(t, df, high, two_sided)[0] < power).any():
        high = np.where(short, 2 * high, high)
    return high


def _area(t: Array, df: Array, ncp: Array, two_sided: bool) -> tuple[Array, Array]:
    """Area beyond t (and -t), and its derivative in the noncentrality."""
    area, slope = _blocks(t, df, ncp)
    if not two_sided:
        return area, slope
    other, back = _blocks(t, df, -ncp)
    return area + other, slope - back


def _blocks(t: Array, df: Array, ncp: Array) -> tuple[Array, Array]:
    """Areas above t and their derivatives, as many at once as memory allows."""
    shape = t.shape
    t, df, ncp = t.ravel(), df.ravel(), ncp.ravel()
    area, slope = special.ndtr(ncp - t), np.exp(-0.5 * (ncp - t) ** 2) / _ROOT_TAU
    area = np.where(np.isnan(df), np.nan, area)
    places = np.flatnonzero(np.isfinite(df) & np.isfinite(t) & np.isfinite(ncp))
    if places.size:
        low, high, count = _range(df[places], ncp[places])
        order = np.argsort(count, kind="stable")
        pieces = max(_PIECES, int(np.sum(count)) // NONCENTRAL_BLOCK)
        for part in np.array_split(order, min(pieces, order.size)):
            at, nodes = places[part], int(count[part].max())
            area[at], slope[at] = _integral(t[at], df[at], ncp[at], low[part], high[part], nodes)
    return area.reshape(shape), slope.reshape(shape)


def _range(df: Array, ncp: Array) -> tuple[Array, Array, NDArray[np.int64]]:
    """Where the density of log s is not negligible, and how many nodes it needs."""
    low = -1 - NONCENTRAL_TAIL / df
    high = np.full(df.shape, np.log1p(np.sqrt(2 * NONCENTRAL_TAIL / df)))
    for _ in range(40):  # halving towards the left end: df (u + 1/2 - e^2u / 2) = -tail
        middle = low / 2
        below = df * (middle + 0.5 - 0.5 * np.exp(2 * middle)) < -NONCENTRAL_TAIL
        if not below.any():
            break
        low = np.where(below, middle, low)
    width = np.minimum(1 / np.sqrt(2 * df), 1 / (1 + np.abs(ncp)))
    step = np.minimum(NONCENTRAL_STEP * width, NONCENTRAL_WIDEST)
    return low, high, np.ceil((high - low) / step).astype(np.int64) + 1


def _integral(
    t: Array, df: Array, ncp: Array, low: Array, high: Array, count: int
) -> tuple[Array, Array]:
    """Sums over nodes u = log s of the density of u times the normal area, and its derivative."""
    share = np.linspace(0.0, 1.0, count)
    u = low[:, None] + (high - low)[:, None] * share
    s = np.exp(u)
    # relative to its peak at u = 0, so that gamma functions of large df do not cancel
    weight = np.exp(df[:, None] * (u - 0.5 * np.expm1(2 * u)))
    weight /= weight.sum(axis=1, keepdims=True)
    beyond = ncp[:, None] - t[:, None] * s
    area = (weight * special.ndtr(beyond)).sum(axis=1)
    slope = (weight * np.exp(-0.5 * beyond**2)).sum(axis=1) / _ROOT_TAU
    return area, slope
