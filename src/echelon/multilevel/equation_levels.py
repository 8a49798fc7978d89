"""Which coefficient of which level each fixed and random effect belongs to, for several factors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from echelon.model.fit import LmmFit
from echelon.multilevel.equation_parts import Names, column_parts
from echelon.multilevel.factors import is_nested

Array = NDArray[np.float64]

_LETTERS = "jklmno"


@dataclass(slots=True)
class Upper:
    """A level-2 coefficient beta_pqk with its level-3 equation.

    Attributes
    ----------
    predictor : the level-2 variables it multiplies; () for the constant
    fixed : its fixed effects: place in the fit, and level-3 variables; the constant first
    random : place of u_pqk among the effects of the coarser factor; None for none
    """

    predictor: Names
    fixed: list[tuple[int, Names]] = field(default_factory=list)
    random: int | None = None


@dataclass(slots=True)
class Lower:
    """A level-1 coefficient pi_pjk with its level-2 equation.

    Attributes
    ----------
    predictor : the level-1 variables it multiplies; () for the intercept
    upper : the level-2 coefficients of its equation, the constant first
    random : place of r_pjk among the effects of the finer factor; None for none
    """

    predictor: Names
    upper: list[Upper] = field(default_factory=list)
    random: int | None = None

    def at(self, predictor: Names) -> Upper:
        """The level-2 coefficient of a predictor, made when it is new."""
        for known in self.upper:
            if known.predictor == predictor:
                return known
        self.upper.append(Upper(predictor))
        return self.upper[-1]


def three_levels(fit: LmmFit, fine: int, coarse: int) -> list[Lower]:
    """Sort the effects of a model with a factor nested in another into equations of three levels.

    Notes
    -----
    A variable that is constant within the groups of the coarser factor stands at level 3, one that
    is constant within those of the finer at level 2, the rest at level 1; a product belongs to the
    coefficient that its lower pieces make (`three-levels`; raudenbush2002, ch. 8).
    """
    level = homes(fit)
    drafts: dict[Names, Lower] = {}

    def coefficient(parts: Names) -> tuple[Lower, Names, Names]:
        place = [level[part] for part in parts]
        first = tuple(p for p, f in zip(parts, place, strict=True) if f is None)
        second = tuple(p for p, f in zip(parts, place, strict=True) if f == fine)
        third = tuple(p for p, f in zip(parts, place, strict=True) if f == coarse)
        return drafts.setdefault(first, Lower(first)), second, third

    fixed, random = column_parts(fit)
    for i, parts in enumerate(fixed):
        lower, second, third = coefficient(parts)
        lower.at(second).fixed.append((i, third))
    for a, parts in enumerate(random[fine]):
        drafts.setdefault(parts, Lower(parts)).random = a
    for a, parts in enumerate(random[coarse]):
        lower, second, third = coefficient(parts)
        lower.at((*second, *third)).random = a
    for lower in drafts.values():
        lower.upper.sort(key=lambda upper: upper.predictor != ())
        for upper in lower.upper:
            upper.fixed.sort(key=lambda effect: effect[1] != ())
    return sorted(drafts.values(), key=lambda lower: lower.predictor != ())


def subscripts(fit: LmmFit) -> dict[int | None, tuple[str, ...]]:
    """The letters that number the groups of each factor, and (under None) the rows.

    j, k, l, ... in the order of the formula; a group inside another carries the other's letter too.
    """
    places = range(len(fit.factors))
    letter = [_LETTERS[f] if f < len(_LETTERS) else f"o{f}" for f in places]
    made: dict[int | None, tuple[str, ...]] = {
        f: tuple(letter[g] for g in places if g == f or is_nested(fit, f, g)) for f in places
    }
    made[None] = ("i", *letter)
    return made


def homes(fit: LmmFit) -> dict[str, int | None]:
    """The coarsest factor within whose groups each variable is constant; None for none.

    A variable that has no column of its own is placed by the products it stands in.
    """
    fixed, random = column_parts(fit)
    columns = _columns(fit)
    found: dict[str, int | None] = {}
    for parts in (*fixed, *(parts for some in random for parts in some)):
        for part in parts:
            if part in columns:
                found[part] = _coarsest(fit, columns[part])
            elif part not in found:
                inside = [
                    name for name, pieces in zip(fit.names, fixed, strict=True) if part in pieces
                ]
                found[part] = _finest(
                    fit, [_coarsest(fit, columns[n]) for n in inside if n in columns]
                )
    return found


def _columns(fit: LmmFit) -> dict[str, Array]:
    """The fixed columns over the rows, by name; none where the fit was made from moments alone."""
    if fit.built is None:
        return {}
    design = fit.built.design
    return dict(zip(design.names, design.arrays, strict=True))


def _finest(fit: LmmFit, places: Sequence[int | None]) -> int | None:
    known = [place for place in places if place is not None]
    return max(known, key=lambda f: len(fit.moments.groups[f].levels)) if known else None


def _coarsest(fit: LmmFit, x: Array) -> int | None:
    """The factor of fewest groups within which a column is constant; None for none."""
    if fit.built is None:
        return None
    factors = fit.built.design.factors
    for f in sorted(range(len(factors)), key=lambda f: len(factors[f].levels)):
        if _constant(x, factors[f].codes, len(factors[f].levels)):
            return f
    return None


def _constant(x: Array, codes: NDArray[np.int32], J: int) -> bool:
    value = np.zeros(J)
    value[codes] = x
    scale = max(float(np.abs(x).max()), np.finfo(float).tiny)
    return bool(np.abs(x - value[codes]).max() <= 1e-9 * scale)
