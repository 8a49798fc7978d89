"""Random signs on the groups, and the traces that they estimate.

For a factor f with signs s (one a group, the same for all its effects) and s_a = s on effect a,
E s_a'Z_f'P Z_f s_b is the sum of the entries (a, b) of the groups' own blocks: these are hit
exactly, what lies between groups is noise (`iterative-trace`; hutchinson1989). A factor of few
groups takes unit vectors instead, and has no noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.estimate.blocks import Blocks

Array = NDArray[np.float64]
Count = int | Literal["exact"]


@dataclass(frozen=True, slots=True, eq=False)
class Signs:
    """Probes of one factor.

    Attributes
    ----------
    of : (J, m) signs, or the unit vectors
    exact : whether they are the unit vectors: sums over them are traces, not estimates
    """

    of: Array
    exact: bool

    def mean(self, by_probe: Array) -> tuple[Array, Array]:
        """The trace (t,) from the forms (m, t) of the probes, and its Monte Carlo covariance."""
        m, t = by_probe.shape
        if self.exact:
            return by_probe.sum(axis=0), np.zeros((t, t))
        centred = by_probe - by_probe.mean(axis=0)
        return by_probe.mean(axis=0), centred.T @ centred / (m * (m - 1))

    @property
    def share(self) -> float:
        """What one probe counts for."""
        return 1.0 if self.exact else 1.0 / self.of.shape[1]


@dataclass(frozen=True, slots=True, eq=False)
class Probes:
    """The probes of a fit, drawn once: every evaluation sees the same.

    Attributes
    ----------
    count : probes a factor; "exact" takes every unit vector, for tests on small problems
    seed : of the generator they are drawn from
    """

    count: Count
    seed: int

    def signs(self, f: int, J: int) -> Signs:
        """Probes of a factor of J groups."""
        return self._draw(f + 1, J, 0)

    def core(self, n: int) -> Signs:
        """Probes of the core, for the log-determinant."""
        return self._draw(0, n, tolerances.LOGDET_PROBES)

    def _draw(self, stream: int, n: int, least: int) -> Signs:
        if self.count == "exact" or n <= max(self.count, tolerances.FEW_UNITS):
            return Signs(np.eye(n), exact=True)
        rng = np.random.default_rng((self.seed, stream))
        drawn = rng.integers(0, 2, size=(n, max(self.count, least)), dtype=np.int8)
        return Signs(2.0 * drawn.astype(np.float64) - 1.0, exact=False)


def spread_out(signs: Array, q: int) -> Array:
    """(J, q, m q) the probes of each effect: column (i, a) is sign i on effect a."""
    J, m = signs.shape
    out = np.zeros((J, q, m, q))
    for a in range(q):
        out[:, a, :, a] = signs
    return out.reshape(J, q, m * q)


@dataclass(frozen=True, slots=True, eq=False)
class Traces:
    """Estimates of traces in the t free entries of D.

    Attributes
    ----------
    slope : (t,) tr(P V_i)
    noise : (t, t) Monte Carlo covariance of `slope`
    trace : (t, t) tr(P V_i P V_l), of V0^-1 instead of P when so asked
    iterations : conjugate-gradient steps
    """

    slope: Array
    noise: Array
    trace: Array
    iterations: int


def entries(blocks: Blocks, factor: int) -> tuple[NDArray[np.intp], Array]:
    """Numbers (t_f,) of a factor's free entries and their matrices E (t_f, q_f, q_f)."""
    numbers, part, q = blocks.entries(factor), blocks.parts[factor], blocks.pairs.q
    E = blocks.pairs.basis[numbers].reshape(-1, q, q)[:, part, part]
    return numbers, np.ascontiguousarray(E)
