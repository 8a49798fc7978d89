"""The terms of a fixed part over the data: which columns are kept, and how they depend."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.errors import NeedsRows
from echelon.formula import Recipe
from echelon.infer.anova.columns import continuous
from echelon.model.fit import LmmFit, OlsFit

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class FixedTerms:
    """The terms of a fixed part and their columns.

    Attributes
    ----------
    names : t labels
    recipe : how the columns are laid
    owner : (p,) term of each fixed effect, -1 for the constant
    alias : (p, c) every column of the formula as a combination of those kept
    cross : (p, p) cross-products of the columns kept, about their means where there is a constant
    scale : (p,) size of each column: the root of its cross-product
    """

    names: tuple[str, ...]
    recipe: Recipe
    owner: NDArray[np.intp]
    alias: Array
    cross: Array
    scale: Array

    def own(self, term: int) -> NDArray[np.intp]:
        """The fixed effects of a term."""
        return np.flatnonzero(self.owner == term)

    def laid(self, combined: Array) -> Array:
        """Combinations (c, k) of the formula's columns in terms of those kept, (p, k).

        Zero where the data have nothing of them, as in an empty cell: less than `SAME_COLUMN` of
        what was summed.
        """
        made = self.alias @ combined
        left, summed = (
            np.linalg.norm(M * self.scale[:, None], axis=0)
            for M in (made, np.abs(self.alias) @ np.abs(combined))
        )
        made[:, left <= tolerances.SAME_COLUMN * summed] = 0.0
        return made

    def containing(self, *, covariates: bool) -> list[list[int]]:
        """The terms that contain each term: they have all its variables and more.

        Parameters
        ----------
        covariates : whether the covariates of the two must be the same (SAS), or only factors and
            covariates alike be included (marginality)
        """
        members = [frozenset(term) for term in self.recipe.terms.terms]
        numeric = continuous(self.recipe)
        return [
            [
                j
                for j, larger in enumerate(members)
                if term < larger and (not covariates or numeric[i] == numeric[j])
            ]
            for i, term in enumerate(members)
        ]


def fixed_terms(fit: LmmFit | OlsFit) -> FixedTerms:
    """The terms of a fit.

    Raises
    ------
    NeedsRows : the fit was made from moments, without a formula laid over a table
    """
    if fit.built is None:
        raise NeedsRows("Tests of terms need a fit made from a table; this one has moments alone.")
    moments = fit.plain_moments if isinstance(fit, LmmFit) else fit.moments
    first = 0 if moments.intercept else 1
    labels = moments.columns[first:-1]
    kept = np.array([labels.index(name) for name in fit.names], dtype=np.intp)
    raw = np.eye(len(moments.columns))
    raw[0, 1:] = moments.centre[1:]
    basis = np.eye(len(raw)) if moments.intercept else raw
    cross = (basis.T @ moments.cross @ basis)[first:-1, first:-1]
    alias = _alias(cross, kept, moments.centre[first:-1] if moments.intercept else None)
    lead = (-1,) if moments.intercept else ()
    owner = np.array([*lead, *fit.built.design.assign], dtype=np.intp)
    inside = _unweighted(fit, kept) if _weighted(fit) else cross[np.ix_(kept, kept)]
    return FixedTerms(
        names=tuple(":".join(plain(e) for e in term) for term in fit.built.recipe.terms.terms),
        recipe=fit.built.recipe,
        owner=owner[kept],
        alias=alias,
        cross=inside,
        scale=np.sqrt(np.diagonal(cross)[kept]),
    )


def plain(expr: str) -> str:
    """An expression without the backticks of a plain name."""
    ticked = expr.startswith("`") and expr.endswith("`") and expr.count("`") == 2
    return expr[1:-1] if ticked else expr


def _alias(cross: Array, kept: NDArray[np.intp], means: Array | None) -> Array:
    """All columns as combinations of those kept, from cross-products (about the means if given)."""
    c, p = len(cross), len(kept)
    alias = np.zeros((p, c))
    alias[np.arange(p), kept] = 1.0
    gone = np.setdiff1d(np.arange(c), kept)
    if not len(gone):
        return alias
    rest = np.arange(p) if means is None else np.arange(1, p)
    inside = kept[rest]
    unit = 1 / np.sqrt(np.diagonal(cross)[inside])
    square = cross[np.ix_(inside, inside)] * np.outer(unit, unit)
    made = unit[:, None] * np.linalg.solve(square, unit[:, None] * cross[np.ix_(inside, gone)])
    alias[np.ix_(rest, gone)] = made
    if means is not None:
        alias[0, gone] = means[gone] - means[inside] @ made
    return alias


def _weighted(fit: LmmFit | OlsFit) -> bool:
    """Whether the moments carry precision weights that the hypotheses must not have.

    Notes
    -----
    A linear model's sequential sums of squares are those of weighted least squares; a mixed
    model's hypotheses are functions of X alone, as in SAS and lmerTest.
    """
    return (
        isinstance(fit, LmmFit) and fit.built is not None and fit.built.design.precision is not None
    )


def _unweighted(fit: LmmFit | OlsFit, kept: NDArray[np.intp]) -> Array:
    """Cross-products of the columns kept without weights, O(n p^2)."""
    assert fit.built is not None
    X = fit.built.design.fixed_matrix()[:, kept]
    if fit.built.design.intercept:
        X[:, 1:] -= X[:, 1:].mean(axis=0)
    return np.asarray(X.T @ X)
