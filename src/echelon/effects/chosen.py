"""Which parts of a model are asked for: random effects by factor or formula, terms by name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from echelon.design.build import Built
from echelon.errors import DataError, NotYetSupported, UnknownOption
from echelon.formula import RandomTerm, Terms, independent, parse
from echelon.formula.materialise import coded_in_full
from echelon.model.fit import LmmFit, OlsFit

Mask = NDArray[np.bool_]
Random = str | Sequence[str]
"""All or none of the random effects, those of some factors, or those written as in the formula."""


def chosen_effects(fit: LmmFit, random: Random, built: Built) -> tuple[Mask, ...]:
    """Which effects (q,) of each factor are asked for.

    Parameters
    ----------
    random : "all", "none", a grouping factor, several of them in a list, or random terms as in the
        formula, "(1 | school)" or "(1 | school) + (1 | class)"
    built : the design of the fit

    Raises
    ------
    UnknownOption : no such factor, or no such effect in the model
    DataError : something else
    """
    masks = tuple(np.zeros(len(group.effects), dtype=bool) for group in fit.moments.groups)
    if not isinstance(random, str | Sequence):
        raise DataError(
            f'random={random!r}: give "all", "none", a grouping factor, a list of factors, or '
            'random terms as in the formula, as "(1 | school)".'
        )
    if isinstance(random, str) and "|" in random:
        _by_formula(fit, random, built, masks)
        return masks
    if random in ("all", "none"):
        names: Sequence[str] = fit.factors if random == "all" else ()
    else:
        names = (random,) if isinstance(random, str) else tuple(random)
    for name in names:
        if name not in fit.factors:
            raise UnknownOption("random", name, ("all", "none", *fit.factors))
        masks[fit.place(name)][:] = True
    return masks


def _by_formula(fit: LmmFit, text: str, built: Built, masks: tuple[Mask, ...]) -> None:
    formula = text.strip() if text.strip().startswith("~") else f"~ {text.strip()}"
    spec = parse(formula, one_sided=True)
    if spec.fixed.terms:
        raise DataError(f"random={text!r} holds fixed terms; those are chosen by terms=.")
    for asked in spec.random:
        place = _factor_of(fit, asked, text)
        for part in independent(asked):
            masks[place][:] |= _mask(part, place, built, fit, text)


def _factor_of(fit: LmmFit, asked: RandomTerm, text: str) -> int:
    for term in fit.spec.random:
        if frozenset(term.group) == frozenset(asked.group):
            return fit.factors.index(":".join(term.group))
    known = f"The model has {' + '.join(f'({term.text})' for term in fit.spec.random)}."
    raise UnknownOption("random", text, (), known)


def _mask(asked: RandomTerm, place: int, built: Built, fit: LmmFit, text: str) -> Mask:
    """The effects of a factor that one random term names."""
    wanted = {frozenset(term): term for term in asked.effects.terms}
    constant, out = asked.effects.intercept, []
    for columns, recipe in zip(
        built.design.factors[place].terms, built.effect_recipes[place], strict=True
    ):
        terms = recipe.terms.terms
        if columns.intercept:
            out.append(asked.effects.intercept)
            constant = False
        for at in columns.assign:
            out.append(frozenset(terms[at]) in wanted)
        here = [frozenset(term) for term in terms if frozenset(term) in wanted]
        _check_coding(asked, recipe.terms, frozenset(recipe.codings), set(here), fit, text)
        for term in here:
            wanted.pop(term)
    if constant or wanted:
        missing = "1" if constant else ":".join(next(iter(wanted.values())))
        names = ", ".join(dict.fromkeys(fit.moments.groups[place].effects))
        raise UnknownOption(
            "random", text, (), f"{fit.factors[place]!r} has no effect {missing}; it has {names}."
        )
    return np.array(out, dtype=bool)


def _check_coding(
    asked: RandomTerm,
    own: Terms,
    factors: frozenset[str],
    shared: set[frozenset[str]],
    fit: LmmFit,
    text: str,
) -> None:
    """Refuse a factor's effects under another coding than the model's: they are other effects."""

    def codings(terms: Terms) -> dict[frozenset[str], frozenset[str]]:
        found = zip(terms.terms, coded_in_full(terms, factors), strict=True)
        return {frozenset(term): full for term, full in found if frozenset(term) in shared}

    if codings(asked.effects) != codings(own):
        known = " + ".join(f"({term.text})" for term in fit.spec.random)
        raise NotYetSupported(
            f"random={text!r} would code a factor otherwise than the model, {known}, so that its "
            "effects are others. Write the term as in the model."
        )


def chosen_terms(fit: LmmFit | OlsFit, terms: str | Sequence[str], built: Built) -> Mask:
    """Which fixed effects (p,) belong to the terms named.

    Parameters
    ----------
    terms : terms of the formula, as "ses" or "ses:sector", and "(Intercept)"

    Raises
    ------
    UnknownOption : no such term
    """
    if not isinstance(terms, str | Sequence | np.ndarray):
        raise DataError(f"terms={terms!r}: give a term of the formula, or several in a list.")
    names = (terms,) if isinstance(terms, str) else tuple(terms)
    known = built.recipe.terms.terms
    labels = [*(["(Intercept)"] if built.design.intercept else []), *map(":".join, known)]
    wanted = set()
    for name in names:
        same = [t for t in known if frozenset(t) == frozenset(str(name).split(":"))]
        if name in labels:
            wanted.add(name)
        elif name in ("1", "intercept", "Intercept") and built.design.intercept:
            wanted.add("(Intercept)")
        elif same:
            wanted.add(":".join(same[0]))
        else:
            raise UnknownOption("terms", name, labels)
    of_column = dict(zip(built.design.names, built.design.assign, strict=True))
    return np.array(
        [
            (name if name == "(Intercept)" else ":".join(known[of_column[name]])) in wanted
            for name in fit.names
        ],
        dtype=bool,
    )
