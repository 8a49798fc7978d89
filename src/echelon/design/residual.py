"""The residual structure over the rows: strata, order and gaps, as a list of products of rows.

The inverse correlation matrix of the residuals is a sum of fixed matrices with coefficients that
depend on the parameters; each matrix is a set of products v_l v_r' of two rows
(docs/theory/residual-structures.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from echelon.formula import ResidualSpec

Array = NDArray[np.float64]
Index = NDArray[np.intp]

SAME, LATER, EARLIER, PAIR, SUM = range(5)
"""Kinds of products: a row with itself (the first of its group under ar1); the later and the
earlier row of two neighbours, each with itself; the two with each other; two sums of rows."""


@dataclass(frozen=True, slots=True, eq=False)
class ResidualDesign:
    """A residual structure over the n rows.

    Attributes
    ----------
    spec : what was asked
    labels : (H,) strata; ("",) for one variance
    strata : (n,) stratum of each row
    rows : (H,) rows of each stratum
    steps : (s,) distinct gaps between neighbours (ar1, car1) or sizes of groups (cs)
    repeats : (s,) neighbours with that gap, or groups of that size
    kind, step, first, second : (m,) of each set of products: its kind, place in `steps`, strata of
        its left and right rows
    which : (N,) set of each product, in increasing order
    left, right : (N,) rows of each product; n + i for the sum of the rows of cell i
    cell : (n,) cell (group and stratum) of each row; empty unless there are sums
    cells : number of cells
    member : (cells,) one row of each cell
    """

    spec: ResidualSpec
    labels: tuple[object, ...]
    strata: Index
    rows: Index
    steps: Array
    repeats: Array
    kind: Index
    step: Index
    first: Index
    second: Index
    which: Index
    left: Index
    right: Index
    cell: Index = field(default_factory=lambda: np.zeros(0, dtype=np.intp))
    cells: int = 0
    member: Index = field(default_factory=lambda: np.zeros(0, dtype=np.intp))

    @property
    def sets(self) -> int:
        """Number of sets of products."""
        return len(self.kind)


@dataclass(frozen=True, slots=True, eq=False)
class Products:
    """Products of rows before they are gathered into sets."""

    kind: int
    step: Index
    left: Index
    right: Index


def gather(
    spec: ResidualSpec,
    labels: tuple[object, ...],
    strata: Index,
    products: Sequence[Products],
    steps: Array,
    repeats: Array,
) -> ResidualDesign:
    """Products of the same kind, step and strata as one set."""
    H, S = len(labels), max(len(steps), 1)
    left = np.concatenate([p.left for p in products])
    right = np.concatenate([p.right for p in products])
    kind = np.concatenate([np.full(len(p.left), p.kind) for p in products])
    step = np.concatenate([p.step for p in products])
    low, high = np.minimum(strata[left], strata[right]), np.maximum(strata[left], strata[right])
    key = ((kind * S + step) * H + low) * H + high
    found, which = np.unique(key, return_inverse=True)
    order = np.argsort(which, kind="stable")
    rest, second = np.divmod(found, H)
    rest, first = np.divmod(rest, H)
    kinds, at_step = np.divmod(rest, S)
    return ResidualDesign(
        spec=spec,
        labels=labels,
        strata=strata,
        rows=np.bincount(strata, minlength=H),
        steps=steps,
        repeats=repeats,
        kind=kinds,
        step=at_step,
        first=first,
        second=second,
        which=which[order],
        left=left[order],
        right=right[order],
    )
