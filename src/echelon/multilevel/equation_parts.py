"""Which coefficient each fixed effect belongs to: the level-2 equations of a fit."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from echelon.model.fit import LmmFit
from echelon.multilevel.own import own_part

_INTERCEPT = "(Intercept)"
_CLOSING = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Effect:
    """One fixed effect gamma_ks of a level-2 equation.

    Attributes
    ----------
    column : place among the fixed effects of the fit
    by : the level-2 variables it multiplies; () for the constant gamma_k0
    """

    column: int
    by: tuple[str, ...]


@dataclass(slots=True)
class _Draft:
    """A level-1 coefficient while its fixed effects are gathered."""

    predictor: tuple[str, ...]
    effects: list[Effect] = field(default_factory=list)
    random: int | None = None

    def numbered(self, k: int) -> Coefficient:
        """The finished equation; the constant first."""
        effects = tuple(sorted(self.effects, key=lambda effect: effect.by != ()))
        return Coefficient(k, self.predictor, effects, self.random)


@dataclass(frozen=True, slots=True)
class Coefficient:
    """One level-1 coefficient beta_kj with its level-2 equation.

    Attributes
    ----------
    k : its number; 0 for the intercept
    predictor : the variables it multiplies; () for the intercept
    effects : fixed effects of its equation, the constant first
    random : place of u_kj among the random effects of the fit; None for a fixed coefficient
    """

    k: int
    predictor: tuple[str, ...]
    effects: tuple[Effect, ...]
    random: int | None


@dataclass(frozen=True, slots=True)
class Parts:
    """The equations of a fit, before they are written.

    Attributes
    ----------
    coefficients : level-1 coefficients in the order of their numbers
    level2 : variables that are constant within groups
    """

    coefficients: tuple[Coefficient, ...]
    level2: frozenset[str]


def equation_parts(fit: LmmFit) -> Parts:
    """Sort the fixed effects of a fit into level-2 equations.

    Notes
    -----
    A column that is constant within groups belongs to the intercept; its product with a level-1
    predictor to that predictor's slope; the rest are level-1 predictors. What cannot be told apart
    by names, such as `I(ses - meanses)`, is shown as a level-1 predictor with a fixed slope, which
    is the same model (raudenbush2002, ch. 2).
    """
    drafts: dict[tuple[str, ...], _Draft] = {}
    if _INTERCEPT in (*fit.names, *fit.effects):
        drafts[()] = _Draft(())
    split = own_part(fit)
    used = np.asarray((np.abs(split.own) > 0).any(axis=0))  # (q, p)
    pieces = [_pieces(fit, name) for name in fit.names]
    level2: set[str] = set()
    homes: dict[int, tuple[tuple[str, ...], tuple[str, ...]]] = {}
    for i in np.flatnonzero(~split.level1).tolist():
        homes[i] = _home_of_own(fit, i, np.flatnonzero(used[:, i]).tolist(), pieces[i])
        level2.update(homes[i][1])
    for i, parts in enumerate(pieces):
        predictor, by = homes.get(i) or _home_by_name(parts, level2, drafts)
        draft = drafts.setdefault(predictor, _Draft(predictor))
        draft.effects.append(Effect(i, by))
    for a, name in enumerate(fit.effects):
        predictor = _split(name) if name != _INTERCEPT else ()
        drafts.setdefault(predictor, _Draft(predictor)).random = a
    ordered = sorted(drafts.values(), key=lambda draft: draft.predictor != ())
    first = 0 if () in drafts else 1
    return Parts(
        tuple(draft.numbered(first + k) for k, draft in enumerate(ordered)), frozenset(level2)
    )


def _home_of_own(
    fit: LmmFit, i: int, used: list[int], parts: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The predictor and the level-2 variables of a column that acts on random coefficients."""
    name = fit.names[i]
    if name == _INTERCEPT:
        return (), ()
    if name in fit.effects or len(used) != 1:
        return (_split(name) if name in fit.effects else parts), ()
    effect = fit.effects[used[0]]
    if effect == _INTERCEPT:
        return (), parts
    rest = _without(parts, _split(effect))
    return (_split(effect), rest) if rest else (parts, ())


def _home_by_name(
    parts: tuple[str, ...], level2: set[str], drafts: dict[tuple[str, ...], _Draft]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The same for a column beyond the random ones: a cross-level product by its pieces."""
    if parts == (_INTERCEPT,):
        return (), ()
    if level2.issuperset(parts):
        return (), parts
    for predictor in drafts:
        rest = _without(parts, predictor) if predictor else ()
        if rest and level2.issuperset(rest):
            return predictor, rest
    return parts, ()


def _without(parts: tuple[str, ...], some: tuple[str, ...]) -> tuple[str, ...]:
    """`parts` less `some`; () when some of them are not there or nothing is left."""
    left = list(parts)
    for part in some:
        if part not in left:
            return ()
        left.remove(part)
    return tuple(left)


def _pieces(fit: LmmFit, name: str) -> tuple[str, ...]:
    """The factors of a product, checked against the formula where the design is at hand."""
    parts = _split(name)
    if fit.built is None or name not in fit.built.design.names:
        return parts
    design = fit.built.design
    term = fit.built.recipe.terms.terms[design.assign[design.names.index(name)]]
    return parts if len(parts) == len(term) else (name,)


def _split(name: str) -> tuple[str, ...]:
    """Split a product at its colons, not inside brackets or quotes.

    >>> _split("sector[T.a:b]:ses"), _split("I(x ** 2)")
    (('sector[T.a:b]', 'ses'), ('I(x ** 2)',))
    """
    parts, inside, start = [], [""], 0
    for at, char in enumerate(name):
        if inside[-1] in "'\"`" and inside[-1]:
            if char == inside[-1]:
                inside.pop()
        elif char in _CLOSING:
            inside.append(_CLOSING[char])
        elif char in "'\"`":
            inside.append(char)
        elif char == inside[-1]:
            inside.pop()
        elif char == ":" and len(inside) == 1:
            parts.append(name[start:at])
            start = at + 1
    parts.append(name[start:])
    return tuple(parts) if all(parts) and len(inside) == 1 else (name,)
