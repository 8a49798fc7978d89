"""Tail areas of the largest of several dependent t statistics, and of the studentised range.

Both are a tail of normal variables, H(w), averaged over the scale s that the statistics share: s is
the root of a chi-square over its degrees of freedom. H is laid in a table once a family and read
off for every statistic and every number of degrees of freedom.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from echelon import tolerances
from echelon.linalg.distributions import t_two_sided
from echelon.linalg.lattice import lattice_tail

Array = NDArray[np.float64]
_STEP, _POINTS = 0.05, 8  # of the table; Lagrange polynomials of 8 points: to 1e-10 or better
_BARYCENTRIC = special.binom(_POINTS - 1, np.arange(_POINTS)) * (-1.0) ** np.arange(_POINTS)
_HIT = 1e-15  # in place of zero where a point of the table is hit: its own value is left
_END = 24.0  # P(W > w) is below 1e-60 beyond
_REACH = 10.5  # the largest w whose tail lies within +-12 of a common factor: P(W > w) < m 1e-25


@dataclass(frozen=True, slots=True, eq=False)
class Tail:
    """P(W > w) of a positive statistic W of normal variables, as a table.

    What is tabulated is log(1 - P(W <= w)^(1/order)): near 0, where P(W <= w) goes as w^order, and
    far out, it is as smooth as for a single variable.

    Attributes
    ----------
    step : spacing of the table;  logs : its entries at w = 0, step, 2 step, ...
    order : independent variables behind W
    unit : W / unit is the largest of `count` standard normal |z|: 1, and sqrt(2) for the range
    exact : False where an error of about 1e-5 is left (`lattice`)
    """

    step: float
    logs: Array
    order: int
    count: int
    unit: float = 1.0
    exact: bool = True

    def __call__(self, w: Array) -> Array:
        """P(W > w): Lagrange polynomials in the table, Bonferroni's bound beyond its end."""
        last = len(self.logs) - _POINTS
        place = np.minimum(w / self.step, len(self.logs) - 1)
        first = np.clip(place.astype(np.intp) - _POINTS // 2 + 1, 0, last)
        away = (place - first)[:, None] - np.arange(_POINTS)
        share = _BARYCENTRIC / np.where(np.abs(away) < _HIT, _HIT, away)
        found = self.logs[first[:, None] + np.arange(_POINTS)]
        total = (share * found).sum(axis=1) / share.sum(axis=1)
        bound = 2 * self.count * special.ndtr(-w / self.unit)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            inside = self.order * np.log1p(-np.exp(np.minimum(total, 0.0)))
        beyond = w > self.step * (len(self.logs) - 1)
        return np.asarray(np.where(beyond, bound, -np.expm1(inside)))


def _entries(outside: Array, inside: Array, order: int) -> Array:
    """log(1 - inside^(1/order)), from whichever of P(W > w) and P(W <= w) has its digits."""
    with np.errstate(divide="ignore"):
        logs = np.where(inside < 0.5, np.log(inside), np.log1p(-np.minimum(outside, 0.9)))
    return np.asarray(np.log(-np.expm1(logs / order)))


def range_tail(k: int) -> Tail:
    """The range of k independent standard normal variables (`range-tail`; tukey1953).

    P(W > w) = k int phi(z) [Phi(z)^(k-1) - (Phi(z) - Phi(z - w))^(k-1)] dz, by the trapezoidal
    rule, whose error on such integrands falls faster than any power of the step.
    """
    w = np.arange(0.0, _END + _STEP / 2, _STEP)[:, None]
    h = 0.08
    z = np.arange(-9.0, 20.0, h)
    below = special.ndtr(z)
    density = h * k * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    share = np.minimum(special.ndtr(z - w) / below, 1.0)
    with np.errstate(divide="ignore"):
        logs = (k - 1) * np.log1p(-share)
    outside = -np.expm1(logs) @ (density * below ** (k - 1))
    inside = np.exp(logs) @ (density * below ** (k - 1))
    count = k * (k - 1) // 2
    return Tail(_STEP, _entries(outside, inside, k - 1), k - 1, count, float(np.sqrt(2)))


def largest_tail(R: Array) -> Tail:
    """The largest |z| of normal variables with correlations R (m, m) (`largest-tail`; dunnett1955).

    Where R is that of one common factor, R_ij = l_i l_j, as for comparisons of independent means
    with one control, a single integral is left; otherwise the m-fold one is done by a lattice rule
    to about 1e-5 (genz1992).
    """
    R = R[np.ix_(distinct := _distinct(R), distinct)]
    m, loads = len(R), one_factor(R)
    if loads is None:
        outside, rank = lattice_tail(R)
        entries = _entries(outside, 1 - outside, rank)
        return Tail(tolerances.LATTICE_STEP, entries, rank, m, exact=False)
    w = np.arange(0.0, _REACH + _STEP / 2, _STEP)[:, None]
    own = np.sqrt(1 - loads**2)
    h = 0.4 * min(1.0, float((own / np.maximum(np.abs(loads), own)).min()))
    z = np.arange(-12.0, 12.0, h)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * h
    logs = np.zeros((len(w), len(z)))
    for load, sd in zip(np.abs(loads), own, strict=True):
        outside = special.ndtr((load * z - w) / sd) + special.ndtr((-load * z - w) / sd)
        with np.errstate(divide="ignore"):
            logs += np.log1p(-np.minimum(outside, 1.0))
    return Tail(_STEP, _entries(-np.expm1(logs) @ density, np.exp(logs) @ density, m), m, m)


def one_factor(R: Array) -> Array | None:
    """(m,) loadings l with R_ij = l_i l_j off the diagonal, or None where there are none."""
    m = len(R)
    if m == 1:
        return np.zeros(1)
    off = R - np.diag(np.diag(R))
    j, k = np.unravel_index(np.argmax(np.abs(off)), off.shape)
    if off[j, k] == 0:
        return np.zeros(m)
    third = np.abs(off[j] * off[k])
    i = int(np.argmax(third))
    own = off[i, j] * off[j, k] / off[i, k] if third[i] > 0 else abs(off[j, k])
    if not 0 < own < 1:
        return None
    loads = off[j] / np.sqrt(own)
    loads[j] = np.sqrt(own)
    rest = off - np.outer(loads, loads)
    np.fill_diagonal(rest, 0.0)
    fits = np.abs(rest).max() < tolerances.ONE_FACTOR and np.abs(loads).max() < 1
    return loads if fits else None


def _distinct(R: Array) -> NDArray[np.intp]:
    """Variables that are not plus or minus an earlier one."""
    same = np.tril(np.abs(R) > 1 - tolerances.SAME_CONTRAST, -1).any(axis=1)
    return np.flatnonzero(~same)


def studentised(tail: Tail, q: float, df: float) -> float:
    """P(W / s > q), s^2 a chi-square over its df, independent of W (`studentised`).

    Trapezoidal rule in log s; df = inf leaves s = 1.
    """
    if np.isnan(q) or np.isnan(df):
        return float("nan")
    q = abs(q)
    if np.isinf(df):
        return float(tail(np.array([q]))[0])
    if df < tolerances.FEWEST_FREEDOM:  # 1 but for what one alone may exceed
        return float(t_two_sided(q / tail.unit, df))
    width = 1 / np.sqrt(2 * df)
    peak = -0.5 * np.log1p((q / tail.unit) ** 2 / df)
    x = np.arange(peak - 46 / df - 10 * width, 10 * width, min(0.5 * width, 0.12))
    density = np.exp(df * (x - np.expm1(2 * x) / 2))
    return float(density @ tail(q * np.exp(x)) / density.sum())


def studentised_quantile(tail: Tail, level: float, df: float, low: float, high: float) -> float:
    """The q with P(W / s > q) = 1 - level, between low and high, by regula falsi on logarithms."""
    if np.isnan(df):
        return float("nan")
    target = np.log1p(-level)

    def above(q: float) -> float:
        return float(np.log(studentised(tail, q, df)) - target)

    f_low, f_high = above(low), above(high)
    if f_low <= 0:
        return low
    if f_high >= 0:
        return high
    for _ in range(tolerances.ROOT_STEPS):
        q = low + (high - low) * f_low / (f_low - f_high)
        f = above(q)
        if abs(f) < tolerances.ROOT_SETTLED:
            break
        if f > 0:  # the side that stays is weighed less (Illinois), so that both ends close in
            low, f_low, f_high = q, f, f_high / 2
        else:
            high, f_high, f_low = q, f, f_low / 2
    return q
