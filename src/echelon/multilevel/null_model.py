"""Models to compare a fit with: of its response and groups, with fewer predictors or effects."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from echelon.design.design import EffectColumns
from echelon.design.reduced import of_columns
from echelon.errors import NotIdentified
from echelon.formula import RandomTerm, Terms
from echelon.model.assemble import fit_moments
from echelon.model.fit import LmmFit
from echelon.model.iterative import probes_used
from echelon.model.residual_fit import fit_residual
from echelon.moments import CrossMoments, GroupMoments, Moments
from echelon.moments.residual import residual_moments

Array = NDArray[np.float64]

_IN_SPAN = 1e-10
"""The constant is a combination of the random columns when they leave less than this
share of it."""

_CONSTANT = EffectColumns(names=("(Intercept)",), arrays=(), intercept=True)


def null_model(fit: LmmFit) -> LmmFit:
    """The intercept-only model of the same response and groups, fitted to the same moments.

    Same estimator, precision weights and offset as `fit`. A residual structure stays, with its
    parameters estimated again, which takes the rows.

    Raises
    ------
    NotIdentified : the moments of a model without a random intercept do not hold the group means
    """
    return _refitted(fit, fixed=False)


def random_intercept_model(fit: LmmFit) -> LmmFit:
    """The same fixed part with a random intercept of every factor and no random slopes.

    Raises
    ------
    NotIdentified : the moments of a model without a random intercept do not hold the group means
    """
    if all(group.effects == ("(Intercept)",) for group in fit.moments.groups):
        return fit
    return _refitted(fit, fixed=True)


def constant_in(group: GroupMoments) -> Array | None:
    """(q,) the constant as a combination of the random columns; None where it is none of them.

    It is one of them, or the sum of the indicators of all categories.
    """
    Zt1 = group.ZtV[:, :, 0]
    c: Array = np.linalg.lstsq(group.ZtZ.sum(axis=0), Zt1.sum(axis=0), rcond=None)[0].astype(
        np.float64
    )
    left = group.weight - 2 * Zt1 @ c + np.einsum("a,jab,b->j", c, group.ZtZ, c)
    return c if (left <= _IN_SPAN * group.weight).all() else None


def _refitted(fit: LmmFit, *, fixed: bool) -> LmmFit:
    """With random intercepts only, and the fixed part or a constant."""
    spec, constant = fit.spec, Terms((), intercept=True)
    columns = {":".join(term.group): term.group for term in spec.random}
    bars = tuple(
        RandomTerm(constant, columns[name], "unstructured", f"1 | {name}", (0, 0))
        for name in fit.factors
    )
    random = " + ".join(f"({bar.text})" for bar in bars)
    left = "..." if fixed else "1"
    made = replace(
        spec,
        formula=f"{spec.response} ~ {left} + {random}",
        fixed=spec.fixed if fixed else constant,
        random=bars,
    )
    if fit.residual is None:
        return fit_moments(
            _with_constants(fit.moments, fixed),
            made,
            reml=fit.reml,
            df=fit.df_method,
            source=fit.source,
            probes=probes_used(fit),
        )
    built = fit.rows("a comparison model with a residual structure")
    kept = np.full(len(built.design.names), fixed)
    design = of_columns(
        built.design,
        kept,
        intercept=built.design.intercept if fixed else True,
        terms=[[_CONSTANT]] * len(fit.factors),
    )
    return fit_residual(
        residual_moments(design, fit.residual.layout),
        made,
        reml=fit.reml,
        df=fit.df_method,
        source=fit.source,
        built=replace(built, design=design),
    )


def _with_constants(moments: Moments, fixed: bool) -> Moments:
    """The moments with a constant within the groups of every factor, of all columns or [1 y]."""
    last = len(moments.columns) - 1
    pick = list(range(last + 1)) if fixed else [0, last]
    ones = [_required_constant(group) for group in moments.groups]
    alone = tuple(
        GroupMoments(
            factor=group.factor,
            levels=group.levels,
            effects=("(Intercept)",),
            sizes=(1,),
            centre=np.zeros(1),
            count=group.count,
            weight=group.weight,
            ZtZ=group.weight[:, None, None],
            ZtV=np.einsum("a,jak->jk", c, group.ZtV[:, :, pick])[:, None, :],
        )
        for group, c in zip(moments.groups, ones, strict=True)
    )
    crossings = tuple(
        CrossMoments(
            pair.first,
            pair.second,
            pair.row,
            pair.col,
            np.einsum("a,mab,b->m", ones[pair.first], pair.blocks, ones[pair.second])[
                :, None, None
            ],
        )
        for pair in moments.crossings
    )
    return replace(
        moments,
        columns=tuple(moments.columns[i] for i in pick),
        intercept=moments.intercept if fixed else True,
        centre=moments.centre[pick],
        cross=moments.cross[np.ix_(pick, pick)],
        groups=alone,
        crossings=crossings,
    )


def _required_constant(group: GroupMoments) -> Array:
    c = constant_in(group)
    if c is None:
        raise NotIdentified(
            f"A model without a random intercept of {group.factor!r} does not hold the group means "
            "that its null model needs. Fit that model and give it as explained(null=...)."
        )
    return c
