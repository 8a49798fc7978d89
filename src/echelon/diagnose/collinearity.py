"""How far predictors stand in for each other: variance inflation, condition number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.data import Values, to_native
from echelon.errors import DataError
from echelon.model.fit import LmmFit, OlsFit

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Collinearity:
    """Collinearity of the fixed part, term by term.

    Attributes
    ----------
    terms : the terms of the formula (columns, for a fit made from moments alone)
    columns : (terms,) columns of each
    gvif : (terms,) generalised variance inflation; VIF for a term of one column
    tolerance : 1 / gvif
    scaled : gvif^(1 / (2 columns)): by how much standard errors are inflated, per coefficient
    condition : condition number of the columns scaled to unit length, the constant among them
    centred : the same about the means, without the constant
    correlation : largest correlation of two estimated coefficients, the constant left out
    pair : the two
    products : terms that are products, powers or polynomials of others
    backend : the caller's dataframe library
    """

    terms: tuple[str, ...]
    columns: tuple[int, ...]
    gvif: Array
    tolerance: Array
    scaled: Array
    condition: float
    centred: float
    correlation: float
    pair: tuple[str, str]
    products: tuple[str, ...]
    backend: str

    @property
    def vif(self) -> Array:
        """(terms,) scaled^2: VIF for one column, comparable to it for several."""
        return np.square(self.scaled)


def collinearity_values(fit: LmmFit | OlsFit) -> Collinearity:
    """Variance inflation of every term of the fixed part, from its covariance matrix.

    Raises
    ------
    DataError : fewer than two coefficients besides the constant

    Notes
    -----
    det(R_term) det(R_rest) / det(R) with R the correlation matrix of the estimates without the
    constant (`gvif`; fox1992), as `vif()` of R's car. For a mixed model these are correlations
    under its own weights, not those of the columns over the rows. Condition numbers are Belsley's
    (`condition-number`; belsley1980). Cost O(p^3), no rows.
    """
    at = [i for i, name in enumerate(fit.names) if name != "(Intercept)"]
    if len(at) < 2:
        raise DataError(
            "Collinearity is between predictors, and this model has "
            f"{'one' if at else 'none'}: {fit.spec.formula!r}."
        )
    vcov = fit.optimum.vcov if isinstance(fit, LmmFit) else fit.vcov_beta
    V = vcov[np.ix_(at, at)]
    scale = np.sqrt(np.diagonal(V))
    if not (scale > 0).all():
        raise DataError("The model fits the response exactly: coefficients have no covariance.")
    R = V / np.outer(scale, scale)
    names = [fit.names[i] for i in at]
    terms = _terms(fit, names)
    gvif = np.array([_inflation(R, places) for places in terms.values()])
    sizes = np.array([len(places) for places in terms.values()])
    away = np.abs(R - np.eye(len(R)))
    i, j = (int(k) for k in np.unravel_index(np.argmax(away), away.shape))
    raw, centred = _conditions(fit, names)
    return Collinearity(
        terms=tuple(terms),
        columns=tuple(int(m) for m in sizes),
        gvif=gvif,
        tolerance=1 / gvif,
        scaled=gvif ** (1 / (2 * sizes)),
        condition=raw,
        centred=centred,
        correlation=float(R[i, j]),
        pair=(names[min(i, j)], names[max(i, j)]),
        products=_products(fit, tuple(terms)),
        backend=fit.source.backend,
    )


def _terms(fit: LmmFit | OlsFit, names: list[str]) -> dict[str, list[int]]:
    """Places among `names` of the columns of every term."""
    found: dict[str, list[int]] = {}
    if fit.built is None:
        return {name: [i] for i, name in enumerate(names)}
    design, terms = fit.built.design, fit.built.recipe.terms.terms
    place = dict(zip(design.names, design.assign, strict=True))
    for i, name in enumerate(names):
        found.setdefault(":".join(terms[place[name]]), []).append(i)
    return found


def _inflation(R: Array, places: list[int]) -> float:
    """det(R_11) det(R_22) / det(R), by logarithms."""
    rest = [i for i in range(len(R)) if i not in places]
    logs = [np.linalg.slogdet(R[np.ix_(some, some)])[1] for some in (places, rest) if some]
    return float(np.exp(sum(logs) - np.linalg.slogdet(R)[1]))


def _conditions(fit: LmmFit | OlsFit, names: list[str]) -> tuple[float, float]:
    """Condition numbers of the scaled columns, raw with the constant and about the means."""
    moments = fit.moments if isinstance(fit, OlsFit) else fit.plain_moments
    at = [moments.columns.index(name) for name in names]
    centred = moments.cross[np.ix_(at, at)]
    if not moments.intercept:
        raw = centred + moments.weight * np.outer(moments.centre[at], moments.centre[at])
        return _condition(raw), _condition(raw)
    every = [0, *at]
    mean = np.append(0.0, moments.centre[at])
    raw = moments.cross[np.ix_(every, every)].copy()
    raw += np.outer(raw[:, 0], mean) + np.outer(mean, raw[0])
    raw += moments.weight * np.outer(mean, mean)
    return _condition(raw), _condition(centred)


def _condition(cross: Array) -> float:
    scale = np.sqrt(np.diagonal(cross))
    values = np.linalg.eigvalsh(cross / np.outer(scale, scale))
    return float(np.sqrt(values[-1] / max(values[0], np.finfo(float).tiny)))


def _products(fit: LmmFit | OlsFit, terms: tuple[str, ...]) -> tuple[str, ...]:
    """Terms that share a variable with another term: products, powers, further transformations."""
    if fit.built is None:
        return tuple(name for name in terms if ":" in name)
    from echelon.formula import columns_in

    used = {term: set().union(*(columns_in(t) for t in term.split(":"))) for term in terms}
    return tuple(
        term
        for term in terms
        if (":" in term or not term.isidentifier())
        and any(used[term] & used[other] for other in terms if other != term)
    )


def collinearity_frame(found: Collinearity) -> object:
    """The terms as a table in the caller's dataframe library.

    Returns
    -------
    table: term, columns, gvif, tolerance, scaled_gvif (gvif^(1 / (2 columns))), vif (its square)
    """
    columns: dict[str, Values] = {
        "term": list(found.terms),
        "columns": list(found.columns),
        "gvif": found.gvif,
        "tolerance": found.tolerance,
        "scaled_gvif": found.scaled,
        "vif": found.vif,
    }
    return to_native(columns, found.backend)
