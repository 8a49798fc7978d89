"""What each fixed column is made of, and what it would be under other codings of the factors.

A column is a product of one column for each factor of its term and of covariates. Over the grid of
all levels inner products of such products are products of inner products, so one coding is turned
into another without laying the grid, and without the rows of the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.formula import Coding, Recipe
from echelon.formula.materialise import coded_in_full

Array = NDArray[np.float64]
Covariates = frozenset[tuple[str, int]]
Scheme = Literal["model", "treatment", "indicator"]


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """The columns of a right-hand side under one coding of its factors.

    Attributes
    ----------
    owner : (c,) term of each column, -1 for the constant
    covariates : (c,) the covariates multiplied in the column, each with the number of its column
    parts : (c, F) column of each factor's basis that it holds (see `bases`)
    bases : for each factor the cross-products of its basis over its levels, divided by their
        number: the constant, the model's contrasts, treatment contrasts, indicators
    """

    owner: NDArray[np.intp]
    covariates: tuple[Covariates, ...]
    parts: NDArray[np.intp]
    bases: tuple[Array, ...]


def columns(recipe: Recipe, scheme: Scheme) -> Columns:
    """The columns of the fixed part.

    Parameters
    ----------
    scheme : factors coded as in the model; by treatment contrasts with the first level as base; or
        by an indicator for every level of every factor in every term (rank deficient)
    """
    factors = list(recipe.codings)
    in_full = coded_in_full(recipe.terms, frozenset(factors))
    rows: list[tuple[int, Covariates, tuple[int, ...]]] = []
    if recipe.terms.intercept:
        rows.append((-1, frozenset(), (0,) * len(factors)))
    for place, term in enumerate(recipe.terms.terms):
        choices = [_choices(recipe, e, scheme, e in in_full[place]) for e in term]
        for chosen in product(*(range(len(c)) for c in reversed(choices))):  # first varies fastest
            held = {e: c[i] for e, c, i in zip(term, choices, reversed(chosen), strict=True)}
            covariates = frozenset((e, i) for e, i in held.items() if e not in recipe.codings)
            rows.append((place, covariates, tuple(held.get(f, 0) for f in factors)))
    return Columns(
        owner=np.array([row[0] for row in rows], dtype=np.intp),
        covariates=tuple(row[1] for row in rows),
        parts=np.array([row[2] for row in rows], dtype=np.intp).reshape(len(rows), len(factors)),
        bases=tuple(_basis(recipe.codings[f]) for f in factors),
    )


def _choices(recipe: Recipe, expr: str, scheme: Scheme, full: bool) -> range:
    """Places of the columns that an expression has: in its basis if it is a factor."""
    if expr not in recipe.codings:
        return range(recipe.widths[expr])
    L = len(recipe.codings[expr].levels)
    if full or scheme == "indicator":
        return range(2 * L - 1, 3 * L - 1)
    return range(1, L) if scheme == "model" else range(L, 2 * L - 1)


def _basis(coding: Coding) -> Array:
    L = len(coding.levels)
    B = np.column_stack([np.ones(L), coding.matrix, np.eye(L)[:, 1:], np.eye(L)])
    return np.asarray(B.T @ B / L)


def products(first: Columns, second: Columns) -> Array:
    """Cross-products of two sets of columns over the grid of levels; 0 where covariates differ."""
    numbers = {key: i for i, key in enumerate({*first.covariates, *second.covariates})}
    rows, cols = (np.array([numbers[k] for k in c.covariates]) for c in (first, second))
    made: Array = (rows[:, None] == cols).astype(np.float64)
    for v, basis in enumerate(first.bases):
        made *= basis[np.ix_(first.parts[:, v], second.parts[:, v])]
    return made


def in_terms_of(first: Columns, second: Columns) -> Array:
    """M (c1, c2) with second = first M, whatever the data.

    Notes
    -----
    M = (first'first)^- first'second over the grid of levels (`recoding`; searle1987), with a
    generalised inverse: the columns may depend on each other, as `a:b` beside a constant.
    Rounding is set to zero: in the column of an empty cell nothing else would be left.
    """
    square, cross = products(first, first), products(first, second)
    unit = 1 / np.sqrt(np.diagonal(square))
    inverse = np.linalg.pinv(square * np.outer(unit, unit), tolerances.RECODED, hermitian=True)
    made = inverse @ (unit[:, None] * cross)
    made[np.abs(made) < tolerances.RECODED * np.abs(made).max(axis=0, initial=0.0)] = 0.0
    return np.asarray(unit[:, None] * made)


def continuous(recipe: Recipe) -> tuple[frozenset[str], ...]:
    """The covariates of each term: its expressions that are one column of numbers.

    A basis of several columns (a polynomial, a spline) has no zero to be tested at, and is no
    covariate here; lmerTest counts so too.
    """
    widths: Mapping[str, int] = recipe.widths
    return tuple(
        frozenset(expr for expr in term if widths.get(expr) == 1) for term in recipe.terms.terms
    )
