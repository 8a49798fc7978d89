"""Terms to the columns of a design, as R's model.matrix lays them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from echelon.errors import DataError, UnknownColumn
from echelon.formula.contrasts import Coding, coding, contrast_named
from echelon.formula.evaluate import value_at
from echelon.formula.functions import FACTORS, names_in
from echelon.formula.spec import Terms
from echelon.formula.tree import expression
from echelon.formula.values import Basis, ColumnLike, Contrast, Factor, Numbers, Scene, State

_TICKED = re.compile(r"`[^`]+`")


@dataclass(frozen=True, slots=True, eq=False)
class Recipe:
    """Everything needed to lay the same columns on new data.

    Attributes
    ----------
    terms : the terms laid
    state : what transformations and factors learned, keyed by their text
    codings : levels and contrast of each factor, keyed by its expression
    widths : number of columns of each expression that is no factor: 1, or more for poly and splines
    """

    terms: Terms
    state: State
    codings: Mapping[str, Coding]
    widths: Mapping[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """The columns of a right-hand side, without the constant.

    Attributes
    ----------
    names : (p,) labels, e.g. "Days:sector[T.Private]"
    arrays : (p,) columns, each (n,) float64; a plain numeric column is the table's own array
    assign : (p,) the place in `recipe.terms.terms` of the term each column belongs to
    intercept : whether the constant belongs to the design
    recipe : how to lay the same columns on new data
    """

    names: tuple[str, ...]
    arrays: tuple[NDArray[np.float64], ...]
    assign: tuple[int, ...]
    intercept: bool
    recipe: Recipe


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """The columns of one expression in one coding."""

    names: tuple[str, ...]
    arrays: tuple[Numbers, ...]


def materialise(
    terms: Terms,
    columns: Mapping[str, ColumnLike],
    *,
    recipe: Recipe | None = None,
    contrasts: Mapping[str, str] | None = None,
) -> Matrix:
    """Lay the columns of `terms`.

    Parameters
    ----------
    terms : from `parse`
    columns : the table's columns, complete cases
    recipe : from the fit, to lay the same columns on new data
    contrasts : contrast by name for single factors, e.g. {"sector": "sum"}; the default is
        treatment with the first level as base, and orthogonal polynomials for an ordered factor

    Returns
    -------
    Matrix : O(n) a column; plain numeric columns cost nothing

    Raises
    ------
    DataError : categories used as numbers, a result that is not finite, a factor with a single
        level, a level the fit has not seen
    UnknownColumn, UnknownOption : a name in `contrasts` that is not known

    Notes
    -----
    A factor v in a term T is coded by contrasts if T is v alone or a term before T contains all
    else of T, and by one indicator a level otherwise. Without a constant, the first factor of the
    first term that has one is coded by indicators. This is R's rule to the letter (chambers1992,
    p. 38, and the source of model.matrix).

    >>> from echelon.data.column import Column
    >>> import numpy as np
    >>> f = Column("f", np.array([0, 1, 1]), ("a", "b"))
    >>> materialise(Terms((("f",),), True), {"f": f}).names
    ('f[T.b]',)
    """
    if recipe is not None and (recipe.terms != terms or contrasts is not None):
        raise DataError("A recipe lays the terms and contrasts of its own fit, no others.")
    learned = {} if recipe is None else dict(recipe.state)
    scene = Scene(columns, learned, learning=recipe is None)
    values = {expr: value_at(expr, scene) for term in terms.terms for expr in term}
    if recipe is None:
        codings = _codings(values, columns, contrasts or {})
        recipe = Recipe(terms, scene.state, codings, _widths(values))
    in_full = coded_in_full(terms, frozenset(recipe.codings))
    blocks: dict[tuple[str, bool], _Block] = {}
    names: list[str] = []
    arrays: list[Numbers] = []
    assign: list[int] = []
    for place, (term, full) in enumerate(zip(terms.terms, in_full, strict=True)):
        for key in ((expr, expr in full) for expr in term):
            if key not in blocks:
                blocks[key] = lay_block(*key, values[key[0]], recipe.codings)
        laid = multiply_blocks([blocks[expr, expr in full] for expr in term])
        names += laid.names
        arrays += laid.arrays
        assign += [place] * len(laid.names)
    return Matrix(tuple(names), tuple(arrays), tuple(assign), terms.intercept, recipe)


def coded_in_full(terms: Terms, factors: frozenset[str]) -> list[frozenset[str]]:
    """For each term, the factors coded by an indicator for every level; see `materialise`."""
    before: list[frozenset[str]] = []
    result = []
    due = not terms.intercept  # without a constant, the first factor met takes its place
    for term in terms.terms:
        members = frozenset(term)
        full = set()
        for expr in term:
            if expr in factors:
                rest = members - {expr}
                marginal = not rest or any(rest <= earlier for earlier in before)
                if due or not marginal:
                    full.add(expr)
                due = False
        before.append(members)
        result.append(frozenset(full))
    return result


def lay_block(
    expr: str, full: bool, value: Numbers | Basis | Factor, codings: Mapping[str, Coding]
) -> _Block:
    """The columns of one expression."""
    label = _label(expr)
    if isinstance(value, Basis):
        return _Block(tuple(label + suffix for suffix in value.suffixes), value.columns)
    if not isinstance(value, Factor):
        return _Block((label,), (value,))
    code = codings[expr]
    if full:
        weights, labels = np.eye(len(code.levels)), code.full_labels
    else:
        weights, labels = code.matrix, code.labels
        if len(code.levels) < 2:
            only = f" ({code.levels[0]!r})" if code.levels else ""
            raise DataError(
                f"{expr} has a single category{only} in the rows used, so it explains nothing. "
                "Take it out of the formula."
            )
    arrays = tuple(_spread(column, value.codes) for column in weights.T)
    return _Block(tuple(label + text for text in labels), arrays)


def _spread(weights: Numbers, codes: NDArray[np.intp]) -> Numbers:
    """The weight of each row's level; an indicator is faster compared than looked up."""
    level = np.flatnonzero(weights)
    if len(level) == 1 and weights[level[0]] == 1.0:
        indicator: Numbers = (codes == level[0]).astype(np.float64)
        return indicator
    looked_up: Numbers = weights[codes]
    return looked_up


