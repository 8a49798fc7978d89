"""What a reader of an analysis of variance should know, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from echelon.infer.anova.columns import columns, in_terms_of
from echelon.infer.anova.terms import FixedTerms, plain

Kind = Literal["I", "II", "III", "drop"]

_TESTED = {
    ("I", "sas"): "Type I: each term after those before it in the formula, so their order matters.",
    ("II", "sas"): (
        "Type II: each term after all others but those that contain it, that is, have all its "
        "variables, more factors, and the same covariates (as SAS and lmerTest)."
    ),
    ("II", "car"): (
        "Type II: each term after all others but those that include its variables (as car::Anova)."
    ),
    ("III", "sas"): (
        "Type III: each term after all others, whatever the coding of factors and the order of "
        "terms; the levels of other factors count equally (as SAS and lmerTest)."
    ),
    ("III", "car"): (
        "Each term's own coefficients, as car::Anova's type III: what they mean, and so the test, "
        "depends on the coding of the factors."
    ),
    ("drop", "sas"): (
        "Each term that may be left out alone: no other term includes its variables."
    ),
}


def notes(
    terms: FixedTerms, kind: Kind, containment: str, tested: Sequence[str], df1: Sequence[float]
) -> tuple[str, ...]:
    """What was tested, and where care is needed.

    Parameters
    ----------
    tested : names of the rows;  df1 : how many coefficients of each were tested
    """
    if not tested:
        alone = ": it is the constant alone" if len(terms.owner) else ""
        return (f"The fixed part has no terms to test{alone}.",)
    empty = [name for name, count in zip(tested, df1, strict=True) if count == 0]
    return (
        _TESTED[kind, containment],
        *_at_zero(terms, kind, containment),
        *_empty_cells(terms, kind, containment),
        *((_nothing_left(empty),) if empty else ()),
    )


def _at_zero(terms: FixedTerms, kind: Kind, containment: str) -> tuple[str, ...]:
    """Terms that are tested where a covariate they interact with is zero."""
    if kind in ("I", "drop") or (kind, containment) == ("II", "car"):
        return ()
    members = [frozenset(term) for term in terms.recipe.terms.terms]
    numeric = [frozenset(e for e in m if e in terms.recipe.widths) for m in members]
    averaged = terms.containing(covariates=True) if kind == "II" else [[] for _ in members]
    found = {
        terms.names[i]: " and ".join(sorted(plain(e) for e in numeric[j] - numeric[i]))
        for i, term in enumerate(members)
        for j, larger in enumerate(members)
        if term < larger and numeric[i] != numeric[j] and j not in averaged[i]
    }
    if not found:
        return ()
    where = "; ".join(f"{name} where {zero} is 0" for name, zero in found.items())
    return (f"A term that interacts with a covariate is tested at its zero: {where}.",)


def _empty_cells(terms: FixedTerms, kind: Kind, containment: str) -> tuple[str, ...]:
    """Combinations of levels without rows: there type III hypotheses have no plain reading."""
    if kind != "III" or containment != "sas" or terms.alias.shape[0] == terms.alias.shape[1]:
        return ()
    every = columns(terms.recipe, "indicator")
    laid = terms.laid(in_terms_of(columns(terms.recipe, "model"), every))
    factors = np.array([np.count_nonzero(row) for row in every.parts])
    owners = every.owner[~laid.any(axis=0) & (factors > 1)]
    found = [f"{np.count_nonzero(owners == i)} of {terms.names[i]}" for i in np.unique(owners)]
    if not found:
        return ()
    return (
        f"Combinations of levels without rows: {', '.join(found)}. Type III hypotheses then depend "
        "on which are there: read them with care.",
    )


def _nothing_left(names: Sequence[str]) -> str:
    verb = "has" if len(names) == 1 else "have"
    return (
        f"{', '.join(names)} {verb} nothing to test: the columns depend on those of other terms, "
        "so the model without is the same model."
    )
