"""A residual structure over some of its rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from echelon.design.residual import LATER, SUM, ResidualDesign
from echelon.errors import NotIdentified, NotYetSupported

Flags = NDArray[np.bool_]
Index = NDArray[np.intp]


def structure_without(layout: ResidualDesign, keep: Flags) -> ResidualDesign:
    """The structure of some rows: whole groups of correlated residuals go or stay.

    Raises
    ------
    NotYetSupported : rows that are kept are correlated with rows that are not
    NotIdentified : a stratum with less than two rows left
    """
    n = len(layout.strata)
    every = np.concatenate([keep, keep[layout.member]])
    if layout.cells and not np.array_equal(every[n:][layout.cell], keep):
        raise _split(layout)
    both = every[layout.left] & every[layout.right]
    if not np.array_equal(both, every[layout.left] | every[layout.right]):
        raise _split(layout)
    rows = np.bincount(layout.strata[keep], minlength=len(layout.labels))
    if rows.min() < 2:
        few = layout.labels[int(rows.argmin())]
        raise NotIdentified(
            f"{layout.spec.text}: the stratum {few!r} has {rows.min()} rows left, too few for a "
            "variance of its own."
        )
    number = np.cumsum(every) - 1
    sets, which = np.unique(layout.which[both], return_inverse=True)
    made = replace(
        layout,
        strata=layout.strata[keep],
        rows=rows,
        kind=layout.kind[sets],
        step=layout.step[sets],
        first=layout.first[sets],
        second=layout.second[sets],
        which=which.astype(np.intp),
        left=number[layout.left[both]],
        right=number[layout.right[both]],
    )
    if layout.cells:
        cells = every[n:]
        made = replace(
            made,
            cell=(np.cumsum(cells) - 1)[layout.cell[keep]],
            cells=int(cells.sum()),
            member=number[layout.member[cells]],
        )
    return replace(made, repeats=_repeats(made))


def _repeats(layout: ResidualDesign) -> NDArray[np.float64]:
    """(s,) neighbours with each gap, or groups of each size, that are left."""
    step, kind = layout.step[layout.which], layout.kind[layout.which]
    if layout.cells:
        n, linked = len(layout.strata), kind == SUM
        left, right = layout.left[linked] - n, layout.right[linked] - n
        shape = (layout.cells, layout.cells)
        count, group = connected_components(
            coo_array((np.ones(len(left)), (left, right)), shape=shape), directed=False
        )
        of = np.zeros(count, dtype=np.intp)
        of[group[left]] = step[linked]
        return np.bincount(of, minlength=len(layout.steps)).astype(np.float64)
    return np.bincount(step[kind == LATER], minlength=len(layout.steps)).astype(np.float64)


def _split(layout: ResidualDesign) -> NotYetSupported:
    return NotYetSupported(
        f"residual={layout.spec.text!r} ties rows together that would be divided: leave out whole "
        f"groups of {':'.join(layout.spec.group)!r}, or hold the variances with refit=False."
    )
