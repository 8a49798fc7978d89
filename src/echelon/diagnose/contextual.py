"""Do level-1 predictors mean the same within and between groups? Mundlak's and Hausman's test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.data import Values, to_native
from echelon.design.design import Design
from echelon.diagnose.added import Addition, additions, varies_within
from echelon.diagnose.level1 import design_of
from echelon.model.fit import LmmFit

Array = NDArray[np.float64]

_BETWEEN = 1e-8
"""Share of a predictor's variance between groups below which it has none: it was centred there."""


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """One level-1 predictor within and between the groups of a factor.

    Attributes
    ----------
    factor : the grouping factor
    term : the predictor, a term of the formula;  columns : its columns
    share_between : share of its variance that lies between groups (mean over its columns)
    within, within_se : (m,) slopes within groups
    difference, difference_se : (m,) between-group slope minus within-group slope
    F, df1, df2, p_value : test that there is no difference
    numeric : whether it is a number rather than categories
    size : what group means one SD higher add, in SDs of random and residual parts (largest column)
    """

    factor: str
    term: str
    columns: tuple[str, ...]
    share_between: float
    within: Array
    within_se: Array
    difference: Array
    difference_se: Array
    F: float
    df1: int
    df2: float
    p_value: float
    numeric: bool
    size: float

    @property
    def between(self) -> Array:
        """(m,) slopes between groups; rounding of a difference that cancels them is zero."""
        total = self.within + self.difference
        return np.where(np.abs(total) > tolerances.CANCELLED * np.abs(self.within), total, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Contextual:
    """Within and between slopes of all level-1 predictors.

    Attributes
    ----------
    terms : one entry a factor and predictor;  whole : all predictors of a factor at once
    backend : the caller's dataframe library
    """

    terms: tuple[Context, ...]
    whole: tuple[Addition, ...]
    backend: str


def contextual_values(fit: LmmFit) -> Contextual:
    """Add the group means of every level-1 predictor, one predictor at a time and all at once.

    Raises
    ------
    NeedsRows : the fit was made from summaries

    Notes
    -----
    The coefficient of the group mean beside the predictor is the between-group slope minus the
    within-group slope; zero if the random effects are uncorrelated with the predictor (`mundlak`;
    mundlak1978, hausman1978). Predictors without variation between groups (centred there, or
    balanced) have nothing to compare, nor those whose means the model has already.
    """
    design, sets = design_of(fit, "Within and between slopes"), dict[str, dict[str, Array]]()
    about: dict[str, tuple[str, str, tuple[str, ...], float, dict[str, float]]] = {}
    for factor in design.factors:
        codes = factor.codes.astype(np.intp)
        whole: dict[str, Array] = {}
        for term, names in _level1(fit, design, codes).items():
            place = dict(zip(design.names, design.arrays, strict=True))
            means = {name: _means(place[name], codes) for name in names}
            shares = [float(m.var() / place[n].var()) for n, m in means.items()]
            if max(shares) <= _BETWEEN:
                continue
            key, label = f"{factor.factor}\t{term}", f" by {factor.factor}"
            sets[key] = {f"mean of {name}{label}": m for name, m in means.items()}
            spread = {name: float(m.std()) for name, m in means.items()}
            about[key] = (factor.factor, term, names, float(np.mean(shares)), spread)
            whole |= sets[key]
        if len(whole) > 1:
            sets[factor.factor] = whole
    found = additions(fit, sets, repeats=tolerances.MEAN_KNOWN)
    return Contextual(
        terms=tuple(_context(fit, one, *about[one.name]) for one in found if one.name in about),
        whole=tuple(one for one in found if one.name not in about),
        backend=fit.source.backend,
    )


def _level1(fit: LmmFit, design: Design, codes: NDArray[np.intp]) -> dict[str, tuple[str, ...]]:
    """Columns of each main effect that varies within groups, by term."""
    terms = fit.rows("Within and between slopes").recipe.terms.terms
    found: dict[str, tuple[str, ...]] = {}
    for name, array, place in zip(design.names, design.arrays, design.assign, strict=True):
        if len(terms[place]) == 1 and name in fit.names and varies_within(array, codes):
            found[terms[place][0]] = (*found.get(terms[place][0], ()), name)
    return found


def _means(x: Array, codes: NDArray[np.intp]) -> Array:
    total = np.bincount(codes, x) / np.maximum(np.bincount(codes), 1)
    return np.asarray(total[codes])


def _context(
    fit: LmmFit,
    one: Addition,
    factor: str,
    term: str,
    names: tuple[str, ...],
    share: float,
    spread: dict[str, float],
) -> Context:
    kept = [n for n in names if f"mean of {n} by {factor}" in one.columns]
    at = [fit.names.index(name) for name in kept]
    built = fit.rows("Within and between slopes")
    moved = np.abs(one.estimate) * [spread[name] for name in kept]
    return Context(
        factor=factor,
        term=term,
        columns=tuple(kept),
        share_between=share,
        within=one.beta[at],
        within_se=one.beta_se[at],
        difference=one.estimate,
        difference_se=one.std_error,
        F=one.F,
        df1=one.df1,
        df2=one.df2,
        p_value=one.p_value,
        numeric=term not in built.recipe.codings,
        size=float(moved.max() / _unexplained_sd(fit)),
    )


def _unexplained_sd(fit: LmmFit) -> float:
    """SD of random and residual parts together, at the means of the random columns."""
    total, start = fit.optimum.sigma2, 0
    for group in fit.moments.groups:
        q = len(group.effects)
        T = fit.optimum.covariance[start : start + q, start : start + q]
        to_user = np.linalg.inv(group.user_from_centred())
        places = group.constants()
        for a in np.unique(places):
            if group.effects[a] == "(Intercept)":
                total += float((to_user @ T @ to_user.T)[a, a])
        start += q
    return float(np.sqrt(total))


def contextual_frame(found: Contextual) -> object:
    """Within, between and difference as a table in the caller's library, one row a column."""
    rows = [(c, i) for c in found.terms for i in range(len(c.columns))]
    columns: dict[str, Values] = {
        "group": [c.factor for c, _ in rows],
        "term": [c.columns[i] for c, i in rows],
        "share_between": np.array([c.share_between for c, _ in rows]),
        "within": np.array([c.within[i] for c, i in rows]),
        "between": np.array([c.between[i] for c, i in rows]),
        "estimate": np.array([c.difference[i] for c, i in rows]),
        "std_error": np.array([c.difference_se[i] for c, i in rows]),
        "statistic": np.array([c.F for c, _ in rows]),
        "df1": [c.df1 for c, _ in rows],
        "df2": np.array([c.df2 for c, _ in rows]),
        "p_value": np.array([c.p_value for c, _ in rows]),
    }
    return to_native(columns, found.backend)
