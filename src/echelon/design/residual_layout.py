"""Laying a residual structure out over the rows: strata, order and gaps, sums of groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from echelon.data import Column
from echelon.design.design import FactorDesign
from echelon.design.factors import interaction
from echelon.design.residual import (
    EARLIER,
    LATER,
    PAIR,
    SAME,
    SUM,
    Products,
    ResidualDesign,
    gather,
)
from echelon.errors import DataError, NotIdentified, NotYetSupported
from echelon.formula import ResidualSpec

Array = NDArray[np.float64]
Index = NDArray[np.intp]


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
        products = [Products(SAME, np.zeros(n, dtype=np.intp), every, every)]
        return gather(spec, labels, strata, products, np.zeros(0), np.zeros(0))
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
        Products(SAME, none, head, head),
        Products(LATER, step, later, later),
        Products(EARLIER, step, earlier, earlier),
        Products(PAIR, step, later, earlier),
    ]
    return gather(spec, labels, strata, products, steps, repeats.astype(np.float64))


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
    products = [Products(SAME, np.zeros(n, dtype=np.intp), every, every)]
    for apart in range(H):  # cells of one group are neighbours in `keys`
        at = np.arange(len(keys) - apart)
        at = at[owner[at] == owner[at + apart]]
        if len(at):
            products.append(Products(SUM, step_of_group[owner[at]], n + at, n + at + apart))
    repeats = np.bincount(step_of, minlength=len(steps)).astype(np.float64)
    extended = np.concatenate([strata, strata[member]])
    made = gather(spec, labels, extended, products, steps.astype(np.float64), repeats)
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
