"""Which coefficient each fixed effect belongs to: the level-2 equations of a fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from echelon.model.fit import LmmFit
from echelon.model.own import own_part

_INTERCEPT = "(Intercept)"
Names = tuple[str, ...]
Home = tuple[Names, Names]
"""The predictor of the coefficient a fixed effect belongs to, and the level-2 variables with it."""

_CLOSING = {"(": ")", "[": "]", "{": "}"}
_QUOTES = ("'", '"', "`")
_HELD = "\x00"  # stands for a colon that does not split


@dataclass(frozen=True, slots=True)
class Effect:
    """One fixed effect gamma_ks of a level-2 equation.

    Attributes
    ----------
    column : place among the fixed effects of the fit
    by : the level-2 variables it multiplies; () for the constant gamma_k0
    """

    column: int
    by: Names


@dataclass(slots=True)
class _Draft:
    """A level-1 coefficient while its fixed effects are gathered."""

    predictor: Names
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
    predictor: Names
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
    drafts: dict[Names, _Draft] = {}
    if _INTERCEPT in (*fit.names, *fit.effects):
        drafts[()] = _Draft(())
    split = own_part(fit)
    used = np.asarray((np.abs(split.own) > 0).any(axis=0))  # (q, p)
    whole = _names_with_colons(fit)
    fixed = [_split(name, whole) for name in fit.names]
    random = [_split(name, whole) if name != _INTERCEPT else () for name in fit.effects]
    level2: set[str] = set()
    homes: dict[int, Home] = {}
    for i in np.flatnonzero(~split.level1).tolist():
        acts_on = [random[a] for a in np.flatnonzero(used[:, i])]
        home = _home_of_own(fixed[i], acts_on, fixed[i] in random)
        if home is not None:
            homes[i] = home
            level2.update(home[1])
    for i, parts in enumerate(fixed):
        predictor, by = homes.get(i) or _home_by_name(parts, level2, drafts)
        draft = drafts.setdefault(predictor, _Draft(predictor))
        draft.effects.append(Effect(i, by))
    for a, predictor in enumerate(random):
        drafts.setdefault(predictor, _Draft(predictor)).random = a
    ordered = sorted(drafts.values(), key=lambda draft: draft.predictor != ())
    first = 0 if () in drafts else 1
    return Parts(
        tuple(draft.numbered(first + k) for k, draft in enumerate(ordered)), frozenset(level2)
    )


def column_parts(fit: LmmFit) -> tuple[list[Names], list[list[Names]]]:
    """The pieces of the fixed columns, and of the random columns of each factor; () for 1."""
    whole = _names_with_colons(fit)

    def pieces(names: Sequence[str]) -> list[Names]:
        return [_split(name, whole) if name != _INTERCEPT else () for name in names]

    return pieces(fit.names), [pieces(group.effects) for group in fit.moments.groups]


def bare(name: str) -> str:
    """A name without the backticks that a formula needs around it."""
    inner = name[1:-1]
    return inner if name == f"`{inner}`" and "`" not in inner and inner else name


def has_offset(fit: LmmFit) -> bool:
    """Whether the fixed part has an offset."""
    if fit.spec.offsets:
        return True
    return fit.built is not None and fit.built.design.offset is not None


def _home_of_own(parts: Names, acts_on: list[Names], itself: bool) -> Home | None:
    """The home of a column that acts on random coefficients; None where names do not tell."""
    if parts == (_INTERCEPT,):
        return (), ()
    if itself:
        return parts, ()
    if len(acts_on) != 1:
        return None
    if acts_on[0] == ():
        return (), parts
    rest = _without(parts, acts_on[0])
    return (acts_on[0], rest) if rest else None


def _home_by_name(parts: Names, level2: set[str], drafts: dict[Names, _Draft]) -> Home:
    """The home of any other column: a cross-level product by its pieces, or a level-1 predictor."""
    if parts == (_INTERCEPT,):
        return (), ()
    if level2.issuperset(parts):
        return (), parts
    for predictor in drafts:
        rest = _without(parts, predictor) if predictor else ()
        if rest and level2.issuperset(rest):
            return predictor, rest
    return parts, ()


def _without(parts: Names, some: Names) -> Names:
    """`parts` less `some`; () when some of them are not there or nothing is left."""
    left = list(parts)
    for part in some:
        if part not in left:
            return ()
        left.remove(part)
    return tuple(left)


def _names_with_colons(fit: LmmFit) -> list[str]:
    """Columns of the table whose own names hold a colon, which is no product."""
    sides = (fit.spec.fixed, *(term.effects for term in fit.spec.random))
    found = {e[1:-1] for side in sides for term in side.terms for e in term if e[0] == "`"}
    return sorted((name for name in found if ":" in name), key=len, reverse=True)


def _split(name: str, whole: Sequence[str] = ()) -> Names:
    """Split a product at its colons, not inside brackets, quotes or the names in `whole`.

    >>> _split("sector[T.a:b]:ses"), _split("I(x ** 2)"), _split("a:b:w", ["a:b"])
    (('sector[T.a:b]', 'ses'), ('I(x ** 2)',), ('a:b', 'w'))
    """
    for kept in whole:
        name = name.replace(kept, kept.replace(":", _HELD))
    parts, inside, start = [], [""], 0
    for at, char in enumerate(name):
        if inside[-1] in _QUOTES:
            if char == inside[-1]:
                inside.pop()
        elif char in _CLOSING:
            inside.append(_CLOSING[char])
        elif char in _QUOTES:
            inside.append(char)
        elif char == inside[-1]:
            inside.pop()
        elif char == ":" and len(inside) == 1:
            parts.append(name[start:at])
            start = at + 1
    parts.append(name[start:])
    sound = all(parts) and len(inside) == 1
    return tuple(part.replace(_HELD, ":") for part in (parts if sound else [name]))
