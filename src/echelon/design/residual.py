"""The residual structure over the rows: strata, order and gaps, as a list of products of rows.

The inverse correlation matrix of the residuals is a sum of fixed matrices with coefficients that
depend on the parameters; each matrix is a set of products v_l v_r' of two rows
(docs/theory/residual-structures.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from echelon.data import Column
from echelon.design.design import FactorDesign
from echelon.design.factors import interaction
from echelon.errors import DataError, NotIdentified, NotYetSupported
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
class _Products:
    """Products of rows before they are gathered into sets."""

    kind: int
    step: Index
    left: Index
    right: Index


def residual_design(
    spec: ResidualSpec,
    columns: Mapping[str, Column],
    time: Column | None,
    factors: Sequence[FactorDesign],
) -> ResidualDesign:
    """Lay out a residual structure.

    Parameters
    ----------
    columns : the columns that form strata and groups, complete
    time : the times, complete; None for the order of the rows
    factors : grouping factors of the random effects

    Raises
    ------
    DataError : times that repeat within a group, or are not whole numbers under ar1
    NotIdentified : one stratum; a stratum of one row; groups of one row
    NotYetSupported : groups that are not within the groups of every random effect
    """
    n = len(factors[0].codes)
    strata, labels = _strata(spec, columns, n)
    if spec.correlation is None:
        every = np.arange(n)
        products = [_Products(SAME, np.zeros(n, dtype=np.intp), every, every)]
        return _gather(spec, labels, strata, products, np.zeros(0), np.zeros(0))
    group, levels = interaction([columns[name] for name in spec.group])
    _check_nested(spec, group, factors)
    sizes = np.bincount(group, minlength=len(levels))
    if sizes.max(initial=0) < 2:
        raise NotIdentified(
            f"{spec.short}: every group of {':'.join(spec.group)!r} has one row, so nothing in it "
            "can be correlated."
        )
    if spec.correlation == "cs":
        return _exchangeable(spec, labels, strata, group, sizes, factors)
    return _serial(spec, labels, strata, group, levels, time)


def _strata(
    spec: ResidualSpec, columns: Mapping[str, Column], n: int
) -> tuple[Index, tuple[object, ...]]:
    if not spec.strata:
        return np.zeros(n, dtype=np.intp), ("",)
    codes, labels = interaction([columns[name] for name in spec.strata])
    shown, rows = ", ".join(spec.strata), np.bincount(codes, minlength=len(labels))
    if len(labels) < 2:
        raise NotIdentified(f"by({shown}) has one stratum, {labels[0]!r}: leave it out.")
    if rows.min() < 2:
        few = labels[int(rows.argmin())]
        raise NotIdentified(
            f"by({shown}): the stratum {few!r} has {rows.min()} row, too few for a variance of its "
            "own. Join it with another one."
        )
    return codes.astype(np.intp), labels


def _check_nested(
    spec: ResidualSpec, group: NDArray[np.int32], factors: Sequence[FactorDesign]
) -> None:
    for factor in factors:
        one = np.zeros(int(group.max()) + 1, dtype=np.int32)
        one[group] = factor.codes
        if not np.array_equal(one[group], factor.codes):
            name = ":".join(spec.group)
            raise NotYetSupported(
                f"{spec.short}: rows of one {name!r} lie in several groups of {factor.factor!r}. "
                "Residuals can be correlated only within groups that lie within the groups of "
                "every random effect; otherwise the random effects' cross-products would no longer "
                f"be those of separate groups. Use groups within {factor.factor!r}, or leave its "
                "random term out."
            )


# --- ar1, car1 ------------------------------------------------------------------------------


def _serial(
    spec: ResidualSpec,
    labels: tuple[object, ...],
    strata: Index,
    group: NDArray[np.int32],
    levels: tuple[object, ...],
    time: Column | None,
) -> ResidualDesign:
    if time is not None:
        times = _times(spec, time)
        order = np.lexsort((times, group))
    else:
        times = np.zeros(len(group))
        order = np.argsort(group, kind="stable")
    together = np.diff(group[order]) == 0
    earlier, later = order[:-1][together], order[1:][together]
    gap = times[later] - times[earlier] if time is not None else np.ones(len(later))
    if gap.min() <= 0:
        at = int(later[int(gap.argmin())])
        raise DataError(
            f"{spec.short}: {spec.time!r} repeats within a group ({times[at]:g} in the group "
            f"{levels[group[at]]!r} of {':'.join(spec.group)!r}). Each row of a group needs its "
            "own time: name finer groups, or leave the repeated rows out."
        )
    steps, step, repeats = np.unique(gap, return_inverse=True, return_counts=True)
    head = order[np.concatenate([[True], ~together])]
    none = np.zeros(len(head), dtype=np.intp)
    products = [
        _Products(SAME, none, head, head),
        _Products(LATER, step, later, later),
        _Products(EARLIER, step, earlier, earlier),
        _Products(PAIR, step, later, earlier),
    ]
    return _gather(spec, labels, strata, products, steps, repeats.astype(np.float64))


def _times(spec: ResidualSpec, column: Column) -> Array:
    if column.is_categorical:
        raise DataError(
            f"{spec.short}: {spec.time!r} is no column of numbers. Times must be numbers, or write "
            f"{spec.correlation}(1 | ...) for the order of the rows."
        )
    times = column.values.astype(np.float64)
    if spec.correlation == "ar1" and not np.array_equal(times, np.rint(times)):
        odd = float(times[times != np.rint(times)][0])
        raise DataError(
            f"{spec.short}: ar1 needs whole numbers as times, and {spec.time!r} has {odd:g}. Use "
            f"car1({spec.time} | {':'.join(spec.group)}), whose times may be any numbers."
        )
    return times


# --- cs -------------------------------------------------------------------------------------


def _exchangeable(
    spec: ResidualSpec,
    labels: tuple[object, ...],
    strata: Index,
    group: NDArray[np.int32],
    sizes: Index,
    factors: Sequence[FactorDesign],
) -> ResidualDesign:
    if not spec.strata:
        _check_told_apart(spec, group, factors)
    n, H = len(group), len(labels)
    every = np.arange(n)
    keys, cell = np.unique(group.astype(np.intp) * H + strata, return_inverse=True)
    member = np.empty(len(keys), dtype=np.intp)
    member[cell] = every
    steps, step_of = np.unique(sizes[sizes > 0], return_inverse=True)
    step_of_group = np.zeros(len(sizes), dtype=np.intp)
    step_of_group[sizes > 0] = step_of
    owner = keys // H
    products = [_Products(SAME, np.zeros(n, dtype=np.intp), every, every)]
    for apart in range(H):  # cells of one group are neighbours in `keys`
        at = np.arange(len(keys) - apart)
        at = at[owner[at] == owner[at + apart]]
        if len(at):
            products.append(_Products(SUM, step_of_group[owner[at]], n + at, n + at + apart))
    repeats = np.bincount(step_of, minlength=len(steps)).astype(np.float64)
    extended = np.concatenate([strata, strata[member]])
    made = _gather(spec, labels, extended, products, steps.astype(np.float64), repeats)
    return replace(
        made,
        strata=strata,
        rows=np.bincount(strata, minlength=H),
        cell=cell.astype(np.intp),
        cells=len(keys),
        member=member,
    )


def _check_told_apart(
    spec: ResidualSpec, group: NDArray[np.int32], factors: Sequence[FactorDesign]
) -> None:
    """Equal correlation within a group is what a random intercept of the same group makes."""
    for factor in factors:
        same = len(np.unique(factor.codes)) == len(np.unique(group))
        if same and any(term.intercept for term in factor.terms):
            raise NotIdentified(
                f"{spec.short} and the random intercept of {factor.factor!r} describe the same "
                "correlation twice, and the data cannot divide it between them. Leave one out."
            )


# --- sets -----------------------------------------------------------------------------------


def _gather(
    spec: ResidualSpec,
    labels: tuple[object, ...],
    strata: Index,
    products: Sequence[_Products],
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
