"""Design: the columns of a model laid out over the rows that are used, before compression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from echelon.linalg.structures import Kind

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class EffectColumns:
    """The columns of one random term.

    Attributes
    ----------
    names : q names; "(Intercept)" first when the term has a constant
    arrays : the columns other than the constant, each (n,)
    intercept : whether the term has a constant
    kind : structure of the effects' covariance; "diag" where they are uncorrelated
    assign : formula term of each column other than the constant
    """

    names: tuple[str, ...]
    arrays: tuple[Array, ...]
    intercept: bool
    kind: Kind | Literal["diag"] = "us"
    assign: tuple[int, ...] = ()

    @property
    def centred(self) -> bool:
        """Whether columns may be moved along the constant: it changes any structure but "us"."""
        return self.intercept and self.kind == "us"

    @property
    def blocks(self) -> tuple[tuple[Kind, int], ...]:
        """Structure and size of each block of the covariance."""
        q = len(self.names)
        if self.kind == "diag" or q == 1:
            return (("us", 1),) * q
        return ((self.kind, q),)


@dataclass(frozen=True, slots=True, eq=False)
class FactorDesign:
    """A grouping factor with its random terms.

    Attributes
    ----------
    factor : name, e.g. "school" or "class:school"
    levels : J labels
    codes : (n,) int32 group of each row
    terms : the random terms on this factor, independent of each other
    """

    factor: str
    levels: tuple[object, ...]
    codes: NDArray[np.int32]
    terms: tuple[EffectColumns, ...]

    @property
    def columns(self) -> tuple[Array | None, ...]:
        """The columns of its effects, term after term; None is the constant."""
        return tuple(
            array
            for term in self.terms
            for array in (*((None,) if term.intercept else ()), *term.arrays)
        )


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """Columns over the n rows used; the caller's own arrays wherever no copy was needed.

    Attributes
    ----------
    names : p_x names of the fixed columns, without the constant
    arrays : the fixed columns, each (n,)
    assign : formula term of each fixed column
    intercept : whether the constant is in the model
    response : name of the response as typed
    y : (n,) the response, offset included
    offset : (n,) or None
    precision : (n,) precision weights or None
    factors : grouping factors
    """

    names: tuple[str, ...]
    arrays: tuple[Array, ...]
    assign: tuple[int, ...]
    intercept: bool
    response: str
    y: Array
    offset: Array | None
    precision: Array | None
    factors: tuple[FactorDesign, ...]

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.y)

    def fixed_matrix(self) -> Array:
        """X (n, p), the constant first when it is in the model."""
        lead = [np.ones(self.n)] if self.intercept else []
        columns = [*lead, *self.arrays]
        return np.column_stack(columns) if columns else np.empty((self.n, 0))
