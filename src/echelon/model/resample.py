"""A model fitted to its own groups drawn again, or to all groups but one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from echelon.design.build import Built
from echelon.design.design import Design
from echelon.errors import NotYetSupported
from echelon.model.assemble import fit_moments
from echelon.model.fit import LmmFit
from echelon.moments import from_rows
from echelon.moments.resample import (
    Clusters,
    GroupProducts,
    Members,
    clusters,
    group_products,
    resampled,
)

Array = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Resampling:
    """A fit and what is needed to fit it to other sets of its independent groups.

    Attributes
    ----------
    fit : the model
    found : its independent groups, those of the factor that holds all others
    products : cross-products within each
    rows : rows of each; None where fits without rows will do
    """

    fit: LmmFit
    found: Clusters
    products: GroupProducts
    rows: Members | None

    @property
    def J(self) -> int:
        """Independent groups."""
        return self.found.J

    @property
    def factor(self) -> str:
        """Their factor."""
        return self.fit.factors[self.found.place]

    def refit(self, chosen: Places) -> LmmFit:
        """The same model of some groups, in any order, with repeats.

        Raises
        ------
        NotIdentified, DataError : those groups hold too little
        """
        fit, rows = self.fit, self.rows
        moments, built = resampled(fit.moments, self.found, self.products, chosen), None
        if rows is not None and fit.built is not None:
            built = replace(fit.built, design=_rows(fit.built, self.found, rows, chosen), used=None)
            moments = from_rows(built.design)
        source = replace(fit.source, seconds=())
        return fit_moments(
            moments, fit.spec, reml=fit.reml, df=fit.df_method, source=source, built=built
        )

    def without(self, j: int) -> LmmFit:
        """The same model of all groups but one (`jackknife-moments`)."""
        return self.refit(np.delete(np.arange(self.J), j))


def resampling(fit: LmmFit, what: str, *, rows: bool) -> Resampling:
    """Prepare a fit for resampling.

    Parameters
    ----------
    what : what asks for it, for messages
    rows : whether the fits shall have rows, at a cost of O(n) each

    Raises
    ------
    NotYetSupported : crossed factors have no independent groups
    NeedsRows : the fit was made from summaries
    """
    found = clusters(fit.moments)
    if found is None:
        raise NotYetSupported(
            f"{what} takes groups as they are, and the grouping factors of this model are crossed "
            f"({', '.join(fit.factors)}): groups share rows with groups of another factor, so none "
            'is independent of the others. Use kind="parametric" or kind="residual".'
        )
    design = fit.rows(what).design
    products = group_products(fit.moments, design, found.place)
    codes = design.factors[found.place].codes.astype(np.intp)
    return Resampling(fit, found, products, Members.of(codes, found.J) if rows else None)


def _rows(built: Built, found: Clusters, members: Members, chosen: Places) -> Design:
    """The rows of the chosen groups, each draw a group of its own."""
    design = built.design
    rows, draw = members.taken(chosen)
    taken: dict[int, Array] = {}

    def of(array: Array) -> Array:
        """Columns that are one array stay one: moments are made of distinct arrays."""
        if id(array) not in taken:
            taken[id(array)] = array[rows]
        return taken[id(array)]

    factors = []
    for factor, inside in zip(design.factors, found.inside, strict=True):
        codes = inside.numbers(chosen, factor.codes[rows].astype(np.intp), draw)
        terms = tuple(replace(t, arrays=tuple(of(a) for a in t.arrays)) for t in factor.terms)
        levels = tuple(range(len(inside.taken(chosen)[0])))
        factors.append(replace(factor, levels=levels, codes=codes.astype(np.int32), terms=terms))
    return replace(
        design,
        arrays=tuple(of(a) for a in design.arrays),
        y=design.y[rows],
        offset=None if design.offset is None else design.offset[rows],
        precision=None if design.precision is None else design.precision[rows],
        factors=tuple(factors),
    )
