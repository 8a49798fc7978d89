"""`fit.ranova()`: each random term reduced or removed, tested by likelihood ratio."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from echelon.errors import DataError, NotYetSupported
from echelon.formula import RandomTerm, independent
from echelon.infer.likelihood.fitted import Fitted, fitted
from echelon.infer.likelihood.smaller import Left, built_of, droppable, without, without_random
from echelon.infer.likelihood.terms import TermTests, term_tests
from echelon.model.fit import LmmFit
from echelon.model.iterative import probes_used


@dataclass(frozen=True, slots=True)
class _Term:
    """A random term of a model: its place in the design, and how it is shown."""

    factor: int
    place: int
    term: RandomTerm
    text: str


def random_term_tests(fit: LmmFit, *, reduce: bool = True) -> TermTests:
    """Test every random term by the likelihood ratio of the model with less of it.

    Parameters
    ----------
    reduce : True to take slopes out one at a time, so that (x | g) becomes (1 | g), and (1 | g)
        nothing; False to remove whole terms

    Raises
    ------
    NotYetSupported : the fit was made by the iterative method, whose likelihood has a Monte Carlo
        error

    Notes
    -----
    Reduced models are fitted by the criterion of the fit, REML or ML, from its moments. Terms with
    a structured covariance go as a whole. p_mixture is the law of a variance at its boundary
    (`mixture-one`; stramlee1994), p_value the naive one, too large.
    """
    refuse_iterative(fit, "ranova()")
    rows: list[tuple[str, Fitted, bool]] = []
    notes: list[str] = []
    for term in _terms(fit):
        for name, left, nested in _reductions(fit, term, notes) if reduce else [_whole(fit, term)]:
            try:
                rows.append((name, without_random(fit, term.factor, term.place, left), nested))
            except NotYetSupported as problem:
                notes.append(f"{name}: not tested. {problem}")
    return term_tests(
        fitted(fit),
        rows,
        kind="random",
        formula=fit.spec.formula,
        restricted=fit.reml,
        notes=tuple(notes),
        backend=fit.source.backend,
    )


def refuse_iterative(fit: LmmFit, what: str) -> None:
    """Refuse likelihoods that carry a Monte Carlo error.

    Raises
    ------
    NotYetSupported : the fit was made by the iterative method
    """
    if probes_used(fit) is not None:
        raise NotYetSupported(
            f"{what} compares likelihoods, and those of the iterative method carry a Monte Carlo "
            'error. Fit with method="exact", or compare two fits with ec.anova(), which says how '
            "large the error is."
        )


def _terms(fit: LmmFit) -> Iterator[_Term]:
    """The random terms as they are laid out, `||` taken apart, in the order of the formula."""
    factors = [factor.factor for factor in built_of(fit).design.factors]
    seen = dict.fromkeys(range(len(factors)), 0)
    for typed in fit.spec.random:
        for term in independent(typed):
            factor = factors.index(":".join(term.group))
            free = term.covariance == "unstructured"
            text = f"({term.text})" if free else f"{term.covariance}({term.text})"
            yield _Term(factor, seen[factor], term, text)
            seen[factor] += 1


def _whole(fit: LmmFit, term: _Term) -> tuple[str, Left, bool]:
    names = built_of(fit).design.factors[term.factor].terms[term.place].names
    return term.text, Left(np.zeros(len(names), dtype=bool)), True


def _reductions(fit: LmmFit, term: _Term, notes: list[str]) -> list[tuple[str, Left, bool]]:
    """Name of each reduction, what is left, and whether it is a part of the model."""
    effects = term.term.effects
    if not effects.terms or term.term.covariance != "unstructured":
        return [_whole(fit, term)]
    built = built_of(fit)
    own = built.design.factors[term.factor].terms
    columns, recipe = own[term.place], built.effect_recipes[term.factor][term.place]
    others = {name for i, t in enumerate(own) if i != term.place for name in t.names}
    found = []
    for place in droppable(effects):
        name = f"{':'.join(effects.terms[place])} in {term.text}"
        lead = int(columns.intercept)
        try:
            left = without(recipe, columns.assign, place, lead=lead)
        except DataError as problem:
            notes.append(f"{name}: not tested. {problem}")
            continue
        nested = True
        if "(Intercept)" in others:  # the constant has a term of its own
            left = Left(left.kept)
        elif not left.kept.any() and not left.constant:  # as lmerTest: a constant for the slope
            left, nested = Left(left.kept, constant=True), False
        found.append((name, left, nested))
        if not nested:
            notes.append(
                f"{name}: (1 | {':'.join(term.term.group)}) is no part of {term.text}, so there is "
                "no test of one against the other; the row below removes the term."
            )
            found.append(_whole(fit, term))
    return found
