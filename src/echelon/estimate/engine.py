"""What an engine must give at one covariance factor, whatever the structure of the groups.

An engine knows one shape of Z'WZ (one factor, nested factors, crossed factors) and how to work with
V0^-1 = (W^-1 + Z D Z')^-1 on it. The deviance, its derivatives and the search know nothing of that
shape (`docs/theory/several-factors.md`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Second:
    """First and second derivatives of log|V0| and of [X y]'V0^-1[X y] in the t free entries of D.

    With V_i = Z E_i Z', K = Z'V0^-1 Z and [T e] = Z'V0^-1 [X y] solve':

    Attributes
    ----------
    slope : (t,) tr(V0^-1 V_i)
    trace : (t, t) tr(V0^-1 V_i V0^-1 V_l)
    gram : (t, k, k) [T e]' E_i [T e]
    quadratic : (t, t) e' E_i K E_l e
    mixed : (t, t) sum over the columns of T of T_x' E_i K E_l T_x; only when asked for (REML)
    """

    slope: Array
    trace: Array
    gram: Array
    quadratic: Array
    mixed: Array | None


@dataclass(frozen=True, slots=True, eq=False)
class FactorEffects:
    """What the groups of one factor know, for empirical Bayes estimates.

    Attributes
    ----------
    F : (q, k, J) Z_j'V0^-1 [X y]
    W : (q, q, J) diagonal blocks of D - D K D, the conditional covariance over sigma^2
    """

    F: Array
    W: Array


class Sweep(Protocol):
    """An engine at one covariance factor."""

    @property
    def logdet(self) -> float:
        """log|I + Z'WZ D|, which is log|V0| + log|W|."""

    @property
    def explained(self) -> Array:
        """(k, k) what the groups take from [X y]'W[X y]."""

    def second(self, solve: Array, reml: bool) -> Second:
        """Derivatives, with [T e] = Z'V0^-1 [X y] solve' (solve is (k, k))."""

    def mixed(self, solve: Array, weights: Array) -> Array:
        """(p, p) sum over i and l of weights_il T'E_i K E_l T.

        Parameters
        ----------
        weights : (t, t) symmetric, positive semi-definite
        """

    def effects(self) -> tuple[FactorEffects, ...]:
        """One entry a grouping factor."""

    def between(self, f: int, g: int, j: Places, k: Places) -> Array:
        """(q_f, q_g, m) blocks of D - D K D: the conditional covariances over sigma^2 of groups.

        Parameters
        ----------
        f, g : factors
        j, k : (m,) a group of f and a group of g
        """


class Engine(Protocol):
    """Evaluates one shape of Z'WZ; prepared once for a model."""

    @property
    def name(self) -> str:
        """What kind it is, in a word or two: "one factor", "nested", "crossed"."""

    @property
    def sizes(self) -> tuple[tuple[str, int], ...]:
        """What it holds besides the groups' blocks: names and sizes of its largest arrays."""

    def sweep(self, lam: Array) -> Sweep:
        """The state at a block-diagonal covariance factor (q, q).

        Raises
        ------
        numpy.linalg.LinAlgError : I + Z'WZ D is singular to working precision
        """
