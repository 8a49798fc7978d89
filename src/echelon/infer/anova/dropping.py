"""F tests of leaving out one term at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.infer.anova.hypotheses import own, type_one
from echelon.infer.anova.table import Anova, table_of
from echelon.infer.anova.terms import FixedTerms, fixed_terms
from echelon.infer.choose import uncertainty
from echelon.model.fit import LmmFit, OlsFit

Array = NDArray[np.float64]


def drop1_f(fit: LmmFit | OlsFit, df: str | None = None) -> Anova:
    """F test of each term that may be left out alone: no other term includes its variables.

    Parameters
    ----------
    df : method of the denominator degrees of freedom; None for the choice made when fitting

    Returns
    -------
    Anova of kind "drop": the terms that may be left out; df1 = 0 where the model without the term
    is the same model

    Raises
    ------
    UnknownOption : `df` is none of the methods offered
    NeedsRows : the fit was made from moments, without a formula laid over a table

    Notes
    -----
    Rows of L span {L : L beta = 0 when X beta is a combination of the columns of the other terms}
    (`anova-drop`; kuznetsova2017).

    Examples
    --------
    >>> import echelon as ec
    >>> hsb = ec.datasets.load("hsb", quiet=True)
    >>> fit = ec.lmer("mathach ~ ses * sector + (1 | school)", hsb)
    >>> drop1_f(fit).names
    ('ses:sector',)
    """
    terms = fixed_terms(fit)
    free = [i for i, larger in enumerate(terms.containing(covariates=False)) if not larger]
    if terms.alias.shape[0] == terms.alias.shape[1]:
        mine = type_one(terms) if len(terms.names) == 1 else own(terms)  # a basis; as lmerTest's
        tested = [mine[i] for i in free]
    else:
        tested = [_without(terms, fit, i) for i in free]
    names, known = [terms.names[i] for i in free], uncertainty(fit, df)
    return table_of(fit, terms, known, names=names, hypotheses=tested, kind="drop")


def _without(terms: FixedTerms, fit: LmmFit | OlsFit, term: int) -> Array:
    """Functions of beta that are zero in the model without a term, dropped columns counted."""
    assert fit.built is not None
    lead = (-1,) if fit.built.recipe.terms.intercept else ()
    every = np.array([*lead, *fit.built.design.assign])
    left = terms.alias[:, every != term] * terms.scale[:, None]
    left = left / np.maximum(np.linalg.norm(left, axis=0), np.finfo(np.float64).tiny)
    U, d, _ = np.linalg.svd(left)
    rank = int((d > tolerances.SAME_COLUMN).sum())
    basis, _ = np.linalg.qr(U[:, rank:] * terms.scale[:, None])
    return np.asarray(basis.T)
