"""What needs single rows: fitted values and residuals; and the coefficients of each group."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echelon.data import Values, to_native
from echelon.effects.empirical_bayes import all_effects, empirical_bayes
from echelon.effects.rows import design_of, fixed_values, random_values
from echelon.model.fit import LmmFit, OlsFit

Array = NDArray[np.float64]


def fitted(fit: LmmFit | OlsFit) -> Array:
    """Fitted values (n,) over the rows used: fixed part, offset and random effects.

    Raises
    ------
    NeedsRows : the fit was made from summaries
    """
    design = design_of(fit, "fitted values")
    if not isinstance(fit, LmmFit):
        return fixed_values(fit)
    modes = tuple(effects.mode[:, :, None] for effects in all_effects(fit))
    return fixed_values(fit) + random_values(design, modes)[:, 0]


def residuals(fit: LmmFit | OlsFit) -> Array:
    """Response minus fitted values (n,), over the rows used."""
    return design_of(fit, "residuals").y - fitted(fit)


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
