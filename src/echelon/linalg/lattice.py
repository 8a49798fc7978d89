"""The largest of several normal variables with any correlations, by a lattice rule."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from echelon import tolerances

Array = NDArray[np.float64]


def lattice_tail(R: Array) -> tuple[Array, int]:
    """P(max |z_i| > w) of normal variables with correlations R, on a grid of w, and R's rank.

    Separation of variables: one variable after another given those before it, so that the integral
    is over the unit cube; there a lattice with periodised points, without random numbers
    (genz1992; `lattice`). The tail is summed as such, so that a small one keeps its digits, and
    kept between that of one variable and Bonferroni's bound.
    """
    L = _factor(R)
    w = np.arange(0.0, tolerances.LATTICE_END, tolerances.LATTICE_STEP)
    points = _points(len(L) - 1)
    one = 2 * special.ndtr(-w)
    found = [_tail(L, float(value), points) for value in w]
    bounded: Array = np.clip(found, one, np.minimum(len(L) * one, 1.0))
    return bounded, int(np.count_nonzero(np.diag(L)))


def _factor(R: Array) -> Array:
    """Cholesky factor (m, m) of R, the variables ordered by what is left of their variance.

    A variable that the earlier ones determine gets zero on the diagonal.
    """
    m = len(R)
    order, L = list(range(m)), np.zeros((m, m))
    left = np.ones(m)
    for i in range(m):
        best = i + int(np.argmax(left[i:]))
        order[i], order[best] = order[best], order[i]
        L[[i, best]], left[[i, best]] = L[[best, i]], left[[best, i]]
        if left[i] < tolerances.SAME_CONTRAST:
            break
        L[i, i] = np.sqrt(left[i])
        rows = order[i + 1 :]
        L[i + 1 :, i] = (R[rows, order[i]] - L[i + 1 :, :i] @ L[i, :i]) / L[i, i]
        left[i + 1 :] -= L[i + 1 :, i] ** 2
    return L


def _points(d: int) -> Array:
    """(N, d) points of Richtmyer's lattice, folded so that the integrand is periodic."""
    steps = np.sqrt(_primes(max(d, 1)))
    count = np.arange(1, tolerances.LATTICE_POINTS + 1)[:, None]
    folded: Array = np.abs(2 * ((count * steps) % 1.0) - 1)
    return folded[:, :d]


def _primes(d: int) -> Array:
    found: list[int] = []
    number = 2
    while len(found) < d:
        if all(number % p for p in found):
            found.append(number)
        number += 1
    return np.array(found, dtype=np.float64)


def _tail(L: Array, w: float, points: Array) -> float:
    """P(max |z| > w) as the mean over the lattice of 1 - prod_i P(|z_i| <= w given the earlier).

    Weights that vanish at both ends of the sequence take its error from 1/N towards 1/N^2.
    """
    N, m = len(points), len(L)
    place = np.arange(1, N + 1) / (N + 1)
    weights = place * (1 - place)
    drawn = np.zeros((N, m))
    inside = np.zeros(N)
    for i in range(m):  # one variable after another: each needs those before it
        mean, sd = drawn[:, :i] @ L[i, :i], L[i, i]
        if sd == 0:
            inside = np.where(np.abs(mean) > w, -np.inf, inside)
            continue
        low, high = special.ndtr((-w - mean) / sd), special.ndtr((mean - w) / sd)
        with np.errstate(divide="ignore"):
            inside += np.log1p(-np.minimum(low + high, 1.0))
        if i < m - 1:
            u = low + points[:, i] * np.maximum(1 - low - high, 0.0)
            drawn[:, i] = special.ndtri(np.clip(u, 1e-300, 1 - 1e-16))
    return float(weights @ -np.expm1(inside) / weights.sum())
