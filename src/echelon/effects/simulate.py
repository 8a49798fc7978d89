"""Responses drawn from a fitted model: their cross-products, or their rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echelon.effects.residual_law import drawn_noise
from echelon.effects.rows import fixed_values, random_values
from echelon.model.fit import LmmFit
from echelon.moments.responses import ResponseMoments
from echelon.moments.span import Span, drawn

Array = NDArray[np.float64]


def simulated_products(fit: LmmFit, at: Span, R: int, rng: np.random.Generator) -> ResponseMoments:
    """Cross-products of R responses y = X beta + Z b + e, b and e drawn from the fitted laws.

    Parameters
    ----------
    at : coordinates of the columns of `fit.moments`

    Notes
    -----
    In distribution exactly those of rows drawn from the model; no cost in n (`span-draws`).
    """
    coefficients, centre = _mean(fit)
    effects = tuple(
        np.einsum("ab,jbr->jar", np.linalg.inv(group.user_from_centred()), b)
        for group, b in zip(fit.moments.groups, drawn_effects(fit, R, rng), strict=True)
    )
    return drawn(at, coefficients, effects, fit.optimum.sigma, centre, rng)


def simulated_rows(fit: LmmFit, R: int, rng: np.random.Generator) -> Array:
    """R responses (n, R) drawn from the fitted model, offset included. Cost O(n R q).

    Residuals have the residual structure and the precision weights of the fit.

    Raises
    ------
    NeedsRows : the fit was made from summaries
    """
    design = fit.rows("simulating rows").design
    effects = drawn_effects(fit, R, rng)
    noise = drawn_noise(fit, R, rng)
    return fixed_values(fit)[:, None] + random_values(design, effects) + noise


def drawn_effects(fit: LmmFit, R: int, rng: np.random.Generator) -> tuple[Array, ...]:
    """Random effects (J, q, R) of each factor, normal with the estimated covariance."""
    lam, out = fit.optimum.sigma * fit.optimum.lam, []
    for group, part in zip(fit.moments.groups, fit.problem.blocks.parts, strict=True):
        standard = rng.standard_normal((len(group.levels), len(group.effects), R))
        out.append(np.einsum("ab,jbr->jar", lam[part, part], standard))
    return tuple(out)


def _mean(fit: LmmFit) -> tuple[Array, float]:
    """X beta as coefficients (k - 1,) of the stored columns, and the centre it leaves out."""
    part = fit.problem.fixed
    inside = np.linalg.solve(part.back, fit.optimum.beta - part.shift)
    # without a constant among the columns X beta stands for all of the mean
    centre = float(fit.moments.centre[-1]) if part.shift.any() else 0.0
    return part.lay[:-1, : part.p] @ inside, centre
