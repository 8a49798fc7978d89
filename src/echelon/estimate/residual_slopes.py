"""How the deviance answers to a change of the moments, at a fixed covariance of random effects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.estimate.blocks import Blocks
from echelon.estimate.deviance import Evaluation
from echelon.estimate.engine import FactorEffects
from echelon.estimate.problem import Problem

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ResidualSlopes:
    """Derivatives in the r residual parameters.

    Attributes
    ----------
    value : (r,) of the profiled deviance; with several grouping factors without log|I + M D|
    rho2 : (r,) of y'Py
    fixed : (r, p, p) L^-1 d(X'V0^-1X) L^-T
    """

    value: Array
    rho2: Array
    fixed: Array


def residual_slopes(
    task: Problem,
    at: Evaluation,
    changes: Sequence[tuple[Array, Blocks]],
    logdet_slope: Array,
    *,
    reml: bool,
) -> ResidualSlopes:
    """Derivatives of the deviance in parameters that move the moments.

    Parameters
    ----------
    changes : derivative in each parameter of [X y]'R^-1[X y] and of the random effects' blocks
    logdet_slope : (r,) derivative of the log-determinant of the residual covariance

    Notes
    -----
    d log|I + M D| = tr(W dM), W = D (I + M D)^-1, and d A = dS - dC'U - U'dC + U'dM U with
    U = W C = D F (`residual-gradient`; pinheiro2000, ch. 2). Cost of one evaluation and
    O(r J (q k)^2).
    """
    p = task.p
    df = task.n - p if reml else task.n
    effects = task.engine.sweep(at.lam).effects()
    D, parts = at.D, task.blocks.parts
    U = [np.einsum("ab,bkj->akj", D[s, s], e.F) for s, e in zip(parts, effects, strict=True)]
    value, rho2, fixed = np.empty(len(changes)), np.empty(len(changes)), []
    for i, (cross, blocks) in enumerate(changes):
        G = at.solve @ _cross_slope(cross, blocks, U) @ at.solve.T
        logdet = _logdet_slope(blocks, effects) if len(effects) == 1 else 0.0
        rho2[i] = G[p, p]
        value[i] = logdet + logdet_slope[i] + df / at.rho2 * rho2[i]
        if reml:
            value[i] += np.trace(G[:p, :p])
        fixed.append(G[:p, :p])
    return ResidualSlopes(value, rho2, np.array(fixed))


def _cross_slope(cross: Array, blocks: Blocks, U: list[Array]) -> Array:
    """(k, k) derivative of [X y]'V0^-1[X y]."""
    out = cross.copy()
    for factor, u in zip(blocks.factors, U, strict=True):
        moved = np.einsum("abj,bkj->akj", factor.ZtZ, u, optimize=True)
        half = np.tensordot(factor.ZtV - moved / 2, u, ((0, 2), (0, 2)))
        out -= half + half.T
    for c in blocks.crossings:
        there = np.einsum("abm,bkm->akm", c.blocks, U[c.second][:, :, c.col], optimize=True)
        half = np.tensordot(U[c.first][:, :, c.row], there, ((0, 2), (0, 2)))
        out += half + half.T
    return out


def _logdet_slope(blocks: Blocks, effects: Sequence[FactorEffects]) -> float:
    """tr(W dM) of one grouping factor."""
    return float(np.vdot(effects[0].W, blocks.factors[0].ZtZ))
