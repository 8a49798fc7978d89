"""The bounds of a covariance: what is put there, whether it belongs there, the way back inside."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.estimate import structures
from echelon.estimate.coordinates import directions
from echelon.estimate.deviance import Evaluation
from echelon.estimate.structures import Place
from echelon.linalg.structures import Kind, structure
from echelon.linalg.symmetric import Pairs, pairs, semidefinite_factor

Array = NDArray[np.float64]


def flattened(lam: Array, shape: Pairs) -> Array | None:
    """The factor with directions that are nearly null at exactly zero; None if there are none."""
    Q, singular = directions(lam, shape)
    largest = float(singular.max())
    small = singular < tolerances.BOUNDARY * max(largest, 1e-2)
    if not shape.kinds:
        return shape.rotated(Q * np.where(small, 0.0, singular)) if small.any() else None
    out, found = lam.copy(), False
    for kind, block in shape.blocks:
        if kind != "us":
            flat = structures.flattened(_place(kind, lam, block), largest)
            if flat is not None:
                out[block, block], found = flat.factor(), True
        elif small[block].any():
            kept = Q[block, block] * np.where(small[block], 0.0, singular[block])
            out[block, block], found = pairs((len(kept),)).rotated(kept), True
    return out if found else None


def slope_inside(at: Evaluation, shape: Pairs) -> float:
    """Smallest slope of the deviance from the boundary into the interior, as `Search.kkt`."""
    Q, singular = directions(at.lam, shape)
    null = singular <= tolerances.NULL * singular.max()
    slopes = []
    blocks: tuple[tuple[Kind, slice], ...] = (("us", slice(0, shape.q)),)
    for kind, block in shape.blocks if shape.kinds else blocks:
        S = at.slope[block, block]
        if kind != "us":
            slopes.append(structures.slope_inside(_place(kind, at.lam, block), S))
        elif null[block].any():
            N = Q[block, block][:, null[block]]
            slopes.append(float(np.linalg.eigvalsh(N.T @ S @ N)[0]))
    slope = float(np.nanmin(slopes)) if np.isfinite(slopes).any() else np.nan
    if slope > -tolerances.KKT * max(1.0, float(np.abs(at.slope).max())):
        slope = max(slope, 0.0)
    return slope


def inside(at: Evaluation, shape: Pairs, scale: float) -> Array:
    """A factor a little inside of the bounds, to start again from.

    Parameters
    ----------
    scale : variance to add, relative to sigma^2
    """
    if not shape.kinds:
        return semidefinite_factor(at.D + scale * np.eye(shape.q))
    out = np.zeros_like(at.lam)
    for kind, block in shape.blocks:
        if kind == "us":
            D = at.D[block, block]
            out[block, block] = semidefinite_factor(D + scale * np.eye(len(D)))
        else:
            here = _place(kind, at.lam, block)
            out[block, block] = structures.inside(here, at.slope[block, block], scale).factor()
    return out


def theta(lam: Array, shape: Pairs) -> Array:
    """The parameters of a factor: the free entries of Lam, or the scales and the correlation."""
    if not shape.kinds:
        return shape.free(lam)
    parts = []
    for kind, block in shape.blocks:
        if kind == "us":
            part = lam[block, block]
            parts.append(part.T[np.triu_indices(len(part))])
        else:
            parts.append(_place(kind, lam, block).theta())
    return np.concatenate(parts)


def factor(parameters: Array, shape: Pairs) -> Array:
    """The factor Lam (q, q) of the parameters that `theta` gives."""
    if not shape.kinds:
        return shape.factor(parameters)
    lam, used = np.zeros((shape.q, shape.q)), 0
    for kind, block in shape.blocks:
        q = block.stop - block.start
        if kind == "us":
            part, count = np.zeros((q, q)), q * (q + 1) // 2
            part.T[np.triu_indices(q)] = parameters[used : used + count]
        else:
            form = structure(kind, q)
            count = form.parameters
            here = parameters[used : used + count]
            s = form.basis @ here[: form.scales]
            r = float(here[-1]) if form.correlated else 0.0
            part = structures.at(form, s, 0.0 if np.isnan(r) else r).factor()
        lam[block, block] = part
        used += count
    return lam


def _place(kind: Kind, lam: Array, block: slice) -> Place:
    part = lam[block, block]
    return structures.place(structure(kind, len(part)), part)
