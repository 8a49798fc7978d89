"""A design with fewer columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from echelon.design.design import Design, EffectColumns

Mask = NDArray[np.bool_]


def of_effects(columns: EffectColumns, kept: Mask, *, constant: bool) -> EffectColumns:
    """A random term without some effects.

    Parameters
    ----------
    kept : (q,) which effects stay
    constant : whether a constant takes the place of what went
    """
    first = int(columns.intercept)
    lead = ("(Intercept)",) if constant else ()
    stay = kept[first:]
    return EffectColumns(
        names=(*lead, *(name for name, keep in zip(columns.names, kept, strict=True) if keep)),
        arrays=tuple(a for a, keep in zip(columns.arrays, stay, strict=True) if keep),
        intercept=constant or (columns.intercept and bool(kept[0])),
        kind=columns.kind,
        assign=tuple(t for t, keep in zip(columns.assign, stay, strict=True) if keep),
    )


def of_columns(
    design: Design,
    kept: Mask,
    *,
    intercept: bool,
    terms: Sequence[Sequence[EffectColumns]],
) -> Design:
    """A design without some fixed columns and with other random terms.

    Parameters
    ----------
    kept : which fixed columns stay
    terms : the random terms of each factor; a factor without any is gone
    """
    return replace(
        design,
        names=tuple(name for name, keep in zip(design.names, kept, strict=True) if keep),
        arrays=tuple(a for a, keep in zip(design.arrays, kept, strict=True) if keep),
        assign=tuple(t for t, keep in zip(design.assign, kept, strict=True) if keep),
        intercept=intercept,
        factors=tuple(
            replace(factor, terms=tuple(own))
            for factor, own in zip(design.factors, terms, strict=True)
            if own
        ),
    )
