"""What needs single rows: fitted values and residuals; and the coefficients of each group."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echelon.data import Values, to_native
from echelon.design.design import Design
from echelon.effects.empirical_bayes import all_effects, empirical_bayes
from echelon.model.fit import LmmFit, OlsFit

Array = NDArray[np.float64]


def fitted(fit: LmmFit | OlsFit) -> Array:
    """Fitted values (n,) over the rows used: fixed part, offset and random effects.

    Raises
    ------
    NeedsRows : the fit was made from summaries
    """
    built = fit.rows("fitted values") if isinstance(fit, LmmFit) else fit.built
    design = built.design
    beta = fit.optimum.beta if isinstance(fit, LmmFit) else fit.beta
    out = np.zeros(design.n) if design.offset is None else design.offset.copy()
    for name, b in zip(fit.names, beta, strict=True):
        out += b if name == "(Intercept)" else b * design.arrays[design.names.index(name)]
    return out + _random_part(fit, design) if isinstance(fit, LmmFit) else out


def _random_part(fit: LmmFit, design: Design) -> Array:
    """Z u over the rows."""
    out = np.zeros(design.n)
    for factor, effects in zip(design.factors, all_effects(fit), strict=True):
        columns = [
            array
            for term in factor.terms
            for array in (*([np.ones(1)] if term.intercept else []), *term.arrays)
        ]
        for a, column in enumerate(columns):
            out += effects.mode[factor.codes, a] * column
    return out


def residuals(fit: LmmFit | OlsFit) -> Array:
    """Response minus fitted values (n,), over the rows used."""
    design = (fit.rows("residuals") if isinstance(fit, LmmFit) else fit.built).design
    return design.y - fitted(fit)


def coef(fit: LmmFit, factor: str | None = None) -> object:
    """Coefficients of each group, fixed plus random, as lme4's coef().

    Parameters
    ----------
    factor : grouping factor; may be left out when there is one

    Returns
    -------
    table in the caller's dataframe library: one row a group, one column a coefficient. A random
    effect without a fixed effect of the same name stands by itself. The effects of other factors
    are at zero.

    Raises
    ------
    UnknownOption : no such factor
    DataError : several factors and none named
    """
    mode, group = empirical_bayes(fit, factor).mode, fit.group(factor)
    fixed = dict(zip(fit.names, fit.optimum.beta, strict=True))
    columns: dict[str, Values] = {group.factor: list(group.levels)}
    for name in dict.fromkeys((*group.effects, *fit.names)):
        total = np.full(len(group.levels), fixed.get(name, 0.0))
        if name in group.effects:
            same = [i for i, effect in enumerate(group.effects) if effect == name]
            total = total + mode[:, same].sum(axis=1)
        columns[name] = total
    return to_native(columns, fit.source.backend)
