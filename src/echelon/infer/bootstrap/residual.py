"""Responses made of a fit's own residuals of every level, brought to the estimated variances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.effects.empirical_bayes import all_effects
from echelon.effects.fitted import residuals
from echelon.effects.rows import fixed_values, random_values
from echelon.errors import NotIdentified
from echelon.model.fit import LmmFit

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Pools:
    """What a residual bootstrap draws from.

    Attributes
    ----------
    fixed : (n,) fixed part of every row, offset included
    effects : (J, q) of each factor: centred, their covariance the estimated one
    noise : (n,) residuals times the root of their weight: centred, their variance sigma^2
    """

    fit: LmmFit
    fixed: Array
    effects: tuple[Array, ...]
    noise: Array

    def drawn(self, R: int, rng: np.random.Generator) -> Array:
        """R responses (n, R), effects and residuals drawn with replacement."""
        design, n = self.fit.rows("the residual bootstrap").design, len(self.noise)
        chosen = tuple(
            pool[rng.integers(0, len(pool), (R, len(pool)))].transpose(1, 2, 0)
            for pool in self.effects
        )
        noise = self.noise[rng.integers(0, n, (R, n)).T]
        if design.precision is not None:
            noise = noise / np.sqrt(design.precision)[:, None]
        return self.fixed[:, None] + random_values(design, chosen) + noise


def pools(fit: LmmFit) -> Pools:
    """Residuals of every level, centred and reflated.

    Raises
    ------
    NeedsRows : the fit was made from summaries
    NotIdentified : estimated effects that vary in fewer directions than the model gives them

    Notes
    -----
    Empirical Bayes estimates vary less than the effects they estimate; they are brought to the
    estimated covariance (`reflated-effects`; carpenter2003, vanderleeden2008).
    """
    design = fit.rows("the residual bootstrap").design
    noise = residuals(fit)
    if design.precision is not None:
        noise = noise * np.sqrt(design.precision)
    noise = noise - noise.mean()
    noise *= fit.optimum.sigma / np.sqrt((noise**2).mean())
    covariance = fit.optimum.covariance
    effects = []
    for found, part, factor in zip(
        all_effects(fit), fit.problem.blocks.parts, fit.factors, strict=True
    ):
        centred = found.mode - found.mode.mean(axis=0)
        effects.append(centred @ _reflation(centred, covariance[part, part], factor))
    return Pools(fit, fixed_values(fit), tuple(effects), noise)


def _reflation(centred: Array, T: Array, factor: str) -> Array:
    """A (q, q), symmetric in units of T's SDs, with A' S A = T for S of the centred effects.

    Of all such matrices the one that moves the effects least (`reflated-effects`). Effects without
    variance stay at zero.
    """
    unit = np.sqrt(np.diagonal(T))
    over = np.divide(1.0, unit, out=np.zeros_like(unit), where=unit > 0)
    scaled = centred * over
    S, target = scaled.T @ scaled / len(scaled), T * np.outer(over, over)
    values, U = np.linalg.eigh(S)
    alive = values > tolerances.RANK_CENTRED * max(values[-1], np.finfo(float).tiny)
    if np.count_nonzero(alive) < np.linalg.matrix_rank(target, tol=tolerances.BOUNDARY**2):
        raise NotIdentified(
            f"The estimated effects of {factor!r} vary in fewer directions than the model gives "
            "them (too few groups, or effects that others imply), so residuals cannot be brought "
            'to the estimated covariance. Use kind="parametric".'
        )
    root = U * np.sqrt(np.where(alive, values, 0.0)) @ U.T
    over_root = U * np.where(alive, 1 / np.sqrt(np.where(alive, values, 1.0)), 0.0) @ U.T
    inner, V = np.linalg.eigh(root @ target @ root)
    middle = V * np.sqrt(np.maximum(inner, 0.0)) @ V.T
    A: Array = over[:, None] * (over_root @ middle @ over_root) * unit
    return A
