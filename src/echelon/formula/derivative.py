"""The columns of a design differentiated in one of the variables they are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.errors import DataError
from echelon.formula.evaluate import value_at
from echelon.formula.materialise import Recipe, coded_in_full, lay_block, multiply_blocks
from echelon.formula.parse import columns_in
from echelon.formula.spec import Terms
from echelon.formula.tree import expression
from echelon.formula.values import Basis, ColumnLike, Factor, Numbers, Scene

Value = Numbers | Basis | Factor


@dataclass(frozen=True, slots=True)
class _Moved:
    """A numeric column at other values."""

    name: str
    values: NDArray[np.float64]
    levels: None = None
    ordered: bool = False


def design_derivative(
    terms: Terms, columns: Mapping[str, ColumnLike], recipe: Recipe, variable: str, scale: float
) -> dict[str, Numbers]:
    """The derivative of every column of a design in one variable, over rows of its choice.

    Parameters
    ----------
    terms, recipe : of the fit
    columns : the rows at which the derivative is taken
    variable : a numeric column
    scale : the size of a typical difference in `variable` (its standard deviation)

    Returns
    -------
    the derivative (m,) by name of the column; columns that do not depend on the variable are absent

    Raises
    ------
    DataError : the variable enters as categories, or where the function has no derivative

    Notes
    -----
    The product rule over the expressions of each term (`slope-design`): 1 for the variable itself,
    so that products are exact; Richardson's extrapolation of central differences, which is exact
    for powers but for rounding, for `I(x^2)`, `log(x)`, `poly(x, 2)` and splines.
    """
    scene = Scene(columns, dict(recipe.state), learning=False)
    values = {expr: value_at(expr, scene) for term in terms.terms for expr in term}
    slopes = {
        expr: _derivative(expr, scene, variable, scale)
        for expr in values
        if variable in columns_in(expr)
    }
    made: dict[str, Numbers] = {}
    in_full = coded_in_full(terms, frozenset(recipe.codings))
    for term, full in zip(terms.terms, in_full, strict=True):
        for moving in (expr for expr in term if expr in slopes):
            parts = {expr: slopes[expr] if expr == moving else values[expr] for expr in term}
            laid = multiply_blocks(
                [lay_block(expr, expr in full, parts[expr], recipe.codings) for expr in term]
            )
            for name, array in zip(laid.names, laid.arrays, strict=True):
                made[name] = made[name] + array if name in made else array
    return made


def _derivative(expr: str, scene: Scene, variable: str, scale: float) -> Numbers | Basis:
    """The derivative of one expression."""
    x = np.asarray(scene.columns[variable].values, dtype=np.float64)
    node = expression(expr)
    here = value_at(expr, scene)
    if isinstance(here, Factor):
        raise DataError(
            f"{expr} makes categories of {variable!r}, so it has no slope. Compare their means: "
            f"fit.emmeans({variable!r}).contrasts()."
        )
    if node.kind == "name":
        return np.ones(len(x))

    def at(values: Numbers) -> Numbers:
        moved = {**scene.columns, variable: _Moved(variable, values)}
        value = value_at(expr, Scene(moved, scene.state, learning=False))
        return np.stack(value.columns if isinstance(value, Basis) else (np.asarray(value),))

    slope = richardson(at, x, scale, expr)
    return Basis(tuple(slope), here.suffixes) if isinstance(here, Basis) else slope[0]


def richardson(f: Callable[[Numbers], Numbers], x: Numbers, scale: float, what: str) -> Numbers:
    """The derivative of f: (m,) -> (k, m) in x, each element from its own row.

    Parameters
    ----------
    scale : the size of a typical difference in x
    what : the function in words, for the error message

    Raises
    ------
    DataError : no two steps agree (a jump), or the function is not finite beside x

    Notes
    -----
    Central differences at steps halved again and again, extrapolated to zero by Neville's scheme;
    each element takes the entry that differs least from its neighbours (ridders1982).
    """
    best, error = np.empty(0), np.empty(0)
    before: list[Numbers] = []
    for k in range(tolerances.DERIVATIVE_STEPS):
        h = scale * tolerances.DERIVATIVE_STEP / 2**k
        row = [_difference(f, x, h)]
        if not np.isfinite(row[0]).all():
            continue
        for j, earlier in enumerate(before):
            row.append(row[j] + (row[j] - earlier) / (4.0 ** (j + 1) - 1))
            gap = np.maximum(np.abs(row[-1] - row[-2]), np.abs(row[-1] - earlier))
            if not best.size:
                best, error = row[-1], gap
            closer = gap < error
            best, error = np.where(closer, row[-1], best), np.where(closer, gap, error)
        before = row
    size = np.abs(best) + np.abs(f(x)) / scale
    if not best.size or (error > tolerances.DERIVATIVE_ERROR * size).any():
        raise DataError(
            f"{what} has no derivative at these values (a jump, a corner, or the edge of where it "
            "is defined). Give other values by at=."
        )
    return best


def _difference(f: Callable[[Numbers], Numbers], x: Numbers, h: float) -> Numbers:
    """Central difference quotient with the step that is really taken; nan where f is not finite."""
    up, down = x + h, x - h
    try:
        return (f(up) - f(down)) / (up - down)
    except DataError:
        return np.array([np.nan])
