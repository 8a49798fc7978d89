"""A model without a term: which columns stay, and the fit of what they leave."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.design.build import Built
from echelon.design.reduced import of_columns as design_of_columns
from echelon.design.reduced import of_effects as design_of_effects
from echelon.errors import DataError
from echelon.formula import Terms
from echelon.formula.materialise import Recipe, coded_in_full
from echelon.infer.likelihood.fitted import Fitted, of_design, of_moments
from echelon.model.fit import LmmFit, OlsFit
from echelon.moments import from_rows
from echelon.moments.reduced import of_columns, of_effects

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Left:
    """What is left of the effects of one side of a model, fixed or of a random term.

    Attributes
    ----------
    kept : which columns stay, the constant's among them in a random term
    constant : whether a constant takes the place of what went, because the term that went held it
    """

    kept: Mask
    constant: bool = False


def droppable(terms: Terms) -> tuple[int, ...]:
    """Places of the terms that no other term contains: those that marginality lets go.

    >>> droppable(Terms((("a",), ("b",), ("a", "b"), ("x",)), True))
    (2, 3)
    """
    sets = [frozenset(term) for term in terms.terms]
    return tuple(i for i, own in enumerate(sets) if not any(own < other for other in sets))


def without(recipe: Recipe, assign: tuple[int, ...], place: int, *, lead: int = 0) -> Left:
    """The columns that stay when a term goes.

    Parameters
    ----------
    recipe : of the columns;  assign : (k,) term of each
    place : of the term that goes
    lead : columns before them (the constant of a random term)

    Raises
    ------
    DataError : the term held a part of another term's columns

    Notes
    -----
    As R does it: the formula without the term is laid afresh. Without a constant, the first factor
    has an indicator a level; when it goes, the next takes over, which is the same as its contrasts
    with a constant.
    """
    terms = recipe.terms
    rest = tuple(term for i, term in enumerate(terms.terms) if i != place)
    kept = np.concatenate([np.ones(lead, dtype=bool), np.array(assign, dtype=np.intp) != place])
    factors = frozenset(recipe.codings)
    if not rest:
        indicators = not terms.intercept and factors.issuperset(terms.terms[place])
        return Left(kept, constant=indicators)
    before = [full for i, full in enumerate(coded_in_full(terms, factors)) if i != place]
    after = coded_in_full(Terms(rest, terms.intercept), factors)
    changed = [
        (t, f)
        for t, a, b in zip(rest, before, after, strict=True)
        for f in b - a
        if len(t) == 1 or frozenset(t) - {f} not in map(frozenset, rest)  # its margin stays
    ]
    if not changed:
        return Left(kept)
    if [len(term) for term, _ in changed] == [1]:
        return Left(kept, constant=True)
    gone, other = (":".join(term) for term in (terms.terms[place], changed[0][0]))
    raise DataError(
        f"Without {gone} the columns of {other} would be others. Fit the smaller model by itself "
        "and compare the two with ec.anova()."
    )


def built_of(fit: LmmFit | OlsFit) -> Built:
    """The design with its recipes.

    Raises
    ------
    DataError : the fit was made from moments alone
    """
    if fit.built is None:
        raise DataError(
            "This fit was made from moments alone: which term a column belongs to is not known. "
            "Fit the smaller model by itself and compare the two with ec.anova()."
        )
    return fit.built


def without_fixed(fit: LmmFit | OlsFit, left: Left, *, reml: bool) -> Fitted:
    """The fit without fixed columns."""
    intercept = fit.moments.intercept or left.constant
    if isinstance(fit, LmmFit) and fit.residual is not None:
        design = built_of(fit).design
        terms = [factor.terms for factor in design.factors]
        smaller = design_of_columns(design, left.kept, intercept=intercept, terms=terms)
        return of_design(fit, smaller, reml=reml)
    return of_moments(fit, of_columns(fit.moments, left.kept, intercept=intercept), reml=reml)


def without_random(fit: LmmFit, factor: int, term: int, left: Left) -> Fitted:
    """The fit without random effects of one term, by the fit's own criterion.

    Parameters
    ----------
    factor, term : place of the factor, and of the term among its terms

    Notes
    -----
    From the moments; with rows where a constant comes in or the residuals have a structure.
    """
    design = built_of(fit).design
    own = design.factors[factor].terms
    if fit.residual is None and not left.constant:
        masks = [np.ones(len(g.effects), dtype=bool) for g in fit.moments.groups]
        start = sum(len(t.names) for t in own[:term])
        masks[factor][start : start + len(left.kept)] = left.kept
        return of_moments(fit, of_effects(fit.moments, masks), reml=fit.reml)
    fit.rows("This reduction of a random term")
    other = design_of_effects(own[term], left.kept, constant=left.constant)
    terms = [list(f.terms) for f in design.factors]
    terms[factor][term : term + 1] = [other] if other.names else []
    every = np.ones(len(design.names), dtype=bool)
    smaller = design_of_columns(design, every, intercept=design.intercept, terms=terms)
    if fit.residual is not None:
        return of_design(fit, smaller, reml=fit.reml)
    return of_moments(fit, from_rows(smaller), reml=fit.reml)
