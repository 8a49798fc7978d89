"""The covariance parameters in the order that lme4 gives them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echelon.formula import independent
from echelon.linalg.structures import parameter_count
from echelon.model.fit import LmmFit
from echelon.model.parameters import theta_names

Array = NDArray[np.float64]


def theta(fit: LmmFit) -> Array:
    """Relative covariance parameters in lme4's order: terms by decreasing number of groups.

    The free entries of the lower-triangular relative covariance factor of each term, column by
    column; of a structured term its relative standard deviations, then its correlation. Named by
    `theta_names`.

    Examples
    --------
    >>> import echelon as ec
    >>> data = ec.datasets.load("sleepstudy", quiet=True)
    >>> fit = ec.lmer("Reaction ~ Days + (Days | Subject)", data)
    >>> dict(zip(fit.theta_names, fit.theta.round(3).tolist(), strict=True))
    {'Subject.(Intercept)': 0.967, 'Subject.Days.(Intercept)': 0.015, 'Subject.Days': 0.231}
    """
    return fit.optimum.theta[_order(fit)]


def names_of_theta(fit: LmmFit) -> tuple[str, ...]:
    """Names of `theta`, as lme4's: "Subject.(Intercept)", "Subject.Days.(Intercept)"."""
    names = theta_names(fit.optimum, fit.moments)
    return tuple(names[i] for i in _order(fit))


def _order(fit: LmmFit) -> NDArray[np.intp]:
    """Places of lme4's parameters among those of the optimum."""
    if len(fit.factors) == 1:
        return np.arange(len(fit.optimum.theta))
    own = {group.factor: iter(_terms(fit, group.factor)) for group in fit.moments.groups}
    written = [":".join(part.group) for term in fit.spec.random for part in independent(term)]
    terms = [next(own[factor]) for factor in written]
    sizes = np.array([len(fit.group(factor).levels) for factor in written])
    order = np.arange(len(terms))
    if (np.diff(sizes) > 0).any():
        order = np.argsort(sizes, kind="stable")[::-1]  # R: rev(order(nl)), so ties turn round
    return np.concatenate([terms[i] for i in order])


def _terms(fit: LmmFit, factor: str) -> list[NDArray[np.intp]]:
    """Places of the parameters of each term of a factor, in the order of the formula."""
    place = fit.place(factor)
    first = fit.problem.blocks.parts[place].start
    blocks, at = [], 0
    for kind, block in fit.optimum.pairs.blocks:
        count = parameter_count(kind, block.stop - block.start)
        blocks.append((block, np.arange(at, at + count)))
        at += count
    terms, start = [], first
    for size in fit.moments.groups[place].sizes:
        inside = [own for block, own in blocks if start <= block.start < start + size]
        terms.append(np.concatenate(inside))
        start += size
    return terms
