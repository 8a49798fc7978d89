"""`fit.drop1()`: each fixed term that may go, tested by likelihood ratio."""

from __future__ import annotations

from echelon.errors import DataError
from echelon.infer.likelihood.fitted import Fitted, by_ml, fitted
from echelon.infer.likelihood.random_terms import refuse_iterative
from echelon.infer.likelihood.smaller import built_of, droppable, without, without_fixed
from echelon.infer.likelihood.terms import TermTests, term_tests
from echelon.model.fit import LmmFit, OlsFit


def fixed_term_tests(fit: LmmFit | OlsFit) -> TermTests:
    """Test every fixed term that marginality lets go by the likelihood ratio of the model without.

    Raises
    ------
    NotYetSupported : the fit was made by the iterative method

    Notes
    -----
    By maximum likelihood: REML fits are refitted, since REML likelihoods of different fixed parts
    cannot be compared (`lrt`; pinheiro2000, sec. 2.4). From the moments of the fit; a residual
    structure goes through its rows.
    """
    notes = []
    if isinstance(fit, LmmFit):
        refuse_iterative(fit, 'drop1(test="LRT")')
        if fit.reml:
            notes.append(
                "The model was fitted by REML; it and the models without a term are refitted by "
                "maximum likelihood (ML), since REML likelihoods of different fixed parts cannot "
                "be compared."
            )
        fit = by_ml(fit)
    built = built_of(fit)
    terms, rows = built.recipe.terms, list[tuple[str, Fitted, bool]]()
    for place in droppable(terms):
        name = ":".join(terms.terms[place])
        try:
            left = without(built.recipe, built.design.assign, place)
        except DataError as problem:
            notes.append(f"{name}: not tested. {problem}")
            continue
        rows.append((name, without_fixed(fit, left, reml=False), True))
    return term_tests(
        fitted(fit),
        rows,
        kind="fixed",
        formula=fit.spec.formula,
        restricted=False,
        notes=tuple(notes),
        backend=fit.source.backend,
    )