def multiply_blocks(blocks: list[_Block]) -> _Block:
    """The products of the blocks' columns; the first block varies fastest, as in R."""
    if len(blocks) == 1:
        return blocks[0]
    names, arrays = [], []
    for places in product(*(range(len(block.names)) for block in reversed(blocks))):
        chosen = [(b.names[i], b.arrays[i]) for b, i in zip(blocks, reversed(places), strict=True)]
        names.append(":".join(name for name, _ in chosen))
        column = chosen[0][1]
        for _, other in chosen[1:]:
            column = column * other
        arrays.append(column)
    return _Block(tuple(names), tuple(arrays))


def _widths(values: Mapping[str, Numbers | Basis | Factor]) -> dict[str, int]:
    """The number of columns of each expression that is no factor."""
    return {
        expr: len(value.columns) if isinstance(value, Basis) else 1
        for expr, value in values.items()
        if not isinstance(value, Factor)
    }


def _label(expr: str) -> str:
    """An expression as shown in names: without the backticks of a plain name."""
    return expr[1:-1] if _TICKED.fullmatch(expr) else expr


def _codings(
    values: Mapping[str, Numbers | Basis | Factor],
    columns: Mapping[str, ColumnLike],
    contrasts: Mapping[str, str],
) -> dict[str, Coding]:
    """The coding of each factor: by the formula, else by `contrasts`, else by default."""
    asked = {name: contrast_named(kind, f"contrasts[{name!r}]") for name, kind in contrasts.items()}
    for name in asked:
        if name not in values and name not in columns:
            raise UnknownColumn(name, list(columns), "contrasts")
        if name in values and not isinstance(values[name], Factor):
            raise DataError(f"contrasts[{name!r}]: {name} holds numbers; write factor({name}).")
    return {
        expr: coding(expr, value.levels, value.ordered, value.contrast or _asked(expr, asked))
        for expr, value in values.items()
        if isinstance(value, Factor)
    }


def _asked(expr: str, asked: Mapping[str, Contrast]) -> Contrast | None:
    """The contrast asked for an expression: under its own text, or under the column's name."""
    if expr in asked or not asked:
        return asked.get(expr)
    node = expression(expr)
    if node.kind == "call" and node.value in FACTORS:
        return next((asked[n.value] for n in names_in(node) if n.value in asked), None)
    return asked.get(node.value) if node.kind == "name" else None
