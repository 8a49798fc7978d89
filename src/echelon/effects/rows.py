"""Rows of a model's columns: those the fit used, or new ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.design.design import Design
from echelon.model.fit import LmmFit, OlsFit

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


def own_rows(fit: LmmFit | OlsFit) -> Rows:
    """The rows that a fit used; without Z for a linear model. Memory O(n (p + q)).

    Raises
    ------
    NeedsRows : the fit was made from summaries
    """
    design = design_of(fit, "The rows of the model")
    place, one = dict(zip(design.names, design.arrays, strict=True)), np.ones(design.n)
    columns = [one if name == "(Intercept)" else place[name] for name in fit.names]
    return Rows(
        X=np.column_stack(columns) if columns else np.empty((design.n, 0)),
        offset=np.zeros(design.n) if design.offset is None else design.offset,
        Z=tuple(
            np.column_stack([one if column is None else column for column in factor.columns])
            for factor in design.factors
        ),
        codes=tuple(factor.codes.astype(np.intp) for factor in design.factors),
        precision=design.precision,
    )


def design_of(fit: LmmFit | OlsFit, what: str) -> Design:
    """The design over the rows used.

    Raises
    ------
    NeedsRows : the fit was made from summaries; `what` needs the rows
    """
    return (fit.rows(what) if isinstance(fit, LmmFit) else fit.built).design


def fixed_values(fit: LmmFit | OlsFit) -> Array:
    """X beta plus the offset (n,), over the rows used; no matrix of the rows is made."""
    design = design_of(fit, "The fixed part of every row")
    beta = fit.optimum.beta if isinstance(fit, LmmFit) else fit.beta
    out = np.zeros(design.n) if design.offset is None else design.offset.copy()
    for name, b in zip(fit.names, beta, strict=True):
        out += b if name == "(Intercept)" else b * design.arrays[design.names.index(name)]
    return out


def random_values(design: Design, effects: tuple[Array, ...]) -> Array:
    """Z b (n, R) of effects (J, q, R) of each factor, over the rows used."""
    out = np.zeros((design.n, effects[0].shape[2]))
    for factor, b in zip(design.factors, effects, strict=True):
        for a, column in enumerate(factor.columns):
            part = b[factor.codes, a]
            out += part if column is None else part * column[:, None]
    return out
