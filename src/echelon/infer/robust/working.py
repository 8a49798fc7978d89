"""What the sandwich needs of a fit, the same for mixed and linear models."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from echelon.design.design import Design
from echelon.errors import NeedsRows, NotYetSupported
from echelon.estimate.blocks import Blocks
from echelon.estimate.problem import fixed_part
from echelon.linalg.triangular import inverse
from echelon.model.fit import LmmFit, OlsFit
from echelon.model.iterative import probes_used

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Working:
    """A fit in the coordinates of its search.

    Attributes
    ----------
    design : columns over the rows; for summaries their sizes are its precision weights
    centre : (k,) of the columns [1 X y]
    lay : (k, p + 1) makes [X y] of the model from [1 X y] about the centre
    beta : (p,) fixed effects of those columns
    root : (p, p) with root root' = (X'V0^-1 X)^-1
    back : (p, p) takes beta to the user's columns
    lam : (q, q) relative covariance factor of the whitened effects;  blocks : their cross-products;
        None without random effects
    """

    design: Design
    centre: Array
    lay: Array
    beta: Array
    root: Array
    back: Array
    lam: Array
    blocks: Blocks | None

    @property
    def to_user(self) -> Array:
        """(p, p) F with F F' = (X'V0^-1 X)^-1 in the user's columns."""
        return self.back @ self.root


def working(fit: LmmFit | OlsFit) -> Working:
    """A fit as the sandwich takes it.

    Raises
    ------
    NotYetSupported : a residual structure, or the iterative method
    NeedsRows : summaries with several rows to a group
    """
    return _of_linear(fit) if isinstance(fit, OlsFit) else _of_mixed(fit)


def _of_linear(fit: OlsFit) -> Working:
    fixed = fixed_part(fit.moments)
    cross = fixed.lay.T @ fit.moments.cross @ fixed.lay
    L = np.linalg.cholesky(cross[:-1, :-1]).astype(np.float64)
    beta = np.linalg.solve(cross[:-1, :-1], cross[:-1, -1]).astype(np.float64)
    none = np.empty((0, 0))
    root, centre = inverse(L).T, fit.moments.centre
    return Working(fit.built.design, centre, fixed.lay, beta, root, fixed.back, none, None)


def _of_mixed(fit: LmmFit) -> Working:
    fit.require_plain("A robust covariance")
    if probes_used(fit) is not None:
        raise NotYetSupported(
            'Robust standard errors need method="exact"; this model was fitted by the iterative '
            "method."
        )
    task, best = fit.problem, fit.optimum
    return Working(
        design=_weighted(fit),
        centre=fit.moments.centre,
        lay=task.fixed.lay,
        beta=np.linalg.solve(task.fixed.back, best.beta - task.fixed.shift).astype(np.float64),
        root=best.root / best.sigma,
        back=task.fixed.back,
        lam=fit.lam_working,
        blocks=task.blocks,
    )


def _weighted(fit: LmmFit) -> Design:
    """The design; that of summaries with their sizes as precision weights."""
    if fit.built is None:
        raise NeedsRows("Robust standard errors need the table; this fit was made from moments.")
    design = fit.built.design
    if fit.source.kind == "rows":
        return design
    finest = int(np.argmax([len(f.levels) for f in design.factors]))
    sizes = fit.moments.groups[finest].count
    if len(sizes) != design.n:
        raise NeedsRows(
            "Robust standard errors of a model fitted from summaries need one summary a group; "
            f"here are {design.n} summaries of {len(sizes)} groups of "
            f"{design.factors[finest].factor!r}."
        )
    return replace(design, precision=sizes[design.factors[finest].codes].astype(np.float64))
