"""Pieces that the engines of several factors have in common."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echelon.estimate.blocks import Blocks

Array = NDArray[np.float64]


def entries(blocks: Blocks, factor: int) -> tuple[NDArray[np.intp], Array]:
    """Numbers (t_f,) of a factor's free entries and their matrices E (t_f, q_f, q_f)."""
    numbers, part, q = blocks.entries(factor), blocks.parts[factor], blocks.pairs.q
    E = blocks.pairs.basis[numbers].reshape(-1, q, q)[:, part, part]
    return numbers, np.ascontiguousarray(E)


def trace_form(E: Array, A: Array, B: Array) -> Array:
    """(t, t) sums over groups of tr(E_i A_j E_l B_j), for A, B (q, q, J) symmetric."""
    q = len(A)
    tensor = (A.reshape(q * q, -1) @ B.reshape(q * q, -1).T).reshape(q, q, q, q)  # A_bc B_da
    form: Array = np.einsum("iab,bcda,lcd->il", E, tensor, E, optimize=q > 2)
    return (form + form.T) / 2


def combined(blocks: Blocks, factor: int, weights: Array) -> Array:
    """(q_f, q_f) sum of weights_i E_i over a factor's free entries, for weights (t,)."""
    numbers, E = entries(blocks, factor)
    return np.tensordot(weights[numbers], E, 1)


def square_root(weights: Array) -> Array:
    """Rows c_m (r, t) with sum of c_m c_m' = weights, symmetric and positive semi-definite."""
    values, vectors = np.linalg.eigh(weights)
    kept = values > np.finfo(float).eps * values[-1]
    return np.asarray((vectors[:, kept] * np.sqrt(values[kept])).T)
