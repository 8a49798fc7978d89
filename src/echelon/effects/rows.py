"""Rows of a model's columns: those the fit used, or new ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.design.design import FactorDesign
from echelon.model.fit import LmmFit

Array = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """m rows of [X Z], columns in the user's units.

    Attributes
    ----------
    X : (m, p) the fixed columns kept;  offset : (m,) zero without one
    Z : (m, q) the columns of each grouping factor's effects
    codes : (m,) for each factor the number of the row's group; -1 for one the fit has not seen
    precision : (m,) precision weights, None without
    """

    X: Array
    offset: Array
    Z: tuple[Array, ...]
    codes: tuple[Places, ...]
    precision: Array | None = None

    def __post_init__(self) -> None:
        shapes = {len(self.X), len(self.offset), *map(len, self.Z), *map(len, self.codes)}
        if len(shapes) > 1:
            raise ValueError(f"rows of different numbers: {sorted(shapes)}")

    @property
    def m(self) -> int:
        """Rows."""
        return len(self.X)

    def take(self, some: Places | slice) -> Rows:
        """Some of the rows, in any order, with repeats."""
        return Rows(
            self.X[some],
            self.offset[some],
            tuple(Z[some] for Z in self.Z),
            tuple(codes[some] for codes in self.codes),
            None if self.precision is None else self.precision[some],
        )


def own_rows(fit: LmmFit) -> Rows:
    """The rows that a fit used. Memory O(n (p + q)).

    Raises
    ------
    NeedsRows : the fit was made from summaries
    """
    design = fit.rows("The rows of the model").design
    place = dict(zip(design.names, design.arrays, strict=True))
    one = np.ones(design.n)
    columns = [one if name == "(Intercept)" else place[name] for name in fit.names]
    return Rows(
        X=np.column_stack(columns) if columns else np.empty((design.n, 0)),
        offset=np.zeros(design.n) if design.offset is None else design.offset,
        Z=tuple(_effects(factor, one) for factor in design.factors),
        codes=tuple(factor.codes.astype(np.intp) for factor in design.factors),
        precision=design.precision,
    )


def _effects(factor: FactorDesign, one: Array) -> Array:
    """(n, q) columns of a factor's effects, term after term."""
    return np.column_stack(
        [a for term in factor.terms for a in (*((one,) if term.intercept else ()), *term.arrays)]
    )
