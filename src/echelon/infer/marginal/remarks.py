"""What a reader of marginal means should know, one sentence each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from echelon.formula import columns_in
from echelon.infer.marginal.grid import Grid
from echelon.infer.marginal.names import number_text
from echelon.model.fit import LmmFit, OlsFit

_NAMED = 4  # dropped columns that are named
WEIGHING = {
    "equal": "equal weights",
    "proportional": "weights in proportion to their rows",
    "observed": "weights in proportion to the rows of each cell",
    "outer": "weights in proportion to the products of their shares of rows",
}


def remarks(
    fit: LmmFit | OlsFit, grid: Grid, kept: tuple[str, ...], weights: str
) -> tuple[str, ...]:
    """The notes to marginal means of the variables kept, and to comparisons of them."""
    return (
        *_averaged(grid, kept, weights),
        *_held(grid),
        *_involved(fit, grid, kept),
        *_scale(fit, grid),
    )


def _averaged(grid: Grid, kept: tuple[str, ...], weights: str) -> Iterator[str]:
    others = [n for n, c in grid.levels.items() if n not in kept and len(c.values) > 1]
    if others:
        yield f"Averaged over {listed(others)} with {WEIGHING[weights]}."


def _held(grid: Grid) -> Iterator[str]:
    fixed = {
        name: column
        for name, column in grid.levels.items()
        if len(column.values) == 1 and column.levels is None
    }
    if fixed:
        said = (
            f"{name} = {number_text(float(column.values[0]))}"
            + (" (its mean)" if name in grid.held else "")
            for name, column in fixed.items()
        )
        yield f"At {listed(list(said))}."


def _involved(fit: LmmFit | OlsFit, grid: Grid, kept: tuple[str, ...]) -> Iterator[str]:
    """Emmeans' warning: a term holds all of the variables asked for, and others."""
    partners: list[str] = []
    for term in fit.spec.fixed.terms:
        names = {name for text in term for name in columns_in(text)}
        if kept and names.issuperset(kept):
            partners += [name for name in grid.levels if name in names and name not in kept]
    if not partners:
        return
    met = list(dict.fromkeys(partners))
    averaged = [name for name in met if len(grid.levels[name].values) > 1]
    fixed = [name for name in met if len(grid.levels[name].values) == 1]
    whose = f"{listed(kept)} {'interacts' if len(kept) == 1 else 'interact'} with"
    if averaged:
        yield f"{whose} {listed(averaged)}: averages over it may mislead, look at each level too."
    if fixed:
        yield f"{whose} {listed(fixed)}: the means are others at other values."


def _scale(fit: LmmFit | OlsFit, grid: Grid) -> Iterator[str]:
    if columns_in(fit.response) != (fit.response,) and "(" in fit.response:
        yield f"On the scale of {fit.response}."
    if grid.offset.any():
        low, high = float(grid.offset.min()), float(grid.offset.max())
        at = number_text(low) if low == high else f"{number_text(low)} to {number_text(high)}"
        yield f"The offset is included, at {at}."


def unknown(fit: LmmFit | OlsFit, known: NDArray[np.bool_]) -> Iterator[str]:
    """What cannot be estimated, and why."""
    lost = int((~known).sum())
    if not lost:
        return
    some = "1 mean" if lost == 1 else f"{lost} means"
    if fit.dropped:
        short = ", ".join(fit.dropped[:_NAMED]) + (", ..." if len(fit.dropped) > _NAMED else "")
        yield (
            f"{some} cannot be estimated: the rows of the data do not tell what "
            f"{'it needs' if lost == 1 else 'they need'} (dropped: {short})."
        )
    else:
        yield f"{some} cannot be given: the data have no rows there to weigh by."


def listed(names: Sequence[str]) -> str:
    """Names in a sentence: "a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
