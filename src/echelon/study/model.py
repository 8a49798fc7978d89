"""One design as moments: of the fitted model, and of all columns that vary within groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.errors import DataError, NotIdentified
from echelon.linalg.rank import independent_columns
from echelon.moments.moments import GroupMoments, Moments
from echelon.study.predictors import Plan, Predictor

Array = NDArray[np.float64]

INTERCEPT = "(Intercept)"


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """What the fixed columns are made of.

    Every fixed column is, within a group, a combination of z = [1, predictors of level 1]:
    X_j = Z_j B_j (`study-columns`).

    Attributes
    ----------
    terms : p names, the constant first
    rows : (p,) place in z of the column that a term multiplies; 0 for the constant
    groups : per term, places of the predictors of level 2 that multiply it
    random : places in z of the random effects
    effects : names of z
    """

    terms: tuple[str, ...]
    rows: tuple[int, ...]
    groups: tuple[tuple[int, ...], ...]
    random: tuple[int, ...]
    effects: tuple[str, ...]

    def weights(self, plan: Plan) -> Array:
        """B (J, K + 1, p)."""
        B = np.zeros((len(plan.n), len(self.effects), len(self.terms)))
        for i, (row, groups) in enumerate(zip(self.rows, self.groups, strict=True)):
            B[:, row, i] = plan.groups[:, list(groups)].prod(axis=1)
        return B


def columns(
    given: tuple[Predictor, ...], effects: tuple[str, ...], slopes: tuple[str, ...]
) -> Columns:
    """Lay out the fixed and random part.

    Raises
    ------
    DataError : a product of two predictors of level 1; an effect of groups that varies between
        them
    """
    level1 = [each.name for each in given if each.level == 1]
    level2 = [each.name for each in given if each.level == 2]
    mains = [*level2, *level1]
    products = [effect for effect in effects if ":" in effect]
    rows: list[int] = [0]
    groups: list[tuple[int, ...]] = [()]
    for term in (*mains, *products):
        parts = term.split(":")
        inside = [name for name in parts if name in level1]
        if len(inside) > 1 or len(set(parts)) < len(parts):
            raise DataError(
                f"effects={{{term!r}: ...}}: a product has one predictor of level 1 at most, and "
                "each predictor once. Products of two predictors of level 1 are not offered."
            )
        rows.append(1 + level1.index(inside[0]) if inside else 0)
        groups.append(tuple(level2.index(name) for name in parts if name in level2))
    for name in slopes:
        if name not in level1:
            raise DataError(
                f"effect_sd={{{name!r}: ...}}: slopes vary between groups for predictors of "
                f"level 1 only. There are: {', '.join(level1) or 'none'}."
            )
    return Columns(
        terms=(INTERCEPT, *mains, *products),
        rows=tuple(rows),
        groups=tuple(groups),
        random=(0, *(1 + level1.index(name) for name in slopes)),
        effects=(INTERCEPT, *level1),
    )


def design_moments(plan: Plan, at: Columns, random: tuple[int, ...]) -> Moments:
    """Moments of a design with the random effects asked for, and of a response of no consequence.

    Parameters
    ----------
    random : places in z of the random effects; all of them span whatever a group can say

    Raises
    ------
    NotIdentified : more fixed effects than the groups, or the rows, can tell apart
    """
    G, B = products(plan), at.weights(plan)
    ZtX = G @ B
    p, n = len(at.terms), int(plan.n.sum())
    cross = np.zeros((p + 1, p + 1))
    cross[:p, :p] = np.einsum("jap,jar->pr", B, ZtX)
    cross[p, p] = n
    _check_room(cross[:p, :p], at, plan)
    some = list(random)
    ZtV = np.concatenate([ZtX[:, some], np.zeros((len(G), len(some), 1))], axis=2)
    group = GroupMoments(
        factor="group",
        levels=tuple(range(len(G))),
        effects=tuple(at.effects[a] for a in some),
        sizes=(len(some),),
        centre=np.zeros(len(some)),
        count=plan.n,
        weight=plan.n.astype(np.float64),
        ZtZ=np.ascontiguousarray(G[:, some][:, :, some]),
        ZtV=ZtV,
    )
    return Moments(
        columns=(*at.terms, "y"),
        intercept=True,
        n=n,
        log_weight=0.0,
        centre=np.zeros(p + 1),
        cross=cross,
        groups=(group,),
    )


def products(plan: Plan) -> Array:
    """G (J, K + 1, K + 1): Z_j'Z_j of z = [1, predictors of level 1] (`study-columns`)."""
    z = np.concatenate([np.ones((len(plan.n), 1)), plan.means], axis=1)
    G: Array = plan.n[:, None, None] * z[:, :, None] * z[:, None, :]
    G[:, 1:, 1:] += plan.within
    return G


def _check_room(cross: Array, at: Columns, plan: Plan) -> None:
    if (plan.n <= 1).all():
        raise NotIdentified(
            "n=1 makes every row its own group: variances between and within groups cannot be "
            "told apart. Give some groups two rows at least."
        )
    J, between = len(plan.n), at.rows.count(0)
    if between >= J:
        raise NotIdentified(
            f"{J} groups cannot carry {between} effects of groups, the grand mean among them, and "
            "their variance besides. It needs more groups, or fewer predictors of groups."
        )
    kept = independent_columns(cross, tolerances.RANK_CENTRED)
    if not kept.all():
        raise NotIdentified(
            f"This design cannot tell the effect of {at.terms[int(np.argmin(kept))]!r} from the "
            "others. It needs more groups, larger groups or fewer effects."
        )
