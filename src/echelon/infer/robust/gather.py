"""Sums over clusters, batch by batch: the sandwich and what its degrees of freedom need."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array

from echelon.effects.fitted import residuals
from echelon.infer.robust.adjust import pieces
from echelon.infer.robust.clusters import Clusters
from echelon.infer.robust.freedom import SandwichFreedom
from echelon.infer.robust.products import batches
from echelon.infer.robust.working import Working
from echelon.model.fit import LmmFit, OlsFit

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """Sums over all clusters.

    Attributes
    ----------
    meat : (p, p) sum of E r r'E' in coordinates with (X'V0^-1 X)^-1 = I
    freedom : degrees of freedom of contrasts; None when only the meat was asked for
    determined : clusters that determine a combination of the fixed effects by themselves
    """

    meat: Array
    freedom: SandwichFreedom | None
    determined: int


def gathered(at: Working, given: Clusters, adjusted: bool) -> Gathered:
    """The sandwich with what its degrees of freedom need.

    Parameters
    ----------
    adjusted : CR2; False for the unadjusted sandwich
    """
    p = len(at.beta)
    meat, total, determined = np.zeros((p, p)), np.zeros((p, p)), 0
    upper = np.triu_indices(p)
    forms, shared = _Rows(2 * len(upper[0])), _Rows(p * p)
    for batch in batches(at, given):
        found = pieces(batch, at.root, adjusted)
        overlap = found.shared @ found.shared.swapaxes(1, 2)
        meat += found.score.T @ found.score
        total += (found.own - overlap).sum(axis=0)
        determined += found.determined
        forms.add(np.stack([found.own, overlap], axis=1)[..., *upper])
        shared.add(found.shared)
    packed = forms.rows()
    both = np.empty((len(packed), 2, p, p))
    both[..., *upper] = both[..., *upper[::-1]] = packed.reshape(len(packed), 2, len(upper[0]))
    third = shared.rows()
    freedom = SandwichFreedom(
        to_user=at.to_user,
        total=total,
        own=both[:, 0],
        overlap=both[:, 1],
        shared=third.reshape(len(third), p, p),
    )
    return Gathered(meat, freedom, determined)


class _Rows:
    """Rows of which only A'A is asked: when there are many, a triangular matrix with the same.

    Grows while it is filled; gone when `gathered` returns.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self.parts: list[Array] = []
        self.count = 0

    def add(self, entries: Array) -> None:
        """Append (B, ...) as rows."""
        self.parts.append(entries.reshape(len(entries), self.width))
        self.count += len(entries)
        if self.count > 4 * self.width:
            self.parts = [np.asarray(np.linalg.qr(np.concatenate(self.parts), mode="r"))]
            self.count = len(self.parts[0])

    def rows(self) -> Array:
        """(r, width)."""
        return np.concatenate(self.parts)


def plain_meat(fit: LmmFit | OlsFit, at: Working, given: Clusters) -> Gathered:
    """The unadjusted sandwich from the residuals, in O(n p) whatever the covariance.

    V0^-1 (y - X beta) are the residuals about the predicted random effects, times the precision
    weights (`robust-residuals`).
    """
    design, k = at.design, len(at.centre)
    e = residuals(fit)
    weighted = e if design.precision is None else design.precision * e
    # one product with a sparse matrix of a single entry a row sums every column by cluster
    sums = csc_array(
        (weighted, given.codes, np.arange(design.n + 1, dtype=np.int32)),
        shape=(given.count, design.n),
    )
    columns = [np.bincount(given.codes, weighted, given.count)]
    columns += [sums @ (array - at.centre[i]) for i, array in enumerate(design.arrays, start=1)]
    scores = np.column_stack(columns) @ at.lay[: k - 1, :-1] @ at.root
    return Gathered(scores.T @ scores, None, 0)
