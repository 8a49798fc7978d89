"""Between-within degrees of freedom, as HLM prints them: counted, not estimated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.errors import NotIdentified, NotYetSupported
from echelon.estimate.nested_tree import chain
from echelon.infer.uncertainty import Joint, joint, wald_per_df
from echelon.model.fit import LmmFit
from echelon.model.own import own_part

Array = NDArray[np.float64]
Equation = tuple[int, int]
"""A grouping factor and the number of one of its random effects."""


@dataclass(frozen=True, slots=True, eq=False)
class BetweenWithin:
    """The model-based covariance with degrees of freedom by the level of each coefficient.

    Attributes
    ----------
    vcov : (p, p) model-based covariance of the fixed effects
    freedom : (p,) degrees of freedom of each fixed effect
    """

    vcov: Array
    freedom: Array

    @property
    def method(self) -> str:
        """Its name."""
        return "between-within"

    def df(self, L: Array) -> Array:
        """(m,) the smallest of the coefficients that a row of L touches."""
        size = np.abs(L)
        touched = size > tolerances.NULL * size.max(axis=1, keepdims=True, initial=0.0)
        smallest: Array = np.where(touched, self.freedom, np.inf).min(axis=1, initial=np.inf)
        return smallest

    def denominator(self, L: Array, distance: Array) -> Joint:
        """F test on the smallest degrees of freedom of its rows."""
        F, q = wald_per_df(self.vcov, L, distance)
        return joint(F, q, float(self.df(L).min()))


def between_within(fit: LmmFit) -> BetweenWithin:
    """Degrees of freedom of each fixed effect, as HLM counts them.

    Raises
    ------
    NotYetSupported : crossed factors
    NotIdentified : a level-2 equation with as many fixed effects as there are groups

    Notes
    -----
    With a random effect in its equation, a fixed effect has J groups less the fixed effects of the
    equation, J - S_q - 1; without, n - p (`bw-groups`, `bw-rows`; raudenbush2002, ch. 3). Cost
    O(J q^2 (q + p)).

    Examples
    --------
    >>> import echelon as ec
    >>> eclsk = ec.datasets.load("eclsk", quiet=True)
    >>> fit = ec.lmer("g1rscore ~ sector + (1 | schid)", eclsk)
    >>> between_within(fit).freedom.tolist()  # of 742 schools
    [740.0, 740.0]
    """
    order = chain(fit.problem.blocks)
    if order is None:
        raise NotYetSupported(
            'df="between-within" needs groups inside groups, as pupils in classes in schools; '
            f'{" and ".join(fit.factors)} cross. Use df="satterthwaite".'
        )
    acting = {f: _acts_on(fit, f) for f in order}
    homes = _homes(acting, fit.problem.p)
    freedom = np.full(fit.problem.p, float(fit.n - fit.problem.p))
    for i, home in enumerate(homes):
        if home is not None:
            J = len(fit.moments.groups[home[0]].levels)
            freedom[i] = J - _coefficients(acting, homes, home)
    if freedom.min(initial=1.0) <= 0:
        raise NotIdentified(
            'df="between-within" leaves no degrees of freedom: an equation of the groups has as '
            'many fixed effects as there are groups. Use df="satterthwaite".'
        )
    return BetweenWithin(fit.optimum.vcov, freedom)


def _homes(acting: dict[int, dict[int, int]], p: int) -> list[Equation | None]:
    """For each fixed effect the coarsest equation with a random effect it stands in, or None."""
    homes: list[Equation | None] = [None] * p
    for f, effects in acting.items():  # from the finest factor to the coarsest
        for i, a in effects.items():
            homes[i] = (f, a)
    return homes


def _acts_on(fit: LmmFit, f: int) -> dict[int, int]:
    """The random effect of a factor that each fixed effect acts on, for those that do.

    One that acts on several, as a product with a centred predictor does, belongs to the last.
    """
    split = own_part(fit, f)
    found = {}
    for i in np.flatnonzero(~split.level1).tolist():
        used = np.flatnonzero(np.any(split.own[:, :, i] != 0, axis=0))
        if len(used):
            found[i] = int(used[-1])
    return found


def _coefficients(
    acting: dict[int, dict[int, int]], homes: list[Equation | None], home: Equation
) -> int:
    """S + 1 of an equation: its own fixed effects, and each coarser equation as one."""
    f, a = home
    inside = [i for i, b in acting[f].items() if b == a]
    return len({i if homes[i] == home else homes[i] for i in inside})
