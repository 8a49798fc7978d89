"""What the tables of type I, II and III test: L of the hypothesis L beta = 0 for each term."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky

from echelon import tolerances
from echelon.infer.anova.columns import columns, in_terms_of
from echelon.infer.anova.terms import FixedTerms

Array = NDArray[np.float64]


def own(terms: FixedTerms) -> list[Array]:
    """Each term's own coefficients: what they are depends on the coding (car's type III)."""
    identity = np.eye(len(terms.owner))
    return [identity[terms.own(i)] for i in range(len(terms.names))]


def type_one(terms: FixedTerms) -> list[Array]:
    """Each term after those before it.

    Notes
    -----
    The rows of U in X'X = U'DU, U unit upper triangular (`anova-sequential`; searle1987,
    kuznetsova2017).
    """
    U = _unit_upper(terms, np.arange(len(terms.owner)))
    return [U[terms.own(i)] for i in range(len(terms.names))]


def type_two(terms: FixedTerms) -> list[Array]:
    """Each term after all others but those that contain it.

    Notes
    -----
    As type I with the columns of the term and of those containing it moved to the end
    (`anova-two`; goodnight1980). A term that no other contains is tested by its own
    coefficients.
    """
    containing, identity = terms.containing(covariates=True), np.eye(len(terms.owner))
    found = []
    for i, larger in enumerate(containing):
        mine = terms.own(i)
        if not larger:
            found.append(identity[mine])
            continue
        last = np.concatenate([mine, *(terms.own(j) for j in larger)])
        order = np.concatenate([np.setdiff1d(np.arange(len(terms.owner)), last), last])
        U = _unit_upper(terms, order)
        begin = len(order) - len(last)
        L = np.zeros((len(mine), len(order)))
        L[:, order] = U[begin : begin + len(mine)]
        found.append(L)
    return found


def type_three(terms: FixedTerms) -> list[Array]:
    """Each term's part of the estimable functions that no term containing it has.

    Notes
    -----
    beta = C b with b the effects of the overparameterised model, one for every level; the
    functions of a term are made orthogonal, in b, to those of the terms containing it
    (`anova-three`; goodnight1980, kuznetsova2017). The coding of the factors does not matter.
    """
    model, treated = (columns(terms.recipe, s) for s in ("model", "treatment"))
    every = columns(terms.recipe, "indicator")
    to_treated = terms.laid(in_terms_of(model, treated))
    kept = _first_independent(to_treated * terms.scale[:, None])
    back = np.linalg.inv(to_treated[:, kept])  # beta in treatment coding = back @ beta
    functions = (back @ terms.laid(in_terms_of(model, every))).T
    owner, weights = treated.owner[kept], np.eye(len(kept))
    containing = terms.containing(covariates=True)
    degrees = [len(term) for term in terms.recipe.terms.terms]
    for i in sorted(range(len(degrees)), key=lambda i: -degrees[i]):
        mine, larger = owner == i, np.isin(owner, containing[i])
        if mine.any() and larger.any():
            share = np.linalg.lstsq(functions[:, larger], functions[:, mine], rcond=None)[0]
            functions[:, mine] -= functions[:, larger] @ share
            weights[:, mine] -= weights[:, larger] @ share
    return [weights[:, owner == i].T @ back for i in range(len(degrees))]


def by_marginality(terms: FixedTerms, vcov: Array) -> list[Array]:
    """Each term given all others but those that include its variables, as car's type II.

    Notes
    -----
    With R the terms that include it, L beta = beta_T - Cov(beta_T, beta_R) Var(beta_R)^-1 beta_R:
    the Wald statistic of term and R together less that of R (`anova-marginality`; fox2016).
    """
    identity = np.eye(len(terms.owner))
    known = bool((np.diagonal(vcov) > 0).all())  # nothing is tested in a perfect fit
    found = []
    for i, larger in enumerate(terms.containing(covariates=False)):
        mine = terms.own(i)
        rest = np.flatnonzero(np.isin(terms.owner, larger))
        L = identity[mine]
        if len(rest) and len(mine) and known:
            se = np.sqrt(np.diagonal(vcov)[rest])
            square = vcov[np.ix_(rest, rest)] / np.outer(se, se)
            L = L.copy()
            L[:, rest] = -np.linalg.solve(square, vcov[np.ix_(rest, mine)] / se[:, None]).T / se
        found.append(L)
    return found


def _unit_upper(terms: FixedTerms, order: NDArray[np.intp]) -> Array:
    """U of X'X = U'DU with the columns in another order."""
    cross = terms.cross[np.ix_(order, order)]
    size = np.sqrt(np.diagonal(cross))
    R = cholesky(cross / np.outer(size, size))
    return np.asarray(R / np.diagonal(R)[:, None] * size / size[:, None])


def _first_independent(M: Array) -> NDArray[np.intp]:
    """Places of columns of M (p, c) that are no combination of earlier ones, p of them."""
    if M.shape[0] == M.shape[1]:
        return np.arange(M.shape[1])
    kept: list[int] = []
    left = M / np.maximum(np.linalg.norm(M, axis=0), np.finfo(np.float64).tiny)
    for j in range(M.shape[1]):
        length = np.linalg.norm(left[:, j])
        if length > tolerances.SAME_COLUMN:
            kept.append(j)
            unit = left[:, j] / length
            left[:, j + 1 :] -= np.outer(unit, unit @ left[:, j + 1 :])
    return np.array(kept, dtype=np.intp)
